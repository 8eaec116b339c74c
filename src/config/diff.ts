/**
 * What changes when one Router takes another's place. Pure. Peers, prefix sets, filters, networks and static routes are the same
 * thing when their name or prefix is the same; the order in which they stand means nothing.
 */
import { contains, formatIpv4, formatPrefix } from '../address/index.js';
import { relationTo } from '../bgp/speaker/confederation.js';
import type { Pool } from '../policy/pools.js';
import { renderCollector } from './bmp.js';
import { clusterIds } from './clusters.js';
import { renderGracefulRestart } from './graceful-restart.js';
import { keepsOpen } from './peer-add-path.js';
import { renderPeerRange } from './peer-ranges.js';
import {
  renderKernel,
  renderLearn,
  renderListen,
  renderMrt,
  renderNetwork,
  renderPeer,
  renderStatic,
} from './render.js';
import { renderFilter, renderPrefixSet } from './render-filters.js';
import { renderNode, renderOverlay, renderPool } from './render-overlay.js';
import { renderCache } from './render-rpki.js';
import type { NodeConfig, Router } from './router.js';
import { sameNode } from './same-node.js';
import { withoutShared } from './shared-ends.js';

/** What a change of a peer asks for: nothing more than to be noted, routes evaluated again, or a new session. */
export type PeerChange = 'none' | 'policy' | 'session';

/** Whose routes may be judged otherwise: everybody's, as our clusters are others, or those of peers with such filters. */
export type PolicyChange =
  | 'all'
  | {
      /** Names of filters that are others, or that ask for a prefix set which is another. */
      readonly filters: ReadonlySet<string>;
      /** Also of external peers without filters, for `ebgpRequiresPolicy`. */
      readonly withoutFilters: boolean;
    };

export interface RouterDiff {
  readonly peers: {
    readonly added: string[];
    readonly removed: string[];
    readonly changed: { readonly name: string; readonly change: PeerChange }[];
  };
  /** Ranges of peers whose settings differ; `none` where the prefix or limit alone does. */
  readonly ranges: ReadonlyMap<string, PeerChange>;
  readonly listen: boolean;
  /** Of `kernel`, what changes while running: `source`, `nexthopCompat`. */
  readonly kernel: boolean;
  /** Whose routes may be judged otherwise though their own settings are the same; null: nobody's. */
  readonly policies: PolicyChange | null;
  /** Pools, tunnels or nodes. */
  readonly overlay: boolean;
  /** Keys that differ but hold from the next start on. */
  readonly restart: string[];
  /** One line per change, for people; empty if nothing changed. */
  readonly lines: string[];
}

/**
 * What a change of each key of a peer asks for. What stands in an OPEN (`holdTime`, what of `gracefulRestart` is switched)
 * or belongs to the connection takes another session; other timers don't.
 */
const peerKeys: Readonly<Record<string, PeerChange>> = {
  description: 'none',
  shutdownMessage: 'none',
  'gracefulRestart.restartTime': 'none',
  'gracefulRestart.stalePathTime': 'none',
  'gracefulRestart.deferral': 'none',
  'gracefulRestart.absence': 'none',
  'gracefulRestart.longLived.staleTime.ipv4': 'none',
  'gracefulRestart.longLived.staleTime.ipv6': 'none',
  'gracefulRestart.longLived.maxStaleTime': 'none',
  'gracefulRestart.longLived.announceToOthers': 'policy',
  maxPrefixes: 'none',
  passive: 'none',
  keepalive: 'none',
  sendHoldTime: 'none',
  fastFallover: 'none',
  connectRetry: 'none',
  delayOpen: 'none',
  idleHold: 'none',
  raInterval: 'none',
  nextHop: 'policy',
  routeReflectorClient: 'policy',
  clusterId: 'policy',
  aigp: 'policy',
  enforceFirstAs: 'policy',
  maxAsPathLength: 'policy',
  allowOwnAs: 'policy',
  gracefulShutdown: 'policy',
  acceptBlackhole: 'policy',
  asOverride: 'policy',
  removePrivateAs: 'policy',
  'localAs.noPrepend': 'policy',
  'localAs.replaceAs': 'policy',
  import: 'policy',
  export: 'policy',
};

