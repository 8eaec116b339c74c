/** `peers` and `peerTemplates` of a document → peers of a Router: what a peer leaves out comes from its template, then from the defaults. */
import { dirname, resolve } from 'node:path';
import { type Address, familyNames, formatAddress, isLinkLocal } from '../address/index.js';
import { type Confederation, type Relation, relationTo } from '../bgp/speaker/confederation.js';
import { MAX_SHUTDOWN_TEXT } from '../bgp/wire/index.js';
import type {
  AddPathDocument,
  MaxPrefixesDocument,
  PeerDocument,
  PeerSettingsDocument,
  SpecDocument,
} from './document.js';
import {
  mergeGracefulRestart,
  type PartialGracefulRestart,
  readGracefulRestart,
} from './graceful-restart.js';
import { formatPath, type Path, suggest } from './issues.js';
import { checkAddPath, readAddPath } from './peer-add-path.js';
import { interfaceSettings, readEnd, readRemoteAs } from './peer-interface.js';
import { readMaxPrefixes } from './peer-limits.js';
import { checkRole } from './peer-role.js';
import type { GracefulRestartConfig, PeerConfig } from './router.js';
import { defaults, multihopTtl } from './schema.js';
import { familyLabel, type Reader } from './values.js';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
/** What a peer or a template states, read. `null` takes away what the template says. */
export type TemplateSettings = Partial<
  Omit<
    Mutable<PeerConfig>,
    'name' | 'address' | 'import' | 'export' | 'gracefulRestart' | 'maxPrefixes' | 'addPath' | 'ttlSecurity'
  >
> & {
  ttlSecurity?: number | null;
  import?: readonly string[] | null;
  export?: readonly string[] | null;
  gracefulRestart?: PartialGracefulRestart;
  /** As stated: what a peer and its template say is put together for each family. */
  maxPrefixes?: MaxPrefixesDocument;
  /** Likewise. */
  addPath?: AddPathDocument;
};

export interface PeerContext {
  readonly asn: number | undefined;
  readonly confederation: Confederation | null;
  readonly gracefulRestart: GracefulRestartConfig;
  readonly ebgpRequiresPolicy: boolean;
  /** Names of filters and templates that the document defines, also those with mistakes inside. */
  readonly filterNames: readonly string[];
  readonly templateNames: readonly string[];
}

export function readTemplates(
  spec: SpecDocument,
  context: PeerContext,
  reader: Reader,
): Map<string, TemplateSettings> {
  const templates = new Map<string, TemplateSettings>();
  for (const [name, document] of Object.entries(spec.peerTemplates ?? {})) {
    if (document === undefined) continue;
    templates.set(name, readSettings(document, context, reader, ['spec', 'peerTemplates', name]));
  }
  return templates;
}

export function readPeers(
  spec: SpecDocument,
  templates: ReadonlyMap<string, TemplateSettings>,
  context: PeerContext,
  reader: Reader,
): PeerConfig[] {
  const peers: PeerConfig[] = [];
  const names = new Map<string, Path>();
  const ends = new Map<string, Path>();
  const passwords = new Map<string, string>();
  for (const [i, document] of (spec.peers ?? []).entries()) {
    if (document === undefined) continue;
    const path = ['spec', 'peers', i];
    const peer = readPeer(document, templates, context, reader, path);
    if (document.name !== undefined) {
      reader.duplicate(names, document.name, [...path, 'name'], `peer \`${document.name}\``);
    }
    if (peer === undefined) continue;
    const local = peer.localAddress === undefined ? '' : ` from ${formatAddress(peer.localAddress)}`;
    const zone = isLinkLocal(peer.address) ? `%${peer.device}` : '';
    const end = `${formatAddress(peer.address)}${zone} port ${peer.port}${local}`;
    if (peer.interface !== undefined) {
      const what = `a peer by the interface ${peer.interface}`;
      reader.duplicate(ends, what, [...path, 'interface'], what);
      peers.push(peer);
      continue;
    }
    reader.duplicate(ends, end, [...path, 'address'], `a session with ${end}`);
    const password = JSON.stringify(peer.password ?? null);
    const other = passwords.get(formatAddress(peer.address)) ?? password;
    if (other !== password) {
      // The kernel knows a listener's keys by address.
      reader.error(
        path,
        `peer \`${peer.name}\` has another password than the other peers at ${formatAddress(peer.address)}; expected the same`,
      );
    }
    passwords.set(formatAddress(peer.address), password);
    peers.push(peer);
  }
  return peers;
}

