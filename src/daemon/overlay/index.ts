/**
 * The overlay of this node: from pools, nodes and what the machine is to tunnels in the kernel, routes of the inventory,
 * and the decision for every route in a pool whether it goes through a tunnel.
 *
 *     document ─┐                    ┌─▶ OverlayState ──▶ kernel thread ──▶ status ─┐
 *     interfaces┼─▶ facts, per node ─┼─▶ InventoryRoutes ──▶ RIB                   │ device is up: ifindex
 *     next hops ┘                    └─▶ Encapsulator ──▶ FibInstaller ◀────────────┘
 *
 * Nothing is remembered of how it came to be: whatever changes, what is wanted is computed anew and compared.
 */
import {
  type Address,
  contains,
  type FamilyIndex,
  formatAddress,
  formatPrefix,
  type Prefix,
  parseAddress,
  parsePrefix,
} from '../../address/index.js';
import type { NodeConfig } from '../../config/router.js';
import { sameNode } from '../../config/same-node.js';
import { withoutShared } from '../../config/shared-ends.js';
import type { Encapsulator, Treatment, Way } from '../../fib/installer.js';
import { PLAIN } from '../../fib/installer.js';
import type { InterfaceAddress, LinkState } from '../../fib/types.js';
import type {
  OverlayChange,
  OverlayDeviceStatus,
  OverlayEntry,
  OverlayState,
  OverlayStatus,
} from '../../overlay/index.js';
import {
  decideEncapsulation,
  describeEncapsulation,
  type Encapsulation,
  type EncapsulationFacts,
  type EncapsulationNode,
  type EncapsulationRoute,
  PoolTable,
} from '../../policy/index.js';
import type { NextHopId, PrefixId } from '../../rib/ids.js';
import { type InventoryRoute, InventoryRoutes } from '../../rib/inventory-routes.js';
import { HOPS_CHANGED } from '../../rib/next-hops.js';
import type { Rib } from '../../rib/rib.js';
import type { SourceInfo } from '../../rib/sources.js';
import { WorkList } from '../../rib/work-list.js';
import { desiredDevices, entryKey, nodeEntries, type OverlayRouter, sameEntry } from './desired.js';
import { byItself, gather, type Problem, refusals } from './problems.js';
import { isRouterAdvertised } from './sysctls.js';
import { type HowTreated, Treatments } from './treatments.js';
import { findUnderlay, ownSubnet, type Underlay } from './underlay.js';

/** What the kernel thread does for it. */
export interface OverlayFib {
  setOverlay(state: OverlayState): void;
  changeOverlay(change: OverlayChange): void;
}

export interface OverlayHost {
  readonly rib: Rib;
  readonly fib: OverlayFib;
  event(level: 'info' | 'warn' | 'error', type: string, fields: Record<string, unknown>): void;
  /** Ways of next hops are others now: of those, or (null) of any. */
  changed(isAffected: ((nextHop: NextHopId) => boolean) | null): void;
}

/** A block of another node, and what became of it. */
export interface InventoryBlock {
  readonly prefix: Prefix;
  readonly encapsulation: Encapsulation;
  /** What was decided on; null: the node has no address of the family. */
  readonly route: EncapsulationRoute | null;
}

interface NodeState {
  readonly config: NodeConfig;
  /** Entries desired in the kernel. */
  entries: readonly OverlayEntry[];
  /** Tracked: the node's address per family. */
  readonly nextHops: readonly [NextHopId | null, NextHopId | null];
  blocks: readonly InventoryBlock[];
  /** What its routes were stated for last: nothing of them is others while this is the same. */
  stated: string;
}

const noStatus: OverlayStatus = { devices: [], problems: [], entries: { desired: 0, installed: 0 } };

function addressKey({ family, a, b, c, d }: Address): string {
  return family === 0 ? `${a}` : `${a}:${b}:${c}:${d}`;
}

function factsOf(node: NodeConfig): EncapsulationNode {
  const of = (family: FamilyIndex) => {
    const at = node.addresses.find(({ address }) => address.family === family);
    return at === undefined ? null : { address: at.address, vtep: node.vteps[family] };
  };
  return { name: node.name, families: [of(0), of(1)], receives: node.receives };
}

