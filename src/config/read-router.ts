/** One Router document → a Router: text into integers, defaults filled in, references checked. */
import { familyIndex, formatPrefix, isLinkLocal } from '../address/index.js';
import { readBmp } from './bmp.js';
import { readConfederation } from './confederation.js';
import type { LearnKernelDocument, RouterDocument, SpecDocument, StaticDocument } from './document.js';
import { readFilters, readPrefixSets } from './filters.js';
import { mergeGracefulRestart, readGracefulRestart } from './graceful-restart.js';
import { formatPath, type Path } from './issues.js';
import { readPeerRanges } from './peer-ranges.js';
import { readPeers, readTemplates } from './peers.js';
import { readMrt } from './read-mrt.js';
import { readOverlay } from './read-overlay.js';
import { readRpki } from './read-rpki.js';
import type {
  KernelConfig,
  LearnConfig,
  ListenAddress,
  NetworkConfig,
  Router,
  StaticConfig,
} from './router.js';
import { defaults } from './schema.js';
import type { SourceDocument } from './source.js';
import { prune, validateShape } from './validate.js';
import { familyLabel, Reader } from './values.js';

/** Reads one document; what is wrong with it lies in the reader. Null if anything is wrong. */
export function readRouter(source: SourceDocument): { router: Router | null; reader: Reader } {
  const reader = new Reader(source);
  const faults = validateShape(source.value);
  for (const fault of faults) reader.error(fault.path, fault.message, fault.what);
  const defined = (key: 'filters' | 'peerTemplates' | 'prefixSets') => {
    const spec = (source.value as { spec?: Record<string, unknown> } | null)?.spec;
    const names = spec?.[key];
    return names !== null && typeof names === 'object' ? Object.keys(names) : [];
  };
  const filterNames = defined('filters');
  const templateNames = defined('peerTemplates');
  const prefixSetNames = defined('prefixSets');
  const document = structuredClone(source.value);
  prune(document, faults);
  const isMap = document !== null && typeof document === 'object' && !Array.isArray(document);
  const { metadata = {}, spec = {} } = (isMap ? document : {}) as RouterDocument;
  const router = readSpec(metadata.name, spec, { filterNames, templateNames, prefixSetNames }, reader);
  return { router: reader.errors.length === 0 ? router : null, reader };
}

function readSpec(
  name: string | undefined,
  spec: SpecDocument,
  defined: {
    filterNames: readonly string[];
    templateNames: readonly string[];
    prefixSetNames: readonly string[];
  },
  reader: Reader,
): Router | null {
  const gracefulRestart = mergeGracefulRestart(
    defaults.gracefulRestart,
    readGracefulRestart(spec.gracefulRestart ?? {}),
  );
  const ebgpRequiresPolicy = spec.ebgpRequiresPolicy ?? defaults.ebgpRequiresPolicy;
  const routerId = reader.unicast(spec.routerId, ['spec', 'routerId'], 0)?.a;
  const confederation = readConfederation(spec);
  const clusterId = reader.unicast(spec.clusterId, ['spec', 'clusterId'], 0)?.a ?? null;
  const context = { asn: spec.asn, confederation, gracefulRestart, ebgpRequiresPolicy, ...defined };
  const prefixSets = readPrefixSets(spec.prefixSets ?? {}, reader, ['spec', 'prefixSets']);
  const peerNames = (spec.peers ?? []).flatMap((peer) => peer?.name ?? []);
  const filters = readFilters(spec.filters ?? {}, { ...defined, peerNames }, reader, ['spec', 'filters']);
  const templates = readTemplates(spec, context, reader);
  const peers = readPeers(spec, templates, context, reader);
  const peerRanges = readPeerRanges(spec, peers, templates, context, reader);
  const kernel = readKernel(spec, reader);
  const rest = {
    listen: readListen(spec, reader),
    networks: readNetworks(spec, reader),
    static: readStatic(spec, reader),
    learn: readLearn(spec, kernel.protocol, reader),
    ...readOverlay(spec, name, reader),
    mrt: readMrt(spec, reader),
    rpki: readRpki(spec, reader),
    bmp: readBmp(spec, reader),
  };
  if (name === undefined || spec.asn === undefined || routerId === undefined) return null;
  return {
    name,
    asn: spec.asn,
    confederation,
    routerId,
    clusterId,
    maxPaths: spec.maxPaths ?? defaults.maxPaths,
    linkBandwidth: spec.linkBandwidth ?? defaults.linkBandwidth,
    med: { ...defaults.med, ...spec.med },
    ebgpRequiresPolicy,
    onStop: { ...defaults.onStop, ...spec.onStop },
    gracefulRestart,
    preference: { ...defaults.preference, ...spec.preference },
    peers,
    peerRanges,
    prefixSets,
    filters,
    kernel,
    ...rest,
  };
}

function readListen(spec: SpecDocument, reader: Reader): ListenAddress[] {
  const listen: ListenAddress[] = [];
  const seen = new Map<string, Path>();
  for (const [i, item] of (spec.listen ?? defaults.listen).entries()) {
    if (item === undefined) continue;
    const path = ['spec', 'listen', i];
    const address = reader.address(item.address, [...path, 'address']);
    const port = item.port ?? defaults.port;
    if (address === undefined) continue;
    if (reader.duplicate(seen, `${item.address} ${port}`, path, `${item.address} port ${port}`)) continue;
    listen.push({ address, port });
  }
  return listen;
}

