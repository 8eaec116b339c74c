import { setTimeout } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { LoopDelay } from '../../../src/daemon/loop-delay.js';

function keepBusy(milliseconds: number): void {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
}

describe('the delay of the loop', () => {
  it('is as long as something kept the thread, until it is cleared', async () => {
    const delay = new LoopDelay();
    onTestFinished(() => delay.close());
    const { since, ...nothing } = delay.report();
    expect(nothing).toEqual({ p50Ms: 0, p99Ms: 0, maxMs: 0 });
    // Some value before, against which the next one is measured.
    while (delay.report().maxMs === 0) await setTimeout(1);
    keepBusy(400);
    while (delay.report().maxMs < 300) await setTimeout(1);
    const { p50Ms, p99Ms, maxMs } = delay.report();
    expect(p50Ms).toBeLessThanOrEqual(p99Ms);
    expect(p99Ms).toBeLessThanOrEqual(maxMs);
    delay.clear();
    expect(delay.report().maxMs).toBe(0);
    expect(Date.parse(delay.report().since)).toBeGreaterThan(Date.parse(since));
  });
});
