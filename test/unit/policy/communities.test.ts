import { describe, expect, it } from 'vitest';
import {
  fits,
  fitsWide,
  formatCommunityPattern,
  formatExtended,
  formatLarge,
  parseCommunityPattern,
  parseExtendedPattern,
  parseLargePattern,
} from '../../../src/policy/index.js';

describe('patterns of communities', () => {
  it.each([
    ['65000:100', 65000 * 65536 + 100, 65000 * 65536 + 101],
    ['65000:*', 65000 * 65536 + 9, 65001 * 65536 + 9],
    ['*:100', 7 * 65536 + 100, 7 * 65536 + 101],
    ['no-export', 0xffffff01, 0xffffff02],
    ['0:*', 5, 65536],
  ])('%s fits what it says and is written as it was', (text, fitting, other) => {
    const pattern = parseCommunityPattern(text);
    if (pattern === null) throw new Error(`${text} can't be read`);
    expect(fits(pattern, fitting)).toBe(true);
    expect(fits(pattern, other)).toBe(false);
    expect(formatCommunityPattern(pattern)).toBe(text);
  });

  it.each(['65536:1', '1:65536', '1', '1:2:3', '65000:', ':*', 'a:*', '65000:1*', ''])('%s is none', (text) =>
    expect(parseCommunityPattern(text)).toBeNull(),
  );

  it('of large ones leave any part open', () => {
    const pattern = parseLargePattern('4200000000:*:7');
    if (pattern === null) throw new Error('not read');
    expect(fitsWide(pattern, 'fa56ea00ffffffff00000007')).toBe(true);
    expect(fitsWide(pattern, 'fa56ea00ffffffff00000008')).toBe(false);
    expect(pattern.text).toBe('4200000000:*:7');
    expect(formatLarge('fa56ea00000000ff00000007')).toBe('4200000000:255:7');
    for (const text of ['1:2', '1:2:3:4', '1:2:4294967296', '1:2:x', '1::3']) {
      expect(parseLargePattern(text)).toBeNull();
    }
  });

  it.each([
    ['rt:65000:100', ['0002fde800000064', '02020000fde80064']],
    ['ro:65000:100000', ['0003fde8000186a0']],
    ['rt:4200000000:5', ['0202fa56ea000005']],
    ['rt:192.0.2.1:7', ['0102c00002010007']],
    ['rt:65000:*', ['0002fde8........', '02020000fde8....']],
    ['rt:*:100', ['0002....00000064', '0102........0064', '0202........0064']],
    ['ro:*:100000', ['0003....000186a0']],
    ['0002FDE800000064', ['0002fde800000064'], 'rt:65000:100'],
    ['02020000fde80064', ['02020000fde80064'], '02020000fde80064'],
    ['4004fde800000001', ['4004fde800000001'], '4004fde800000001'],
  ])('extended %s stands for %s', (text, hex, canonical = text) => {
    expect(parseExtendedPattern(text)).toEqual({ text: canonical, hex });
    if (!hex[0].includes('.')) expect(formatExtended(hex[0])).toBe(canonical);
  });

  it.each([
    'rt:65000',
    'rt:4200000000:65536',
    'rt:192.0.2.1:65536',
    'rt:2001:db8::1',
    'xx:1:2',
    'rt::1',
    'rt:1.2.3:1',
  ])('extended %s is none', (text) => expect(parseExtendedPattern(text)).toBeNull());
});
