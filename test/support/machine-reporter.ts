/** A vitest reporter that leaves in TARTAN_MACHINE_REPORT, as JSON, what passed and what failed (see test/netns/support/machine.ts). */
import { writeFileSync } from 'node:fs';
import type { Reporter, SerializedError, TestModule } from 'vitest/node';

export interface MachineReport {
  /** How many tests passed. */
  readonly passed: number;
  /** Tests, and suites that failed before their tests: name and errors. */
  readonly failed: readonly string[];
}

type Failure = Pick<SerializedError, 'message' | 'stack'>;

const told = (name: string, errors: readonly Failure[]): string =>
  `${name}: ${errors.map(({ message, stack }) => `${message}\n${stack ?? ''}`).join('\n')}`;

export default class MachineReporter implements Reporter {
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
    writeFileSync(process.env.TARTAN_MACHINE_REPORT ?? '/dev/stdout', JSON.stringify(report));
  }
}
