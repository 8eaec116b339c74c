/**
 * A vitest reporter that leaves in TARTAN_MACHINE_REPORT, as JSON, what passed and what failed, and tells of each test and hook
 * as it begins and ends, a line each, in the file of that name with `.progress` behind it (see test/netns/support/machine.ts).
 */
import { appendFileSync, writeFileSync } from 'node:fs';
import type { Reporter, SerializedError, TestCase, TestModule } from 'vitest/node';

type HookContext = Parameters<NonNullable<Reporter['onHookStart']>>[0];

export interface MachineReport {
  /** How many tests passed. */
  readonly passed: number;
  /** Tests, and suites that failed before their tests: name and errors. */
  readonly failed: readonly string[];
}

type Failure = Pick<SerializedError, 'message' | 'stack'>;

const hookName = ({ name, entity }: HookContext): string =>
  `${name} of ${entity.type === 'module' ? entity.relativeModuleId : entity.fullName}`;

const told = (name: string, errors: readonly Failure[]): string =>
  `${name}: ${errors.map(({ message, stack }) => `${message}\n${stack ?? ''}`).join('\n')}`;

export default class MachineReporter implements Reporter {
  readonly #file = process.env.TARTAN_MACHINE_REPORT;
  readonly #begun = performance.now();

  onTestCaseReady({ fullName }: TestCase): void {
    this.#tell('begun', fullName);
  }

  onTestCaseResult(test: TestCase): void {
    this.#tell(test.result().state, test.fullName);
  }

  onHookStart(hook: HookContext): void {
    this.#tell('begun', hookName(hook));
  }

  onHookEnd(hook: HookContext): void {
    this.#tell('ended', hookName(hook));
  }

  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly Failure[]): void {
    let passed = 0;
    const failed = unhandled.length === 0 ? [] : [told('outside of tests', unhandled)];
    for (const module of modules) {
      if (module.errors().length > 0) failed.push(told(module.relativeModuleId, module.errors()));
      for (const suite of module.children.allSuites())
        if (suite.errors().length > 0) failed.push(told(suite.fullName, suite.errors()));
      for (const test of module.children.allTests()) {
        const { state, errors } = test.result();
        if (state === 'passed') passed++;
        else if (state === 'failed') failed.push(told(test.fullName, errors));
      }
    }
    const report: MachineReport = { passed, failed };
    writeFileSync(this.#file ?? '/dev/stdout', JSON.stringify(report));
  }

  #tell(what: string, name: string): void {
    if (this.#file === undefined) return;
    const seconds = ((performance.now() - this.#begun) / 1000).toFixed(1);
    appendFileSync(`${this.#file}.progress`, `${seconds} s: ${what}: ${name}\n`);
  }
}
