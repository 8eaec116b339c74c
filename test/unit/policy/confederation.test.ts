import { describe, expect, it } from 'vitest';
import { type Address, parseAddress } from '../../../src/address/index.js';
import {
  AttributeCode,
  buildCanonical,
  CanonicalBuilder,
  describeAttributes,
  parseCommunity,
} from '../../../src/bgp/wire/index.js';
import {
  type ExportFacts,
  findFault,
  type ImportFacts,
  noEdits,
  type PeerKind,
  type RouteEdits,
  type RouteOrigin,
  routeOrigin,
  SetRewriter,
  treatExport,
} from '../../../src/policy/index.js';
import { encodeAsPath } from '../../oracle/update-codec.js';

const address = (text: string): Address => {
  const parsed = parseAddress(text);
  if (parsed === null) throw new Error(`${text} is no address`);
  return parsed;
};

/** Towards `kind` from member AS 65001 of confederation 100. */
const towards = (kind: PeerKind): ExportFacts => ({
  kind,
  localAsn: kind === 'ebgp' ? 100 : 65001,
  confederation: true,
  peerAsn: null,
  routerId: 1,
  clusterId: 9,
  nextHop: 'auto',
  self: [{ address: address('192.0.2.1'), linkLocal: null }, null],
  sharedSubnet: [null, null],
  extendedNextHop: false,
});
const from = (kind: RouteOrigin['kind']): RouteOrigin => ({
  kind,
  routerId: 7,
  address: address('192.0.2.7'),
});

/** `(65002) 200`, with all that an AS keeps to itself. */
function route(segments = [confed(65002), plain(200)], communities: string[] = []): Buffer {
  const set = buildCanonical({
    family: 0,
    nextHop: address('203.0.113.7'),
    med: 30,
    localPref: 250,
    communities: communities.map((text) => parseCommunity(text) ?? 0),
  });
  const builder = new CanonicalBuilder().load(set, 0, set.length);
  builder.put(AttributeCode.asPath, 0x40, encodeAsPath(segments, 4));
  builder.putU32(AttributeCode.originatorId, 0x0a000005);
  builder.put(AttributeCode.clusterList, 0x80, Buffer.of(10, 0, 0, 6));
  // Not transitive between ASes: link bandwidth.
  builder.put(AttributeCode.extendedCommunities, 0xc0, Buffer.from('4004fde949742400', 'hex'));
  return builder.toBuffer();
}
const confed = (...asns: number[]) => ({ type: 3, asns });
const plain = (...asns: number[]) => ({ type: 2, asns });

const out = new SetRewriter();
function announce(set: Buffer, origin: RouteOrigin, facts: ExportFacts, edits: Partial<RouteEdits> = {}) {
  const outcome = treatExport(set, 0, set.length, origin, facts, { ...noEdits, ...edits }, out);
  return outcome === 'announced' ? describeAttributes(out.buffer, 0, out.end) : outcome;
}

describe('what goes to another member AS', () => {
  it('has our member AS in front and all else as it was, but not what reflection left', () => {
    expect(announce(route(), from('confed'), towards('confed'))).toEqual({
      nextHop: '203.0.113.7',
      origin: 'igp',
      asPath: '(65001 65002) 200',
      med: 30,
      localPref: 250,
      extendedCommunities: [expect.any(String)],
    });
  });

  it('has a segment of its own in front of a path from outside, and LOCAL_PREF where it had none', () => {
    const set = buildCanonical({ family: 0, nextHop: address('203.0.113.7'), asPath: [200, 300] });
    expect(announce(set, from('ebgp'), towards('confed'))).toMatchObject({
      asPath: '(65001) 200 300',
      localPref: 100,
    });
    const own = buildCanonical({ family: 0 });
    expect(announce(own, from('local'), towards('confed'))).toMatchObject({
      asPath: '(65001)',
      nextHop: '192.0.2.1',
    });
  });

  it('opens another segment where the first one is full', () => {
    const full = confed(...new Array<number>(255).fill(65002));
    const sent = announce(route([full]), from('confed'), towards('confed'));
    expect(sent).toHaveProperty('asPath', `(65001) (${full.asns.join(' ')})`);
  });

  it('has what the filter prepends behind the member AS', () => {
    const edits = { prepend: [65001, 65001] };
    expect(announce(route(), from('confed'), towards('confed'), edits)).toHaveProperty(
      'asPath',
      '(65001) 65001 65001 (65002) 200',
    );
  });

  it('goes there from everywhere within, without reflection', () => {
    for (const kind of ['ibgp', 'ibgpClient', 'confed', 'ebgp'] as const) {
      expect(announce(route(), from(kind), towards('confed'))).not.toHaveProperty('clusterList');
    }
    // RFC 4456: from another member AS, it is new to all of this one.
    expect(announce(route(), from('confed'), towards('ibgp'))).toMatchObject({ clusterList: ['10.0.0.6'] });
    expect(announce(route(), from('ibgp'), towards('ibgp'))).toBe('notReflected');
  });
});

