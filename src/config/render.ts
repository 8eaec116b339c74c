/**
 * A Router → the document that says the same with every default filled in. Reading what is written here gives the
 * same Router again; templates are gone, since their settings stand in the peers.
 */
import { createRequire } from 'node:module';
import { formatAddress, formatIpv4, formatPrefix } from '../address/index.js';
import { renderCollector } from './bmp.js';
import { renderConfederation } from './confederation.js';
import type { RouterDocument } from './document.js';
import { renderGracefulRestart } from './graceful-restart.js';
import { renderAddPath } from './peer-add-path.js';
import { renderMaxPrefixes } from './peer-limits.js';
import { renderPeerRange } from './peer-ranges.js';
import { renderFilter, renderPrefixSet } from './render-filters.js';
import { renderOverlayParts } from './render-overlay.js';
import { renderRpki } from './render-rpki.js';
import type {
  KernelConfig,
  LearnConfig,
  ListenAddress,
  MrtConfig,
  NetworkConfig,
  PeerConfig,
  Router,
  StaticConfig,
} from './router.js';
import { apiVersion } from './schema.js';
import { yamlSchema } from './source.js';
import { formatCommunity } from './values.js';

/** A document as it is written: keys in the order of the schema. */
export type WrittenRouter = RouterDocument & { readonly apiVersion: string; readonly kind: 'Router' };

/** The Router as a plain value with the keys of a document. What has no default and isn't set is left out. */
export function renderRouter(router: Router): WrittenRouter {
  return {
    apiVersion,
    kind: 'Router',
    metadata: { name: router.name },
    spec: {
      asn: router.asn,
      ...(router.confederation === null ? {} : { confederation: renderConfederation(router.confederation) }),
      routerId: formatIpv4(router.routerId),
      ...(router.clusterId === null ? {} : { clusterId: formatIpv4(router.clusterId) }),
      listen: router.listen.map(renderListen),
      maxPaths: router.maxPaths,
      linkBandwidth: router.linkBandwidth,
      med: { ...router.med },
      ebgpRequiresPolicy: router.ebgpRequiresPolicy,
      onStop: { ...router.onStop },
      gracefulRestart: renderGracefulRestart(router.gracefulRestart),
      preference: { ...router.preference },
      peers: router.peers.map(renderPeer),
      peerRanges: router.peerRanges.map(renderPeerRange),
      prefixSets: Object.fromEntries(
        Object.entries(router.prefixSets).map(([name, list]) => [name, renderPrefixSet(list)]),
      ),
      filters: Object.fromEntries(
        Object.entries(router.filters).map(([name, filter]) => [name, renderFilter(filter)]),
      ),
      networks: router.networks.map(renderNetwork),
      static: router.static.map(renderStatic),
      learn: renderLearn(router.learn),
      ...renderOverlayParts(router),
      kernel: renderKernel(router.kernel),
      mrt: renderMrt(router.mrt),
      ...renderRpki(router.rpki),
      bmp: router.bmp.map(renderCollector),
    },
  };
}

/** The document as text that ends with a newline. */
export function formatRouter(router: Router, format: 'yaml' | 'json'): string {
  const document = renderRouter(router);
  if (format === 'json') return `${JSON.stringify(document, null, 2)}\n`;
  const { dump } = createRequire(import.meta.url)('js-yaml') as typeof import('js-yaml');
  return dump(document, { schema: yamlSchema, lineWidth: 110, noRefs: true });
}

export function renderListen(listen: ListenAddress) {
  return { address: formatAddress(listen.address), port: listen.port };
}

/** Where the password stands, not what it is. */
function renderPassword(source: PeerConfig['password']) {
  if (source === undefined) return {};
  return 'file' in source ? { passwordFile: source.file } : { passwordEnv: source.env };
}

