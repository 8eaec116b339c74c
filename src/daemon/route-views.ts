/** What the RIB holds, as rows for people and scripts. Rows are made one by one, so that a million of them stream. */
import {
  contains,
  type FamilyIndex,
  familyIndex,
  formatPrefix,
  networkOf,
  type Prefix,
  parseAddress,
  parsePrefix,
} from '../address/index.js';
import type { Peer, Speaker } from '../bgp/speaker/index.js';
import { describeAttributes } from '../bgp/wire/index.js';
import { ControlError, type RouteQuery, type RouteRow } from '../control/api.js';
import { type AttrSetId, NONE, type PathId, type PrefixId, REJECTED, type SourceId } from '../rib/ids.js';
import type { Rib } from '../rib/rib.js';
import type { OriginValidation } from './origin-validation.js';

export class RouteViews {
  constructor(
    private readonly rib: Rib,
    private readonly speaker: Speaker,
    private readonly validation: OriginValidation,
  ) {}

  /** Throws ControlError when the query names what does not exist, before the first row. */
  rows(query: RouteQuery): Iterable<RouteRow> {
    const peer = this.peerOf(query);
    const where = query.prefix === undefined ? null : this.locate(query.prefix);
    if (where !== null && 'missing' in where) return [];
    const families = this.familiesOf(query, where?.family);
    return this.generate(query, peer, where, families);
  }

  /** The number of rows that `rows` would give, without making them where the tables know it. */
  count(query: RouteQuery): number {
    const peer = this.peerOf(query);
    if (query.prefix !== undefined) return [...this.rows(query)].length;
    let count = 0;
    for (const family of this.familiesOf(query)) {
      const table = this.rib.families[family];
      if (peer === null) count += query.view === 'all' ? table.paths.count : table.bestCount;
      else if (query.view === 'advertised') count += this.speaker.announcedCount(peer, family);
      else {
        const { received, accepted } = this.rib.sources.counts(peer.source)[family];
        count += query.view === 'received' ? received : accepted;
      }
    }
    return count;
  }

  /** The prefix meant by a text: itself if it is in the table, for an address the longest one with a path. */
  locate(
    text: string,
  ): { family: FamilyIndex; prefix: PrefixId; value: Prefix } | { missing: true; family: FamilyIndex } {
    const address = parseAddress(text);
    if (address !== null) {
      const table = this.rib.families[address.family];
      const found = table.prefixes.longestMatch(address, (id) => table.paths.firstOf(id) !== NONE);
      if (found === NONE) return { missing: true, family: address.family };
      return {
        family: address.family,
        prefix: found as PrefixId,
        value: table.prefixes.read(found as PrefixId),
      };
    }
    const prefix = parsePrefix(text);
    if (prefix === null) throw new ControlError(400, `${text} is neither an address nor a prefix`);
    const network = networkOf(prefix, prefix.length);
    if (!contains(network, prefix) || formatPrefix(network) !== formatPrefix(prefix)) {
      throw new ControlError(400, `${text} has host bits set; did you mean ${formatPrefix(network)}?`);
    }
    const found = this.rib.families[network.family].prefixes.find(network);
    if (found === NONE) return { missing: true, family: network.family };
    return { family: network.family, prefix: found as PrefixId, value: network };
  }

  row(family: FamilyIndex, prefix: PrefixId, path: PathId, set: AttrSetId): RouteRow {
    const table = this.rib.families[family];
    const source = this.rib.sources.get(table.paths.source[path] as SourceId);
    const best = table.best(prefix) === path;
    const { buffer, start, end } = this.rib.sets.bytes(set);
    return {
      ...this.attributes(family, prefix, buffer, start, end),
      best,
      multipath: best || (this.rib.maxPaths > 1 && table.multipath(prefix).includes(path)),
      source: source.kind,
      peer: source.name,
      ...(this.validation.isUsed
        ? { validity: this.validation.stateOf(family, prefix, table.paths.received[path] as AttrSetId) }
        : {}),
      ...this.pathIdOf(family, path),
      ...(table.isStale(path) ? { stale: true } : {}),
    };
  }

