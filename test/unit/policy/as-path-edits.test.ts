import { describe, expect, it } from 'vitest';
import { formatAsPath } from '../../../src/bgp/wire/as-path.js';
import { buildCanonical, describeAttributes } from '../../../src/bgp/wire/index.js';
import {
  type AsPathTreatment,
  type ExportFacts,
  editAsPath,
  noEdits,
  SetRewriter,
  treatExport,
} from '../../../src/policy/index.js';

type Segment = [type: 1 | 2, ...numbers: number[]];
function path(...segments: Segment[]): Buffer {
  return Buffer.concat(
    segments.map(([type, ...numbers]) => {
      const segment = Buffer.alloc(2 + numbers.length * 4);
      segment[0] = type;
      segment[1] = numbers.length;
      for (const [i, number] of numbers.entries()) segment.writeUInt32BE(number, 2 + i * 4);
      return segment;
    }),
  );
}

const plain: AsPathTreatment = {
  asn: 100,
  behind: null,
  override: null,
  removePrivate: false,
  peerAsn: null,
};
function edited(from: Buffer, treatment: Partial<AsPathTreatment>): string {
  const out = Buffer.alloc(from.length);
  const length = editAsPath(from, 0, from.length, { ...plain, ...treatment }, out);
  return formatAsPath(out, 0, length);
}

describe('AS override', () => {
  it("puts our number wherever the peer's stands, sets included", () => {
    const from = path([2, 7, 8, 7], [1, 7, 9]);
    expect(edited(from, { override: 7 })).toBe('100 8 100 {100 9}');
  });
});

describe('removing private AS numbers', () => {
  const mixed = path([2, 64512, 8, 65534], [1, 4200000000, 4294967294]);
  const all = path([2, 64512, 65534], [1, 4200000000]);

  it('leaves a path alone that has public ones, unless all of them are to go', () => {
    expect(edited(mixed, { removePrivate: true })).toBe('64512 8 65534 {4200000000 4294967294}');
    expect(edited(all, { removePrivate: true })).toBe('');
    expect(edited(mixed, { removePrivate: 'all' })).toBe('8');
  });

  it('puts ours in their place where that is asked for, so that the length stays', () => {
    expect(edited(mixed, { removePrivate: 'replace' })).toBe('100 8 100 {100 100}');
  });

  it('knows where RFC 6996 begins and ends', () => {
    const edges = path([2, 64511, 64512, 65534, 65535, 4199999999, 4200000000, 4294967294, 4294967295]);
    expect(edited(edges, { removePrivate: 'all' })).toBe('64511 65535 4199999999 4294967295');
  });

  it("keeps the peer's own number, by which it finds a loop", () => {
    expect(edited(path([2, 64512, 64513]), { removePrivate: 'all', peerAsn: 64513 })).toBe('64513');
  });
});

describe('what an external peer sees of us', () => {
  const facts: ExportFacts = {
    kind: 'ebgp',
    localAsn: 65000,
    peerAsn: null,
    routerId: 1,
    clusterId: 1,
    nextHop: 'self',
    self: [{ address: { family: 0, a: 0xc0000201, b: 0, c: 0, d: 0 }, linkLocal: null }, null],
    sharedSubnet: [null, null],
    extendedNextHop: false,
  };
  function shown(asPath: readonly number[], treatment: AsPathTreatment | null): string | undefined {
    const set = buildCanonical({
      family: 0,
      nextHop: { family: 0, a: 0xc0000207, b: 0, c: 0, d: 0 },
      asPath,
    });
    const out = new SetRewriter();
    const origin = { kind: 'ebgp', routerId: 7, address: null } as const;
    const with_ = { ...facts, asPath: treatment };
    expect(treatExport(set, 0, set.length, origin, with_, noEdits, out)).toBe('announced');
    return describeAttributes(out.buffer, 0, out.end).asPath;
  }

  it('is our number in front of the path, or with a local AS that one, and behind it ours unless it is replaced', () => {
    expect(shown([7], null)).toBe('65000 7');
    expect(shown([7], { ...plain, asn: 64999, behind: 65000 })).toBe('64999 65000 7');
    expect(shown([7], { ...plain, asn: 64999 })).toBe('64999 7');
    expect(shown([], { ...plain, asn: 64999, behind: 65000 })).toBe('64999 65000');
  });

  it('is ours in front of what is left of the path', () => {
    expect(shown([64512], { ...plain, asn: 65000, removePrivate: 'all' })).toBe('65000');
    expect(shown([7, 8], { ...plain, asn: 65000, override: 7 })).toBe('65000 65000 8');
  });

  it('begins a segment of its own where the first one has no room for both numbers', () => {
    const long = Array.from({ length: 254 }, () => 7);
    const both = shown(long, { ...plain, asn: 64999, behind: 65000 });
    expect(both).toBe(`64999 65000 ${long.join(' ')}`);
    expect(shown(long, { ...plain, asn: 64999 })).toBe(`64999 ${long.join(' ')}`);
  });
});
