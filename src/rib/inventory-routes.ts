/**
 * Routes to the pods of other nodes, as the inventory of nodes has them. Unlike the node's own routes (local-routes)
 * they are stated node by node: a cluster may have thousands, of which one changes.
 */
import { type Address, formatPrefix, type Prefix, sameAddress } from '../address/index.js';
import { buildCanonical, Origin } from '../bgp/wire/index.js';
import type { PrefixId, SourceId } from './ids.js';
import type { Rib } from './rib.js';

/** To what lies behind a next hop, or is on the link of a device. */
export type InventoryRoute =
  | { readonly prefix: Prefix; readonly nextHop: Address }
  | { readonly prefix: Prefix; readonly ifindex: number };

interface HeldRoute {
  readonly route: InventoryRoute;
  readonly source: SourceId;
  readonly id: PrefixId;
}

function isSame(x: InventoryRoute, y: InventoryRoute): boolean {
  if (formatPrefix(x.prefix) !== formatPrefix(y.prefix)) return false;
  return 'nextHop' in x
    ? 'nextHop' in y && sameAddress(x.nextHop, y.nextHop)
    : 'ifindex' in y && x.ifindex === y.ifindex;
}

export class InventoryRoutes {
  /** By the device of its routes, 0: those with next hops. */
  private readonly sources = new Map<number, SourceId>();
  private readonly held = new Map<string, readonly HeldRoute[]>();
  /** By prefix, the node that it was announced for last: a block may move before its former node is stated anew. */
  private readonly owners = new Map<string, string>();

  constructor(
    private readonly rib: Rib,
    private preference: number,
  ) {}

  setPreference(preference: number): void {
    this.preference = preference;
    for (const source of this.sources.values()) {
      this.rib.updateSource(source, { ...this.rib.sources.get(source), preference });
    }
  }

  /** All routes of a node. */
  set(node: string, routes: readonly InventoryRoute[]): void {
    const before = this.held.get(node) ?? [];
    if (before.length === 0) {
      if (routes.length === 0) return;
      this.held.set(
        node,
        routes.map((route) => this.announce(node, route)),
      );
      return;
    }
    const now = routes.map((route) => {
      const isOurs = this.owners.get(formatPrefix(route.prefix)) === node;
      const same = isOurs ? before.find((each) => isSame(each.route, route)) : undefined;
      return same ?? this.announce(node, route);
    });
    const kept = new Map(now.map((each) => [formatPrefix(each.route.prefix), each.source]));
    for (const { route, source, id } of before) {
      const key = formatPrefix(route.prefix);
      if (kept.get(key) === source) continue;
      const movedTo = this.owners.get(key);
      if (movedTo !== node && this.sourceAt(movedTo, key) === source) continue;
      if (movedTo === node && !kept.has(key)) this.owners.delete(key);
      this.rib.families[route.prefix.family].withdraw(source, id);
    }
    if (now.length > 0) this.held.set(node, now);
    else this.held.delete(node);
  }

  /** The source by which a node's route to the prefix was announced. */
  private sourceAt(node: string | undefined, key: string): SourceId | undefined {
    const held = node === undefined ? [] : (this.held.get(node) ?? []);
    return held.find(({ route }) => formatPrefix(route.prefix) === key)?.source;
  }

  private announce(node: string, route: InventoryRoute): HeldRoute {
    const { prefix } = route;
    this.owners.set(formatPrefix(prefix), node);
    const table = this.rib.families[prefix.family];
    const id = table.prefixes.intern(prefix);
    const nextHop = 'nextHop' in route ? { nextHop: route.nextHop } : {};
    const canonical = buildCanonical({
      ...{ family: prefix.family, origin: Origin.incomplete, asPath: [] },
      ...nextHop,
    });
    const set = this.rib.sets.intern(canonical, 0, canonical.length);
    const source = this.sourceOf(route);
    table.announce(source, id, set, set);
    this.rib.sets.release(set);
    return { route, source, id };
  }

  private sourceOf(route: InventoryRoute): SourceId {
    const ifindex = 'ifindex' in route ? route.ifindex : 0;
    const known = this.sources.get(ifindex);
    if (known !== undefined) return known;
    const made = this.rib.addSource({
      kind: 'inventory',
      name: ifindex === 0 ? 'nodes' : 'VTEPs',
      preference: this.preference,
      ibgp: false,
      client: false,
      routerId: 0,
      peerAddress: null,
      remoteAsn: 0,
      forwarding: ifindex === 0 ? 'nextHop' : { ifindex },
    });
    this.sources.set(ifindex, made);
    return made;
  }
}
