import { describe, expect, it } from 'vitest';
import { parsePrefix } from '../../../src/address/index.js';
import {
  CanonicalBuilder,
  nlriOctets,
  readPrefixes,
  UpdateDecoder,
  UpdateEncoder,
  writeNlri4,
  writeNlri6,
} from '../../../src/bgp/wire/index.js';

const context = { fourOctetAs: true, ebgp: true };

/** Family, next hop, then ORIGIN igp, AS_PATH 65001 70000, MED 5. */
const attributes = '400101004002 0a 0202 0000fde9 00011170 80040400000005'.replaceAll(' ', '');
const set4 = Buffer.from(`0004c0000201${attributes}`, 'hex');
const set6 = Buffer.from(`0110${'20010db8000000000000000000000001'}${attributes}`, 'hex');

function prefix(text: string) {
  const parsed = parsePrefix(text);
  if (parsed === null) throw new Error(text);
  return parsed;
}

describe('UPDATE encoder and decoder', () => {
  it('carry IPv4 prefixes and their attributes over', () => {
    const encoder = new UpdateEncoder(4096, true);
    const wanted = ['0.0.0.0/0', '10.0.0.0/8', '192.0.2.0/24', '192.0.2.7/32', '10.128.0.0/9'].map(prefix);
    encoder.beginReach(set4, 0, set4.length);
    for (const p of wanted) encoder.addIpv4(p.a, p.length);
    const bytes = encoder.take() as Buffer;
    expect(bytes.readUInt16BE(16)).toBe(bytes.length);
    const r = new UpdateDecoder().decode(bytes, 19, bytes.length, context);
    expect(r.error).toBeNull();
    expect(readPrefixes(bytes, r.nlriStart, r.nlriEnd, 0)).toEqual(wanted);
    expect(r.canonical.subarray(r.canonicalStart[0], r.canonicalEnd[0])).toEqual(set4);
    expect(encoder.take()).toBeNull();
  });

  it('carry IPv6 prefixes and their attributes over', () => {
    const encoder = new UpdateEncoder(4096, true);
    const wanted = [
      '::/0',
      '2001:db8::/32',
      '2001:db8:1:2::/64',
      '2001:db8::1/128',
      '2001:db8:8000::/33',
    ].map(prefix);
    encoder.beginReach(set6, 0, set6.length);
    for (const p of wanted) encoder.addIpv6(p.a, p.b, p.c, p.d, p.length);
    const bytes = encoder.take() as Buffer;
    const r = new UpdateDecoder().decode(bytes, 19, bytes.length, context);
    expect(r.error).toBeNull();
    expect(r.reachFamily).toBe(1);
    expect(readPrefixes(bytes, r.reachStart, r.reachEnd, 1)).toEqual(wanted);
    expect(r.canonical.subarray(r.canonicalStart[1], r.canonicalEnd[1])).toEqual(set6);
  });

  it('give a 2-octet peer AS_TRANS and AS4_PATH, and put them together again', () => {
    const encoder = new UpdateEncoder(4096, false);
    encoder.beginReach(set4, 0, set4.length);
    encoder.addIpv4(0x0a000000, 8);
    const bytes = encoder.take() as Buffer;
    const r = new UpdateDecoder().decode(bytes, 19, bytes.length, { fourOctetAs: false, ebgp: true });
    expect(r.error).toBeNull();
    expect(bytes.includes(Buffer.from('4002060202fde95ba0', 'hex'))).toBe(true);
    expect(r.canonical.subarray(r.canonicalStart[0], r.canonicalEnd[0])).toEqual(set4);
  });

  it('fill message after message when prefixes are many', () => {
    const encoder = new UpdateEncoder(4096, true);
    encoder.beginUnreach(0);
    for (let i = 0; i < 3000; i++) encoder.addIpv4(i * 256, 24);
    encoder.beginReach(set6, 0, set6.length);
    for (let i = 0; i < 3000; i++) encoder.addIpv6(0x20010db8, i, 0, 0, 64);
    encoder.beginReach(set4, 0, set4.length);
    encoder.beginUnreach(1);
    encoder.addIpv6(0x20010db8, 0, 0, 0, 32);
    const bytes = encoder.take() as Buffer;
    const decoder = new UpdateDecoder();
    const seen = { withdrawn: 0, reach: 0, unreach: 0, messages: 0 };
    for (let at = 0; at < bytes.length; at += bytes.readUInt16BE(at + 16)) {
      expect(bytes.readUInt16BE(at + 16)).toBeLessThanOrEqual(4096);
      const r = decoder.decode(bytes, at + 19, at + bytes.readUInt16BE(at + 16), context);
      expect(r.error).toBeNull();
      seen.messages++;
      seen.withdrawn += readPrefixes(bytes, r.withdrawnStart, r.withdrawnEnd, 0).length;
      if (r.reachFamily === 1) seen.reach += readPrefixes(bytes, r.reachStart, r.reachEnd, 1).length;
      if (r.unreachFamily === 1) seen.unreach += readPrefixes(bytes, r.unreachStart, r.unreachEnd, 1).length;
    }
    expect(seen).toEqual({ withdrawn: 3000, reach: 3000, unreach: 1, messages: 3 + 7 + 1 });
  });

  it.each([
    ['IPv4', 0 as const, 4],
    ['IPv6', 1 as const, 16],
  ])('refuse %s attributes exactly where no prefix fits beside them any more', (_, family, hop) => {
    const builder = new CanonicalBuilder().empty(family).setNextHopBytes(Buffer.alloc(16, 0x21), 0, hop);
    builder.setOrigin(0).setAsPath([65001]);
    const encoder = new UpdateEncoder(4096, true);
    const outcomes = new Map<number, boolean>();
    for (let octets = 3950; octets < 4100; octets++) {
      const set = builder.put(200, 0xc0, Buffer.alloc(octets, 1)).toBuffer();
      const fits = encoder.beginReach(set, 0, set.length);
      if (fits && family === 0) encoder.addIpv4(0xffffffff, 32);
      else if (fits) encoder.addIpv6(0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 128);
      const bytes = encoder.take();
      expect(bytes === null).toBe(!fits);
      outcomes.set(bytes?.length ?? 4097, fits);
    }
    // Every length up to the limit was reached, and nothing above it.
    expect(Math.max(...[...outcomes].filter(([, fits]) => fits).map(([length]) => length))).toBe(4096);
    expect(outcomes.get(4097)).toBe(false);
  });

  it('refuse a set without a next hop as a mistake of the caller', () => {
    const set = new CanonicalBuilder().empty(0).setOrigin(0).toBuffer();
    expect(() => new UpdateEncoder(4096, true).beginReach(set, 0, set.length)).toThrow(RangeError);
    expect(() => new UpdateEncoder(4096, true).addIpv4(0, 0)).toThrow(RangeError);
  });

  it('write and read prefixes of every length, whatever stands behind their bits', () => {
    const ones = Buffer.alloc(17, 0xff);
    const out = Buffer.alloc(17);
    for (let length = 0; length <= 128; length++) {
      ones[0] = length;
      const [p] = readPrefixes(ones, 0, nlriOctets(length), 1);
      const bits = [p.a, p.b, p.c, p.d].map((word) => word.toString(2).padStart(32, '0')).join('');
      expect(bits).toBe('1'.repeat(length).padEnd(128, '0'));
      expect(writeNlri6(out, 0, p.a, p.b, p.c, p.d, length)).toBe(nlriOctets(length));
      expect(readPrefixes(out, 0, nlriOctets(length), 1)).toEqual([p]);
      if (length > 32) continue;
      expect(readPrefixes(ones, 0, nlriOctets(length), 0)).toEqual([{ ...p, family: 0 }]);
      expect(writeNlri4(out, 0, p.a, length)).toBe(nlriOctets(length));
      expect(readPrefixes(out, 0, nlriOctets(length), 0)).toEqual([{ ...p, family: 0 }]);
    }
  });
});