/** Keys that hold a map are known by their name alone where they are here, else by the path of what differs. */
function changeOf(key: string, was: WrittenPeer, peer: WrittenPeer): PeerChange {
  // A password may change while the session stands; whether there is one is agreed when it begins.
  if (key === 'passwordFile' || key === 'passwordEnv') {
    return hasPassword(was) && hasPassword(peer) ? 'none' : 'session';
  }
  if (key.startsWith('addPath.')) return keepsOpen(key, was, peer) ? 'none' : 'session';
  for (const known of [key, key.slice(0, Math.max(0, key.indexOf('.')))]) {
    if (Object.hasOwn(peerKeys, known)) return peerKeys[known];
  }
  return 'session';
}

type WrittenPeer = ReturnType<typeof renderPeer> | ReturnType<typeof renderPeerRange>;

function hasPassword(peer: WrittenPeer): boolean {
  return 'passwordFile' in peer || 'passwordEnv' in peer;
}

const consequences: Readonly<Record<PeerChange, string>> = {
  none: '',
  policy: '; its routes are evaluated again',
  session: '; its session is reset',
};

export function diffRouter(old: Router, next: Router): RouterDiff {
  const lines: string[] = [];
  const restart: string[] = [];
  const holdsAfterRestart = (key: string, before: unknown, after: unknown) => {
    if (same(before, after)) return;
    restart.push(key);
    lines.push(`${key}: ${show(before)} → ${show(after)}; takes a restart`);
  };
  const changes = (key: string, before: unknown, after: unknown): boolean => {
    if (same(before, after)) return false;
    lines.push(`${key}: ${show(before)} → ${show(after)}`);
    return true;
  };

  holdsAfterRestart('name', old.name, next.name);
  holdsAfterRestart('asn', old.asn, next.asn);
  holdsAfterRestart('confederation.id', old.confederation?.id, next.confederation?.id);
  if (old.confederation?.id === next.confederation?.id) {
    changes('confederation.members', old.confederation?.members, next.confederation?.members);
  }
  holdsAfterRestart('routerId', formatIpv4(old.routerId), formatIpv4(next.routerId));
  const cluster = (id: number | null) => (id === null ? undefined : formatIpv4(id));
  changes('clusterId', cluster(old.clusterId), cluster(next.clusterId));
  const clusters = !same(clusterIds(old), clusterIds(next));
  const listen = diffListen(old, next, lines);
  changes('maxPaths', old.maxPaths, next.maxPaths);
  changes('linkBandwidth', old.linkBandwidth, next.linkBandwidth);
  changesOf('med', old.med, next.med, changes);
  const requirement = changes('ebgpRequiresPolicy', old.ebgpRequiresPolicy, next.ebgpRequiresPolicy);
  changesOf('onStop', old.onStop, next.onStop, changes);
  changesOf(
    'gracefulRestart',
    renderGracefulRestart(old.gracefulRestart),
    renderGracefulRestart(next.gracefulRestart),
    changes,
  );
  changesOf('preference', old.preference, next.preference, changes);
  const peers = diffPeers(old, next, lines);
  const ranges = diffRanges(old, next, lines);
  const prefixSets = diffNamed(
    'prefix set',
    new Map(Object.entries(old.prefixSets).map(([name, list]) => [name, renderPrefixSet(list)])),
    new Map(Object.entries(next.prefixSets).map(([name, list]) => [name, renderPrefixSet(list)])),
    lines,
  );
  const filters = diffNamed(
    'filter',
    new Map(Object.values(old.filters).map((filter) => [filter.name, renderFilter(filter)])),
    new Map(Object.values(next.filters).map((filter) => [filter.name, renderFilter(filter)])),
    lines,
  );
  const byPrefix = <T extends { prefix: string }>(rows: readonly T[]) =>
    new Map(rows.map((row) => [row.prefix, row]));
  diffNamed(
    'network',
    byPrefix(old.networks.map(renderNetwork)),
    byPrefix(next.networks.map(renderNetwork)),
    lines,
  );
  diffNamed('static', byPrefix(old.static.map(renderStatic)), byPrefix(next.static.map(renderStatic)), lines);
  const pools = diffNamed('pool', byCidr(old), byCidr(next), lines);
  const tunnels = changesOf('overlay', renderOverlay(old.overlay), renderOverlay(next.overlay), changes);
  const [nodesBefore, nodesAfter] = otherNodes(old.nodes, next.nodes);
  const nodes = diffNamed('node', nodesByName(nodesBefore), nodesByName(nodesAfter), lines);
  changesOf('learn', renderLearn(old.learn), renderLearn(next.learn), changes);

  const { source, nexthopCompat, ...fixed } = renderKernel(old.kernel);
  const nextKernel = renderKernel(next.kernel);
  for (const [key, value] of Object.entries(fixed)) {
    holdsAfterRestart(`kernel.${key}`, value, nextKernel[key as keyof typeof fixed]);
  }
  const kernel = [
    changesOf('kernel.source', source, nextKernel.source, changes),
    changes('kernel.nexthopCompat', nexthopCompat, nextKernel.nexthopCompat),
  ].includes(true);
  changesOf('mrt', renderMrt(old.mrt), renderMrt(next.mrt), changes);
  const caches = ({ rpki }: Router) => new Map(rpki.caches.map((cache) => [cache.name, renderCache(cache)]));
  diffNamed('cache', caches(old), caches(next), lines);
  const order = (router: Router) =>
    [...caches(router).keys()].filter((name) => caches(next).has(name) && caches(old).has(name));
  changes('rpki.caches', order(old), order(next));
  const byName = (router: Router) =>
    new Map(router.bmp.map((collector) => [collector.name, renderCollector(collector)]));
  diffNamed('collector', byName(old), byName(next), lines);

  return {
    peers,
    ranges,
    listen,
    kernel,
    policies: policyChange(next, {
      filters,
      prefixSets,
      withoutFilters: requirement,
      clusters: clusters || keptFromPeers(old) !== keptFromPeers(next),
    }),
    overlay: tunnels || pools.size > 0 || nodes.size > 0,
    restart,
    lines,
  };
}

