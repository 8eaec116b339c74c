import { describe, expect, it } from 'vitest';
import { type DecodeContext, describeAttributes, UpdateDecoder } from '../../../src/bgp/wire/index.js';
import {
  encodeAsPath,
  encodePlain,
  type PlainAttribute,
  type PlainPrefix,
} from '../../oracle/update-codec.js';

const external: DecodeContext = { fourOctetAs: true, ebgp: true };
const internal: DecodeContext = { fourOctetAs: true, ebgp: false };
const oldExternal: DecodeContext = { fourOctetAs: false, ebgp: true };

const ten: PlainPrefix = { length: 8, octets: Buffer.from([10]) };

const attribute = (flags: number, type: number, value: string): PlainAttribute => ({
  flags,
  type,
  value: Buffer.from(value.replaceAll(' ', ''), 'hex'),
});
const origin = attribute(0x40, 1, '00');
const asPath = attribute(0x40, 2, '0201 0000fde9');
const nextHop = attribute(0x40, 3, 'c0000201');
const mandatory = [origin, asPath, nextHop];
const global6 = '20010db8000000000000000000000001';
const mpReach = attribute(0x80, 14, `0002 01 10 ${global6} 00 20 20010db8`);
const mpUnreach = attribute(0x80, 15, '0002 01 20 20010db8');

const decoder = new UpdateDecoder();

function decode(
  attributes: PlainAttribute[],
  context = external,
  nlri: PlainPrefix[] = [ten],
  withdrawn: PlainPrefix[] = [],
) {
  const body = encodePlain({ withdrawn, attributes, nlri });
  const r = decoder.decode(body, 0, body.length, context);
  const attributesOf = (i: 0 | 1) =>
    r.canonicalStart[i] === r.canonicalEnd[i]
      ? null
      : describeAttributes(r.canonical, r.canonicalStart[i], r.canonicalEnd[i]);
  return {
    r,
    severity: r.error?.severity ?? 'none',
    subcode: r.error?.subcode ?? 0,
    attribute: r.error?.attribute,
    discarded: r.discarded.map((error) => error.attribute),
    ipv4: attributesOf(0),
    mp: attributesOf(1),
  };
}

/** The mandatory attributes, with one of them replaced or one more. */
function having(extra: PlainAttribute): PlainAttribute[] {
  return [...mandatory.filter(({ type }) => type !== extra.type), extra];
}

