/**
 * What a peer's routes do while the peer is away (RFC 4724 §4.2, RFC 8538 §4, RFC 9494 §4.2), for each family by itself:
 *
 *     session ends ──▶ restarting ──restart time──▶ long-lived ──stale time──▶ gone
 *          ▲               │ back                       │ back
 *          └── ends again ─┴──── delivers again ◀───────┘
 *                                     │ End-of-RIB: what was not announced anew goes
 *
 * Without the long-lived capability, or with a stale time of 0, the restart time is all there is; with a restart time of
 * 0 the long-lived phase begins at once. A peer that comes back without its forwarding state (F bit clear, family missing)
 * loses what is stale at that moment.
 */
import { type FamilyIndex, familyIndex, familyNames } from '../../address/index.js';
import type { FamilyRib, LongLivedMark } from '../../rib/family-rib.js';
import type { SourceId } from '../../rib/ids.js';
import type { CapabilityOf, Negotiated } from '../session/index.js';
import type { Capability } from '../wire/index.js';
import type { GracefulRestartSettings, PeerSettings } from './settings.js';

type Phase = 'none' | 'restarting' | 'longLived';

/** What happens to a peer's stale routes, for the log and for those who listen. */
export type RetentionEvent =
  /** The routes are kept, until then at most (ISO 8601) unless the peer is back. */
  | { readonly type: 'stale'; readonly family: string; readonly until: string }
  /** They are the last choice from now on. */
  | { readonly type: 'longLivedStale'; readonly family: string; readonly until: string }
  /** They are gone. */
  | { readonly type: 'staleExpired'; readonly family: string; readonly reason: string }
  /** The peer announced all it has anew; what was left is gone. */
  | { readonly type: 'staleRefreshed'; readonly family: string };

/** What is kept of a family, for people. */
export interface Retained {
  readonly longLived: boolean;
  /** When the phase ends at the latest. */
  readonly until: Date;
}

export interface RetentionHost {
  readonly source: SourceId;
  readonly settings: PeerSettings;
  table(family: FamilyIndex): FamilyRib;
  readonly mark: LongLivedMark;
  event(event: RetentionEvent): void;
}

interface Held {
  phase: Phase;
  /** Ends the phase `restarting`, or the wait for End-of-RIB after it. */
  timer: NodeJS.Timeout | null;
  timerEnds: number;
  /** Ends all, where long-lived stale routes are kept; not put off by restarts in between. */
  deadlineTimer: NodeJS.Timeout | null;
  deadline: number;
}

const SAFI_UNICAST = 1;
const afiOf = (family: FamilyIndex): number => family + 1;
const families = [0, 1] as const;
/** Longest delay of a timer. */
const MAX_TIMER_MS = 0x7fffffff;

type Entry = { readonly afi: number; readonly safi: number };

function entryOf<T extends Entry>(list: readonly T[] | undefined, family: FamilyIndex): T | undefined {
  return list?.find(({ afi, safi }) => afi === afiOf(family) && safi === SAFI_UNICAST);
}

/** Our capabilities of RFC 4724, 8538 and 9494. `forwarding`: kernel state is in place, whatever becomes of the session. */
export function restartCapabilities(
  { gracefulRestart, families }: Pick<PeerSettings, 'gracefulRestart' | 'families'>,
  restarting: boolean,
  forwarding: boolean,
): Capability[] {
  if (!gracefulRestart.enabled) return [];
  const { longLived } = gracefulRestart;
  const entries = families.map((family) => ({ afi: afiOf(familyIndex(family)), safi: SAFI_UNICAST }));
  const restart: Capability = {
    type: 'gracefulRestart',
    restarting,
    notification: gracefulRestart.notification,
    restartTimeSeconds: gracefulRestart.restartTimeSeconds,
    families: entries.map((entry) => ({ ...entry, forwarding })),
  };
  if (!longLived.enabled) return [restart];
  const kept = families.flatMap((family, i) => {
    const staleTimeSeconds = longLived.staleTimeSeconds[family];
    return staleTimeSeconds === 0 ? [] : [{ ...entries[i], forwarding, staleTimeSeconds }];
  });
  // With no family, it says that we know such routes (RFC 9494 §3.1).
  return [restart, { type: 'longLivedGracefulRestart', families: kept }];
}

export class Retention {
  private readonly held: readonly [Held, Held] = [emptyHeld(), emptyHeld()];

  constructor(private readonly host: RetentionHost) {}

  /** What is stale in the family; null: nothing. */
  retained(family: FamilyIndex): Retained | null {
    const { phase, timer, timerEnds, deadline } = this.held[family];
    if (phase === 'none') return null;
    const longLived = phase === 'longLived';
    return { longLived, until: new Date(longLived && timer === null ? deadline : timerEnds) };
  }

  /** The session ended. `graceful`: so that the peer's routes may be kept. Returns whether any are. */
  closed(negotiated: Negotiated | null, graceful: boolean): boolean {
    const { gracefulRestart } = this.host.settings;
    const restart = graceful && gracefulRestart.enabled ? (negotiated?.peerGracefulRestart ?? null) : null;
    let keeps = false;
    for (const family of families) {
      // The peer may keep families that are not ours.
      const kept = negotiated?.families.includes(family) ? restart : null;
      const restartSeconds = kept && entryOf(kept.families, family) ? kept.restartTimeSeconds : 0;
      const staleSeconds =
        kept === null ? 0 : staleTime(gracefulRestart, negotiated?.peerLongLived ?? null, family);
      if (restartSeconds === 0 && staleSeconds === 0) {
        this.forget(family);
        this.host.table(family).withdrawAll(this.host.source);
        continue;
      }
      keeps = true;
      this.keep(family, restartSeconds, staleSeconds);
    }
    return keeps;
  }

