import { describe, expect, it } from 'vitest';
import { type Address, type Prefix, parseAddress, parsePrefix } from '../../../src/address/index.js';
import {
  decodeRecord,
  encodeRecord,
  formatFileName,
  MrtFault,
  type MrtRecord,
  type MrtRow,
  MrtWriter,
  RecordFramer,
  readAttributes,
  TableView,
  unknownField,
} from '../../../src/bgp/mrt/index.js';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(/\s|\/\/.*$/gm, ''), 'hex');

function address(text: string): Address {
  const parsed = parseAddress(text);
  if (parsed === null) throw new Error(`${text} is no address`);
  return parsed;
}

function prefix(text: string): Prefix {
  const parsed = parsePrefix(text);
  if (parsed === null) throw new Error(`${text} is no prefix`);
  return parsed;
}

/** The records of a file, as values. */
function read(file: Buffer): (MrtRecord | MrtFault)[] {
  const records: (MrtRecord | MrtFault)[] = [];
  const framer = new RecordFramer();
  const fault = framer.push(file, (...record) => {
    records.push(decodeRecord(...record));
  });
  return fault === null ? records : [...records, fault];
}

function rowsOf(file: Buffer): MrtRow[] {
  const view = new TableView();
  return read(file).flatMap((record) => [...view.rows(record)]);
}

const peerIndexTable = hex(`
  5f5e1000 000d 0001 00000030  // 2020-09-13T12:26:40Z, TABLE_DUMP_V2, PEER_INDEX_TABLE, 48 octets
  c0000201                     // collector 192.0.2.1
  0002 7678 0002               // view "vx", two peers
  02 c0000202 0a000002 0000fde9          // AS4, 192.0.2.2, 10.0.0.2, 65001
  03 c0000203 20010db8000000000000000000000002 fa56ea00  // AS4, IPv6
`);

const ribIpv4 = hex(`
  5f5e1000 000d 0002 0000002d
  00000007 16 c63364           // sequence 7, 198.51.100.0/22
  0001 0000 5f5e0f00 001b      // one entry: peer 0, its time, 27 octets of attributes
  40 01 01 00                  // ORIGIN igp
  40 02 0a 02 02 0000fde9 0000fdea // AS_PATH 65001 65002
  40 03 04 0a000002            // NEXT_HOP
  80 04 00                     // a MULTI_EXIT_DISC of no octets
`);

const ribIpv6 = hex(`
  5f5e1000 000d 0004 00000035
  00000008 20 20010db8
  0001 0001 5f5e0f00 0022
  40 01 01 02                  // ORIGIN incomplete
  50 02 0006 02 01 fa56ea00    // AS_PATH 4200000000, extended length
  80 0e 11 10 20010db8000000000000000000000002 // MP_REACH_NLRI: length and next hop alone
`);

const stateChangeAs4 = hex(`
  5f5e1000 0010 0005 00000018
  0000fde9 fa56ea00 0000 0001 0a000002 0a000001 0005 0006
`);

const messageAs4 = hex(`
  5f5e1000 0010 0004 00000047
  0000fde9 0000fdea 0003 0001 0a000002 0a000001
  ffffffffffffffffffffffffffffffff 0033 02
  0004 18 0a0100               // withdrawn 10.1.0.0/24
  0014 400101 00 400206 0201 0000fde9 400304 0a000002
  18 cb0071
`);

const message2 = hex(`
  5f5e1000 0010 0001 00000041
  fde9 fdea 0003 0001 0a000002 0a000001
  ffffffffffffffffffffffffffffffff 0031 02
  0004 18 0a0100
  0012 400101 00 400204 0201 fde9 400304 0a000002
  18 cb0071
`);