describe('an UPDATE with a malformed attribute is treated as a withdrawal', () => {
  const cases: [string, PlainAttribute, DecodeContext, number][] = [
    ['ORIGIN of two octets', attribute(0x40, 1, '0000'), external, 5],
    ['ORIGIN of an undefined value', attribute(0x40, 1, '03'), external, 6],
    ['ORIGIN with optional set', attribute(0xc0, 1, '00'), external, 4],
    ['AS_PATH with a segment of unknown type', attribute(0x40, 2, '0501 0000fde9'), external, 11],
    ['AS_PATH with an empty segment', attribute(0x40, 2, '0200'), external, 11],
    ['AS_PATH whose segment runs past its end', attribute(0x40, 2, '0202 0000fde9'), external, 11],
    ['AS_PATH with a lone octet behind its segments', attribute(0x40, 2, '0201 0000fde9 02'), external, 11],
    ['AS_PATH with AS 0', attribute(0x40, 2, '0201 00000000'), external, 11],
    ['AS_PATH with AS 0 in two octets', attribute(0x40, 2, '0202 fde9 0000'), oldExternal, 11],
    ['AS_PATH with a confederation segment', attribute(0x40, 2, '0301 0000fde9'), external, 11],
    ['NEXT_HOP of five octets', attribute(0x40, 3, 'c000020101'), external, 5],
    ['NEXT_HOP 0.0.0.0', attribute(0x40, 3, '00000000'), external, 8],
    ['NEXT_HOP 127.0.0.1', attribute(0x40, 3, '7f000001'), external, 8],
    ['NEXT_HOP 224.0.0.1', attribute(0x40, 3, 'e0000001'), external, 8],
    ['MULTI_EXIT_DISC of three octets', attribute(0x80, 4, '000001'), external, 5],
    ['LOCAL_PREF of three octets', attribute(0x40, 5, '000001'), internal, 5],
    ['COMMUNITIES of six octets', attribute(0xc0, 8, 'fde900010002'), external, 5],
    ['COMMUNITIES of no octets', attribute(0xc0, 8, ''), external, 5],
    ['ORIGINATOR_ID of five octets', attribute(0x80, 9, '0a00000101'), internal, 5],
    ['CLUSTER_LIST of no octets', attribute(0x80, 10, ''), internal, 5],
    ['CLUSTER_LIST of five octets', attribute(0x80, 10, '0a00000101'), internal, 5],
    ['EXTENDED_COMMUNITIES of seven octets', attribute(0xc0, 16, '0002fde9000000'), external, 5],
    ['IPV6_EXTENDED_COMMUNITIES of eight octets', attribute(0xc0, 25, '0002fde900000001'), external, 5],
    ['LARGE_COMMUNITIES of eleven octets', attribute(0xc0, 32, '0000fde9000000010000ff'), external, 5],
    ['LARGE_COMMUNITIES without transitive', attribute(0x80, 32, '0000fde90000000100000002'), external, 4],
    ['ONLY_TO_CUSTOMER of two octets', attribute(0xc0, 35, 'fde9'), external, 5],
  ];
  it.each(cases)('%s', (_, extra, context, subcode) => {
    const base = context === oldExternal ? [origin, attribute(0x40, 2, '0201 fde9'), nextHop] : mandatory;
    expect(decode(base, context).severity).toBe('none');
    const result = decode([...base.filter(({ type }) => type !== extra.type), extra], context);
    expect(result).toMatchObject({ severity: 'treatAsWithdraw', subcode, attribute: extra.type, ipv4: null });
    expect(result.r.nlriEnd - result.r.nlriStart).toBe(2);
  });

  it.each(mandatory)('one without attribute $type', ({ type }) => {
    const result = decode(mandatory.filter((one) => one.type !== type));
    expect(result).toMatchObject({ severity: 'treatAsWithdraw', subcode: 3, attribute: type });
    expect(result.r.error?.data).toEqual(Buffer.from([type]));
  });

  it('one whose last attribute claims more octets than there are', () => {
    const body = encodePlain({
      withdrawn: [],
      attributes: [...mandatory, attribute(0x80, 4, '00000001')],
      nlri: [ten],
    });
    const claim = body.length - 2 - 4 - 1;
    expect(body[claim]).toBe(4);
    body[claim] = 5;
    const r = decoder.decode(body, 0, body.length, external);
    expect(r.error).toMatchObject({ severity: 'treatAsWithdraw', subcode: 5, attribute: 4 });
    expect(r.nlriEnd - r.nlriStart).toBe(2);
  });

  it('one whose attributes end in the middle of a head', () => {
    const body = encodePlain({ withdrawn: [], attributes: mandatory, nlri: [] });
    const longer = Buffer.concat([body, Buffer.from([0x80, 0x04]), Buffer.from([8, 10])]);
    longer.writeUInt16BE(longer.readUInt16BE(2) + 2, 2);
    const r = decoder.decode(longer, 0, longer.length, external);
    expect(r.error).toMatchObject({ severity: 'treatAsWithdraw', subcode: 1 });
  });

  it('with the prefixes of all its fields', () => {
    const bad = attribute(0x40, 1, '09');
    const { r, severity } = decode([mpReach, mpUnreach, bad, asPath, nextHop], external, [ten], [ten]);
    expect(severity).toBe('treatAsWithdraw');
    expect([r.withdrawnEnd - r.withdrawnStart, r.nlriEnd - r.nlriStart]).toEqual([2, 2]);
    expect([r.reachFamily, r.reachEnd - r.reachStart]).toEqual([1, 5]);
    expect([r.unreachFamily, r.unreachEnd - r.unreachStart]).toEqual([1, 5]);
  });

  it('also where the flags of MP_REACH_NLRI are wrong, since its prefixes can be read', () => {
    const { severity, r } = decode([origin, asPath, { ...mpReach, flags: 0xc0 }], external, []);
    expect(severity).toBe('treatAsWithdraw');
    expect(r.reachEnd - r.reachStart).toBe(5);
  });

  it.each(['00000000000000000000000000000000', '00000000000000000000000000000001', `ff02${'0'.repeat(27)}1`])(
    'whose IPv6 next hop is %s',
    (bad) => {
      const { severity, subcode } = decode(
        [origin, asPath, attribute(0x80, 14, `0002 01 10 ${bad} 00 20 20010db8`)],
        external,
        [],
      );
      expect([severity, subcode]).toEqual(['treatAsWithdraw', 8]);
    },
  );
});