export function renderPeer(peer: PeerConfig) {
  return {
    name: peer.name,
    ...(peer.description === undefined ? {} : { description: peer.description }),
    ...(peer.interface === undefined
      ? { address: formatAddress(peer.address) }
      : { interface: peer.interface, raInterval: peer.raIntervalSeconds ?? 0 }),
    port: peer.port,
    asn: peer.learnsAsn === true ? ('external' as const) : peer.asn,
    ...(peer.localAddress === undefined ? {} : { localAddress: formatAddress(peer.localAddress) }),
    ...(peer.device === undefined || peer.interface !== undefined ? {} : { device: peer.device }),
    ...renderPassword(peer.password),
    passive: peer.passive,
    shutdown: peer.shutdown,
    ...(peer.shutdownMessage === undefined ? {} : { shutdownMessage: peer.shutdownMessage }),
    multihop: peer.multihop ?? false,
    ttlSecurity: peer.ttlSecurity ?? false,
    families: [...peer.families],
    holdTime: peer.holdTimeSeconds,
    ...(peer.keepaliveSeconds === undefined ? {} : { keepalive: peer.keepaliveSeconds }),
    ...(peer.minHoldSeconds === undefined ? {} : { minHoldTime: peer.minHoldSeconds }),
    ...(peer.sendHoldSeconds === undefined ? {} : { sendHoldTime: peer.sendHoldSeconds }),
    connectRetry: peer.connectRetrySeconds,
    fastFallover: peer.fastFallover,
    delayOpen: peer.delayOpenSeconds,
    idleHold: peer.idleHoldSeconds,
    extendedMessages: peer.extendedMessages,
    nextHop: peer.nextHop,
    extendedNextHop: peer.extendedNextHop,
    ...(peer.import === undefined ? {} : { import: [...peer.import] }),
    ...(peer.export === undefined ? {} : { export: [...peer.export] }),
    gracefulRestart: renderGracefulRestart(peer.gracefulRestart),
    routeReflectorClient: peer.routeReflectorClient,
    ...(peer.clusterId === undefined ? {} : { clusterId: formatIpv4(peer.clusterId) }),
    ...(peer.aigp === undefined ? {} : { aigp: peer.aigp }),
    maxPrefixes: renderMaxPrefixes(peer.maxPrefixes),
    ...renderAddPath(peer.addPath),
    enforceFirstAs: peer.enforceFirstAs,
    maxAsPathLength: peer.maxAsPathLength,
    allowOwnAs: peer.allowOwnAs,
    gracefulShutdown: peer.gracefulShutdown,
    acceptBlackhole: peer.acceptBlackhole,
    ...(peer.role === undefined ? {} : { role: peer.role }),
    strictRole: peer.strictRole,
    asOverride: peer.asOverride,
    removePrivateAs: peer.removePrivateAs,
    ...(peer.localAs === undefined ? {} : { localAs: { ...peer.localAs } }),
  };
}

export function renderNetwork(network: NetworkConfig) {
  return {
    prefix: formatPrefix(network.prefix),
    blackhole: network.blackhole,
    communities: network.communities.map(formatCommunity),
    ...(network.aigp === undefined ? {} : { aigp: network.aigp }),
  };
}

export function renderStatic(route: StaticConfig) {
  return {
    prefix: formatPrefix(route.prefix),
    ...(route.via.length === 0 ? {} : { via: route.via.map(formatAddress) }),
    ...(route.device === undefined ? {} : { device: route.device }),
    blackhole: route.blackhole,
    ...(route.aigp === undefined ? {} : { aigp: route.aigp }),
  };
}

export function renderLearn(learn: LearnConfig) {
  return {
    connected: [...learn.connected],
    kernel: learn.kernel.map(({ protocols, interfaces }) => ({
      protocols: [...protocols],
      interfaces: [...interfaces],
    })),
  };
}

export function renderKernel(kernel: KernelConfig) {
  const { ipv4, ipv6 } = kernel.source;
  return {
    install: kernel.install,
    table: kernel.table,
    protocol: kernel.protocol,
    metric: kernel.metric,
    source: {
      ...(ipv4 === undefined ? {} : { ipv4: formatAddress(ipv4) }),
      ...(ipv6 === undefined ? {} : { ipv6: formatAddress(ipv6) }),
    },
    ...(kernel.nexthopCompat === null ? {} : { nexthopCompat: kernel.nexthopCompat }),
  };
}

export function renderMrt({ table, updates }: MrtConfig) {
  return {
    ...(table === null ? {} : { table: { path: table.path, every: table.everySeconds } }),
    ...(updates === null ? {} : { updates: { path: updates.path, rotate: updates.rotateSeconds } }),
  };
}
