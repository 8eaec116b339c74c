import { describe, expect, it } from 'vitest';
import { parseAddress, parsePrefix } from '../../../src/address/index.js';
import { buildCanonical } from '../../../src/bgp/wire/index.js';
import { RouterPolicies } from '../../../src/daemon/policies.js';
import type { PathId } from '../../../src/rib/ids.js';
import { Rib } from '../../../src/rib/rib.js';
import { Validity } from '../../../src/rpki/types.js';
import { document, load, minimal } from '../config/documents.js';

const withFilter = (name: string) =>
  load(
    document(
      `${minimal}\nfilters: {${name}: [{action: accept}]}\npeers: [{name: p, address: 192.0.2.2, asn: 65002, import: ${name}, export: ${name}}]`,
    ),
  );

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
        exporter.export(id, path) !== 0,
        importer.explain(0, id, set),
      ] as const;
    };
    expect(judge().slice(0, 2)).toEqual([true, true]);
    policies.setRouter(withFilter('b'));
    expect(judge()).toEqual([false, false, 'filter `a` is not there any more']);
  });
});
