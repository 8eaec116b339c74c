import { describe, expect, it } from 'vitest';
import { parseAddress, parsePrefix } from '../../../src/address/index.js';
import {
  AttributeCode,
  buildCanonical,
  CanonicalBuilder,
  CanonicalView,
  Role,
  type RoleName,
} from '../../../src/bgp/wire/index.js';
import {
  type ExportFacts,
  findFault,
  type ImportFacts,
  noEdits,
  type RouteOrigin,
  SetRewriter,
  treatExport,
  treatImport,
} from '../../../src/policy/index.js';

const nextHop = parseAddress('192.0.2.7') ?? { family: 0 as const, a: 0, b: 0, c: 0, d: 0 };
const US = 65000;
const THEM = 4200000007;
const roles = Object.keys(Role) as RoleName[];

/** A route with this OTC; null: without. */
function route(otc: number | null): Buffer {
  const set = buildCanonical({ family: 0, nextHop, asPath: [THEM, 65009], largeCommunities: [[1, 2, 3]] });
  if (otc === null) return set;
  const value = Buffer.alloc(4);
  value.writeUInt32BE(otc);
  return new CanonicalBuilder()
    .load(set, 0, set.length)
    .put(AttributeCode.onlyToCustomer, 0xc0, value)
    .toBuffer();
}

function otcOf(buffer: Buffer, start: number, end: number): number | null {
  const view = new CanonicalView();
  view.reset(buffer, start, end);
  return view.find(AttributeCode.onlyToCustomer) ? buffer.readUInt32BE(view.valueStart) : null;
}

const out = new SetRewriter();

function imported(role: RoleName | null, otc: number | null): number | null | string {
  const facts: ImportFacts = {
    ebgp: true,
    localAsn: US,
    routerId: 1,
    clusterIds: [1],
    peerAddress: nextHop,
    firstAs: null,
    maxAsPathLength: 0,
    allowOwnAs: 0,
    gracefulShutdown: true,
    acceptsBlackhole: false,
    localAs: null,
    otc: role === null ? null : { role, asn: THEM },
  };
  const set = route(otc);
  const fault = findFault(set, 0, set.length, facts);
  if (fault !== null) return fault;
  const outcome = treatImport(set, 0, set.length, facts, noEdits, out);
  if (outcome === 'unchanged') return otcOf(set, 0, set.length);
  expect(outcome).toBe('rewritten');
  return otcOf(out.buffer, 0, out.end);
}

const external: RouteOrigin = { kind: 'ebgp', routerId: 7, address: nextHop };

function exported(role: RoleName | null, otc: number | null, kind: ExportFacts['kind'] = 'ebgp') {
  const facts: ExportFacts = {
    kind,
    localAsn: US,
    peerAsn: null,
    routerId: 1,
    clusterId: 1,
    nextHop: 'auto',
    self: [{ address: nextHop, linkLocal: null }, null],
    sharedSubnet: [parsePrefix('192.0.2.0/24'), null],
    extendedNextHop: false,
    otc: role === null ? null : { role, asn: US },
  };
  const set = route(otc);
  const outcome = treatExport(set, 0, set.length, external, facts, noEdits, out);
  return outcome === 'announced' ? otcOf(out.buffer, 0, out.end) : outcome;
}

describe('Only-to-Customer (RFC 9234 §5)', () => {
  // Our role; what becomes of a route without OTC, with the peer's AS, and with another.
  it.each([
    ['provider', null, 'leakedByCustomer', 'leakedByCustomer'], // from a customer
    ['routeServer', null, 'leakedByCustomer', 'leakedByCustomer'], // from an RS-client
    ['peer', THEM, THEM, 'leakedByPeer'],
    ['customer', THEM, THEM, 65009], // from a provider
    ['routeServerClient', THEM, THEM, 65009], // from an RS
    [null, null, THEM, 65009],
  ] as const)('on receipt, where we are %s', (role, without, theirs, another) => {
    expect(imported(role, null)).toBe(without);
    expect(imported(role, THEM)).toBe(theirs);
    expect(imported(role, 65009)).toBe(another);
  });

  // Our role; what goes out of a route without OTC and with one.
  it.each([
    ['provider', US, 65009], // to a customer
    ['routeServer', US, 65009], // to an RS-client
    ['peer', US, 'onlyToCustomer'],
    ['customer', null, 'onlyToCustomer'], // to a provider
    ['routeServerClient', null, 'onlyToCustomer'], // to an RS
    [null, null, 65009],
  ] as const)('on advertisement, where we are %s', (role, without, carrying) => {
    expect(exported(role, null)).toBe(without);
    expect(exported(role, 65009)).toBe(carrying);
  });

  it('goes unchanged to internal peers, and stays away where it was not', () => {
    for (const kind of ['ibgp', 'ibgpClient'] as const) {
      expect(exported(null, 65009, kind)).toBe(65009);
      expect(exported(null, null, kind)).toBe(null);
    }
  });

  it('never passes from a provider, peer or route server to another, whatever role each side has', () => {
    for (const from of roles) {
      const came = imported(from, null);
      if (typeof came === 'string') throw new Error(came);
      for (const to of roles) {
        const isUphill = from !== 'provider' && from !== 'routeServer';
        const leaves = to === 'provider' || to === 'routeServer';
        expect(exported(to, came) === 'onlyToCustomer', `${from} to ${to}`).toBe(isUphill && !leaves);
      }
    }
  });
});
