/**
 * Suites that need a kind of device which the kernel here may lack. Where it does, the same suite is run by a vitest in
 * a User-Mode Linux machine on the same checkout, and stands here as one test that tells of each that failed there.
 *
 *     const suite = await suiteWithDevices('ipip', import.meta.url);
 *     suite('a tunnel', () => { it(…); });
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { bootMachine, checkout, hasDeviceKind, insideMachine } from '../../../interop/index.js';
import type { MachineReport } from '../../support/machine-reporter.js';

/** Ten times what the longest takes on a machine that does nothing else: hosts on which a system call takes long are that slow. */
const SUITE_SECONDS = 2400;

async function runInMachine(file: string, title: string): Promise<void> {
  const results = mkdtempSync(join(tmpdir(), 'tartan-machine-'));
  try {
    await using machine = await bootMachine();
    const output = join(results, 'report.json');
    const vitest = ['node', 'node_modules/.bin/vitest', 'run', '--project', 'netns', file, '-t', title];
    const progress = () => {
      const file = `${output}.progress`;
      return existsSync(file) ? readFileSync(file, 'utf8') : 'none of its tests has begun';
    };
    const { stdout, stderr } = await machine
      .run([...vitest, ...['--reporter=./test/support/machine-reporter.ts', '--disableConsoleIntercept']], {
        cwd: checkout,
        env: { TARTAN_MACHINE_REPORT: output },
        allowFailure: true,
        timeoutSeconds: SUITE_SECONDS,
      })
      .catch((error: unknown) => {
        throw new Error(`${(error as Error).message}\n${progress()}`);
      });
    let report: MachineReport;
    try {
      report = JSON.parse(readFileSync(output, 'utf8')) as MachineReport;
    } catch {
      throw new Error(`the suite left no report in its machine:\n${progress()}\n${stdout}${stderr}`);
    }
    // What the tests print, like figures.
    if (stdout.trim() !== '') console.log(stdout.trim());
    expect(report.failed).toEqual([]);
    // A filter that matches nothing would pass, too.
    expect(report.passed).toBeGreaterThan(0);
  } finally {
    rmSync(results, { recursive: true, force: true });
  }
}

/** A `describe` for suites of the file at `url` that need devices of this kind. */
export async function suiteWithDevices(
  kind: string,
  url: string,
): Promise<(title: string, body: () => void) => void> {
  if (insideMachine() || (await hasDeviceKind(kind))) return (title, body) => void describe(title, body);
  return (title) =>
    describe(title, () => {
      it(
        `passes in a User-Mode Linux kernel, which has ${kind}`,
        () => runInMachine(fileURLToPath(url), title),
        (SUITE_SECONDS + 90) * 1000,
      );
    });
}