export class Overlay implements Encapsulator {
  status: OverlayStatus = noStatus;
  private router: OverlayRouter;
  private own: NodeConfig | null = null;
  private pools = new PoolTable([]);
  private links: readonly LinkState[] = [];
  private addresses: readonly InterfaceAddress[] = [];
  /** The last ones that were there: a tunnel is not torn down because an address is gone for a moment. */
  private underlays: [Underlay | null, Underlay | null] = [null, null];
  /** What the kernel thread was told last; null: nothing. */
  private state: Pick<OverlayState, 'devices' | 'sysctls'> | null = null;
  /** Desired in the kernel, by what it tells them apart by. */
  private readonly entries = new Map<string, OverlayEntry>();
  /** Entries that may differ from what the kernel thread was told last: what that was, null: nothing. */
  private readonly unsaid = new Map<string, OverlayEntry | null>();
  private deviceProblems: readonly string[] = [];
  private readonly nodes = new Map<string, NodeState>();
  /** What `nodes` were made of; null: a change was taken over in part, and any of them may be half of what it should be. */
  private taken: readonly NodeConfig[] | null = [];
  private readonly byAddress = new Map<string, EncapsulationNode>();
  /** Names of nodes by the addresses of their VTEPs. */
  private readonly byVtep = new Map<string, string>();
  private readonly byNextHop = new Map<NextHopId, NodeState>();
  private readonly treatments = new Treatments();
  /** Nodes whose routes may be others. */
  private readonly restated: WorkList<NodeState>;
  private readonly routes: InventoryRoutes;
  /** What was logged, by key. */
  private readonly told = new Map<string, string>();
  private telling: NodeJS.Immediate | null = null;
  private facts: EncapsulationFacts;

  constructor(
    private readonly host: OverlayHost,
    router: OverlayRouter,
    preference: number,
  ) {
    this.router = { name: router.name, pools: [], overlay: router.overlay, nodes: [] };
    this.routes = new InventoryRoutes(host.rib, preference);
    this.restated = new WorkList((node) => this.stateRoutes(node), host.rib.slices);
    this.facts = this.currentFacts();
    host.rib.nextHops.onChange((id, change) => {
      const node = this.byNextHop.get(id);
      if (node === undefined || (change & HOPS_CHANGED) === 0) return;
      this.stateRoutes(node);
      this.tellProblems();
    });
  }

  setPreference(preference: number): void {
    this.routes.setPreference(preference);
  }

  /** Another document. Where only nodes differ, those alone are looked at. */
  apply(router: OverlayRouter): void {
    const poolsChanged = JSON.stringify(router.pools) !== JSON.stringify(this.router.pools);
    const own = router.nodes.find(({ name }) => name === router.name) ?? null;
    const sameOwn = own === null || this.own === null ? own === this.own : sameNode(own, this.own);
    const sameGround =
      sameOwn && !poolsChanged && JSON.stringify(router.overlay) === JSON.stringify(this.router.overlay);
    this.router = router;
    this.own = own;
    if (poolsChanged) this.pools = new PoolTable(router.pools);
    const { changed, former } = this.changeNodes(router.nodes);
    // Which devices are there may hang on what a node receives.
    const listsBackends = [...changed, ...former].some(({ config }) => config.receives !== null);
    // Before the machine was looked at, nothing can be said; every machine has a loopback interface.
    if (this.links.length === 0) return;
    if (sameGround && !listsBackends) this.refreshNodes(changed, former);
    else this.refresh();
    if (poolsChanged) this.host.rib.redecideAll();
  }

  /** The machine changed. */
  interfaces(links: readonly LinkState[], addresses: readonly InterfaceAddress[]): void {
    const before = this.ground();
    const isFirst = this.links.length === 0;
    this.links = links;
    this.addresses = addresses;
    // Links come and go with every pod, and mean nothing here.
    if (isFirst || this.ground() !== before) this.refresh();
  }

  /** What of the machine anything here depends on. */
  private ground(): string {
    const underlays = [0, 1].map((family) =>
      findUnderlay(this.own, family as FamilyIndex, this.links, this.addresses),
    );
    const devices = this.status.devices.map(({ name }) => [name, this.usableDevice(name)]);
    return JSON.stringify([underlays, devices]);
  }

