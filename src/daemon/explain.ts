/** `tartan explain`: everything that is known of one prefix, from the paths received to what the kernel said. */
import { type FamilyIndex, familyNames, formatAddress, formatPrefix, type Prefix } from '../address/index.js';
import type { Peer, Speaker } from '../bgp/speaker/index.js';
import { describeAttributes } from '../bgp/wire/index.js';
import type { ExplainedPath, Explanation } from '../control/api.js';
import type { Fib, FibRouteRow, Forwarding } from '../fib/types.js';
import { decisionStepText } from '../rib/decision.js';
import {
  type AttrSetId,
  type NextHopId,
  NONE,
  type PathId,
  type PrefixId,
  REJECTED,
  type SourceId,
} from '../rib/ids.js';
import type { ResolutionStep } from '../rib/next-hop-keys.js';
import { SELF } from '../rib/next-hops.js';
import type { PathVerdict, Rib } from '../rib/rib.js';
import type { SourceInfo } from '../rib/sources.js';
import type { OriginValidation } from './origin-validation.js';
import type { Overlay } from './overlay/index.js';
import type { RouteViews } from './route-views.js';

export interface ExplainParts {
  readonly rib: Rib;
  readonly speaker: Speaker;
  readonly fib: Fib;
  readonly views: RouteViews;
  /** Whether routes go into the kernel at all. */
  readonly installs: boolean;
  /** The interface's name; its number where it is gone. */
  device(ifindex: number): string;
  desired(family: FamilyIndex, prefix: PrefixId): Forwarding | null;
  readonly validation: OriginValidation;
  readonly overlay: Overlay;
}

/** `via 192.0.2.1 dev eth0, via 192.0.2.2 dev eth0`. */
export function describeForwarding(forwarding: Forwarding, device: (ifindex: number) => string): string {
  if (forwarding.kind === 'blackhole') return 'blackhole';
  if (forwarding.kind === 'unresolved') return `nothing, as there is no way: ${forwarding.reason}`;
  const weighted = forwarding.hops.some(({ weight }) => weight > 1);
  return forwarding.hops
    .map(
      ({ gateway, ifindex, weight }) =>
        `${gateway === null ? '' : `via ${formatAddress(gateway)} `}dev ${device(ifindex)}${weighted ? ` weight ${weight}` : ''}`,
    )
    .join(', ');
}

function describeStep(
  { address, by, prefix, hops }: ResolutionStep,
  device: (ifindex: number) => string,
): string {
  const target = formatAddress(address);
  switch (by) {
    case 'connected':
      return `${target} is on the connected network ${prefix ? formatPrefix(prefix) : ''}, dev ${device(hops[0]?.ifindex ?? 0)}`;
    case 'interface':
      return `${target} is link-local on ${device(hops[0]?.ifindex ?? 0)}`;
    case 'kernel':
      return hops.length === 0
        ? `${target} is covered by the kernel's route ${prefix ? formatPrefix(prefix) : ''}, which leads nowhere (a blackhole, or a link that is down)`
        : `${target} by the kernel's route ${prefix ? formatPrefix(prefix) : ''} ${hops
            .map(
              ({ gateway, ifindex }) =>
                `${gateway ? `via ${formatAddress(gateway)} ` : ''}dev ${device(ifindex)}`,
            )
            .join(', ')}`;
    case 'route':
      return `${target} by our own route ${prefix ? formatPrefix(prefix) : ''}`;
    case 'own address':
      return `${target} is an address of this router itself`;
    case 'off link':
      return `${target} is link-local on a link that this router is not on: who announced it is no direct neighbour (RFC 2545 §3)`;
    case 'unstable':
      return `${target} would resolve only through a route that depends on it`;
    case 'nothing':
      return `no route leads to ${target}`;
  }
}

function describeKernel(row: FibRouteRow | undefined): string {
  if (row === undefined) return 'nothing is known of it in the kernel';
  const error = row.error;
  switch (row.state) {
    case 'installed':
      return `installed with metric ${row.metric}`;
    case 'pending':
      return 'on its way to the kernel';
    case 'removing':
      return 'on its way out of the kernel';
    case 'held':
      return 'kept from before the restart until the peers have delivered';
    case 'unresolved':
      return 'not installed';
    case 'conflict':
      return `not installed: protocol ${row.conflict?.protocol ?? '?'} holds this prefix with metric ${row.metric}; retried when it goes`;
    case 'failed':
      if (error !== undefined && error.code === '') return `not installed: ${error.message}`;
      return `refused with ${error?.code ?? 'an error'}: ${error?.message ?? ''} (attempt ${error?.attempts ?? 1}, next in ${error?.retryInMs ?? 0} ms)`;
  }
}