function readSettings(
  document: PeerSettingsDocument,
  context: PeerContext,
  reader: Reader,
  path: Path,
): TemplateSettings {
  const settings: TemplateSettings = {};
  const copied = [
    'description',
    'port',
    'passive',
    'fastFallover',
    'shutdown',
    'extendedMessages',
    'device',
    'nextHop',
    'extendedNextHop',
    'routeReflectorClient',
    'aigp',
    'enforceFirstAs',
    'maxAsPathLength',
    'allowOwnAs',
    'gracefulShutdown',
    'acceptBlackhole',
    'asOverride',
    'removePrivateAs',
    'role',
    'strictRole',
  ] as const;
  for (const key of copied) {
    const value = document[key];
    if (value !== undefined) (settings as Record<string, unknown>)[key] = value;
  }
  Object.assign(settings, readRemoteAs(document.asn, context.asn));
  if (document.raInterval !== undefined) settings.raIntervalSeconds = document.raInterval;
  const localAddress = reader.unicast(document.localAddress, [...path, 'localAddress']);
  if (localAddress !== undefined) settings.localAddress = localAddress;
  const clusterId = reader.unicast(document.clusterId, [...path, 'clusterId'], 0)?.a;
  if (clusterId !== undefined) settings.clusterId = clusterId;
  const { shutdownMessage } = document;
  if (shutdownMessage !== undefined) {
    const octets = Buffer.byteLength(shutdownMessage);
    if (octets > MAX_SHUTDOWN_TEXT) {
      reader.error(
        [...path, 'shutdownMessage'],
        `\`${formatPath([...path, 'shutdownMessage'])}\` has ${octets} octets; expected at most ${MAX_SHUTDOWN_TEXT}`,
      );
    } else settings.shutdownMessage = shutdownMessage;
  }
  const password = readPasswordSource(document, reader, path);
  if (password !== undefined) settings.password = password;
  if (document.multihop !== undefined) {
    settings.multihop =
      document.multihop === true ? multihopTtl : document.multihop === false ? null : document.multihop;
  }
  if (document.ttlSecurity !== undefined) {
    const { ttlSecurity } = document;
    settings.ttlSecurity = ttlSecurity === true ? 1 : ttlSecurity === false ? null : ttlSecurity;
  }
  if (document.families !== undefined) {
    const families = document.families;
    settings.families = familyNames.filter((family) => families.includes(family));
  }
  if (document.holdTime === 1 || document.holdTime === 2) {
    reader.error(
      [...path, 'holdTime'],
      `\`${formatPath([...path, 'holdTime'])}\` is ${document.holdTime}; expected 0 (never expires) or at least 3 seconds`,
    );
  } else if (document.holdTime !== undefined) settings.holdTimeSeconds = document.holdTime;
  if (document.keepalive !== undefined) settings.keepaliveSeconds = document.keepalive;
  if (document.minHoldTime !== undefined) settings.minHoldSeconds = document.minHoldTime;
  if (document.sendHoldTime !== undefined) settings.sendHoldSeconds = document.sendHoldTime;
  if (document.connectRetry !== undefined) settings.connectRetrySeconds = document.connectRetry;
  if (document.delayOpen !== undefined) settings.delayOpenSeconds = document.delayOpen;
  if (document.idleHold !== undefined) settings.idleHoldSeconds = document.idleHold;
  if (document.gracefulRestart !== undefined)
    settings.gracefulRestart = readGracefulRestart(document.gracefulRestart);
  if (document.localAs?.asn !== undefined) {
    settings.localAs = {
      asn: document.localAs.asn,
      noPrepend: document.localAs.noPrepend ?? defaults.localAsNoPrepend,
      replaceAs: document.localAs.replaceAs ?? defaults.localAsReplaceAs,
    };
  }
  if (document.maxPrefixes !== undefined) settings.maxPrefixes = document.maxPrefixes;
  if (document.addPath !== undefined) {
    checkAddPath(document.addPath, reader, [...path, 'addPath']);
    settings.addPath = document.addPath;
  }
  for (const direction of ['import', 'export'] as const) {
    const names = document[direction];
    if (names === undefined) continue;
    const list = typeof names === 'string' ? [names] : names;
    for (const [i, name] of list.entries()) {
      if (name === undefined || context.filterNames.includes(name)) continue;
      const at = typeof names === 'string' ? [...path, direction] : [...path, direction, i];
      reader.error(
        at,
        `\`${formatPath(at)}\` names the filter \`${name}\`, which \`spec.filters\` doesn't define; ${suggest(name, context.filterNames)}`,
      );
    }
    settings[direction] = list.length === 0 ? null : list.filter((name) => name !== undefined);
  }
  return settings;
}