describe('records as RFC 6396 draws them', () => {
  const plainIpv4 = Buffer.concat([
    hex('5f5e1000 000d 0002 0000002a'),
    ribIpv4.subarray(12, 28),
    hex('0018'),
    ribIpv4.subarray(30, 54),
  ]);

  it('holds an index of peers (§4.3.1)', () => {
    const record: MrtRecord = {
      time: 1600000000,
      microseconds: null,
      body: {
        kind: 'peerIndexTable',
        collectorId: 0xc0000201,
        viewName: 'vx',
        peers: [
          { routerId: 0xc0000202, address: address('10.0.0.2'), asn: 65001 },
          { routerId: 0xc0000203, address: address('2001:db8::2'), asn: 4200000000 },
        ],
      },
    };
    expect(encodeRecord(record).toString('hex')).toBe(peerIndexTable.toString('hex'));
    expect(read(peerIndexTable)).toEqual([record]);
  });

  it('holds a prefix of IPv4 with an entry (§4.3.2, §4.3.4)', () => {
    const body = {
      kind: 'rib' as const,
      sequence: 7,
      prefix: prefix('198.51.100.0/22'),
      addPath: false,
      entries: [{ peerIndex: 0, originatedTime: 0x5f5e0f00, pathId: 0, attributes: ribIpv4.subarray(-27) }],
    };
    const record: MrtRecord = { time: 1600000000, microseconds: null, body };
    expect(encodeRecord(record).toString('hex')).toBe(ribIpv4.toString('hex'));
    expect(read(ribIpv4)).toEqual([record]);
  });

  it('tells the routes of a table with their peers', () => {
    expect(rowsOf(Buffer.concat([peerIndexTable, plainIpv4, ribIpv6]))).toEqual([
      {
        type: 'peers',
        time: '2020-09-13T12:26:40Z',
        collector: '192.0.2.1',
        view: 'vx',
        peers: [
          { peer: '10.0.0.2', asn: 65001, routerId: '192.0.2.2' },
          { peer: '2001:db8::2', asn: 4200000000, routerId: '192.0.2.3' },
        ],
      },
      {
        type: 'route',
        time: '2020-09-13T12:26:40Z',
        peer: '10.0.0.2',
        asn: 65001,
        prefix: '198.51.100.0/22',
        since: '2020-09-13T12:22:24Z',
        origin: 'igp',
        asPath: '65001 65002',
        nextHop: '10.0.0.2',
      },
      {
        type: 'route',
        time: '2020-09-13T12:26:40Z',
        peer: '2001:db8::2',
        asn: 4200000000,
        prefix: '2001:db8::/32',
        since: '2020-09-13T12:22:24Z',
        origin: 'incomplete',
        asPath: '4200000000',
        nextHop: '2001:db8::2',
      },
    ]);
  });

  it('tells a route whose attributes are damaged, and which one is', () => {
    const [, row] = rowsOf(Buffer.concat([peerIndexTable, ribIpv4]));
    expect(row).toMatchObject({ type: 'route', prefix: '198.51.100.0/22', peer: '10.0.0.2' });
    expect((row as { error?: string }).error).toContain('MULTI_EXIT_DISC');
  });

  it('tells a route of a peer that the table does not have', () => {
    expect(rowsOf(plainIpv4)).toMatchObject([{ type: 'route', peer: '', error: 'the table has no peer 0' }]);
  });

  it('holds a change of state (§4.4.4)', () => {
    const record: MrtRecord = {
      time: 1600000000,
      microseconds: null,
      body: {
        kind: 'stateChange',
        fourOctetAs: true,
        peerAsn: 65001,
        localAsn: 4200000000,
        interfaceIndex: 0,
        peerAddress: address('10.0.0.2'),
        localAddress: address('10.0.0.1'),
        oldState: 5,
        newState: 6,
      },
    };
    expect(encodeRecord(record).toString('hex')).toBe(stateChangeAs4.toString('hex'));
    expect(rowsOf(stateChangeAs4)).toEqual([
      {
        type: 'state',
        time: '2020-09-13T12:26:40Z',
        peer: '10.0.0.2',
        asn: 65001,
        from: 'openConfirm',
        to: 'established',
      },
    ]);
  });

  it.each([
    ['4-octet (§4.4.3)', messageAs4, true],
    ['2-octet (§4.4.2)', message2, false],
  ])('holds a message with %s AS numbers', (_, golden, fourOctetAs) => {
    const writer = new MrtWriter();
    const ends = {
      peerAsn: 65001,
      localAsn: 65002,
      interfaceIndex: 3,
      peerAddress: address('10.0.0.2'),
      localAddress: address('10.0.0.1'),
    };
    const body = golden.subarray(fourOctetAs ? 12 + 20 + 19 : 12 + 16 + 19);
    writer.messageBody(
      1600000000,
      ends,
      { fourOctetAs, addPath: false, local: false },
      2,
      body,
      0,
      body.length,
    );
    const written = writer.take();
    expect(written.toString('hex')).toBe(golden.toString('hex'));
    const [record] = read(golden);
    expect(encodeRecord(record as MrtRecord)).toEqual(written);
    const peer = { time: '2020-09-13T12:26:40Z', peer: '10.0.0.2', asn: 65001 };
    expect(rowsOf(golden)).toEqual([
      { type: 'withdraw', ...peer, prefix: '10.1.0.0/24' },
      {
        type: 'announce',
        ...peer,
        prefix: '203.0.113.0/24',
        origin: 'igp',
        asPath: '65001',
        nextHop: '10.0.0.2',
      },
    ]);
  });

  it('tells microseconds of the types that have them (§3)', () => {
    const extended = Buffer.concat([
      hex('5f5e1000 0011 0005 0000001c 0000002a'),
      stateChangeAs4.subarray(12),
    ]);
    expect(rowsOf(extended)).toMatchObject([{ type: 'state', time: '2020-09-13T12:26:40.000042Z' }]);
  });

  it('passes over a record of another type', () => {
    expect(rowsOf(Buffer.concat([hex('5f5e1000 000c 0001 00000003 010203'), stateChangeAs4]))).toMatchObject([
      { type: 'other', mrtType: 12, mrtSubtype: 1, octets: 3 },
      { type: 'state' },
    ]);
  });

  it('goes on behind a record that is cut short, and says where it was', () => {
    const cut = Buffer.concat([hex('5f5e1000 0010 0005 00000006'), stateChangeAs4.subarray(12, 18)]);
    expect(rowsOf(Buffer.concat([cut, stateChangeAs4]))).toMatchObject([
      { type: 'damaged', error: expect.stringContaining('the local AS number is cut short') },
      { type: 'state' },
    ]);
  });

  it('reads nothing more behind a length that no record has', () => {
    const records = read(
      Buffer.concat([stateChangeAs4, Buffer.from('this is not an MRT file'), stateChangeAs4]),
    );
    expect(records).toHaveLength(2);
    expect(records[1]).toBeInstanceOf(MrtFault);
    expect((records[1] as MrtFault).offset).toBe(stateChangeAs4.length);
  });
});

