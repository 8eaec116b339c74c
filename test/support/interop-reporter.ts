/**
 * A vitest reporter that collects the interop cells of a run (see test/netns/support/interop.ts) and leaves them as
 * JSON in TARTAN_INTEROP_CELLS, or in dist/interop-cells.json. A run without cells leaves what is there.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Reporter, TestCase } from 'vitest/node';
import type { SeenCell } from '../../interop/results.js';

const checkout = fileURLToPath(new URL('../../', import.meta.url));

export default class InteropReporter implements Reporter {
  readonly #cells: SeenCell[] = [];

  onTestRunStart(): void {
    this.#cells.length = 0;
  }

  onTestCaseResult(test: TestCase): void {
    const cell = test.meta().interop;
    const result = test.result();
    if (cell === undefined || (result.state !== 'passed' && result.state !== 'failed')) return;
    this.#cells.push({
      ...cell,
      title: test.name.replace(/ \([a-z]+\)$/, ''),
      file: relative(checkout, test.module.moduleId),
      passed: result.state === 'passed',
      ...(result.state === 'failed'
        ? { error: result.errors[0]?.message.split('\n')[0] ?? 'no reason' }
        : {}),
    });
  }

  onTestRunEnd(): void {
    if (this.#cells.length === 0) return;
    const path = process.env.TARTAN_INTEROP_CELLS ?? `${checkout}dist/interop-cells.json`;
    // Files end in any order; the results do not depend on it.
    const cells = this.#cells.toSorted((a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : 0));
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, `${JSON.stringify(cells, null, 2)}\n`);
  }
}