  /** What the kernel thread says. */
  setStatus(status: OverlayStatus): void {
    const before = new Map(this.status.devices.map((device) => [device.name, device]));
    this.status = status;
    for (const device of status.devices) {
      const was = before.get(device.name);
      if (was?.state === device.state && was.problem === device.problem) continue;
      const level = device.state === 'ready' || device.state === 'pending' ? 'info' : 'error';
      const { name, kind, state, ifindex, mtu, mac, problem } = device;
      this.host.event(level, 'tunnel', { device: name, kind, state, ifindex, mtu, mac, problem });
    }
    this.tellProblems();
    const isSame = (x: OverlayDeviceStatus, y: OverlayDeviceStatus | undefined): boolean =>
      x.state === y?.state && x.ifindex === y.ifindex && x.problem === y.problem;
    const changed = status.devices.some((device) => !isSame(device, before.get(device.name)));
    if (!changed && before.size === status.devices.length) return;
    this.restated.add(this.nodes.values());
    this.host.changed(null);
  }

  close(): void {
    if (this.telling !== null) clearImmediate(this.telling);
  }

  treatment(family: FamilyIndex, prefix: PrefixId, { kind }: SourceInfo): Treatment {
    if (kind !== 'bgp' && kind !== 'inventory') return PLAIN;
    if (kind === 'bgp' && this.pools.isEmpty(family)) return PLAIN;
    const pool = this.pools.of(this.host.rib.families[family].prefixes.read(prefix));
    if (kind === 'bgp' && pool === null) return PLAIN;
    return this.treatments.of(family, kind, pool);
  }

  way(treatment: Treatment, nextHop: NextHopId): Way {
    const how = this.treatments.get(treatment);
    const route = how === null ? null : this.routeOf(how, nextHop);
    const hops = this.host.rib.nextHops.hops(nextHop);
    if (route === null) return { hops: hops.map((hop) => ({ ...hop, onlink: false })) };
    const result = decideEncapsulation(route, this.facts);
    if (result.kind === 'direct') return { hops: hops.map((hop) => ({ ...hop, onlink: false })) };
    if (result.kind === 'unresolved') {
      return { unresolved: describeEncapsulation(route, this.facts, result), keeps: false };
    }
    const name = this.deviceOf(result.backend, route.family);
    const ifindex = this.usableDevice(name);
    if (ifindex !== null) return { hops: [{ gateway: result.gateway, ifindex, onlink: true }] };
    const device = this.deviceStatus(name);
    const isComing = device === undefined || device.state === 'pending' || device.state === 'ready';
    const problem = isComing ? 'is on its way' : `is ${device.state}: ${device.problem ?? 'no reason given'}`;
    return { unresolved: `the device ${name} ${problem}`, keeps: isComing };
  }

  /** Why a route goes the way it goes, for people; null: no pool or inventory has a say. */
  explain(family: FamilyIndex, prefix: PrefixId, source: SourceInfo, nextHop: NextHopId): string | null {
    const how = this.treatments.get(this.treatment(family, prefix, source));
    const route = how === null ? null : this.routeOf(how, nextHop);
    if (route === null) return null;
    return describeEncapsulation(route, this.facts, decideEncapsulation(route, this.facts));
  }

  /** The kernel objects that a route through a tunnel leans on, for people; none: it is direct, or there is no way. */
  objects(family: FamilyIndex, prefix: PrefixId, source: SourceInfo, nextHop: NextHopId): string[] {
    const how = this.treatments.get(this.treatment(family, prefix, source));
    const route = how === null ? null : this.routeOf(how, nextHop);
    const result = route === null ? null : decideEncapsulation(route, this.facts);
    if (result?.kind !== 'tunnel') return [];
    const name = this.deviceOf(result.backend, family);
    const device = this.deviceStatus(name);
    const state = device === undefined ? 'not there yet' : `${device.state}, mtu ${device.mtu ?? 'unknown'}`;
    const entries = result.node === null ? [] : (this.nodes.get(result.node)?.entries ?? []);
    return [
      `device ${name}: ${state}`,
      ...entries.flatMap((entry) =>
        entry.device !== name
          ? []
          : entry.kind === 'fdb'
            ? [`FDB entry ${entry.mac} to ${formatAddress(entry.destination)}`]
            : [`neighbour ${formatAddress(entry.address)} at ${entry.mac}`],
      ),
    ];
  }

  /** What is wrong, a line each, for people; many of one kind are one line, unless `all` are asked for. */
  problems(all = false): string[] {
    return this.gatherProblems(all).map(({ message }) => message);
  }