const byCidr = ({ pools }: Router) => new Map(pools.map(renderPool).map((pool) => [pool.cidr, pool]));
const nodesByName = (nodes: readonly NodeConfig[]) =>
  new Map(nodes.map((node) => [node.name, renderNode(node)]));

/** Nodes of the one and of the other that both do not have alike: of thousands, hardly any. */
function otherNodes(
  old: readonly NodeConfig[],
  next: readonly NodeConfig[],
): [readonly NodeConfig[], readonly NodeConfig[]] {
  const [before, after] = withoutShared(old, next);
  const left = new Map(before.map((node) => [node.name, node]));
  const others = after.filter((node) => {
    const was = left.get(node.name);
    if (was === undefined || (was !== node && !sameNode(was, node))) return true;
    left.delete(node.name);
    return false;
  });
  return [[...left.values()], others];
}

/** What no peer is told of: pools but for what another pool within them exports, and routes of the inventory where there is one. */
function keptFromPeers({ pools, nodes }: Router): string {
  const inventory = nodes.length > 0 ? 'inventory ' : '';
  const kept = pools.filter(({ exported }) => !exported);
  const isWithin = ({ cidr }: Pool) =>
    kept.some((outer) => outer.cidr.length < cidr.length && contains(outer.cidr, cidr));
  return (
    inventory +
    pools
      .filter((pool) => !pool.exported || isWithin(pool))
      .map(({ cidr, exported }) => `${exported ? 'but ' : ''}${formatPrefix(cidr)}`)
      .sort()
      .join()
  );
}

