import { describe, expect, it } from 'vitest';
import { parseAddress, parsePrefix } from '../../../src/address/index.js';
import { buildCanonical } from '../../../src/bgp/wire/index.js';
import { RouterPolicies } from '../../../src/daemon/policies.js';
import type { PathId } from '../../../src/rib/ids.js';
import { OutgoingSets } from '../../../src/rib/outgoing-sets.js';
import { Rib } from '../../../src/rib/rib.js';
import { Validity } from '../../../src/rpki/types.js';
import { document, load, minimal } from '../config/documents.js';

const withFilter = (name: string) =>
  load(
    document(
      `${minimal}\nfilters: {${name}: [{action: accept}]}\npeers: [{name: p, address: 192.0.2.2, asn: 65002, import: ${name}, export: ${name}}]`,
    ),
  );

const groupFacts = {
  family: 0,
  kind: 'ibgp',
  fourOctetAs: true,
  maxLength: 4096,
  paths: 0,
  nextHopMode: 'self',
  nextHop: parseAddress('192.0.2.1'),
  linkLocal: null,
  extendedNextHop: false,
  sharedSubnets: [],
  longLivedStale: 'announce',
  asPath: null,
  clusterId: null,
  aigp: false,
  otc: null,
} as const;

describe("a peer's policies", () => {
  it('let nothing through while they name filters that the document has no more', () => {
    const address = parseAddress('192.0.2.2');
    const prefix = parsePrefix('203.0.113.0/24');
    if (address === null || prefix === null) throw new Error('not an address');
    const router = withFilter('a');
    const [settings] = router.peers;
    const rib = new Rib();
    const policies = new RouterPolicies(rib, router, { validate: () => Validity.notFound });
    const source = rib.addSource({
      kind: 'bgp',
      name: 'q',
      preference: 100,
      ibgp: false,
      client: false,
      routerId: 1,
      peerAddress: address,
      remoteAsn: 65003,
      forwarding: 'none',
    });
    const bytes = buildCanonical({ family: 0, nextHop: address, asPath: [65002] });
    const set = rib.sets.intern(bytes, 0, bytes.length);
    const [table] = rib.families;
    const id = table.prefixes.intern(prefix);
    table.announce(source, id, set, set);
    const path = table.paths.firstOf(id) as PathId;
    const judge = () => {
      const exporter = policies.exporter({
        family: 0,
        kind: 'ebgp',
        fourOctetAs: true,
        maxLength: 4096,
        paths: 0,
        nextHopMode: 'self',
        nextHop: address,
        linkLocal: null,
        extendedNextHop: false,
        sharedSubnets: [],
        longLivedStale: 'announce',
        filters: settings.export ?? null,
        asPath: null,
        clusterId: null,
        aigp: false,
        otc: null,
      });
      const importer = policies.importPolicy(settings, 'ebgp');
      return [
        importer.accept(0, id, set) !== 0,
        exporter.export(id, path, new OutgoingSets(rib.sets)) !== 0,
        importer.explain(0, id, set),
      ] as const;
    };
    expect(judge().slice(0, 2)).toEqual([true, true]);
    policies.setRouter(withFilter('b'));
    expect(judge()).toEqual([false, false, 'filter `a` is not there any more']);
  });
});

describe('pools and the inventory', () => {
  const internal = 'peers: [{name: p, address: 192.0.2.2, asn: 65001}]';
  const nodes = 'nodes: [{name: b, addresses: [192.0.2.3]}]';
  const pools =
    'pools: [{cidr: 10.0.0.0/8, export: false}, {cidr: 10.1.0.0/16}, {cidr: 10.1.2.0/24, export: false}]';
  const filters = 'filters: {all: [{action: accept}]}';

  /** Whether an iBGP peer is told of a path of a source to the prefix, and why. */
  function told(text: string, kind: 'bgp' | 'inventory', prefixText: string): string {
    const address = parseAddress('192.0.2.2');
    const prefix = parsePrefix(prefixText);
    if (address === null || prefix === null) throw new Error('not an address');
    const router = load(document(`${minimal}\n${text}`));
    const rib = new Rib();
    const source = rib.addSource({
      kind,
      name: 'q',
      preference: 100,
      ibgp: false,
      client: false,
      routerId: 1,
      peerAddress: kind === 'bgp' ? address : null,
      remoteAsn: kind === 'bgp' ? 65003 : 0,
      forwarding: 'none',
    });
    const bytes = buildCanonical({ family: 0, nextHop: address, asPath: kind === 'bgp' ? [65003] : [] });
    const set = rib.sets.intern(bytes, 0, bytes.length);
    const [table] = rib.families;
    const id = table.prefixes.intern(prefix);
    table.announce(source, id, set, set);
    const policies = new RouterPolicies(rib, router, { validate: () => Validity.notFound });
    const exporter = policies.exporter({ ...groupFacts, filters: router.peers[0]?.export ?? null });
    return exporter.explain(id, table.paths.firstOf(id) as PathId);
  }

  it.each([
    ['10.9.0.0/24', 'filter pools rule 3 rejects it'],
    ['10.1.9.0/24', 'filter pools rule 2 accepts it'],
    ['10.1.2.128/25', 'filter pools rule 1 rejects it'],
    ['198.51.100.0/24', 'filter pools rule 4 accepts it'],
  ])('keep %s from peers where the most specific pool says so', (prefix, reason) => {
    expect(told(`${pools}\n${internal}`, 'bgp', prefix)).toBe(reason);
  });

  it('leave it to an export filter whether routes of the inventory are announced', () => {
    expect(told(`${nodes}\n${internal}`, 'inventory', '10.3.0.0/24')).toBe('filter pools rule 1 rejects it');
    expect(told(`${nodes}\n${internal}`, 'bgp', '10.3.0.0/24')).toBe('filter pools rule 2 accepts it');
    const filtered = internal.replace('asn: 65001', 'asn: 65001, export: all');
    expect(told(`${nodes}\n${filters}\n${filtered}`, 'inventory', '10.3.0.0/24')).toBe(
      'filter all rule 1 accepts it',
    );
  });

  it('say nothing where there are none', () => {
    expect(told(internal, 'bgp', '10.3.0.0/24')).toBe('no filter is configured: everything is accepted');
  });
});