  private gatherProblems(all: boolean): Problem[] {
    const { devices, problems } = this.status;
    const nowhere: string[] = [];
    for (const [name, { blocks }] of this.nodes) {
      for (const block of blocks) {
        if (block.encapsulation.kind !== 'unresolved') continue;
        nowhere.push(`node ${name}, ${formatPrefix(block.prefix)}: ${this.describe(block)}`);
      }
    }
    return [
      ...this.deviceProblems.map(byItself),
      ...devices
        .filter(({ state }) => state !== 'ready' && state !== 'pending')
        .map(({ name, state, problem }) => byItself(`${name} is ${state}: ${problem ?? ''}`)),
      ...gather(
        'refusals',
        'devices and sysctls: {} refusals by the kernel',
        'show overlay',
        refusals(problems),
        all,
      ),
      ...gather('nodes', 'nodes: {} pod CIDRs without a way', 'show nodes', nowhere, all),
    ];
  }

  /** What became of a block and why, for people. */
  describe({ prefix, route, encapsulation }: InventoryBlock): string {
    return route === null
      ? `no way: it has no ${prefix.family === 0 ? 'IPv4' : 'IPv6'} address in the inventory`
      : describeEncapsulation(route, this.facts, encapsulation);
  }

  /** Other nodes and their blocks, for `show`. */
  *rows(): Generator<{ readonly config: NodeConfig; readonly blocks: readonly InventoryBlock[] }> {
    for (const { config, blocks } of this.nodes.values()) yield { config, blocks };
  }

  underlay(family: FamilyIndex): Underlay | null {
    return this.underlays[family];
  }

  get ownNode(): NodeConfig | null {
    return this.own;
  }

  /** Why there is no way to a prefix or an address of another node's block; null: it is in none, or there is one. */
  unreachable(text: string): string | null {
    const wanted = parsePrefix(text) ?? parseAddress(text);
    for (const [name, { blocks }] of this.nodes) {
      for (const block of blocks) {
        const { prefix, encapsulation } = block;
        if (wanted === null || encapsulation.kind !== 'unresolved') continue;
        if (prefix.family !== wanted.family || !contains(prefix, wanted)) continue;
        return `${text} is in ${formatPrefix(prefix)} of node ${name}, to which there is ${this.describe(block)}.`;
      }
    }
    return null;
  }

  /** The node whose tunnel a hop leads to; null: it is no tunnel, or to nobody known. */
  nodeBehind(ifindex: number, gateway: Address): string | null {
    const device = this.status.devices.find((each) => each.ifindex === ifindex);
    if (device === undefined) return null;
    const key = addressKey(gateway);
    return (device.kind === 'vxlan' ? this.byVtep.get(key) : this.byAddress.get(key)?.name) ?? null;
  }

  /** Takes over what the nodes are now; tells which are new or others, and what became others or left. */
  private changeNodes(nodes: readonly NodeConfig[]): { changed: NodeState[]; former: NodeState[] } {
    const changed: NodeConfig[] = [];
    const { taken } = this;
    this.taken = null;
    const [before, after] = taken === null ? [null, nodes] : withoutShared(taken, nodes);
    const names = before?.map(({ name }) => name) ?? [...this.nodes.keys()];
    const left = new Set(names.filter((name) => this.nodes.has(name)));
    const former: NodeState[] = [];
    for (const config of after) {
      if (config === this.own) continue;
      left.delete(config.name);
      const known = this.nodes.get(config.name);
      if (taken !== null && known !== undefined && sameNode(known.config, config)) continue;
      changed.push(config);
      if (known !== undefined) former.push(known);
    }
    for (const name of left) former.push(this.nodes.get(name) as NodeState);
    // Addresses may go from one node to another: first all are given up.
    for (const state of former) this.giveUp(state);
    const states = changed.map((config) => this.learn(config));
    for (const name of left) {
      this.routes.set(name, []);
      this.setEntries(this.nodes.get(name) as NodeState, []);
      this.nodes.delete(name);
    }
    // What is still tracked has been taken anew.
    for (const { nextHops } of former) {
      for (const id of nextHops) if (id !== null) this.host.rib.nextHops.release(id);
    }
    this.taken = nodes;
    return { changed: states, former };
  }

