import type { FamilyIndex } from '../../address/index.js';
import type { WireError } from './types.js';

/** What the session knows about its peer. */
export interface DecodeContext {
  /** Both sides have the capability of RFC 6793: AS numbers have four octets on the wire. */
  readonly fourOctetAs: boolean;
  /** The peer is external; one of our confederation is not. */
  readonly ebgp: boolean;
  /** The peer is in another member AS of our confederation (RFC 5065). Absent: it is not. */
  readonly confed?: boolean;
  /** By family: the peer puts path identifiers before its prefixes (RFC 7911). Absent: in neither. */
  readonly addPath?: readonly [boolean, boolean];
  /** Both sides have the capability of RFC 8950: IPv4 routes may have IPv6 next hops. Absent: they have not. */
  readonly extendedNextHop?: boolean;
}

/** Shared by all results without discarded attributes. */
export const noErrors: readonly WireError[] = Object.freeze([]);

/**
 * What one UPDATE says, as offsets into its bytes. One object, reused by every decode(): valid until the next call, and
 * only while the message's buffer is. In families of `DecodeContext.addPath` the ranges of prefixes hold path
 * identifiers, too.
 */
export class UpdateResult {
  /**
   * The worst of what was wrong, null if nothing or only discarded attributes. `treatAsWithdraw`: every NLRI of all
   * four ranges is to be withdrawn, and there is no canonical set. `reset`: all ranges are empty.
   */
  error: WireError | null = null;
  /** Attributes that were dropped and the UPDATE kept (RFC 7606 §2). */
  discarded: readonly WireError[] = noErrors;
  /** IPv4 prefixes of the Withdrawn Routes field. */
  withdrawnStart = 0;
  withdrawnEnd = 0;
  /** MP_UNREACH_NLRI: its family, -1 if there is none, and its prefixes. */
  unreachFamily: FamilyIndex | -1 = -1;
  unreachStart = 0;
  unreachEnd = 0;
  /** IPv4 prefixes of the NLRI field; their attributes are canonical set 0. */
  nlriStart = 0;
  nlriEnd = 0;
  /** MP_REACH_NLRI: its family, -1 if there is none, and its prefixes; their attributes are canonical set 1. */
  reachFamily: FamilyIndex | -1 = -1;
  reachStart = 0;
  reachEnd = 0;
  /** Holds both canonical sets; scratch, overwritten by the next decode(), and may be another Buffer after it. */
  canonical: Buffer = Buffer.allocUnsafeSlow(32768);
  /** Where set 0 and set 1 lie in `canonical`; start = end where there is none. */
  readonly canonicalStart: [number, number] = [0, 0];
  readonly canonicalEnd: [number, number] = [0, 0];
  /** The family whose initial table is complete (RFC 4724 §2), -1 for any other UPDATE. */
  endOfRib: FamilyIndex | -1 = -1;
  /** MP attributes of families that we don't speak; passed over. */
  ignoredFamilies = 0;

  /** As if nothing had been decoded. */
  clear(): void {
    this.error = null;
    this.discarded = noErrors;
    this.withdrawnStart = this.withdrawnEnd = 0;
    this.unreachFamily = -1;
    this.unreachStart = this.unreachEnd = 0;
    this.nlriStart = this.nlriEnd = 0;
    this.reachFamily = -1;
    this.reachStart = this.reachEnd = 0;
    this.canonicalStart[0] = this.canonicalEnd[0] = 0;
    this.canonicalStart[1] = this.canonicalEnd[1] = 0;
    this.endOfRib = -1;
    this.ignoredFamilies = 0;
  }
}