describe('an attribute alone is discarded', () => {
  const cases: [string, PlainAttribute, DecodeContext][] = [
    ['ATOMIC_AGGREGATE of one octet', attribute(0x40, 6, '00'), external],
    ['ATOMIC_AGGREGATE with optional set', attribute(0xc0, 6, ''), external],
    ['AGGREGATOR of six octets between 4-octet speakers', attribute(0xc0, 7, 'fde9c0000201'), external],
    [
      'AGGREGATOR of eight octets from a 2-octet speaker',
      attribute(0xc0, 7, '0000fde9c0000201'),
      oldExternal,
    ],
    ['AGGREGATOR of AS 0', attribute(0xc0, 7, '00000000c0000201'), external],
    ['AS4_PATH that is cut short', attribute(0xc0, 17, '0202 00011170'), oldExternal],
    ['AS4_PATH that is empty', attribute(0xc0, 17, ''), oldExternal],
    ['AS4_AGGREGATOR of six octets', attribute(0xc0, 18, '0001117000ff'), oldExternal],
  ];
  it.each(cases)('%s', (_, extra, context) => {
    const base = context === oldExternal ? [origin, attribute(0x40, 2, '0201 fde9'), nextHop] : mandatory;
    const result = decode([...base, extra], context);
    expect(result).toMatchObject({ severity: 'none', discarded: [extra.type] });
    expect(result.ipv4).toEqual({ nextHop: '192.0.2.1', origin: 'igp', asPath: '65001' });
  });

  it('that stands a second time; the first one counts', () => {
    const result = decode([...mandatory, attribute(0x40, 1, '02'), attribute(0x40, 1, 'ff')]);
    expect(result).toMatchObject({ severity: 'none', discarded: [1, 1] });
    expect(result.ipv4?.origin).toBe('igp');
  });

  it('that means nothing from an external peer, without a word', () => {
    const extra = [
      attribute(0x40, 5, '000000c8'),
      attribute(0x80, 9, '0a000001'),
      attribute(0x80, 10, '0a000001'),
    ];
    expect(decode([...mandatory, ...extra])).toMatchObject({
      severity: 'none',
      discarded: [],
      ipv4: { nextHop: '192.0.2.1', origin: 'igp', asPath: '65001' },
    });
    expect(decode([...mandatory, ...extra], internal).ipv4).toMatchObject({
      localPref: 200,
      originatorId: '10.0.0.1',
      clusterList: ['10.0.0.1'],
    });
  });

  it('that is optional, unknown and not transitive', () => {
    expect(decode(having(attribute(0x80, 77, '01'))).ipv4).not.toHaveProperty('others');
  });
});

