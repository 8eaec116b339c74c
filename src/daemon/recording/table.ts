/** The RIB as an MRT table (RFC 6396 §4.3), in chunks, made only as fast as they are taken. */
import { setImmediate as turn } from 'node:timers/promises';
import { type Address, IPV4 } from '../../address/index.js';
import { type MrtPeer, MrtWriter } from '../../bgp/mrt/index.js';
import type { Peer, Speaker } from '../../bgp/speaker/index.js';
import { NONE, type PathId, type PrefixId, REJECTED, type SourceId } from '../../rib/ids.js';
import type { Rib } from '../../rib/rib.js';

/** Milliseconds that the daemon's other work waits for the dump at most. */
const SLICE_MS = 3;
/** Octets that are gathered before they are handed out. */
const CHUNK_OCTETS = 1 << 18;
/** Paths between two looks at the clock. */
const PATHS_PER_LOOK = 64;

const unspecified: Address = { family: IPV4, a: 0, b: 0, c: 0, d: 0 };
const seconds = (time: Date) => Math.floor(time.getTime() / 1000);

export interface TableDumpContext {
  readonly rib: Rib;
  readonly speaker: Speaker;
  /** What stands for a time that nobody noted. */
  readonly startedAt: Date;
}

/** Who a path is from, as the dump's index of peers has it. */
interface Source {
  readonly index: number;
  readonly originatedTime: number;
  /** The peer as it was when the dump began; null for this router itself. */
  readonly peer: Peer | null;
  readonly asn: number;
  readonly address: Address;
}

/**
 * The index of peers, then every path that the import filters let through: the best one of a prefix first. A path's time
 * is that of its session, since none is kept for paths. This router itself is peer 0 with the address 0.0.0.0, and
 * what it originates has a next hop of zeros. Peers that come while the dump is made are left out of it.
 */
export async function* dumpTable(context: TableDumpContext): AsyncGenerator<Buffer> {
  const { rib, speaker, startedAt } = context;
  const now = seconds(new Date());
  const writer = new MrtWriter(CHUNK_OCTETS + (CHUNK_OCTETS >> 2));
  const sources = new SourceIndex(rib, speaker, startedAt);
  writer.peerIndexTable(now, speaker.routerId, '', sources.peers);
  let sequence = 0;
  let began = performance.now();
  let sinceLook = 0;
  for (const table of rib.families) {
    const { prefixes } = table;
    for (const prefix of prefixes.inOrderWithPauses()) {
      sinceLook += prefix === NONE ? PATHS_PER_LOOK : writePrefix(prefix);
      if (sinceLook < PATHS_PER_LOOK) continue;
      sinceLook = 0;
      if (writer.length >= CHUNK_OCTETS) yield writer.take();
      else if (performance.now() - began < SLICE_MS) continue;
      await turn();
      began = performance.now();
      sources.refresh();
    }

    /** Returns how much work it was. Nothing of the table is kept over a turn. */
    function writePrefix(prefix: PrefixId): number {
      const { paths } = table;
      const best = table.best(prefix);
      let addPath = false;
      let looked = 1;
      for (let path: number = paths.firstOf(prefix); path !== NONE; path = paths.next[path]) {
        if (paths.receivedPathId(path as PathId) !== 0) addPath = true;
        looked++;
      }
      const { stride, words, lengths } = prefixes;
      const at = prefix * stride;
      const [b, c, d] = stride === 4 ? [words[at + 1], words[at + 2], words[at + 3]] : [0, 0, 0];
      writer.beginRib(now, sequence, table.family, words[at], b, c, d, lengths[prefix], addPath);
      let entries = 0;
      const entry = (path: PathId): void => {
        const set = paths.accepted[path];
        const source = sources.of(paths.source[path] as SourceId);
        if (set === REJECTED || source === null) return;
        const { buffer, start, end } = rib.sets.bytes(set as typeof REJECTED);
        const pathId = paths.receivedPathId(path);
        writer.canonicalRibEntry(source.index, source.originatedTime, pathId, buffer, start, end);
        entries++;
      };
      if (best !== NONE) entry(best as PathId);
      for (let path: number = paths.firstOf(prefix); path !== NONE; path = paths.next[path]) {
        if (path !== best) entry(path as PathId);
      }
      if (entries === 0) writer.cancelRib();
      else {
        writer.endRib();
        sequence++;
      }
      return looked;
    }
  }
  if (writer.length > 0) yield writer.take();
}

/** Peers by their place in the index. Source ids are recycled, so each turn looks whether they still mean the same. */
class SourceIndex {
  readonly peers: MrtPeer[] = [];
  private readonly known: Source[] = [];
  private bySource: (Source | undefined)[] = [];
  private readonly own: Source;

  constructor(
    private readonly rib: Rib,
    private readonly speaker: Speaker,
    startedAt: Date,
  ) {
    const { localAsn: asn, routerId } = speaker;
    this.own = { index: 0, originatedTime: seconds(startedAt), peer: null, asn, address: unspecified };
    this.peers.push({ routerId, address: unspecified, asn });
    for (const peer of speaker.peers.values()) {
      const { address, asn } = peer.settings;
      const since = peer.negotiated === null ? startedAt : peer.session.stateSince;
      const index = this.peers.length;
      this.known.push({ index, originatedTime: seconds(since), peer, asn, address });
      this.peers.push({ routerId: peer.negotiated?.peerOpen.routerId ?? 0, address, asn });
    }
    this.refresh();
  }

  refresh(): void {
    this.bySource = [];
    for (const source of this.known) {
      const { peer, asn, address } = source;
      if (peer === null || this.speaker.peers.get(peer.settings.name) !== peer) continue;
      if (peer.settings.asn === asn && peer.settings.address === address) this.bySource[peer.source] = source;
    }
  }

  /** Null: came after the dump began. */
  of(id: SourceId): Source | null {
    const source = this.bySource[id];
    if (source !== undefined) return source;
    return this.rib.sources.get(id).kind === 'bgp' ? null : this.own;
  }
}
