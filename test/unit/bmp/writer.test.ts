import { describe, expect, it } from 'vitest';
import { parseAddress } from '../../../src/address/index.js';
import {
  BmpWriter,
  InformationType,
  locRibHeader,
  PeerDownReason,
  PeerFlag,
  StatisticType,
  sessionHeader,
  TerminationReason,
} from '../../../src/bgp/bmp/index.js';
import { encodeEndOfRib } from '../../../src/bgp/wire/index.js';

const address = (text: string) => {
  const parsed = parseAddress(text);
  if (parsed === null) throw new Error(text);
  return parsed;
};
const ipv4 = { address: address('192.0.2.7'), asn: 4200000001, routerId: 0x0a000002 };
const ipv6 = { address: address('2001:db8::7'), asn: 65002, routerId: 0x0a000002 };
/** 2026-01-02 03:04:05.678. */
const time = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
const stamp = '695735a5 000a5870';
const ffff = 'ff'.repeat(16);

const hex = (text: string) => text.replace(/\s+/g, '');
const written = (write: (writer: BmpWriter) => void): string => {
  const writer = new BmpWriter(16);
  write(writer);
  return writer.take().toString('hex');
};
const zeros = (octets: number) => '00'.repeat(octets);

describe('the per-peer header (RFC 7854 §4.2)', () => {
  it('has an IPv4 address behind 12 octets of zero and an IPv6 address whole, with the V flag', () => {
    expect(sessionHeader(ipv4).toString('hex')).toBe(
      hex(`00 00 ${zeros(8)} ${zeros(12)}c0000207 fa56ea01 0a000002 ${zeros(8)}`),
    );
    expect(sessionHeader(ipv6).toString('hex')).toBe(
      hex(`00 80 ${zeros(8)} 20010db8000000000000000000000007 0000fdea 0a000002 ${zeros(8)}`),
    );
  });

  it('has the L and A flags where they are asked for', () => {
    expect(sessionHeader(ipv4, PeerFlag.postPolicy)[1]).toBe(0x40);
    expect(sessionHeader(ipv6, PeerFlag.postPolicy | PeerFlag.twoOctetAs)[1]).toBe(0xe0);
  });

  it("is of type 3 and has no address for the Loc-RIB, with the router's own numbers (RFC 9069 §4)", () => {
    expect(locRibHeader(65001, 0x0a000001).toString('hex')).toBe(
      hex(`03 00 ${zeros(8)} ${zeros(16)} 0000fde9 0a000001 ${zeros(8)}`),
    );
  });
});

describe('messages', () => {
  it('Initiation says what the router is and how it is called (§4.3)', () => {
    const said = `0001 0006 ${Buffer.from('Tartan').toString('hex')} 0002 0002 7231`;
    expect(written((writer) => writer.initiation('Tartan', 'r1'))).toBe(hex(`03 00000016 04 ${said}`));
  });

  it('Termination has words and a reason (§4.5)', () => {
    expect(written((writer) => writer.termination(TerminationReason.permanentlyClosed, 'bye'))).toBe(
      hex(`03 00000013 05 0001 0002 0004 0000 0003 627965`),
    );
  });

  it('Peer Up has our end, both ports and both OPENs (§4.10)', () => {
    const sentOpen = Buffer.from(`${ffff}001d01 04fde900b40a00000100`.replace(' ', ''), 'hex');
    const receivedOpen = Buffer.from(`${ffff}001d01 04fdea005a0a00000200`.replace(' ', ''), 'hex');
    const header = sessionHeader(ipv4);
    const bytes = written((writer) =>
      writer.peerUp(header, time, {
        localAddress: address('192.0.2.1'),
        localPort: 179,
        remotePort: 50000,
        sentOpen,
        receivedOpen,
        information: [[InformationType.tableName, 'global']],
      }),
    );
    const head = `00 00 ${zeros(8)} ${zeros(12)}c0000207 fa56ea01 0a000002 ${stamp}`;
    expect(bytes).toBe(
      hex(
        `03 00000088 03 ${head} ${zeros(12)}c0000201 00b3 c350 ${sentOpen.toString('hex')} ${receivedOpen.toString('hex')} 0003 0006 676c6f62616c`,
      ),
    );
  });

  it('Peer Down has its reason and what belongs to it (§4.9)', () => {
    const head = `00 00 ${zeros(8)} ${zeros(12)}c0000207 fa56ea01 0a000002 ${stamp}`;
    const header = sessionHeader(ipv4);
    const cease = Buffer.from(`${ffff}00150306 02`.replace(' ', ''), 'hex');
    expect(written((writer) => writer.peerDown(header, time, PeerDownReason.remoteNotification, cease))).toBe(
      hex(`03 00000046 02 ${head} 03 ${cease.toString('hex')}`),
    );
    expect(
      written((writer) =>
        writer.peerDown(header, time, PeerDownReason.remoteNoNotification, Buffer.alloc(0)),
      ),
    ).toBe(hex(`03 00000031 02 ${head} 04`));
  });

  it('Route Monitoring is one message for each UPDATE, also where they come together (§4.6)', () => {
    const header = sessionHeader(ipv6, PeerFlag.postPolicy);
    const head = `00 c0 ${zeros(8)} 20010db8000000000000000000000007 0000fdea 0a000002 ${zeros(8)}`;
    const [one, two] = [encodeEndOfRib(0), encodeEndOfRib(1)];
    const bytes = written((writer) => {
      writer.routeMonitoring(header, 0, Buffer.concat([one, two]));
      expect(writer.messages).toBe(2);
    });
    expect(bytes).toBe(
      hex(`03 00000047 00 ${head} ${one.toString('hex')} 03 0000004d 00 ${head} ${two.toString('hex')}`),
    );
  });

  it('Statistics Reports have counters of 32 bits and gauges of 64, some by family (§4.8)', () => {
    const head = `00 00 ${zeros(8)} ${zeros(12)}c0000207 fa56ea01 0a000002 ${stamp}`;
    const bytes = written((writer) =>
      writer.statistics(sessionHeader(ipv4), time, [
        { type: StatisticType.rejectedPrefixes, counter: 0x1_0000_0002 },
        { type: StatisticType.adjRibInRoutes, gauge: 0x1_0000_0002 },
        { type: StatisticType.adjRibInRoutesByFamily, gauge: 3, family: 1 },
      ]),
    );
    expect(bytes).toBe(
      hex(
        `03 00000057 01 ${head} 00000003 0000 0004 00000002 0007 0008 0000000100000002 0009 000b 0002 01 0000000000000003`,
      ),
    );
  });

  it('Route Mirroring has the message last, behind the news that some were lost (§4.7)', () => {
    const head = `00 00 ${zeros(8)} ${zeros(12)}c0000207 fa56ea01 0a000002 ${stamp}`;
    const body = Buffer.from('0000aabb', 'hex');
    const mirrored = (lost: boolean) =>
      written((writer) => writer.routeMirroring(sessionHeader(ipv4), time, 2, body, 2, 4, lost));
    expect(mirrored(false)).toBe(hex(`03 00000049 06 ${head} 0000 0015 ${ffff} 0015 02 aabb`));
    expect(mirrored(true)).toBe(hex(`03 0000004f 06 ${head} 0001 0002 0001 0000 0015 ${ffff} 0015 02 aabb`));
  });
});