describe('the session is reset', () => {
  const cases: [string, PlainAttribute[], number][] = [
    ['by an unknown well-known attribute', [...mandatory, attribute(0x40, 77, '01')], 2],
    ['by MP_REACH_NLRI twice', [origin, asPath, mpReach, mpReach], 1],
    ['by MP_UNREACH_NLRI twice', [...mandatory, mpUnreach, mpUnreach], 1],
    [
      'by MP_REACH_NLRI with a next hop of 8 octets',
      [origin, asPath, attribute(0x80, 14, '0002 01 08 0102030405060708 00')],
      9,
    ],
    [
      'by MP_REACH_NLRI for IPv6 with a next hop of 4 octets',
      [origin, asPath, attribute(0x80, 14, '0002 01 04 c0000201 00')],
      9,
    ],
    [
      'by MP_REACH_NLRI that ends in its next hop',
      [origin, asPath, attribute(0x80, 14, '0002 01 10 20010db8')],
      9,
    ],
    [
      'by MP_REACH_NLRI with a prefix of 129 bits',
      [origin, asPath, attribute(0x80, 14, `0002 01 10 ${global6} 00 81 ${global6}00`)],
      9,
    ],
    ['by MP_UNREACH_NLRI with a prefix cut short', [attribute(0x80, 15, '0002 01 20 2001')], 9],
    ['by MP_UNREACH_NLRI of two octets', [attribute(0x80, 15, '0002')], 9],
  ];
  it.each(cases)('%s', (_, attributes, subcode) => {
    const { r, severity, subcode: got } = decode(attributes, external, []);
    expect([severity, got]).toEqual(['reset', subcode]);
    expect([r.nlriStart, r.nlriEnd, r.reachFamily, r.unreachFamily]).toEqual([0, 0, -1, -1]);
    expect(r.error?.code).toBe(3);
  });

  it('by an MP attribute that claims more octets than there are', () => {
    const body = encodePlain({ withdrawn: [], attributes: [...mandatory, mpUnreach], nlri: [ten] });
    const claim = body.length - 2 - mpUnreach.value.length - 1;
    body[claim]++;
    const r = decoder.decode(body, 0, body.length, external);
    expect(r.error).toMatchObject({ severity: 'reset', attribute: 15 });
  });

  it('by prefixes that are too long or cut short', () => {
    const long = { length: 33, octets: Buffer.alloc(5) };
    const short = { length: 24, octets: Buffer.from([10]) };
    expect(decode(mandatory, external, [long])).toMatchObject({ severity: 'reset', subcode: 10 });
    expect(decode(mandatory, external, [short])).toMatchObject({ severity: 'reset', subcode: 10 });
    expect(decode([], external, [], [long])).toMatchObject({ severity: 'reset', subcode: 10 });
  });

  it('by fields that overrun the message', () => {
    for (const body of ['', '0000', '000500', '00010000', '00000001', 'ffff0000']) {
      const bytes = Buffer.from(body, 'hex');
      const r = decoder.decode(bytes, 0, bytes.length, external);
      expect(r.error).toMatchObject({ severity: 'reset', code: 3, subcode: 1 });
    }
  });

  it('by an error in attributes that come without reachable prefixes, as none can be trusted to have been found', () => {
    expect(decode([attribute(0x40, 1, '09'), mpUnreach], external, []).severity).toBe('reset');
    expect(decode([attribute(0x40, 1, '09')], external, [], [ten]).severity).toBe('reset');
    expect(decode([attribute(0x40, 6, '09')], external, [], [ten])).toMatchObject({
      severity: 'none',
      discarded: [6],
    });
  });

  it('and the NOTIFICATION carries the attribute', () => {
    const { r } = decode([...mandatory, attribute(0x40, 77, '01')], external);
    expect(r.error?.data.toString('hex')).toBe('404d0101');
    const body = encodePlain({
      withdrawn: [],
      attributes: [...mandatory, attribute(0x40, 77, '01')],
      nlri: [],
    });
    expect(body[r.error?.offset ?? 0]).toBe(0x40);
    expect(body[(r.error?.offset ?? 0) + 1]).toBe(77);
  });
});