function diffListen(old: Router, next: Router, lines: string[]): boolean {
  const text = (router: Router) =>
    new Set(
      router.listen.map(renderListen).map(({ address, port }) => {
        return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
      }),
    );
  const before = text(old);
  const after = text(next);
  const changed = [
    ...[...before].filter((end) => !after.has(end)).map((end) => `listen ${end} removed`),
    ...[...after].filter((end) => !before.has(end)).map((end) => `listen ${end} added`),
  ];
  lines.push(...changed);
  return changed.length > 0;
}

function relationOf(peer: WrittenPeer, router: Router) {
  // A range's `asns` are external.
  return !('asn' in peer) || peer.asn === 'external' ? 'ebgp' : relationTo(peer.asn, router);
}

/** Whether such peers are somebody else to us, though their AS is the same, as our confederation has other members. */
function isOther(
  what: string,
  was: WrittenPeer,
  old: Router,
  peer: WrittenPeer,
  next: Router,
  lines: string[],
) {
  const asnOf = (each: WrittenPeer) => ('asn' in each ? each.asn : undefined);
  const relations = [relationOf(was, old), relationOf(peer, next)];
  if (asnOf(was) !== asnOf(peer) || relations[0] === relations[1]) return false;
  lines.push(`${what}: ${relations.join(' → ')}${consequences.session}`);
  return true;
}

function diffPeers(old: Router, next: Router, lines: string[]): RouterDiff['peers'] {
  const before = new Map(old.peers.map((peer) => [peer.name, renderPeer(peer)]));
  const after = new Map(next.peers.map((peer) => [peer.name, renderPeer(peer)]));
  const result: RouterDiff['peers'] = { added: [], removed: [], changed: [] };
  for (const name of before.keys()) {
    if (after.has(name)) continue;
    result.removed.push(name);
    lines.push(`peer ${name} removed`);
  }
  for (const [name, peer] of after) {
    const was = before.get(name);
    if (was === undefined) {
      result.added.push(name);
      const end = 'address' in peer ? peer.address : `interface ${peer.interface}`;
      lines.push(`peer ${name} added: ${end}, AS ${peer.asn}`);
      continue;
    }
    const found: PeerChange[] = [];
    for (const [key, from, to] of differences(flat(was), flat(peer))) {
      const change = changeOf(key, was, peer);
      found.push(change);
      lines.push(`peer ${name}: ${key} ${show(from)} → ${show(to)}${consequences[change]}`);
    }
    if (isOther(`peer ${name}`, was, old, peer, next, lines)) found.push('session');
    if (found.length === 0) continue;
    result.changed.push({ name, change: strongest(found) });
  }
  return result;
}

/** Their peers are told apart by address, and change as peers do. */
function diffRanges(old: Router, next: Router, lines: string[]): RouterDiff['ranges'] {
  const changed = new Map<string, PeerChange>();
  const before = new Map(old.peerRanges.map((range) => [range.name, renderPeerRange(range)]));
  const after = new Map(next.peerRanges.map((range) => [range.name, renderPeerRange(range)]));
  for (const name of before.keys()) if (!after.has(name)) lines.push(`peer range ${name} removed`);
  for (const [name, range] of after) {
    const was = before.get(name);
    if (was === undefined) {
      lines.push(`peer range ${name} added: ${range.prefix}`);
      continue;
    }
    const found: PeerChange[] = [];
    for (const [key, from, to] of differences(flat(was), flat(range))) {
      const change = key === 'prefix' || key === 'limit' ? 'none' : changeOf(key, was, range);
      found.push(change);
      lines.push(`peer range ${name}: ${key} ${show(from)} → ${show(to)}${consequences[change]}`);
    }
    if (isOther(`peer range ${name}`, was, old, range, next, lines)) found.push('session');
    if (found.length > 0) changed.set(name, strongest(found));
  }
  return changed;
}

