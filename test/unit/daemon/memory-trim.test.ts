import { execFileSync } from 'node:child_process';
import { setImmediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { MemoryTrim } from '../../../src/daemon/memory-trim.js';

const MB = 1e6;

/** A process that is as large, as loaded and as busy as is said, and shrinks to `rest` when it is told to. */
function machine() {
  const state = { rss: 80 * MB, rest: 70 * MB, utilization: 0, busy: false, reclaimed: 0, collected: 0 };
  const trim = new MemoryTrim({
    busy: () => state.busy,
    rss: () => state.rss,
    utilization: () => state.utilization,
    collect: () => {
      state.collected++;
    },
    reclaim: async () => {
      state.reclaimed++;
      state.rss = state.rest;
    },
  });
  onTestFinished(() => trim.close());
  return { state, trim };
}

describe('giving memory back', () => {
  it('is done once after the start, and then only where memory grew', async () => {
    const { state, trim } = machine();
    await trim.check();
    expect(state.reclaimed).toBe(1);
    state.rss = 75 * MB;
    await trim.check();
    expect(state.reclaimed).toBe(1);
    state.rss = 200 * MB;
    state.rest = 190 * MB;
    await trim.check();
    await trim.check();
    expect(state.reclaimed).toBe(2);
  });

  it('counts growth from where memory fell to by itself', async () => {
    const { state, trim } = machine();
    state.rest = 200 * MB;
    await trim.check();
    state.rss = 100 * MB;
    await trim.check();
    expect(state.reclaimed).toBe(1);
    state.rss = 120 * MB;
    await trim.check();
    expect(state.reclaimed).toBe(2);
  });

  it('is done where tables were cut, though memory has not grown', async () => {
    const { state, trim } = machine();
    await trim.check();
    trim.expect();
    trim.expect();
    await setImmediate();
    expect(state.collected).toBe(1);
    await trim.check();
    await trim.check();
    expect(state.reclaimed).toBe(2);
  });

  it('waits until all is quiet', async () => {
    const { state, trim } = machine();
    state.utilization = 0.5;
    await trim.check();
    state.utilization = 0;
    state.busy = true;
    await trim.check();
    expect(state.reclaimed).toBe(0);
    state.busy = false;
    await trim.check();
    expect(state.reclaimed).toBe(1);
  });

  it('takes from the process what buffers left behind that nobody has any more', () => {
    const module = fileURLToPath(new URL('../../../dist/src/daemon/memory-trim.js', import.meta.url));
    const script = `
      const { reclaimMemory } = await import(${JSON.stringify(module)});
      // Between buffers that stay, so that the allocator can't just cut its end off.
      const kept = [];
      let gone = [];
      for (let i = 0; i < 3000; i++) {
        gone.push(Buffer.alloc(32768, 1));
        if (i % 10 === 0) kept.push(Buffer.alloc(32768, 1));
      }
      gone = [];
      const before = process.memoryUsage.rss();
      await reclaimMemory();
      console.log(before - process.memoryUsage.rss(), kept.length);
    `;
    const out = execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
    expect(Number(out.split(' ')[0])).toBeGreaterThan(50 * MB);
  });
});