describe('what is sound', () => {
  it('keeps unknown transitive attributes and marks them partial', () => {
    expect(decode(having(attribute(0xc0, 77, 'c0ffee'))).ipv4?.others).toEqual([
      { code: 77, name: 'attribute 77', partial: true, value: 'c0ffee' },
    ]);
  });

  it('is one canonical set whatever the order of attributes, unused flags and needless extended lengths', () => {
    const community = attribute(0xc0, 8, 'fde90001');
    const sorted = decode([...mandatory, community]);
    const bytes = () =>
      sorted.r.canonical.toString('hex', sorted.r.canonicalStart[0], sorted.r.canonicalEnd[0]);
    const first = bytes();
    const odd = { ...community, flags: 0xdf };
    decode([odd, nextHop, { ...asPath, flags: 0x4f }, origin]);
    expect(bytes()).toBe(first);
  });

  it('has sets of its own for the NLRI field and for MP_REACH_NLRI', () => {
    const { ipv4, mp } = decode([mpReach, ...mandatory]);
    expect(ipv4).toMatchObject({ nextHop: '192.0.2.1', asPath: '65001' });
    expect(mp).toMatchObject({ nextHop: '2001:db8::1', asPath: '65001' });
  });

  it('ignores NEXT_HOP beside MP_REACH_NLRI alone, even a wrong one', () => {
    const result = decode([mpReach, origin, asPath, attribute(0x40, 3, '00')], external, []);
    expect(result).toMatchObject({ severity: 'none', mp: { nextHop: '2001:db8::1' } });
  });

  it.each([
    ['a global and a link-local one', `${global6}fe80${'0'.repeat(27)}2`, '2001:db8::1', 'fe80::2'],
    ['a link-local one twice', `fe80${'0'.repeat(27)}2`.repeat(2), 'fe80::2', undefined],
    ['a link-local one behind ::', `${'0'.repeat(32)}fe80${'0'.repeat(27)}2`, 'fe80::2', undefined],
    ['two global ones', global6.repeat(2), '2001:db8::1', undefined],
  ])('reads IPv6 next hops of 32 octets: %s', (_, hops, global, linkLocal) => {
    const value = `0002 01 20 ${hops} 00 20 20010db8`;
    const { mp } = decode([origin, asPath, attribute(0x80, 14, value)], external, []);
    expect(mp?.nextHop).toBe(global);
    expect(mp?.linkLocalNextHop).toBe(linkLocal);
  });

  it('carries IPv4 prefixes in MP_REACH_NLRI, with IPv4 or IPv6 next hops', () => {
    const v4 = decode([origin, asPath, attribute(0x80, 14, '0001 01 04 c0000207 00 080a')], external, []);
    expect([v4.r.reachFamily, v4.mp?.nextHop]).toEqual([0, '192.0.2.7']);
    const reach = [origin, asPath, attribute(0x80, 14, `0001 01 10 ${global6} 00 080a`)];
    const v6 = decode(reach, { ...external, extendedNextHop: true }, []);
    expect([v6.r.reachFamily, v6.mp?.nextHop]).toEqual([0, '2001:db8::1']);
  });

  it('withdraws IPv4 prefixes with an IPv6 next hop where RFC 8950 was not agreed on', () => {
    const { r } = decode(
      [origin, asPath, attribute(0x80, 14, `0001 01 10 ${global6} 00 080a`)],
      external,
      [],
    );
    expect(r.error).toMatchObject({ severity: 'treatAsWithdraw', attribute: 14 });
    expect([r.reachFamily, r.reachEnd - r.reachStart]).toEqual([0, 2]);
  });

  it('passes over families that we do not speak, and counts them', () => {
    const foreign = [attribute(0x80, 14, '0019 46 04 c0000201 00 ffff'), attribute(0x80, 15, '0019 46 ffff')];
    const { r, severity } = decode([...foreign, origin, asPath], external, []);
    expect([severity, r.ignoredFamilies, r.reachFamily, r.unreachFamily]).toEqual(['none', 2, -1, -1]);
  });

  it('tells End-of-RIB from UPDATEs that only look like it', () => {
    const end6 = attribute(0x80, 15, '000201');
    expect(decode([], external, []).r.endOfRib).toBe(0);
    expect(decode([end6], external, []).r.endOfRib).toBe(1);
    expect(decode([{ ...end6, flags: 0x90 }], external, []).r.endOfRib).toBe(1);
    expect(decode([attribute(0x80, 15, '000101')], external, []).r.endOfRib).toBe(0);
    expect(decode([mpUnreach], external, []).r.endOfRib).toBe(-1);
    expect(decode([end6], external, [], [ten]).r.endOfRib).toBe(-1);
    expect(decode([end6, origin], external, []).r.endOfRib).toBe(-1);
    expect(decode([origin, end6], external, []).r.endOfRib).toBe(-1);
    expect(decode([attribute(0x80, 15, '001946')], external, []).r.endOfRib).toBe(-1);
    expect(decode([], external, [], [ten]).r.endOfRib).toBe(-1);
  });

  it('leaves nothing of one UPDATE in the next', () => {
    decode([mpReach, mpUnreach, ...mandatory, attribute(0x40, 6, '01')], external, [ten], [ten]);
    const { r, ipv4 } = decode(mandatory);
    expect([r.reachFamily, r.unreachFamily, r.discarded.length, r.error]).toEqual([-1, -1, 0, null]);
    expect([r.reachEnd, r.withdrawnEnd - r.withdrawnStart, r.canonicalEnd[1]]).toEqual([0, 0, 0]);
    expect(ipv4).toEqual({ nextHop: '192.0.2.1', origin: 'igp', asPath: '65001' });
  });
});

