import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { optimiserBudget } from '../../../src/fib/optimiser.js';

const runNode = (...args: string[]) => spawnSync(process.execPath, args, { encoding: 'utf8' });

test.runIf(process.versions.v8.startsWith(optimiserBudget.v8))(
  'what is put back is what V8 has by default, and V8 takes both',
  () => {
    const [, byDefault] = /default: --interrupt-budget=(\d+)/.exec(runNode('--v8-options').stdout) ?? [];
    expect(Number(byDefault)).toBe(optimiserBudget.usual);
    // A flag that V8 does not have is told on the error stream, and the program goes on.
    const { stderr, status } = runNode(`--interrupt-budget=${optimiserBudget.start}`, '-e', '0');
    expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
  },
);
