/** Pools: which addresses are pods', and how packets to them travel between nodes. */
import { contains, type FamilyIndex, IPV4, type Prefix } from '../address/index.js';

/** How packets to a pool cross from node to node: as they are, in IP, or in VXLAN. */
export type Backend = 'none' | 'ipip' | 'vxlan';
export const backends: readonly Backend[] = ['none', 'ipip', 'vxlan'];

export interface Pool {
  readonly cidr: Prefix;
  readonly backend: Backend;
  /** Through the tunnel always, or to nodes outside of our own subnet alone. Means nothing where `backend` is `none`. */
  readonly mode: 'always' | 'crossSubnet';
  /** Whether BGP peers are told of what lies in it. */
  readonly exported: boolean;
  /** Whether what leaves it for outside of all pools goes by this node's address. */
  readonly natOutgoing: boolean;
}

/** All pools, by the most specific that contains a prefix. */
export class PoolTable {
  /** Longest first. */
  private readonly families: readonly [readonly Pool[], readonly Pool[]];

  constructor(pools: readonly Pool[]) {
    const of = (family: FamilyIndex): Pool[] =>
      pools.filter(({ cidr }) => cidr.family === family).sort((x, y) => y.cidr.length - x.cidr.length);
    this.families = [of(IPV4), of(1)];
  }

  isEmpty(family: FamilyIndex): boolean {
    return this.families[family].length === 0;
  }

  /** The most specific pool that contains the whole prefix. */
  of(prefix: Prefix): Pool | null {
    for (const pool of this.families[prefix.family]) {
      if (pool.cidr.length <= prefix.length && contains(pool.cidr, prefix)) return pool;
    }
    return null;
  }
}