function readPasswordSource(
  { passwordFile, passwordEnv }: PeerSettingsDocument,
  reader: Reader,
  path: Path,
): PeerConfig['password'] {
  if (passwordFile !== undefined && passwordEnv !== undefined) {
    return reader.error(
      [...path, 'passwordEnv'],
      `\`${formatPath(path)}\` has both \`passwordFile\` and \`passwordEnv\`; expected one of them`,
    );
  }
  if (passwordEnv !== undefined) return { env: passwordEnv };
  return passwordFile === undefined
    ? undefined
    : { file: resolve(dirname(reader.source.file), passwordFile) };
}

/** `end`: where the peer is, if its document doesn't say. */
export function readPeer(
  document: PeerDocument,
  templates: ReadonlyMap<string, TemplateSettings>,
  context: PeerContext,
  reader: Reader,
  path: Path,
  end?: Address,
): PeerConfig | undefined {
  const label = document.name === undefined ? `\`${formatPath(path)}\`` : `peer \`${document.name}\``;
  let template: TemplateSettings = {};
  if (document.template !== undefined) {
    template = templates.get(document.template) ?? {};
    if (!context.templateNames.includes(document.template)) {
      reader.error(
        [...path, 'template'],
        `${label} refers to the template \`${document.template}\`, which \`spec.peerTemplates\` doesn't define; ${suggest(document.template, context.templateNames)}`,
      );
    }
  }
  const address = end ?? readEnd(document, label, reader, path);
  const own = readSettings(document, context, reader, path);
  const merged = { ...template, ...own };
  const knowsTemplate = document.template === undefined || templates.has(document.template);
  const asnIsGiven =
    reader.isGiven([...path, 'asn']) ||
    (document.template !== undefined && reader.isGiven(['spec', 'peerTemplates', document.template, 'asn']));
  if (merged.asn === undefined && !asnIsGiven && knowsTemplate) {
    const places =
      document.template === undefined
        ? 'in the peer or a template'
        : `in the peer or in template \`${document.template}\``;
    reader.error(path, `${label} has no \`asn\`; expected its AS number, ${places}`);
  }
  const holdTimeSeconds = merged.holdTimeSeconds ?? defaults.holdTime;
  const keepalive = merged.keepaliveSeconds;
  if (keepalive !== undefined && holdTimeSeconds > 0 && keepalive * 2 > holdTimeSeconds) {
    reader.error(
      document.keepalive === undefined ? path : [...path, 'keepalive'],
      `${label} sends a KEEPALIVE every ${keepalive} s but holds for ${holdTimeSeconds} s; expected at most half the hold time, better a third`,
    );
  }
  const { sendHoldSeconds = 0, minHoldSeconds = 0 } = merged;
  if (holdTimeSeconds < minHoldSeconds) {
    reader.error(
      document.minHoldTime === undefined ? path : [...path, 'minHoldTime'],
      `${label} must hold for ${minHoldSeconds} s but we offer ${holdTimeSeconds} s; expected at most the hold time`,
    );
  }
  if (sendHoldSeconds > 0 && sendHoldSeconds <= holdTimeSeconds) {
    reader.warn(
      path,
      `${label} has a send hold time of ${sendHoldSeconds} s and a hold time of ${holdTimeSeconds} s, so a peer that pauses is lost before its hold time is over; expected more than the hold time`,
    );
  }
  if (address === undefined) return undefined;
  const localAddress = merged.localAddress;
  if (localAddress !== undefined && localAddress.family !== address.family) {
    reader.error(
      own.localAddress === undefined ? path : [...path, 'localAddress'],
      `${label} has the ${familyLabel(address.family)} address ${formatAddress(address)} but the local address ${formatAddress(localAddress)}; expected both of one family`,
    );
  }
  for (const [key, value] of [
    ['address', address],
    ['localAddress', localAddress],
  ] as const) {
    if (value?.family !== 1 || !isLinkLocal(value) || merged.device !== undefined) continue;
    reader.error(
      document[key] === undefined ? path : [...path, key],
      `${label} has the link-local address ${formatAddress(value)}, which says nothing without its link; expected \`device\` beside it`,
    );
  }
  if (document.name === undefined || merged.asn === undefined || context.asn === undefined) return undefined;
  const { asn, confederation } = context;
  const relation = relationTo(merged.asn, { asn, confederation });
  if (relation === 'ebgp' && merged.asn === confederation?.id) {
    reader.error(
      document.asn === undefined ? path : [...path, 'asn'],
      `${label} is said to be in AS ${merged.asn}, which is what the outside calls our confederation; expected its member AS`,
    );
  }
  if (merged.routeReflectorClient && relation !== 'ibgp') {
    reader.error(
      document.routeReflectorClient === undefined ? path : [...path, 'routeReflectorClient'],
      `${label} is a route reflector client but in AS ${merged.asn}, not ours (${context.asn}); expected an iBGP peer`,
    );
  }
  if (merged.clusterId !== undefined && relation !== 'ibgp') {
    reader.error(
      document.clusterId === undefined ? path : [...path, 'clusterId'],
      `${label} has \`clusterId\` but is in AS ${merged.asn}, not ours (${context.asn}); expected an iBGP peer`,
    );
  }
  checkAsOptions(document, merged, relation, asn, label, reader, path);
  checkRole(merged, document, relation === 'ebgp', label, reader, path);
  const {
    import: importFilters,
    export: exportFilters,
    gracefulRestart,
    localAddress: _,
    addPath: __,
    ttlSecurity,
    raIntervalSeconds: ___,
    ...rest
  } = merged;
  if (ttlSecurity && merged.multihop) {
    reader.error(
      own.ttlSecurity === undefined ? path : [...path, 'ttlSecurity'],
      `${label} has both \`ttlSecurity\` and \`multihop\`; expected one of them (\`ttlSecurity: HOPS\` reaches as far)`,
    );
  }
  const families =
    merged.families ?? (document.interface === undefined ? [familyNames[address.family]] : familyNames);
  const maxPrefixes = readMaxPrefixes(template.maxPrefixes ?? {}, own.maxPrefixes ?? {}, families, reader, [
    ...path,
    'maxPrefixes',
  ]);
  const addPath = readAddPath(template.addPath ?? {}, own.addPath ?? {}, families, reader, [
    ...path,
    'addPath',
  ]);
  if (relation === 'ebgp' && context.ebgpRequiresPolicy) {
    const without = [!importFilters && 'import', !exportFilters && 'export'].filter((side) => side !== false);
    if (without.length > 0) {
      const effect = without.map((side) => (side === 'import' ? 'accepts' : 'announces')).join(' and ');
      reader.warn(
        path,
        `${label} is eBGP without ${without.map((side) => `\`${side}\``).join(' and ')}, so it ${effect} nothing (RFC 8212); expected filters, or \`ebgpRequiresPolicy: false\``,
      );
    }
  }
  return {
    port: defaults.port,
    passive: defaults.passive,
    fastFallover: defaults.fastFallover,
    shutdown: defaults.shutdown,
    multihop: null,
    connectRetrySeconds: defaults.connectRetry,
    delayOpenSeconds: defaults.delayOpen,
    idleHoldSeconds: defaults.idleHold,
    extendedMessages: defaults.extendedMessages,
    nextHop: defaults.nextHop,
    extendedNextHop: address.family === 1 && families.includes('ipv4'),
    routeReflectorClient: defaults.routeReflectorClient,
    enforceFirstAs: defaults.enforceFirstAs,
    maxAsPathLength: defaults.maxAsPathLength,
    allowOwnAs: defaults.allowOwnAs,
    gracefulShutdown: defaults.gracefulShutdown,
    acceptBlackhole: defaults.acceptBlackhole,
    asOverride: defaults.asOverride,
    removePrivateAs: defaults.removePrivateAs,
    ...rest,
    strictRole: merged.role !== undefined && (merged.strictRole ?? defaults.strictRole),
    families,
    holdTimeSeconds,
    name: document.name,
    address,
    asn: merged.asn,
    ...(merged.asn === 0 ? { learnsAsn: true } : {}),
    ...interfaceSettings(document, merged, label, reader, path),
    ...(localAddress === undefined ? {} : { localAddress }),
    ...(ttlSecurity ? { ttlSecurity } : {}),
    ...(importFilters ? { import: importFilters } : {}),
    ...(exportFilters ? { export: exportFilters } : {}),
    gracefulRestart: mergeGracefulRestart(
      context.gracefulRestart,
      template.gracefulRestart,
      own.gracefulRestart,
    ),
    maxPrefixes,
    ...(addPath === undefined ? {} : { addPath }),
  };
}