  /** The session is back. */
  established({ families: agreed, peerGracefulRestart, peerLongLived }: Negotiated): void {
    for (const family of families) {
      const held = this.held[family];
      if (held.phase === 'none') continue;
      this.stopTimer(held);
      // RFC 4724 §4.2, RFC 9494 §4.2: no capability, family missing or forwarding state lost: what is stale goes now.
      const list = held.phase === 'longLived' ? peerLongLived?.families : peerGracefulRestart?.families;
      if (!agreed.includes(family) || entryOf(list, family)?.forwarding !== true) {
        this.expire(family, 'the peer is back and has lost its forwarding state');
      } else if (held.phase === 'restarting') {
        const { stalePathTimeSeconds } = this.host.settings.gracefulRestart;
        this.startTimer(family, stalePathTimeSeconds, () =>
          this.expire(family, 'the peer is back and did not send End-of-RIB in time'),
        );
      }
    }
  }

  endOfRib(family: FamilyIndex): void {
    if (this.held[family].phase === 'none') return;
    this.forget(family);
    this.host.table(family).sweepStale(this.host.source);
    this.host.event({ type: 'staleRefreshed', family: familyNames[family] });
  }

  /** Lets go of all that is stale, without a word. */
  drop(): void {
    for (const family of families) {
      this.forget(family);
      this.host.table(family).sweepStale(this.host.source);
    }
  }

  clearTimers(): void {
    for (const held of this.held) {
      this.stopTimer(held);
      stopDeadline(held);
    }
  }

  private keep(family: FamilyIndex, restartSeconds: number, staleSeconds: number): void {
    const { host } = this;
    const held = this.held[family];
    const keepsOlder = staleSeconds > 0;
    host.table(family).markStale(host.source, keepsOlder);
    // RFC 9494 §4.2: the sum of both times, counted from the first of several restarts without End-of-RIB in between.
    if (!keepsOlder) stopDeadline(held);
    else if (held.deadlineTimer === null) this.startDeadline(family, restartSeconds + staleSeconds);
    held.phase = 'restarting';
    const until = new Date(Date.now() + restartSeconds * 1000).toISOString();
    if (restartSeconds > 0) host.event({ type: 'stale', family: familyNames[family], until });
    const over = (): void => {
      if (!keepsOlder) this.expire(family, 'the restart time is over');
      else this.becomeLongLived(family);
    };
    if (restartSeconds === 0) over();
    else this.startTimer(family, restartSeconds, over);
  }

  private becomeLongLived(family: FamilyIndex): void {
    const { host } = this;
    const held = this.held[family];
    if (held.deadline <= Date.now()) {
      this.expire(family, 'the long-lived stale time is over');
      return;
    }
    held.phase = 'longLived';
    host.table(family).markLongLived(host.source, host.mark);
    const until = new Date(held.deadline).toISOString();
    host.event({ type: 'longLivedStale', family: familyNames[family], until });
  }

  private expire(family: FamilyIndex, reason: string): void {
    this.forget(family);
    this.host.table(family).sweepStale(this.host.source);
    this.host.event({ type: 'staleExpired', family: familyNames[family], reason });
  }

  private forget(family: FamilyIndex): void {
    const held = this.held[family];
    this.stopTimer(held);
    stopDeadline(held);
    held.phase = 'none';
  }

  private startTimer(family: FamilyIndex, seconds: number, over: () => void): void {
    const held = this.held[family];
    this.stopTimer(held);
    held.timerEnds = Date.now() + seconds * 1000;
    held.timer = setTimeout(() => {
      held.timer = null;
      over();
    }, seconds * 1000);
  }

  private startDeadline(family: FamilyIndex, seconds: number): void {
    const held = this.held[family];
    held.deadline = Date.now() + seconds * 1000;
    const wait = (): void => {
      const left = held.deadline - Date.now();
      held.deadlineTimer = setTimeout(
        () => {
          if (left > MAX_TIMER_MS) wait();
          // What the last restart left has its restart time; `becomeLongLived` sees that no more is due.
          else if (held.phase === 'longLived') this.expire(family, 'the long-lived stale time is over');
        },
        Math.min(left, MAX_TIMER_MS),
      );
    };
    wait();
  }

  private stopTimer(held: Held): void {
    if (held.timer !== null) clearTimeout(held.timer);
    held.timer = null;
  }
}

/** Seconds for which the family's routes are kept after the restart time; 0: not at all. */
function staleTime(
  { longLived }: GracefulRestartSettings,
  capability: CapabilityOf<'longLivedGracefulRestart'> | null,
  family: FamilyIndex,
): number {
  if (!longLived.enabled) return 0;
  const theirs = entryOf(capability?.families, family)?.staleTimeSeconds ?? 0;
  return Math.min(theirs, longLived.maxStaleTimeSeconds);
}

function emptyHeld(): Held {
  return { phase: 'none', timer: null, timerEnds: 0, deadlineTimer: null, deadline: 0 };
}

function stopDeadline(held: Held): void {
  if (held.deadlineTimer !== null) clearTimeout(held.deadlineTimer);
  held.deadlineTimer = null;
}