export async function explainPrefix(parts: ExplainParts, text: string): Promise<Explanation> {
  const { rib, speaker, fib, views } = parts;
  const where = views.locate(text);
  if ('missing' in where) {
    return {
      query: text,
      prefix: null,
      paths: [],
      advertised: [],
      kernel: null,
      summary:
        parts.overlay.unreachable(text) ??
        `No path to ${text} is known: no peer has announced it and it is no route of this node.`,
    };
  }
  const { family, prefix, value } = where;
  const verdicts = rib.explain(family, prefix);
  const desired = parts.desired(family, prefix);
  const rows = parts.installs ? await fib.rows(family, value, 4) : [];
  const kernel = parts.installs
    ? {
        told: desired === null ? 'no route' : describeForwarding(desired, parts.device),
        said: desired === null && rows.length === 0 ? 'nothing to say' : describeKernel(rows[0]),
      }
    : null;
  const advertised = [...speaker.peers.values()].map((peer) => ({
    peer: peer.settings.name,
    ...speaker.explainExport(peer, family, prefix),
  }));
  const announcedTo = new Map<PathId, { peer: string; pathId: number }[]>();
  for (const peer of speaker.peers.values()) {
    for (const { path, pathId } of speaker.announced(peer, family, prefix)) {
      if (path === NONE || pathId === null) continue;
      const known = announcedTo.get(path as PathId) ?? [];
      announcedTo.set(path as PathId, [...known, { peer: peer.settings.name, pathId }]);
    }
  }
  const paths = verdicts.map((verdict) => {
    const to = announcedTo.get(verdict.path);
    return { ...explainPath(parts, family, prefix, verdict), ...(to && { announcedTo: to }) };
  });
  return {
    query: text,
    prefix: formatPrefix(value),
    paths,
    advertised,
    kernel,
    summary: summarise(value, paths, kernel, advertised.filter((each) => each.announced).length),
  };
}

function explainPath(
  parts: ExplainParts,
  family: FamilyIndex,
  prefix: PrefixId,
  verdict: PathVerdict,
): ExplainedPath {
  const { rib, speaker, views } = parts;
  const { paths } = rib.families[family];
  const path: PathId = verdict.path;
  const source = rib.sources.get(paths.source[path] as SourceId);
  const accepted = paths.accepted[path] as AttrSetId;
  const received = paths.received[path] as AttrSetId;
  const set = accepted === REJECTED ? received : accepted;
  const { buffer, start, end } = rib.sets.bytes(set);
  const attributes = describeAttributes(buffer, start, end);
  const peer = source.kind === 'bgp' ? speaker.peers.get(source.name) : undefined;
  const step = verdict.step;
  let reason: string;
  if (verdict.verdict === 'rejected')
    reason = peer?.policy.explain(family, prefix, received) ?? 'rejected by the import filter';
  else if (verdict.verdict === 'best') reason = 'nothing is better';
  else if (step === 'med' && rib.medRules.alwaysCompare)
    reason = 'step 7: higher MULTI_EXIT_DISC (med.alwaysCompare, RFC 4271 §9.1.2.2 c)';
  else reason = step === null ? '' : decisionStepText[step];
  const trace = rib.nextHops.trace(rib.sets.nextHopId[set] as NextHopId);
  if (verdict.verdict === 'unresolved' && trace[0]?.by === 'own address') {
    reason = 'its next hop is an address of this router itself (RFC 4271 §6.3)';
  }
  return {
    peer: source.name,
    source: source.kind,
    nextHop: attributes.nextHop,
    asPath: attributes.asPath ?? '',
    attributes: { ...attributes },
    ...views.pathIdOf(family, path),
    ...(rib.families[family].isStale(path) ? { stale: keptFor(peer, family) } : {}),
    verdict: verdict.verdict,
    reason,
    nextHopResolution:
      source.kind === 'bgp' && rib.sets.nextHopId[set] === SELF
        ? 'none: its BLACKHOLE community asks this router to drop what goes there (RFC 7999)'
        : source.forwarding === 'nextHop'
          ? trace.map((each) => describeStep(each, parts.device)).join('; ')
          : 'this router itself',
    ...encapsulationOf(parts, family, prefix, source, set),
    ...(parts.validation.isUsed ? { validity: parts.validation.explain(family, prefix, received) } : {}),
  };
}

/** Direct or through which tunnel, why, and by what in the kernel. */
function encapsulationOf(
  { overlay, rib }: ExplainParts,
  family: FamilyIndex,
  prefix: PrefixId,
  source: SourceInfo,
  set: AttrSetId,
): Pick<ExplainedPath, 'encapsulation' | 'objects'> {
  const nextHop = rib.sets.nextHopId[set] as NextHopId;
  const text = overlay.explain(family, prefix, source, nextHop);
  if (text === null) return {};
  const objects = overlay.objects(family, prefix, source, nextHop);
  return { encapsulation: text, ...(objects.length === 0 ? {} : { objects }) };
}

/** Until when a stale path is kept for its peer. */
function keptFor(peer: Peer | undefined, family: FamilyIndex): NonNullable<ExplainedPath['stale']> {
  const kept = peer?.retention.retained(family) ?? null;
  return { until: kept?.until.toISOString() ?? null, longLived: kept?.longLived ?? false };
}

function summarise(
  prefix: Prefix,
  paths: readonly ExplainedPath[],
  kernel: Explanation['kernel'],
  announcedTo: number,
): string {
  const text = formatPrefix(prefix);
  const best = paths.find((path) => path.verdict === 'best');
  if (!best) {
    if (paths.length === 0) return `${text} has no path any more.`;
    const reasons = paths.map((path) => `${path.peer}: ${path.reason}`).join('; ');
    return `${text} has ${paths.length} path(s) and none can be used: ${reasons}.`;
  }
  const others = paths.length - 1;
  const chosen = `${text} (${familyNames[prefix.family]}): the best of ${paths.length} path(s) comes from ${best.peer} (${best.source})`;
  const against = others === 0 ? '' : ` against ${others} other(s)`;
  const inKernel =
    kernel === null
      ? 'nothing is installed, as the document says'
      : `the kernel was told ${kernel.told} and it is ${kernel.said}`;
  return `${chosen}${against}; ${inKernel}; announced to ${announcedTo} peer(s).`;
}
