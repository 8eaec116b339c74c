import { describe, expect, it } from 'vitest';
import { type Address, parseAddress } from '../../../src/address/index.js';
import {
  AttributeCode,
  buildCanonical,
  CanonicalBuilder,
  CanonicalView,
  describeAttributes,
} from '../../../src/bgp/wire/index.js';

function address(text: string): Address {
  const parsed = parseAddress(text);
  if (parsed === null) throw new Error(text);
  return parsed;
}

const set = buildCanonical({
  family: 0,
  nextHop: address('192.0.2.1'),
  asPath: [65001, 70000],
  med: 5,
  localPref: 200,
  communities: [(65000 << 16) >>> 0, 0xffffff01],
  largeCommunities: [[70000, 1, 2]],
});

function described(bytes: Buffer) {
  return describeAttributes(bytes, 0, bytes.length);
}

/** Types in the order in which they stand. */
function typesOf(bytes: Buffer): number[] {
  const view = new CanonicalView().reset(bytes, 0, bytes.length);
  const types: number[] = [];
  while (view.next()) types.push(view.type);
  return types;
}

describe('canonical sets', () => {
  it('are built from values and told as values', () => {
    expect(described(set)).toEqual({
      nextHop: '192.0.2.1',
      origin: 'igp',
      asPath: '65001 70000',
      med: 5,
      localPref: 200,
      communities: ['65000:0', 'no-export'],
      largeCommunities: ['70000:1:2'],
    });
    expect(typesOf(set)).toEqual([1, 2, 4, 5, 8, 32]);
  });

  it('name the link-local address beside a global next hop', () => {
    const bytes = buildCanonical({
      family: 1,
      nextHop: address('2001:db8::1'),
      linkLocalNextHop: address('fe80::1'),
    });
    expect(described(bytes)).toEqual({
      nextHop: '2001:db8::1',
      linkLocalNextHop: 'fe80::1',
      origin: 'igp',
      asPath: '',
    });
  });

  it('tell unknown attributes in hex and known ones in words', () => {
    const builder = new CanonicalBuilder().load(set, 0, set.length);
    builder.put(200, 0xe0, Buffer.from('c0ffee', 'hex'));
    builder.put(AttributeCode.aggregator, 0xc0, Buffer.from('00011170c0000209', 'hex'));
    builder.put(
      AttributeCode.extendedCommunities,
      0xc0,
      Buffer.from('0002fde80000006403000000000000ff', 'hex'),
    );
    builder.putU32(AttributeCode.originatorId, 0xc0000207);
    builder.put(AttributeCode.clusterList, 0x80, Buffer.from('0a0000010a000002', 'hex'));
    builder.put(AttributeCode.atomicAggregate, 0x40, Buffer.alloc(0));
    const bytes = builder.toBuffer();
    expect(typesOf(bytes)).toEqual([1, 2, 4, 5, 6, 7, 8, 9, 10, 16, 32, 200]);
    expect(described(bytes)).toMatchObject({
      atomicAggregate: true,
      aggregator: { asn: 70000, address: '192.0.2.9' },
      originatorId: '192.0.2.7',
      clusterList: ['10.0.0.1', '10.0.0.2'],
      extendedCommunities: ['rt:65000:100', '03000000000000ff'],
      others: [{ code: 200, name: 'attribute 200', partial: true, value: 'c0ffee' }],
    });
  });

  it('are left as they were by a load and a finish', () => {
    expect(new CanonicalBuilder().load(set, 0, set.length).toBuffer()).toEqual(set);
  });

  it('keep their order whatever the order of the changes', () => {
    const builder = new CanonicalBuilder().empty(0).setNextHop(address('192.0.2.1'));
    builder
      .setCommunities([(65000 << 16) >>> 0, 0xffffff01])
      .setLocalPref(200)
      .setMed(5);
    builder.put(AttributeCode.largeCommunities, 0xc0, Buffer.from('000111700000000100000002', 'hex'));
    builder.setAsPath([70000]).prependAs(65001).setOrigin(0);
    expect(builder.toBuffer()).toEqual(set);
  });

  it('lose and gain attributes and the next hop', () => {
    const builder = new CanonicalBuilder().load(set, 0, set.length);
    builder.remove(AttributeCode.localPref).remove(AttributeCode.originatorId).setMed(7).setNextHop(null);
    builder.addCommunities([0xffffff01, 100]).removeCommunities([(65000 << 16) >>> 0]);
    expect(described(builder.toBuffer())).toEqual({
      nextHop: null,
      origin: 'igp',
      asPath: '65001 70000',
      med: 7,
      communities: ['no-export', '0:100'],
      largeCommunities: ['70000:1:2'],
    });
    builder.removeCommunities([0xffffff01, 100]).removeWhere((type) => type > 4);
    expect(typesOf(builder.toBuffer())).toEqual([1, 2, 4]);
  });

  it('keep the partial bit of communities that are changed', () => {
    const builder = new CanonicalBuilder().empty(0);
    builder.put(AttributeCode.communities, 0xe0, Buffer.from('00000001', 'hex')).addCommunities([2]);
    expect(builder.toBuffer().toString('hex')).toBe('0000e008080000000100000002');
  });

  it('open a segment before one that is full, a set, or nothing', () => {
    const full = new Array<number>(255).fill(65002);
    const path = (builder: CanonicalBuilder) => described(builder.toBuffer()).asPath;
    const builder = new CanonicalBuilder().empty(0).setAsPath(full).prependAs(65001);
    expect(path(builder)).toBe(['65001', ...full].join(' '));
    builder.put(AttributeCode.asPath, 0x40, Buffer.from('01010000fde9', 'hex')).prependAs(65003, 2);
    expect(path(builder)).toBe('65003 65003 {65001}');
    expect(path(new CanonicalBuilder().empty(0).prependAs(65001))).toBe('65001');
  });

  it('use the extended length exactly where a value needs it', () => {
    const builder = new CanonicalBuilder().empty(0).setAsPath([1]);
    for (const [octets, head] of [
      [255, 'c0c8ff'],
      [256, 'd0c80100'],
      [20000, 'd0c84e20'],
      [3, 'c0c803'],
    ] as const) {
      const bytes = builder.put(200, 0xc0, Buffer.alloc(octets, 7)).toBuffer();
      expect(bytes.subarray(11, 11 + head.length / 2).toString('hex')).toBe(head);
      expect(bytes.length).toBe(11 + head.length / 2 + octets);
    }
    expect(() => builder.put(200, 0xc0, Buffer.alloc(65536))).toThrow(RangeError);
  });

  it('are searched by ascending type', () => {
    const view = new CanonicalView().reset(set, 0, set.length);
    expect(view.find(AttributeCode.multiExitDisc)).toBe(true);
    expect(set.readUInt32BE(view.valueStart)).toBe(5);
    expect(view.find(AttributeCode.aggregator)).toBe(false);
    expect(view.find(AttributeCode.communities)).toBe(true);
    expect(view.valueEnd - view.valueStart).toBe(8);
    expect(view.find(AttributeCode.origin)).toBe(false);
  });
});
