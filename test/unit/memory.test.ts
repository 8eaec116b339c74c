import koffi from 'koffi';
import { describe, expect, it } from 'vitest';
import { giveBack, HUGE_PAGE, hugeMemory } from '../../src/memory/index.js';
import { growSparse, growTo, reserve } from '../../src/rib/memory.js';

describe('memory in huge pages', () => {
  it('begins at a huge page, is zeros, and keeps what is written', () => {
    const memory = hugeMemory(2 * HUGE_PAGE);
    expect(memory.length).toBe(2 * HUGE_PAGE);
    expect(koffi.address(memory) % BigInt(HUGE_PAGE)).toBe(0n);
    expect(memory.every((byte) => byte === 0)).toBe(true);
    memory.fill(7);
    expect(memory.every((byte) => byte === 7)).toBe(true);
  });
});

describe('an array that is given back', () => {
  it('is zeros but for the ends that share a page with something else, and can be used again', () => {
    const around = new Uint32Array(1 << 20).fill(1);
    const array = around.subarray(100, around.length - 100).fill(2);
    giveBack(array);
    const zeros = array.reduce((count, word) => count + (word === 0 ? 1 : 0), 0);
    expect(zeros).toBeGreaterThan(array.length - 2 * 16384);
    expect([...around.subarray(0, 100), ...around.subarray(-100)].every((word) => word === 1)).toBe(true);
    array.fill(3);
    expect(array.every((word) => word === 3)).toBe(true);
  });

  it('is left alone where it is small', () => {
    const array = new Uint32Array(1000).fill(2);
    giveBack(array);
    expect(array.every((word) => word === 2)).toBe(true);
  });
});

describe.each([
  ['a column', growTo],
  ['a sparse column', growSparse],
])('%s', (_, grow) => {
  it('keeps its rows as it grows from small pages into huge ones, and has zeros behind them', () => {
    const buffer = reserve(5 * HUGE_PAGE + 1);
    const sizes = [4096, 8192, HUGE_PAGE / 2, HUGE_PAGE / 2 + 4, HUGE_PAGE, 3 * HUGE_PAGE + 4, 5 * HUGE_PAGE];
    let filled = 0;
    for (const bytes of sizes) {
      const column = new Uint32Array(grow(buffer, bytes), 0, bytes / 4);
      for (let row = 0; row < filled; row++) if (column[row] !== row + 1) expect(column[row]).toBe(row + 1);
      expect(column.subarray(filled).every((value) => value === 0)).toBe(true);
      for (; filled < column.length; filled++) column[filled] = filled + 1;
    }
    expect(buffer.byteLength).toBeGreaterThanOrEqual(5 * HUGE_PAGE);
  });

  it('throws a RangeError beyond what was reserved', () => {
    expect(() => grow(reserve(HUGE_PAGE), HUGE_PAGE + 1)).toThrow(RangeError);
  });
});
