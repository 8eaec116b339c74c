import { describe, expect, it } from 'vitest';
import { Outage } from '../../../src/bgp/speaker/outage.js';

describe('an outage', () => {
  it('has news once, until the next one begins', () => {
    const outage = new Outage();
    expect(outage.reason).toBeNull();
    expect([1, 2].map(() => outage.isNews('connection failed: ECONNREFUSED'))).toEqual([true, false]);
    expect(outage.isNews('connection failed: ENETUNREACH')).toBe(true);
    outage.begin('hold timer expired');
    expect(outage.reason).toBe('hold timer expired');
    expect(outage.isNews('connection failed: ECONNREFUSED')).toBe(true);
  });

  it('remembers no end of words', () => {
    const outage = new Outage();
    const told = Array.from({ length: 10_000 }, (_, i) => outage.isNews(`Cease: ${i}`)).filter(Boolean);
    expect(told.length).toBeLessThan(100);
  });
});
