import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { PassedBuffers } from '../../../src/bgp/session/index.js';

describe('buffers that have passed', () => {
  it('call for a collection once per four megabytes, in a turn of its own', async () => {
    const buffers = new PassedBuffers();
    let collections = 0;
    buffers.whenMuch(() => collections++);
    const pass = async (megabytes: number) => {
      for (let i = 0; i < megabytes; i++) buffers.add(1e6);
      const before = collections;
      await setImmediate();
      return collections - before;
    };
    expect(await pass(3)).toBe(0);
    expect(await pass(1)).toBe(1);
    expect(await pass(3)).toBe(0);
    expect(await pass(5)).toBe(2);
  });
});
