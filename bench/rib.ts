/**
 * The RIB alone, without sockets, policy and kernel: UPDATEs from memory are decoded, interned, announced and decided,
 * one source after the other, and all is withdrawn again.
 */
import { nlriOctets, nlriWord, UpdateDecoder } from '../src/bgp/wire/index.js';
import { type AttrSetId, NONE, type PrefixId, type SourceId } from '../src/rib/ids.js';
import { Rib } from '../src/rib/rib.js';
import { generatedTable, mrtTable, PrefixDigest, type Table } from './tables.js';

export interface RibBenchOptions {
  /** `generated:COUNT` or `mrt:FILE`; each source announces it with a neighbouring AS of its own. */
  readonly table: string;
  readonly sources: number;
}

export interface RibBenchResult {
  readonly prefixes: number;
  readonly paths: number;
  readonly attributeSets: number;
  /** Framing left out: UPDATE bodies to decided best paths. */
  readonly announceSeconds: number;
  /** Of that, inside the decoder. */
  readonly decodeSeconds: number;
  readonly withdrawSeconds: number;
  /** Longest single turn of the decision process, sweeps included, with a deadline of 4 ms. */
  readonly longestSliceMs: number;
  /** Tables of the RIB by their own account, attribute sets and prefixes included. */
  readonly tableBytes: number;
  /** Of that, the columns of paths. */
  readonly pathBytes: number;
  /** The same once everything is withdrawn. */
  readonly emptyTableBytes: number;
  readonly residentBytes: number;
}

const HEADER = 19;

/** Throws when the best paths are not exactly the table's prefixes. */
export function ribBench(options: RibBenchOptions): RibBenchResult {
  const rib = new Rib();
  const [ipv4] = rib.families;
  const decoder = new UpdateDecoder();
  const nextHop = 0xc0000201;
  rib.nextHops.setInterfaces([
    { ifindex: 2, address: { family: 0, a: 0xc00002fe, b: 0, c: 0, d: 0, length: 24 }, peer: null },
  ]);
  let announceMs = 0;
  let decodeMs = 0;
  let longestSliceMs = 0;
  const slice = (): boolean => {
    const begin = performance.now();
    const more = rib.decide(begin + 4);
    longestSliceMs = Math.max(longestSliceMs, performance.now() - begin);
    return more;
  };
  const settle = (): void => {
    while (slice());
  };
  const feed = (source: SourceId, updates: Buffer): void => {
    const begin = performance.now();
    for (let at = 0; at < updates.length; ) {
      const end = at + updates.readUInt16BE(at + 16);
      const update = decoder.decode(updates, at + HEADER, end, { fourOctetAs: true, ebgp: true });
      if (update.error !== null) throw new Error(`the table has a bad UPDATE: ${update.error.message}`);
      for (let p = update.withdrawnStart; p < update.withdrawnEnd; p += nlriOctets(updates[p])) {
        const prefix = ipv4.prefixes.find4(nlriWord(updates, p, 0), updates[p]);
        if (prefix !== NONE) ipv4.withdraw(source, prefix as PrefixId);
      }
      if (update.nlriStart < update.nlriEnd) {
        const { canonical, canonicalStart, canonicalEnd } = update;
        const set: AttrSetId = rib.sets.intern(canonical, canonicalStart[0], canonicalEnd[0]);
        for (let p = update.nlriStart; p < update.nlriEnd; p += nlriOctets(updates[p])) {
          ipv4.announce(source, ipv4.prefixes.intern4(nlriWord(updates, p, 0), updates[p]), set, set);
        }
        rib.sets.release(set);
      }
      at = end;
      // The daemon's peers are paused, too, when this many prefixes wait.
      if (rib.dirtyCount > 4096) slice();
    }
    settle();
    announceMs += performance.now() - begin;
  };
  const decodeOnly = (updates: Buffer): void => {
    const begin = performance.now();
    for (let at = 0; at < updates.length; ) {
      const end = at + updates.readUInt16BE(at + 16);
      decoder.decode(updates, at + HEADER, end, { fourOctetAs: true, ebgp: true });
      at = end;
    }
    decodeMs += performance.now() - begin;
  };

  const ids: SourceId[] = [];
  let digest = '';
  let prefixes = 0;
  for (let i = 0; i < options.sources; i++) {
    const table = load(options.table, 65001 + i, nextHop + i);
    digest = table.digest;
    prefixes = table.prefixes;
    const source = rib.addSource({
      kind: 'bgp',
      name: `feeder${i}`,
      preference: 100,
      ibgp: false,
      client: false,
      routerId: 0x0a000001 + i,
      peerAddress: { family: 0, a: nextHop + i, b: 0, c: 0, d: 0 },
      remoteAsn: 65001 + i,
      forwarding: 'nextHop',
    });
    ids.push(source);
    decodeOnly(table.updates);
    feed(source, table.updates);
  }
  const held = new PrefixDigest();
  for (const id of ipv4.prefixes.walk()) {
    if (ipv4.best(id) !== NONE) held.add(ipv4.prefixes.words[id], ipv4.prefixes.lengths[id]);
  }
  if (held.toString() !== digest) throw new Error('best paths and table differ');
  const result = {
    prefixes,
    paths: ipv4.paths.count,
    attributeSets: rib.sets.count,
    tableBytes: ipv4.memoryBytes() + rib.sets.memoryBytes(),
    pathBytes: ipv4.paths.memoryBytes(),
    residentBytes: process.memoryUsage().rss,
  };
  const begin = performance.now();
  for (const id of ids) rib.removeSource(id);
  settle();
  const withdrawSeconds = (performance.now() - begin) / 1000;
  return {
    ...result,
    announceSeconds: announceMs / 1000,
    decodeSeconds: decodeMs / 1000,
    withdrawSeconds,
    longestSliceMs,
    emptyTableBytes: ipv4.memoryBytes() + rib.sets.memoryBytes(),
  };
}

function load(table: string, asn: number, nextHop: number): Table {
  const colon = table.indexOf(':');
  const value = table.slice(colon + 1);
  return table.startsWith('mrt:')
    ? mrtTable(value, asn, nextHop)
    : generatedTable(Number(value), asn, nextHop);
}