  private learn(config: NodeConfig): NodeState {
    const facts = factsOf(config);
    for (const { address } of config.addresses) this.byAddress.set(addressKey(address), facts);
    for (const vtep of config.vteps) {
      if (vtep !== null) this.byVtep.set(addressKey(vtep.address), config.name);
    }
    const track = (family: FamilyIndex): NextHopId | null => {
      const address = facts.families[family]?.address;
      return address === undefined ? null : this.host.rib.nextHops.intern(address, 0);
    };
    const known = this.nodes.get(config.name);
    const state: NodeState = {
      config,
      entries: known?.entries ?? [],
      nextHops: [track(0), track(1)],
      blocks: known?.blocks ?? [],
      stated: '',
    };
    this.nodes.set(config.name, state);
    for (const id of state.nextHops) if (id !== null) this.byNextHop.set(id, state);
    return state;
  }

  private giveUp(state: NodeState): void {
    const { config, nextHops } = state;
    this.restated.delete(state);
    for (const { address } of config.addresses) this.byAddress.delete(addressKey(address));
    for (const vtep of config.vteps) if (vtep !== null) this.byVtep.delete(addressKey(vtep.address));
    for (const id of nextHops) if (id !== null) this.byNextHop.delete(id);
  }

  private currentFacts(): EncapsulationFacts {
    return {
      subnets: [ownSubnet(this.own, 0, this.underlays[0]), ownSubnet(this.own, 1, this.underlays[1])],
      sameSubnet: this.router.overlay.sameSubnet,
      nodeAt: (address) => this.byAddress.get(addressKey(address)) ?? null,
    };
  }

  private refresh(): void {
    for (const family of [0, 1] as const) {
      const found = findUnderlay(this.own, family, this.links, this.addresses);
      const wasOurs = this.own?.addresses.some(
        ({ address }) => addressKey(address) === addressKey(this.underlays[family]?.address ?? address),
      );
      this.underlays[family] = found ?? (wasOurs ? this.underlays[family] : null);
    }
    this.facts = this.currentFacts();
    this.stateKernel();
    this.restated.add(this.nodes.values());
    this.tellProblems();
    this.host.changed(null);
  }

  /** Nodes are others, or left, and nothing else is. */
  private refreshNodes(changed: readonly NodeState[], former: readonly NodeState[]): void {
    if (this.state !== null) {
      for (const node of changed) {
        this.setEntries(node, nodeEntries(node.config, this.router, this.state.devices));
      }
      this.tellEntries({});
    }
    this.restated.add(changed);
    this.tellProblems();
    this.host.changed(this.isAffected([...changed, ...former]));
  }

  /** Whether a next hop is an address of one of these nodes; an IPv6 address may be known under several ids. */
  private isAffected(nodes: readonly NodeState[]): (nextHop: NextHopId) => boolean {
    const { nextHops } = this.host.rib;
    const addresses = new Set(
      nodes.flatMap(({ config }) => config.addresses.map(({ address }) => addressKey(address))),
    );
    return (nextHop) => {
      const address = nextHops.global(nextHop);
      return address !== null && addresses.has(addressKey(address));
    };
  }

  /** What the node's entries are now; what differs is told by `tellEntries`. */
  private setEntries(node: NodeState, entries: readonly OverlayEntry[]): void {
    for (const entry of node.entries) {
      const key = entryKey(entry);
      if (this.entries.get(key) !== entry) continue;
      this.entries.delete(key);
      if (!this.unsaid.has(key)) this.unsaid.set(key, entry);
    }
    for (const entry of entries) {
      const key = entryKey(entry);
      if (!this.unsaid.has(key)) this.unsaid.set(key, this.entries.get(key) ?? null);
      this.entries.set(key, entry);
    }
    node.entries = entries;
  }

  /** Tells the kernel thread which entries differ from what it was told last. */
  private tellEntries(devices: Pick<OverlayChange, 'devices' | 'sysctls'>): void {
    const set: OverlayEntry[] = [];
    const remove: OverlayEntry[] = [];
    for (const [key, was] of this.unsaid) {
      const now = this.entries.get(key);
      if (now === undefined) {
        if (was !== null) remove.push(was);
      } else if (was === null || !sameEntry(was, now)) set.push(now);
    }
    this.unsaid.clear();
    if (devices.devices === undefined && set.length === 0 && remove.length === 0) return;
    this.host.fib.changeOverlay({ ...devices, set, remove });
  }

  private routeOf({ family, source, pool }: HowTreated, nextHop: NextHopId): EncapsulationRoute | null {
    const { nextHops } = this.host.rib;
    const address = nextHops.global(nextHop);
    if (address === null) return null;
    const hops = nextHops.hops(nextHop);
    // A next hop by its link-local address is on that link itself.
    const ways =
      nextHops.scope(nextHop) === 0 ? hops : hops.map(({ ifindex }) => ({ gateway: address, ifindex }));
    return { family, source, pool, nextHop: address, ways };
  }

