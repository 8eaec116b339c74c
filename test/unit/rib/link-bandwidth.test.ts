import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatExtended, parseExtendedPattern } from '../../../src/policy/index.js';
import { findLinkBandwidth, proportionalWeights } from '../../../src/rib/link-bandwidth.js';

describe('weights', () => {
  it.each([
    [
      [100, 100],
      [1, 1],
    ],
    [
      [100, 300],
      [1, 3],
    ],
    [
      [1e10, 1e9, 2.5e9],
      [20, 2, 5],
    ],
    [
      [12500000, 37500000, 25000000],
      [1, 3, 2],
    ],
    [
      [1, 1e9],
      [1, 255],
    ],
  ])('of %j are %j', (shares, weights) => {
    expect(proportionalWeights(shares)).toEqual(weights);
  });

  it('are from 1 to 255 and never contradict the order of the shares', () => {
    const share = fc.double({ min: 1e-3, max: 1e12, noNaN: true });
    fc.assert(
      fc.property(fc.array(share, { minLength: 2, maxLength: 16 }), (shares) => {
        const weights = proportionalWeights(shares);
        for (const [i, weight] of weights.entries()) {
          expect(Number.isInteger(weight) && weight >= 1 && weight <= 255).toBe(true);
          for (const [j, other] of weights.entries())
            if (shares[i] > shares[j]) expect(weight >= other).toBe(true);
          // Within a percent, or half a step of the finest ones.
          const largest = Math.max(...weights);
          const exact = (shares[i] / Math.max(...shares)) * largest;
          expect(Math.abs(weight - Math.max(1, exact))).toBeLessThanOrEqual(
            Math.max(0.5, 0.01 * exact) + 1e-9,
          );
        }
      }),
    );
  });
});

describe('the link bandwidth community', () => {
  const find = (hex: string) => findLinkBandwidth(Buffer.from(hex, 'hex'), 0, hex.length / 2);

  it('is found in both of its forms, and no nonsense is', () => {
    expect(find('0002fde900000007' + '4004fde94b3ebc20')).toBe(12500000);
    expect(find('0004fde94b3ebc20')).toBe(12500000);
    for (const nonsense of ['7fc00000', '7f800000', '00000000', 'cb3ebc20']) {
      expect(find(`4004fde9${nonsense}`)).toBe(0);
    }
    expect(find('0102fde94b3ebc20')).toBe(0);
  });

  it('is written as the octets per second of an AS', () => {
    expect(parseExtendedPattern('bandwidth:65001:12500000')).toEqual({
      text: 'bandwidth:65001:12500000',
      hex: ['4004fde94b3ebc20'],
    });
    expect(formatExtended('4004fde94b3ebc20')).toBe('bandwidth:65001:12500000');
    expect(parseExtendedPattern('bandwidth:*:*')?.hex).toEqual(['4004............']);
    // As near as a float comes.
    expect(parseExtendedPattern('bandwidth:1:16777217')?.text).toBe('bandwidth:1:16777216');
    expect(parseExtendedPattern('bandwidth:65536:1')).toBeNull();
    expect(parseExtendedPattern('bandwidth:1:fast')).toBeNull();
    // No number of octets.
    expect(formatExtended('4004fde97fc00000')).toBe('4004fde97fc00000');
  });
});