describe('what leaves the confederation', () => {
  it('shows its number alone', () => {
    const segments = [
      confed(65002, 65003),
      { type: 4, asns: [65004] },
      plain(200),
      confed(65009),
      plain(300),
    ];
    expect(announce(route(segments), from('confed'), towards('ebgp'))).toEqual({
      nextHop: '192.0.2.1',
      origin: 'igp',
      asPath: '100 200 300',
    });
    expect(announce(route([confed(65002)]), from('ibgp'), towards('ebgp'))).toHaveProperty('asPath', '100');
  });

  it('is treated as the peer wants it, what is within the confederation gone first', () => {
    const asPath = { asn: 64999, behind: 100, override: 200, removePrivate: 'all', peerAsn: 200 } as const;
    const segments = [confed(65002), plain(200, 64512)];
    expect(announce(route(segments), from('confed'), { ...towards('ebgp'), asPath })).toHaveProperty(
      'asPath',
      '64999 100 64999',
    );
  });
});

describe('well-known communities in a confederation', () => {
  it.each([
    ['no-export', 'announced', 'announced', 'noExport'],
    ['no-export-subconfed', 'announced', 'noExportSubconfed', 'noExportSubconfed'],
    ['no-advertise', 'noAdvertise', 'noAdvertise', 'noAdvertise'],
  ])('%s holds at its border', (name, ibgp, member, ebgp) => {
    const outcome = (kind: PeerKind) => {
      const sent = announce(route(undefined, [name]), from('confed'), towards(kind));
      return typeof sent === 'string' ? sent : 'announced';
    };
    expect([outcome('ibgp'), outcome('confed'), outcome('ebgp')]).toEqual([ibgp, member, ebgp]);
  });
});

describe('what comes into a member AS', () => {
  const facts: ImportFacts = {
    ebgp: false,
    confed: true,
    localAsn: 65001,
    confederationId: 100,
    routerId: 1,
    clusterIds: [9],
    peerAddress: address('192.0.2.7'),
    firstAs: 65002,
    maxAsPathLength: 1,
    allowOwnAs: 0,
    gracefulShutdown: true,
    acceptsBlackhole: false,
    localAs: null,
  };
  const fault = (segments: ReturnType<typeof plain>[], its = facts) => {
    const set = route(segments);
    return findFault(set, 0, set.length, its);
  };

  it('is taken when it begins with the member AS of the peer, which counts nothing', () => {
    expect(fault([confed(65002, 65003), plain(200)])).toBeNull();
    expect(fault([confed(65003, 65002), plain(200)])).toBe('firstAs');
    expect(fault([plain(65002)])).toBe('firstAs');
    expect(fault([confed(65002), plain(200, 300)])).toBe('asPathLength');
  });

  it('is a loop where our member AS is anywhere in it, or the number of the confederation outside', () => {
    expect(fault([confed(65002, 65001), plain(200)])).toBe('asLoop');
    expect(fault([confed(65002), plain(100)])).toBe('confederationLoop');
    // A member may have the number of the whole.
    expect(fault([confed(65002, 100), plain(200)])).toBeNull();
    const outside = { ...facts, ebgp: true, confed: false, firstAs: 200, maxAsPathLength: 0 };
    expect(fault([plain(200, 100)], outside)).toBe('confederationLoop');
    expect(fault([plain(200, 100)], { ...outside, allowOwnAs: 1 })).toBeNull();
  });
});

describe('a source of routes', () => {
  it('in another member AS is told apart from both neighbours', () => {
    const info = {
      kind: 'bgp',
      name: 'p',
      preference: 100,
      ibgp: false,
      confed: true,
      client: false,
      routerId: 7,
      peerAddress: null,
      remoteAsn: 65002,
      forwarding: 'nextHop',
    } as const;
    expect(routeOrigin(info).kind).toBe('confed');
    expect(routeOrigin({ ...info, confed: false }).kind).toBe('ebgp');
  });
});