  private stateRoutes(node: NodeState): void {
    const routes: InventoryRoute[] = [];
    node.blocks = node.config.podCidrs.map((prefix) => {
      const { family } = prefix;
      const nextHop = node.nextHops[family];
      const pool = this.pools.of(prefix);
      const route = nextHop === null ? null : this.routeOf({ family, source: 'inventory', pool }, nextHop);
      if (route === null) {
        return { prefix, encapsulation: { kind: 'unresolved', reason: 'noAddress' }, route };
      }
      const encapsulation = decideEncapsulation(route, this.facts);
      if (encapsulation.kind !== 'unresolved') routes.push({ prefix, nextHop: route.nextHop });
      return { prefix, encapsulation, route };
    });
    const vteps = this.vtepRoutes(node);
    // Of a node that is the same, which blocks have a way, and the device towards its VTEP, are all that can change.
    const ways = node.blocks.map(({ encapsulation }) => (encapsulation.kind === 'unresolved' ? '-' : '+'));
    const devices = vteps.map((route) => ('ifindex' in route ? route.ifindex : 0));
    const stated = `${ways.join('')} ${devices.join()}`;
    if (stated === node.stated) return;
    node.stated = stated;
    this.routes.set(node.config.name, [...routes, ...vteps]);
  }

  /**
   * IPv6 alone: the kernel takes no route by a VTEP on a tunnel device while its best route to the VTEP leads out of
   * another one, as the block's does that the VTEP lies in as long as it is direct. A route to the VTEP itself goes before.
   */
  private vtepRoutes({ entries }: NodeState): InventoryRoute[] {
    const routes: InventoryRoute[] = [];
    for (const entry of entries) {
      if (entry.kind !== 'neighbour' || entry.address.family !== 1) continue;
      const ifindex = this.usableDevice(entry.device);
      if (ifindex !== null) routes.push({ prefix: { ...entry.address, length: 128 }, ifindex });
    }
    return routes;
  }

  /** The device's index where it is there and up. */
  private usableDevice(name: string): number | null {
    const index = this.deviceStatus(name)?.ifindex ?? null;
    return this.links.some(({ ifindex, up }) => ifindex === index && up) ? index : null;
  }

  /** Tells the kernel thread what differs from what it was told last. */
  private stateKernel(): void {
    const { devices, sysctls, problems } = desiredDevices(
      this.router,
      this.own,
      this.underlays,
      isRouterAdvertised,
    );
    this.deviceProblems = problems;
    const last = this.state;
    for (const node of this.nodes.values()) {
      this.setEntries(node, nodeEntries(node.config, this.router, devices));
    }
    this.state = { devices, sysctls };
    if (last === null) {
      this.unsaid.clear();
      this.host.fib.setOverlay({ devices, sysctls, entries: [...this.entries.values()] });
      return;
    }
    const same = JSON.stringify([devices, sysctls]) === JSON.stringify([last.devices, last.sysctls]);
    this.tellEntries(same ? {} : { devices, sysctls });
  }

  private deviceOf(backend: 'ipip' | 'vxlan', family: FamilyIndex): string {
    const { vxlan, ipip } = this.router.overlay;
    return backend === 'ipip' ? ipip.device : vxlan[family].device;
  }

  private deviceStatus(name: string): OverlayDeviceStatus | undefined {
    return this.status.devices.find((device) => device.name === name);
  }

  /** Each problem is logged when it comes and when it goes. */
  private tellProblems(): void {
    if (this.telling !== null) return;
    this.telling = setImmediate(() => {
      this.telling = null;
      // What does not resolve yet is no problem yet.
      if (this.host.rib.nextHops.hasWork || this.restated.pending) this.tellProblems();
      else this.compareProblems();
    });
  }

  private compareProblems(): void {
    const now = new Map(this.gatherProblems(false).map(({ key, message }) => [key, message]));
    for (const [key, message] of now) {
      if (this.told.has(key)) continue;
      this.told.set(key, message);
      this.host.event('warn', 'overlayProblem', { message });
    }
    for (const [key, message] of this.told) {
      if (now.has(key)) continue;
      this.told.delete(key);
      this.host.event('info', 'overlayProblemGone', { message });
    }
  }
}