function readNetworks(spec: SpecDocument, reader: Reader): NetworkConfig[] {
  const networks: NetworkConfig[] = [];
  const seen = new Map<string, Path>();
  for (const [i, item] of (spec.networks ?? []).entries()) {
    if (item === undefined) continue;
    const path = ['spec', 'networks', i];
    const document = typeof item === 'string' ? { prefix: item } : item;
    const at = typeof item === 'string' ? path : [...path, 'prefix'];
    const prefix = reader.prefix(document.prefix, at);
    const communities = reader.communities(document.communities, [...path, 'communities']) ?? [];
    if (prefix === undefined) continue;
    if (reader.duplicate(seen, formatPrefix(prefix), at, `network ${formatPrefix(prefix)}`)) continue;
    const { blackhole = defaults.blackhole, aigp } = document;
    networks.push({ prefix, blackhole, communities, ...(aigp === undefined ? {} : { aigp }) });
  }
  return networks;
}

function readStatic(spec: SpecDocument, reader: Reader): StaticConfig[] {
  const routes: StaticConfig[] = [];
  const seen = new Map<string, Path>();
  for (const [i, item] of (spec.static ?? []).entries()) {
    if (item === undefined) continue;
    const route = readStaticRoute(item, reader, ['spec', 'static', i]);
    if (route === undefined) continue;
    const text = formatPrefix(route.prefix);
    if (!reader.duplicate(seen, text, ['spec', 'static', i, 'prefix'], `static route ${text}`))
      routes.push(route);
  }
  return routes;
}

function readStaticRoute(document: StaticDocument, reader: Reader, path: Path): StaticConfig | undefined {
  const prefix = reader.prefix(document.prefix, [...path, 'prefix']);
  const single = typeof document.via === 'string';
  const texts = typeof document.via === 'string' ? [document.via] : (document.via ?? []);
  const via = [];
  for (const [i, text] of texts.entries()) {
    const at = single ? [...path, 'via'] : [...path, 'via', i];
    const address = reader.unicast(text, at);
    if (address === undefined) continue;
    // An IPv4 route may go through an IPv6 next hop (RFC 8950), not the other way round.
    if (prefix !== undefined && prefix.family === 1 && address.family === 0) {
      reader.error(
        at,
        `\`${formatPath(at)}\` is ${text}, but ${formatPrefix(prefix)} is ${familyLabel(1)}; expected an IPv6 next hop`,
      );
    }
    if (address.family === 1 && isLinkLocal(address) && document.device === undefined) {
      reader.error(
        at,
        `\`${formatPath(at)}\` is the link-local address ${text}; expected \`device\` beside it, to say on which link`,
      );
    }
    via.push(address);
  }
  const blackhole = document.blackhole ?? false;
  if (blackhole && (document.via !== undefined || document.device !== undefined)) {
    reader.error(path, `\`${formatPath(path)}\` has \`blackhole\` and a next hop; expected one of them`);
  } else if (
    !blackhole &&
    document.via === undefined &&
    document.device === undefined &&
    document.prefix !== undefined
  ) {
    reader.error(
      path,
      `\`${formatPath(path)}\` leads nowhere; expected \`via\`, \`device\` or \`blackhole: true\``,
    );
  }
  if (prefix === undefined) return undefined;
  const { device, aigp } = document;
  return {
    ...{ prefix, via, blackhole },
    ...(device === undefined ? {} : { device }),
    ...(aigp === undefined ? {} : { aigp }),
  };
}

function readLearn(spec: SpecDocument, ownProtocol: number, reader: Reader): LearnConfig {
  const given = <T>(list: readonly (T | undefined)[]): T[] => list.filter((item) => item !== undefined);
  const readKernelRule = (item: LearnKernelDocument, path: Path) => {
    const protocols = reader.protocols(item.protocols ?? [], [...path, 'protocols']);
    if (protocols.includes(ownProtocol)) {
      reader.error(
        [...path, 'protocols'],
        `\`${formatPath([...path, 'protocols'])}\` holds ${ownProtocol}, which marks our own routes (\`spec.kernel.protocol\`); expected other protocols`,
      );
    }
    return { protocols, interfaces: given(item.interfaces ?? defaults.learnInterfaces) };
  };
  return {
    connected: given(spec.learn?.connected ?? defaults.learnConnected),
    kernel: (spec.learn?.kernel ?? []).flatMap((item, i) =>
      item === undefined ? [] : [readKernelRule(item, ['spec', 'learn', 'kernel', i])],
    ),
  };
}

function readKernel(spec: SpecDocument, reader: Reader): KernelConfig {
  const document = spec.kernel ?? {};
  const path = ['spec', 'kernel'];
  const ipv4 = reader.unicast(document.source?.ipv4, [...path, 'source', 'ipv4'], familyIndex('ipv4'));
  const ipv6 = reader.unicast(document.source?.ipv6, [...path, 'source', 'ipv6'], familyIndex('ipv6'));
  const table = document.table === 'main' ? 254 : (document.table ?? defaults.kernel.table);
  if (table === 255) {
    reader.error(
      [...path, 'table'],
      '`spec.kernel.table` is 255, the table of local addresses, which the kernel keeps itself; expected another',
    );
  }
  const protocol = document.protocol ?? defaults.kernel.protocol;
  if (protocol <= 4) {
    reader.warn(
      [...path, 'protocol'],
      `\`spec.kernel.protocol\` is ${protocol}, which the kernel or \`ip route\` give to their own routes: all of those would be ours to remove`,
    );
  }
  return {
    install: document.install ?? defaults.kernel.install,
    table,
    protocol,
    metric: document.metric ?? defaults.kernel.metric,
    source: { ...(ipv4 === undefined ? {} : { ipv4 }), ...(ipv6 === undefined ? {} : { ipv6 }) },
    nexthopCompat: document.nexthopCompat ?? null,
  };
}
