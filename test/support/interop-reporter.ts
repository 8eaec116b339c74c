/**
 * A vitest reporter that collects the interop cells of a run (see test/netns/support/interop.ts) and leaves them as
 * JSON in TARTAN_INTEROP_CELLS, or in dist/interop-cells.json. A run without cells leaves what is there.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Reporter, TestCase, TestModule } from 'vitest/node';
import type { SeenCell } from '../../interop/results.js';

const checkout = fileURLToPath(new URL('../../', import.meta.url));

/** Why a test was not run: what its suite failed with before it. Null: it was not asked for. */
function failureAround(test: TestCase): string | null {
  for (let suite = test.parent; ; suite = suite.parent) {
    const [error] = suite.errors();
    if (error !== undefined) return error.message;
    if (suite.type === 'module') return null;
  }
}

function seenCell(test: TestCase): SeenCell[] {
  const cell = test.meta().interop;
  const result = test.result();
  if (cell === undefined || result.state === 'pending') return [];
  const error = result.state === 'failed' ? (result.errors[0]?.message ?? 'no reason') : failureAround(test);
  if (result.state === 'skipped' && error === null) return [];
  const passed = result.state === 'passed';
  return [
    {
      ...cell,
      title: test.name.replace(/ \([a-z]+\)$/, ''),
      file: relative(checkout, test.module.moduleId),
      passed,
      ...(passed ? {} : { error: (error ?? '').split('\n')[0] }),
    },
  ];
}

export default class InteropReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const cells = modules.flatMap((module) => [...module.children.allTests()].flatMap(seenCell));
    if (cells.length === 0) return;
    const path = process.env.TARTAN_INTEROP_CELLS ?? `${checkout}dist/interop-cells.json`;
    // Files end in any order; the results do not depend on it.
    cells.sort((a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : 0));
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, `${JSON.stringify(cells, null, 2)}\n`);
  }
}