describe('attributes of a table', () => {
  const canonicalEntry = (canonical: string): Buffer => {
    const writer = new MrtWriter();
    const bytes = hex(canonical);
    writer.beginRib(0, 0, bytes[0] as 0 | 1, 0, 0, 0, 0, 0, false);
    writer.canonicalRibEntry(0, 0, 0, bytes, 0, bytes.length);
    writer.endRib();
    const [record] = read(writer.take());
    if (record instanceof MrtFault || record.body.kind !== 'rib') throw new Error('no RIB record');
    return record.body.entries[0].attributes;
  };

  it('has an IPv4 next hop in NEXT_HOP, in the order of types', () => {
    expect(canonicalEntry('00 04 0a000002 40010100 400200 80040400000007').toString('hex')).toBe(
      '400101004002004003040a00000280040400000007',
    );
  });

  it('has both IPv6 next hops in an MP_REACH_NLRI without prefixes (§4.3.4)', () => {
    const nextHop = '20010db8000000000000000000000002 fe800000000000000000000000000002';
    const written = canonicalEntry(`01 20 ${nextHop} 40010100 400200 c0200c000000010000000200000003`);
    expect(written.toString('hex')).toBe(
      hex(`40010100 400200 800e21 20 ${nextHop} c0200c000000010000000200000003`).toString('hex'),
    );
    expect(readAttributes(prefix('2001:db8::/32'), written)).toEqual({
      origin: 'igp',
      asPath: '',
      nextHop: '2001:db8::2',
      linkLocalNextHop: 'fe80::2',
      largeCommunities: ['1:2:3'],
    });
  });

  it('has an IPv6 next hop of an IPv4 prefix (RFC 8950) in MP_REACH_NLRI too', () => {
    const written = canonicalEntry('00 10 20010db8000000000000000000000002 40010100 400200');
    expect(readAttributes(prefix('10.0.0.0/8'), written)).toMatchObject({ nextHop: '2001:db8::2' });
  });

  it('has a next hop of zeros where the route is our own, which reads as none', () => {
    expect(readAttributes(prefix('10.0.0.0/8'), canonicalEntry('00 00 40010100 400200'))).toMatchObject({
      nextHop: null,
    });
    expect(readAttributes(prefix('2001:db8::/32'), canonicalEntry('01 00 40010100 400200'))).toMatchObject({
      nextHop: null,
    });
  });

  it('is read also where MP_REACH_NLRI is whole, as older writers leave it', () => {
    const attributes = hex(`40010100 400200
      800e1a 0002 01 10 20010db8000000000000000000000002 00 20 20010db8`);
    expect(readAttributes(prefix('2001:db8::/32'), attributes)).toMatchObject({ nextHop: '2001:db8::2' });
  });
});

describe('names of files', () => {
  it('have the time in UTC', () => {
    expect(formatFileName('/r/%Y%m%d.%H%M%S.%s.100%%', 1600000000)).toBe(
      '/r/20200913.122640.1600000000.100%',
    );
  });

  it('know their fields', () => {
    expect(unknownField('/r/%Y%m%d.%H%M')).toBeNull();
    expect(unknownField('/r/%Y.%b')).toBe('%b');
    expect(unknownField('/r/%')).toBe('%');
  });
});
