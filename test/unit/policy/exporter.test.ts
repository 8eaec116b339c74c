import { describe, expect, it } from 'vitest';
import { parseAddress } from '../../../src/address/index.js';
import { buildCanonical } from '../../../src/bgp/wire/index.js';
import { noEdits } from '../../../src/policy/edits.js';
import { routeOrigin, treatExport } from '../../../src/policy/export-treatment.js';
import { compileFilters, Exporter, type ExportFacts, type FilterSet } from '../../../src/policy/index.js';
import { SetRewriter } from '../../../src/policy/rewrite.js';
import { OutgoingSets, type PathId, type PrefixId, Rib, type SourceId } from '../../../src/rib/index.js';

const address = (text: string) => {
  const parsed = parseAddress(text);
  if (parsed === null) throw new Error(`${text} is no address`);
  return parsed;
};

const reflector: ExportFacts = {
  kind: 'ibgpClient',
  localAsn: 65000,
  peerAsn: null,
  routerId: 1,
  clusterId: 1,
  nextHop: 'auto',
  self: [{ address: address('198.51.100.1'), linkLocal: null }, null],
  sharedSubnet: [null, null],
  extendedNextHop: false,
};

/** As many clients as told; each announces a prefix of its own with the set that all have in common. */
function world(clients: number) {
  const rib = new Rib();
  const [table] = rib.families;
  const octets = buildCanonical({
    family: 0,
    nextHop: address('192.0.2.1'),
    asPath: [64500],
    communities: [7],
  });
  const set = rib.sets.intern(octets, 0, octets.length);
  const routes = Array.from({ length: clients }, (_, i) => {
    const source = rib.addSource({
      kind: 'bgp',
      name: `client${i}`,
      preference: 100,
      ibgp: true,
      client: true,
      routerId: i + 1,
      peerAddress: null,
      remoteAsn: 65000,
      forwarding: 'none',
    });
    const prefix = table.prefixes.intern4(0x0a000000 + i * 256, 24);
    table.announce(source, prefix, set, set);
    return { source, prefix };
  });
  rib.sets.release(set);
  rib.decide(Number.POSITIVE_INFINITY);
  return { rib, table, octets, routes };
}

function exported(
  { rib, table }: ReturnType<typeof world>,
  exporter: Exporter,
  outgoing: OutgoingSets,
  prefix: PrefixId,
) {
  const id = exporter.export(prefix, table.best(prefix) as PathId, outgoing);
  return { id, octets: outgoing.read(id), sets: rib.sets.count };
}

describe('an exporter', () => {
  it('makes no set of its own, as long as there are recipes, and the right one when there are none left', () => {
    const clients = 200;
    const made = world(clients);
    const { rib, octets, routes } = made;
    const exporter = new Exporter(rib, 0, reflector, compileFilters([], 0));
    const outgoing = new OutgoingSets(rib.sets);
    const ids = [...routes, ...routes].map(({ source, prefix }, i) => {
      const result = exported(made, exporter, outgoing, prefix);
      expect(result.sets).toBe(1 + Math.max(0, Math.min(i + 1, clients) - 127));
      const oracle = new SetRewriter();
      const origin = routeOrigin(rib.sources.get(source as SourceId));
      treatExport(octets, 0, octets.length, origin, reflector, noEdits, oracle);
      expect(result.octets).toEqual(oracle.buffer.subarray(0, oracle.end));
      return result.id;
    });
    expect(ids.slice(clients)).toEqual(ids.slice(0, clients));
    for (const id of ids) outgoing.release(id);
    expect(rib.sets.count).toBe(1);
  });

  it('needs one recipe for all that a filter changes alike, and a set where it works out communities', () => {
    const made = world(1);
    const { rib, routes } = made;
    const by = (set: FilterSet) =>
      new Exporter(
        rib,
        0,
        reflector,
        compileFilters([{ name: 'f', rules: [{ match: {}, set, action: 'accept' }] }], 0),
      );
    const outgoing = new OutgoingSets(rib.sets);
    const [{ prefix }] = routes;
    const first = exported(made, by({ med: 7, prepend: { asn: 65009, times: 2 } }), outgoing, prefix);
    const again = exported(made, by({ med: 7, prepend: { asn: 65009, times: 2 } }), outgoing, prefix);
    expect(again).toEqual(first);
    expect(first.sets).toBe(1);
    const added = exported(made, by({ communities: { add: [8] } }), outgoing, prefix);
    expect(added.sets).toBe(2);
    expect(added.octets.toString('hex')).toContain('c008080000000700000008');
    for (const { id } of [first, again, added]) outgoing.release(id);
    expect(rib.sets.count).toBe(1);
  });
});
