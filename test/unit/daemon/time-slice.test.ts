import { readFileSync } from 'node:fs';
import { getPriority, release } from 'node:os';
import { describe, expect, it } from 'vitest';
import { askForShortSlices } from '../../../src/daemon/time-slice.js';

/** What the scheduler says of the calling thread; null: this kernel does not tell. */
function scheduling(): Map<string, string> | null {
  try {
    const lines = readFileSync('/proc/thread-self/sched', 'utf8').split('\n');
    return new Map(lines.map((line) => line.split(':').map((part) => part.trim()) as [string, string]));
  } catch {
    return null;
  }
}

const [major, minor] = release().split('.').map(Number);
const hasSlices = major > 6 || (major === 6 && minor >= 12);

describe('a thread that asks for short slices', () => {
  it('keeps its policy and niceness', () => {
    const before = scheduling();
    const niceness = getPriority();
    expect(askForShortSlices()).toBe(true);
    expect(getPriority()).toBe(niceness);
    const after = scheduling();
    for (const key of ['policy', 'prio']) expect(after?.get(key)).toBe(before?.get(key));
    if (hasSlices && after?.has('se.slice')) expect(Number(after.get('se.slice'))).toBe(100_000);
  });
});
