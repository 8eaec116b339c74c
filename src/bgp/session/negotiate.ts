/** What an OPEN says and what two of them agree on. Pure. */
import { type Address, type FamilyIndex, familyIndex } from '../../address/index.js';
import {
  afiOf,
  type Capability,
  ErrorCode,
  encodeCapability,
  familyOf,
  isWireError,
  type OpenMessage,
  OpenSubcode,
  Role,
  Safi,
  WireError,
} from '../wire/index.js';
import { checkRole, roleName, roleOf } from './roles.js';
import type { AddPathUse, CapabilityOf, Negotiated, SessionSettings } from './types.js';

/** RFC 5492 §3: our OPEN to a peer that does not know what capabilities are. */
export function withoutCapabilities(open: OpenMessage): OpenMessage {
  return { ...open, capabilities: [] };
}

/** Our OPEN (RFC 4271 §4.2). `extra`: capabilities besides those that every session has. */
export function makeOpen(settings: SessionSettings, extra: readonly Capability[]): OpenMessage {
  const families = settings.families.map(familyIndex).sort();
  return {
    version: 4,
    asn: settings.localAsn,
    holdTimeSeconds: settings.holdTimeSeconds,
    routerId: settings.routerId,
    capabilities: [
      ...families.map((family): Capability => {
        return { type: 'multiprotocol', afi: afiOf(family), safi: Safi.unicast };
      }),
      { type: 'routeRefresh' },
      { type: 'enhancedRouteRefresh' },
      { type: 'fourOctetAs', asn: settings.localAsn },
      // RFC 8654 §3: used once both sides have said so.
      ...(settings.extendedMessages ? [{ type: 'extendedMessage' } as const] : []),
      ...(settings.role === undefined ? [] : [{ type: 'role', role: Role[settings.role] } as const]),
      ...extra,
    ],
  };
}

function find<T extends Capability['type']>(open: OpenMessage, type: T): CapabilityOf<T> | null {
  for (const capability of open.capabilities) {
    if (capability.type === type) return capability as CapabilityOf<T>;
  }
  return null;
}

/** Families of an OPEN. Without any multiprotocol capability a speaker means IPv4 unicast (RFC 4760 §8). */
function familiesOf(open: OpenMessage): Set<FamilyIndex> {
  const families = new Set<FamilyIndex>();
  let multiprotocol = false;
  for (const capability of open.capabilities) {
    if (capability.type !== 'multiprotocol') continue;
    multiprotocol = true;
    const family = familyOf(capability.afi, capability.safi);
    if (family !== -1) families.add(family);
  }
  if (!multiprotocol) families.add(0);
  return families;
}

function refuse(subcode: number, message: string, data?: Buffer): WireError {
  return new WireError('reset', ErrorCode.open, subcode, message, 0, data);
}

/** RFC 7911 §4: path identifiers stand in one direction where one side can send them and the other receive them. */
function addPathUse(ours: OpenMessage, theirs: OpenMessage, family: FamilyIndex): AddPathUse {
  const of = (open: OpenMessage) =>
    find(open, 'addPath')?.families.findLast(
      ({ afi, safi }) => afi === afiOf(family) && safi === Safi.unicast,
    );
  const [our, their] = [of(ours), of(theirs)];
  return {
    receives: (our?.receives && their?.sends) ?? false,
    sends: (our?.sends && their?.receives) ?? false,
  };
}

export interface Endpoints {
  readonly localAddress: Address;
  readonly remoteAddress: Address;
  readonly scopeId: number;
}

/**
 * What our OPEN and the peer's agree on, or the error to refuse the peer with (RFC 4271 §6.2). That the message is well
 * formed, with a possible hold time and a non-zero identifier, the decoder has seen to.
 */
