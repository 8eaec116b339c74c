/**
 * The limits on how many prefixes a session carries (RFC 4271 §6.7, RFC 4486), one session's share of them: when to
 * warn, when to take no more, when to end the session, and for how long it then stays down.
 *
 * Prefixes of a family are counted as they stand in the Adj-RIB-In, and in the Adj-RIB-Out of the peer's update group.
 * While old ones still lie there beside new ones (those of the last session are kept over a restart of the peer, or on
 * their way out; those from before a refresh wait for its end), the limit holds for the new ones, and twice as many may be
 * there in all.
 */
import { type Family, type FamilyIndex, familyNames } from '../../address/index.js';
import { afiOf, CeaseSubcode, ErrorCode, type Notification, Safi } from '../wire/index.js';
import type { PrefixLimit, PrefixLimits } from './settings.js';

export type LimitDirection = 'received' | 'sent';

/** A limit that is near, or behind us. */
export interface LimitEvent {
  readonly family: Family;
  readonly direction: LimitDirection;
  readonly count: number;
  readonly limit: number;
}

/** Why a session is kept down. `until` null: until somebody enables it. */
export interface PrefixHold {
  readonly reason: string;
  readonly until: Date | null;
}

/** The session that is watched. */
export interface GuardedSession {
  limits(): PrefixLimits;
  count(family: FamilyIndex, direction: LimitDirection): number;
  /** How many of those received are of an earlier session, or from before a refresh that is under way. */
  former(family: FamilyIndex): number;
  warn(event: LimitEvent): void;
  /** Ends the session and forgets its routes. */
  end(notification: Notification, hold: PrefixHold, event: LimitEvent): void;
  /** The time is over: start again. */
  restart(): void;
}

/** RFC 4486 §4: the family and its upper bound, so that the peer's people know what was exceeded. */
export function maximumPrefixesReached(family: FamilyIndex, bound: number): Notification {
  const data = Buffer.alloc(7);
  data.writeUInt16BE(afiOf(family), 0);
  data.writeUInt8(Safi.unicast, 2);
  data.writeUInt32BE(bound, 3);
  return { code: ErrorCode.cease, subcode: CeaseSubcode.maximumPrefixes, data };
}

export class PrefixGuard {
  hold: PrefixHold | null = null;
  /** Announcements of prefixes that were not taken in, by family, since the session came up. */
  readonly discarded: [number, number] = [0, 0];
  /** What `room` and `watches` were last worked out from. */
  private known: PrefixLimits | null = null;
  private readonly rooms: [number, number] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  private watched = false;
  private readonly warned = new Set<string>();
  private holdTimer: NodeJS.Timeout | null = null;

  constructor(private readonly session: GuardedSession) {}

  /** A session begins: what was said of the last one holds no more. */
  begin(): void {
    this.discarded.fill(0);
    this.warned.clear();
  }

  /**
   * Received prefixes at which further ones are to be discarded; Infinity: none are. Those of an earlier session, or from
   * before a refresh, don't count, but there are never more than twice as many in all.
   */
  room(family: FamilyIndex): number {
    if (this.session.limits() !== this.known) this.learn();
    return this.rooms[family];
  }

  /** Whether received prefixes are limited in any family: asked after each UPDATE. */
  get watchesReceived(): boolean {
    if (this.session.limits() !== this.known) this.learn();
    return this.watched;
  }

  private learn(): void {
    this.known = this.session.limits();
    this.watched = false;
    for (const family of [0, 1] as const) {
      const limit = this.limit(family);
      const isDiscard = limit?.action === 'discard';
      this.rooms[family] = (isDiscard ? limit.received : undefined) ?? Number.POSITIVE_INFINITY;
      if (limit?.received !== undefined) this.watched = true;
    }
  }

  /** After prefixes came or went. Returns false when there are too many: the session is ended or is about to be. */
  check(family: FamilyIndex, direction: LimitDirection): boolean {
    const limit = this.limit(family);
    const bound = limit?.[direction];
    if (limit === undefined || bound === undefined) return true;
    const count = this.session.count(family, direction);
    const event = { family: familyNames[family], direction, count, limit: bound };
    const isFull = direction === 'received' && limit.action === 'discard' && this.discarded[family] > 0;
    this.warnOnce(event, count * 100 >= bound * limit.warnAtPercent || isFull);
    if (count <= bound || (direction === 'received' && limit.action === 'discard')) return true;
    if (direction === 'received' && count - this.session.former(family) <= bound && count <= 2 * bound) {
      return true;
    }
    this.end(family, limit, event);
    return false;
  }

  /** Whether the family has a limit in that direction; the cheap question before `check`. */
  has(family: FamilyIndex, direction: LimitDirection): boolean {
    return this.limit(family)?.[direction] !== undefined;
  }

  /** Warnings that hold now, for people. */
  warnings(): string[] {
    return [...this.warned].map((key) => {
      const [family, direction] = key.split(' ') as [Family, LimitDirection];
      const limit = this.session.limits()[family];
      return `${family}: ${limit?.warnAtPercent ?? 0}% of the ${limit?.[direction] ?? 0} prefixes that may be ${direction} are reached`;
    });
  }

  /** The session may start again, whatever was the matter. */
  release(): void {
    this.hold = null;
    if (this.holdTimer !== null) clearTimeout(this.holdTimer);
    this.holdTimer = null;
  }

  private limit(family: FamilyIndex): PrefixLimit | undefined {
    return this.session.limits()[familyNames[family]];
  }

  private warnOnce(event: LimitEvent, isNear: boolean): void {
    const key = `${event.family} ${event.direction}`;
    if (!isNear) {
      this.warned.delete(key);
    } else if (!this.warned.has(key)) {
      this.warned.add(key);
      this.session.warn(event);
    }
  }

  private end(family: FamilyIndex, limit: PrefixLimit, event: LimitEvent): void {
    this.release();
    const stays = limit.action === 'shutdown';
    const until = stays ? null : new Date(Date.now() + limit.restartAfterSeconds * 1000);
    const what = event.direction === 'received' ? 'the peer announced' : 'we would have announced';
    const next = stays
      ? 'the session stays down until it is enabled'
      : `the session starts again at ${until?.toISOString()}`;
    const reason = `${what} more than ${event.limit} ${event.family} prefixes (maxPrefixes, RFC 4486); ${next}`;
    this.hold = { reason, until };
    if (!stays) {
      this.holdTimer = setTimeout(() => {
        this.release();
        this.session.restart();
      }, limit.restartAfterSeconds * 1000);
    }
    this.session.end(maximumPrefixesReached(family, event.limit), this.hold, event);
  }
}