function strongest(changes: readonly PeerChange[]): PeerChange {
  return changes.includes('session') ? 'session' : changes.includes('policy') ? 'policy' : 'none';
}

function policyChange(
  next: Router,
  changed: {
    readonly filters: ReadonlySet<string>;
    readonly prefixSets: ReadonlySet<string>;
    readonly withoutFilters: boolean;
    readonly clusters: boolean;
  },
): PolicyChange | null {
  if (changed.clusters) return 'all';
  // A filter of before that is the same names the same sets.
  const asking = Object.values(next.filters).filter(({ rules }) =>
    rules.some(({ match }) => match.prefixSets?.some((name) => changed.prefixSets.has(name))),
  );
  const filters = new Set([...changed.filters, ...asking.map(({ name }) => name)]);
  const { withoutFilters } = changed;
  const any = filters.size > 0 || withoutFilters;
  return any ? { filters, withoutFilters } : null;
}

/** Things with a name of their own; returns the names of those that changed, came or went. */
function diffNamed(
  what: string,
  before: ReadonlyMap<string, object>,
  after: ReadonlyMap<string, object>,
  lines: string[],
): Set<string> {
  const changed = new Set<string>();
  for (const name of before.keys()) {
    if (after.has(name)) continue;
    changed.add(name);
    lines.push(`${what} ${name} removed`);
  }
  for (const [name, value] of after) {
    const was = before.get(name);
    if (was !== undefined && same(was, value)) continue;
    changed.add(name);
    if (was === undefined) lines.push(`${what} ${name} added`);
    else if (Array.isArray(value)) lines.push(`${what} ${name} changed`);
    else {
      for (const [key, from, to] of differences(flat(was), flat(value))) {
        lines.push(`${what} ${name}: ${key} ${show(from)} → ${show(to)}`);
      }
    }
  }
  return changed;
}

function changesOf(
  path: string,
  before: object,
  after: object,
  changes: (key: string, before: unknown, after: unknown) => boolean,
): boolean {
  let any = false;
  for (const [key, from, to] of differences(flat(before), flat(after))) {
    any = changes(`${path}.${key}`, from, to) || any;
  }
  return any;
}

/** `{a: {b: 1}}` → `a.b` = 1. Lists stay whole. */
function flat(value: object, path = '', into = new Map<string, unknown>()): Map<string, unknown> {
  for (const [key, item] of Object.entries(value)) {
    if (item !== null && typeof item === 'object' && !Array.isArray(item)) flat(item, `${path}${key}.`, into);
    else into.set(path + key, item);
  }
  return into;
}

function differences(
  before: ReadonlyMap<string, unknown>,
  after: ReadonlyMap<string, unknown>,
): [key: string, from: unknown, to: unknown][] {
  return [...new Set([...before.keys(), ...after.keys()])]
    .filter((key) => !same(before.get(key), after.get(key)))
    .map((key) => [key, before.get(key), after.get(key)]);
}

function same(x: unknown, y: unknown): boolean {
  if (x === y) return true;
  return JSON.stringify(x) === JSON.stringify(y);
}

function show(value: unknown): string {
  if (value === undefined) return 'unset';
  if (Array.isArray(value)) return `[${value.map(show).join(', ')}]`;
  if (value !== null && typeof value === 'object') {
    const entries = Object.entries(value).map(([key, item]) => `${key}: ${show(item)}`);
    return `{${entries.join(', ')}}`;
  }
  // Free text stays on its line and shows where it ends.
  if (typeof value === 'string' && !/^[\x21-\x7e]+$/.test(value)) return JSON.stringify(value);
  return String(value);
}