describe('AS_PATH and AS4_PATH from a 2-octet peer become one path', () => {
  const T = 23456;
  const sequence = (...asns: number[]) => ({ type: 2, asns });
  const set = (...asns: number[]) => ({ type: 1, asns });
  type Segments = { type: number; asns: number[] }[];
  const cases: [string, Segments, Segments | null, string][] = [
    ['no AS4_PATH', [sequence(1, 2)], null, '1 2'],
    ['AS_TRANS throughout', [sequence(1, T, T)], [sequence(1, 70000, 80000)], '1 70000 80000'],
    ['an old speaker has prepended', [sequence(5, 6, T, 1)], [sequence(70000, 1)], '5 6 70000 1'],
    ['an AS4_PATH longer than AS_PATH is passed over', [sequence(T)], [sequence(70000, 1)], '23456'],
    ['a set counts one', [sequence(5), set(1, 2, 3)], [set(70000, 2, 3)], '5 {70000 2 3}'],
    ['a set of the leading part comes whole', [set(7, 8), sequence(T)], [sequence(70000)], '{7 8} 70000'],
    ['cut in the second segment', [set(7), sequence(5, T)], [sequence(70000)], '{7} 5 70000'],
    [
      'confederation segments of AS4_PATH are dropped',
      [sequence(5, T)],
      [{ type: 3, asns: [9] }, sequence(70000)],
      '5 70000',
    ],
  ];
  it.each(cases)('%s', (_, path, as4, expected) => {
    const attributes = [
      origin,
      { flags: 0x40, type: 2, value: encodeAsPath(path, 2) },
      nextHop,
      ...(as4 === null ? [] : [{ flags: 0xc0, type: 17, value: encodeAsPath(as4, 4) }]),
    ];
    expect(decode(attributes, oldExternal)).toMatchObject({ severity: 'none', ipv4: { asPath: expected } });
  });

  it('joins the cut sequence, so that the set is that of a peer that never cut it', () => {
    const path = { flags: 0x40, type: 2, value: encodeAsPath([sequence(5, T)], 2) };
    const as4 = { flags: 0xc0, type: 17, value: encodeAsPath([sequence(70000)], 4) };
    const { r } = decode([origin, path, nextHop, as4], oldExternal);
    const merged = r.canonical.toString('hex', r.canonicalStart[0], r.canonicalEnd[0]);
    const whole = { flags: 0x40, type: 2, value: encodeAsPath([sequence(5, 70000)], 4) };
    decode([origin, whole, nextHop]);
    expect(r.canonical.toString('hex', r.canonicalStart[0], r.canonicalEnd[0])).toBe(merged);
  });

  const path = { flags: 0x40, type: 2, value: encodeAsPath([sequence(T)], 2) };
  const as4 = { flags: 0xc0, type: 17, value: encodeAsPath([sequence(70000)], 4) };
  const as4Aggregator = attribute(0xc0, 18, '00011170 c0000209');

  it('takes AS4_AGGREGATOR where AGGREGATOR says AS_TRANS', () => {
    const attributes = [origin, path, nextHop, attribute(0xc0, 7, '5ba0 c0000201'), as4, as4Aggregator];
    expect(decode(attributes, oldExternal).ipv4).toMatchObject({
      asPath: '70000',
      aggregator: { asn: 70000, address: '192.0.2.9' },
    });
  });

  it('passes over both AS4 attributes where an old speaker has aggregated since', () => {
    const attributes = [origin, path, nextHop, attribute(0xc0, 7, 'fde9 c0000201'), as4, as4Aggregator];
    expect(decode(attributes, oldExternal).ipv4).toMatchObject({
      asPath: '23456',
      aggregator: { asn: 65001, address: '192.0.2.1' },
    });
  });

  it('passes over AS4_AGGREGATOR without AGGREGATOR, and over both from a 4-octet speaker', () => {
    expect(decode([origin, path, nextHop, as4Aggregator], oldExternal).ipv4).not.toHaveProperty('aggregator');
    expect(decode([...mandatory, as4, as4Aggregator]).ipv4).toEqual({
      nextHop: '192.0.2.1',
      origin: 'igp',
      asPath: '65001',
    });
  });
});