  /** The path identifier as received, where the path has one. */
  pathIdOf(family: FamilyIndex, path: PathId): { pathId?: number } {
    const { paths } = this.rib.families[family];
    const pathId = paths.receivedPathId(path);
    const source = this.rib.sources.get(paths.source[path] as SourceId);
    const peer = source.kind === 'bgp' ? this.speaker.peers.get(source.name) : undefined;
    return pathId !== 0 || peer?.negotiated?.addPath[family].receives ? { pathId } : {};
  }

  private attributes(family: FamilyIndex, prefix: PrefixId, buffer: Buffer, start: number, end: number) {
    const told = describeAttributes(buffer, start, end);
    return {
      prefix: formatPrefix(this.rib.families[family].prefixes.read(prefix)),
      nextHop: told.nextHop,
      asPath: told.asPath ?? '',
      origin: told.origin ?? ('incomplete' as const),
      localPref: told.localPref ?? null,
      med: told.med ?? null,
      communities: [
        ...(told.communities ?? []),
        ...(told.largeCommunities ?? []),
        ...(told.extendedCommunities ?? []),
      ],
    };
  }

  private *generate(
    query: RouteQuery,
    peer: Peer | null,
    where: { prefix: PrefixId } | null,
    families: readonly FamilyIndex[],
  ): Generator<RouteRow> {
    for (const family of families) {
      const table = this.rib.families[family];
      const prefixes = where === null ? table.prefixes.inOrder() : [where.prefix];
      for (const prefix of prefixes) {
        if (peer === null) yield* this.ofPrefix(family, prefix, query.view === 'all' || where !== null);
        else if (query.view === 'advertised') yield* this.advertisedTo(peer, family, prefix);
        else yield* this.fromPeer(peer, family, prefix, query.view === 'received');
      }
    }
  }

  private *ofPrefix(family: FamilyIndex, prefix: PrefixId, all: boolean): Generator<RouteRow> {
    const table = this.rib.families[family];
    if (!all) {
      const best = table.best(prefix);
      if (best !== NONE)
        yield this.row(family, prefix, best as PathId, table.paths.accepted[best] as AttrSetId);
      return;
    }
    for (const { path } of this.rib.explain(family, prefix)) {
      const accepted = table.paths.accepted[path] as AttrSetId;
      yield this.row(
        family,
        prefix,
        path,
        accepted === REJECTED ? (table.paths.received[path] as AttrSetId) : accepted,
      );
    }
  }

  private *fromPeer(
    peer: Peer,
    family: FamilyIndex,
    prefix: PrefixId,
    received: boolean,
  ): Generator<RouteRow> {
    const table = this.rib.families[family];
    for (const path of table.chain(prefix)) {
      if (table.paths.source[path] !== peer.source) continue;
      const set = (received ? table.paths.received : table.paths.accepted)[path] as AttrSetId;
      if (set !== REJECTED) yield this.row(family, prefix, path, set);
    }
  }

  private *advertisedTo(peer: Peer, family: FamilyIndex, prefix: PrefixId): Generator<RouteRow> {
    const table = this.rib.families[family];
    const best = table.best(prefix);
    for (const { canonical, path, pathId } of this.speaker.announced(peer, family, prefix)) {
      const source = path === NONE ? null : this.rib.sources.get(table.paths.source[path] as SourceId);
      yield {
        ...this.attributes(family, prefix, canonical, 0, canonical.length),
        best: pathId === null || path === best,
        multipath: pathId === null || (path !== NONE && table.multipath(prefix).includes(path as PathId)),
        source: source?.kind ?? 'bgp',
        peer: source?.name ?? '',
        ...(pathId === null ? {} : { pathId }),
      };
    }
  }

  private peerOf(query: RouteQuery): Peer | null {
    if (query.peer === undefined) return null;
    const peer = this.speaker.peers.get(query.peer);
    if (peer === undefined) {
      const known = [...this.speaker.peers.keys()].join(', ');
      throw new ControlError(404, `no peer is named ${query.peer}; there are: ${known || 'none'}`);
    }
    return peer;
  }

  private familiesOf(query: RouteQuery, found?: FamilyIndex): readonly FamilyIndex[] {
    if (found !== undefined) return [found];
    return query.family === undefined ? [0, 1] : [familyIndex(query.family)];
  }
}