/** RFC 7705 §3: the other AS is neither of the two that there are. What changes AS_PATH on the way out is for eBGP. */
function checkAsOptions(
  document: PeerDocument,
  { asn, localAs, asOverride, removePrivateAs }: TemplateSettings,
  relation: Relation,
  ourAsn: number,
  label: string,
  reader: Reader,
  path: Path,
): void {
  const place = (key: 'localAs' | 'asOverride' | 'removePrivateAs') =>
    document[key] === undefined ? path : [...path, key];
  const where = relation === 'ibgp' ? `our own AS ${ourAsn}` : 'our confederation';
  if (localAs !== undefined && relation !== 'ebgp') {
    reader.error(place('localAs'), `${label} is in ${where} and has \`localAs\`; expected an eBGP peer`);
  } else if (localAs !== undefined && (localAs.asn === ourAsn || localAs.asn === asn)) {
    const whose = localAs.asn === ourAsn ? 'our own AS' : "the peer's AS";
    reader.error(place('localAs'), `${label} has ${whose}, ${localAs.asn}, as \`localAs\`; expected another`);
  }
  if (relation === 'ebgp') return;
  for (const [key, isSet] of [
    ['asOverride', asOverride === true],
    ['removePrivateAs', removePrivateAs !== undefined && removePrivateAs !== false],
  ] as const) {
    if (isSet)
      reader.warn(place(key), `${label} is in ${where} and has \`${key}\`, which holds for eBGP peers alone`);
  }
}
