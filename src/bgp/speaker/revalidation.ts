/**
 * Judges routes anew when the data of origin validation changed (RFC 6811 §5): those within the prefixes that changed, of
 * peers and groups whose filters ask for the state, from the paths as received. No session is touched, and what comes
 * out as before is told to nobody. In slices; what changes meanwhile is looked at in another round.
 */
import { type FamilyIndex, IPV4 } from '../../address/index.js';
import type { Refilter } from '../../rib/family-rib.js';
import type { PrefixId, SourceId } from '../../rib/ids.js';
import { FREE_LENGTH } from '../../rib/prefix-table.js';
import type { Rib } from '../../rib/rib.js';
import type { Slices } from '../../rib/slices.js';
import type { ImportPolicy } from './peer-context.js';

/** A set of prefixes; `covers` may say yes too often. The prefix lies in `words[at…]`, host order. */
export interface ChangedPrefixes {
  covers(family: FamilyIndex, words: Uint32Array, at: number, length: number): boolean;
}

interface Judge {
  readonly source: SourceId;
  readonly policy: ImportPolicy;
}

interface Announcer {
  readonly facts: { readonly family: FamilyIndex };
  readonly exporter: { readonly asksValidity?: boolean };
  readonly group: { prefixChanged(prefix: PrefixId): void };
}

export class Revalidation {
  private requested: ChangedPrefixes[] = [];
  private round: readonly ChangedPrefixes[] = [];
  private family: FamilyIndex = IPV4;
  private cursor = 0;

  constructor(
    private readonly rib: Rib,
    private readonly slices: Slices,
    private readonly peers: ReadonlyMap<string, Judge>,
    private readonly groups: ReadonlyMap<string, Announcer>,
  ) {}

  request(changed: ChangedPrefixes): void {
    this.requested.push(changed);
    this.slices.add(this.slice);
  }

  private readonly slice = (deadline: number): boolean => {
    if (this.round.length === 0) {
      this.round = this.requested;
      this.requested = [];
      this.family = IPV4;
      this.cursor = 0;
    }
    while (this.look(deadline)) {
      if (this.family !== IPV4) {
        this.round = [];
        return this.requested.length > 0;
      }
      this.family = 1;
      this.cursor = 0;
    }
    return true;
  };

  /** Looks at prefixes of the family under way. Returns whether all were looked at. */
  private look(deadline: number): boolean {
    const { family, round } = this;
    const table = this.rib.families[family];
    // Asked for in each slice: peers and filters come and go between two.
    const refilters: Refilter[] = [];
    for (const { source, policy } of this.peers.values()) {
      if (!policy.asksValidity?.(family)) continue;
      refilters[source] = (prefix, received) => policy.accept(family, prefix, received);
    }
    const groups = [...this.groups.values()].filter(
      ({ facts, exporter }) => facts.family === family && exporter.asksValidity === true,
    );
    if (refilters.length === 0 && groups.length === 0) return true;
    const { prefixes } = table;
    const { stride } = prefixes;
    for (; this.cursor < prefixes.highWater; this.cursor++) {
      if ((this.cursor & 255) === 255 && performance.now() >= deadline) return false;
      const prefix = this.cursor as PrefixId;
      const length = prefixes.lengths[prefix];
      if (length === FREE_LENGTH) continue;
      if (!round.some((changed) => changed.covers(family, prefixes.words, prefix * stride, length))) continue;
      if (refilters.length > 0) table.refilterPrefix(prefix, refilters);
      for (const { group } of groups) group.prefixChanged(prefix);
    }
    return true;
  }
}