export function negotiate(
  settings: SessionSettings,
  ours: OpenMessage,
  theirs: OpenMessage,
  endpoints: Endpoints,
): Negotiated | WireError {
  const { remoteAsn } = settings;
  const isExpected =
    typeof remoteAsn === 'number'
      ? theirs.asn === remoteAsn
      : !remoteAsn.not.includes(theirs.asn) && remoteAsn.among?.includes(theirs.asn) !== false;
  if (!isExpected) {
    const expected =
      typeof remoteAsn === 'number' ? remoteAsn : (remoteAsn.among?.join(' or ') ?? 'an external one');
    return refuse(OpenSubcode.badPeerAs, `peer says AS ${theirs.asn}, expected ${expected}`);
  }
  // RFC 6286 §2.1: unique within an AS; across ASes two speakers may have the same one.
  if (theirs.routerId === settings.routerId && settings.localAsn === settings.remoteAsn) {
    return refuse(OpenSubcode.badIdentifier, 'peer has our own BGP identifier');
  }
  const { minHoldSeconds = 0 } = settings;
  if (theirs.holdTimeSeconds < minHoldSeconds) {
    const offered = `a hold time of ${theirs.holdTimeSeconds} s`;
    return refuse(
      OpenSubcode.unacceptableHoldTime,
      `peer offers ${offered}, expected at least ${minHoldSeconds} s (\`minHoldTime\`)`,
    );
  }
  // RFC 9234 §4.1: roles are for external peers.
  const claimed = settings.localAsn === settings.remoteAsn ? null : roleOf(theirs);
  if (isWireError(claimed)) return claimed;
  const mismatch =
    settings.role === undefined ? null : checkRole(settings.role, claimed, settings.strictRole === true);
  if (mismatch !== null) return mismatch;
  const theirFamilies = familiesOf(theirs);
  const families = [...familiesOf(ours)].filter((family) => theirFamilies.has(family));
  if (families.length === 0) {
    // RFC 5492 §3: the data lists the capabilities that the peer lacks.
    const lacking = ours.capabilities.filter((capability) => capability.type === 'multiprotocol');
    return refuse(
      OpenSubcode.unsupportedCapability,
      `peer speaks none of our address families (${settings.families.join(', ')})`,
      Buffer.concat(lacking.map(encodeCapability)),
    );
  }
  const holdTimeSeconds = Math.min(settings.holdTimeSeconds, theirs.holdTimeSeconds);
  const both = (type: Capability['type']) => find(ours, type) !== null && find(theirs, type) !== null;
  return {
    holdTimeSeconds,
    keepaliveSeconds: keepaliveSeconds(settings, holdTimeSeconds),
    fourOctetAs: both('fourOctetAs'),
    families,
    peerOpen: theirs,
    ...endpoints,
    addPath: [addPathUse(ours, theirs, 0), addPathUse(ours, theirs, 1)],
    routeRefresh: both('routeRefresh'),
    enhancedRefresh: both('routeRefresh') && both('enhancedRouteRefresh'),
    extendedMessage: both('extendedMessage'),
    extendedNextHop: families.includes(0) && extendsNextHop(ours) && extendsNextHop(theirs),
    peerGracefulRestart: both('gracefulRestart') ? find(theirs, 'gracefulRestart') : null,
    notificationRestart: [ours, theirs].every((open) => find(open, 'gracefulRestart')?.notification === true),
    // RFC 9494 §4.5: without the capability of RFC 4724 it means nothing.
    peerLongLived: find(theirs, 'gracefulRestart') && find(theirs, 'longLivedGracefulRestart'),
    peerRole: settings.role === undefined || claimed === null ? null : roleName(claimed),
  };
}

/** RFC 8950 §4: IPv4 unicast routes may have IPv6 next hops, says this side. */
function extendsNextHop(open: OpenMessage): boolean {
  const capability = find(open, 'extendedNextHop');
  return (
    capability?.families.some(
      ({ afi, safi, nextHopAfi }) => familyOf(afi, safi) === 0 && nextHopAfi === afiOf(1),
    ) ?? false
  );
}

/** RFC 4271 §10: a third of the agreed hold time, or less where that is wanted. */
export function keepaliveSeconds(
  { keepaliveSeconds: wanted }: SessionSettings,
  holdTimeSeconds: number,
): number {
  const third = holdTimeSeconds / 3;
  return wanted === null ? third : Math.min(wanted, third);
}
