/**
 * Several paths per prefix between us and a peer (ADD-PATH, RFC 7911): what our OPEN says of it, and what comes in.
 *
 * A path is known by its prefix and identifier. Those of one prefix are bounded (`maxReceived`), as a peer could make
 * up four thousand million of them; what is beyond is discarded and counted. Limits on prefixes (`maxPrefixes`) count
 * every path.
 */
import { type FamilyIndex, familyIndex, familyNames } from '../../address/index.js';
import type { FamilyRib } from '../../rib/family-rib.js';
import { NONE, type PathId, type PrefixId, type SourceId } from '../../rib/ids.js';
import type { Negotiated } from '../session/index.js';
import { type Capability, PATH_ID_OCTETS } from '../wire/index.js';
import type { AddPathSettings, PeerSettings } from './settings.js';

const SAFI_UNICAST = 1;

/** What the OPEN says (RFC 7911 §4). */
export function addPathCapability({ addPath, families }: PeerSettings): Capability[] {
  const offered = families.flatMap((family) => {
    const own = addPath?.[family];
    if (own === undefined) return [];
    const afi = familyIndex(family) + 1;
    return [{ afi, safi: SAFI_UNICAST, receives: own.receive, sends: own.send !== false }];
  });
  return offered.length === 0 ? [] : [{ type: 'addPath', families: offered }];
}

/** Paths per prefix that are announced to the peer with identifiers; 0: the best one, without. */
export function pathsSent(negotiated: Negotiated, family: FamilyIndex, settings?: AddPathSettings): number {
  if (!negotiated.addPath[family].sends) return 0;
  const send = settings?.[familyNames[family]]?.send;
  return send === undefined || send === false ? 1 : send === 'all' ? Number.POSITIVE_INFINITY : send;
}

/** What one session brings in. */
export class ReceivedPaths {
  /** By family: octets of path identifier before each prefix, 0 or 4. */
  readonly octets: [number, number] = [0, 0];
  /** By family: paths that one prefix may have. */
  readonly most: [number, number] = [1, 1];
  /** Announcements of paths beyond that, by family, since the session came up. */
  readonly discarded: [number, number] = [0, 0];

  begin(negotiated: Negotiated, settings: AddPathSettings | undefined): void {
    for (const family of [0, 1] as const) {
      this.octets[family] = negotiated.addPath[family].receives ? PATH_ID_OCTETS : 0;
      this.discarded[family] = 0;
    }
    this.adjust(settings);
  }

  /**
   * Whether the peer may announce this path of the prefix: it does so already, or there is room for one more. What it
   * announced in an earlier session does not count; beside what waits for the end of a refresh, there may be as many
   * again.
   */
  hasRoom(table: FamilyRib, source: SourceId, prefix: PrefixId, pathId: number): boolean {
    const { paths } = table;
    const most = this.most[table.family];
    let upToDate = 0;
    let all = 0;
    let isOld = false;
    for (let path: number = paths.firstOf(prefix); path !== NONE; path = paths.next[path]) {
      if (paths.source[path] !== source || !table.isCurrent(path as PathId)) continue;
      all++;
      const isSame = paths.receivedPathId(path as PathId) === pathId;
      if (!table.isUpToDate(path as PathId)) isOld ||= isSame;
      else if (isSame) return true;
      else upToDate++;
    }
    return upToDate < most && (isOld || all < 2 * most);
  }

  /** Another number of paths is allowed from now on. */
  adjust(settings: AddPathSettings | undefined): void {
    for (const family of [0, 1] as const)
      this.most[family] = settings?.[familyNames[family]]?.maxReceived ?? 1;
  }
}
