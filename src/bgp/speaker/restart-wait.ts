/** The clocks around a restart's `Deferral`, and what follows when the waiting ends. */
import type { FamilyIndex } from '../../address/index.js';
import type { Negotiated } from '../session/index.js';
import { type Awaited, Deferral } from './deferral.js';

/** A restart that is not over. */
export interface Deferred {
  readonly awaited: readonly Awaited[];
  /** Whether routes are announced already, or wait for the peers. */
  readonly announcing: boolean;
  /** When peers without a session are not waited for any more before that. */
  readonly absenceEnds: Date;
  readonly ends: Date;
}

export interface RestartWaitOptions {
  /** Whether we come back from a restart with forwarding state in place. */
  readonly restarting: boolean;
  /** How long announcements and held routes wait for peers at most. */
  readonly deferralSeconds: number;
  /** How long announcements wait for peers whose session is not up. */
  readonly absenceSeconds: number;
  /** Names of the ranges whose peers held routes wait for, however many they are. */
  readonly expectedRanges?: readonly string[];
  /** After a restart, announcements begin, whoever is missing. */
  announces(missing: readonly string[]): void;
  /** Every expected peer has delivered, or the deadline passed: held kernel routes may go. */
  converged(pending: readonly string[]): void;
}

export class RestartWait {
  /** Routes are announced, also to peers that took part in waiting. */
  announcing: boolean;
  private converged = false;
  private readonly deferral: Deferral;
  private timers: NodeJS.Timeout[] = [];
  private ends = 0;
  private absenceEnds = 0;

  /** `expected`: names of the peers whose End-of-RIB is waited for. */
  constructor(
    private readonly options: RestartWaitOptions,
    expected: Iterable<string>,
  ) {
    this.deferral = new Deferral(expected, options.expectedRanges);
    this.announcing = !options.restarting;
  }

  /** Begins to wait; to be called when peers are started. */
  start(): void {
    if (!this.deferral.complete) {
      const { deferralSeconds, absenceSeconds } = this.options;
      this.ends = this.after(deferralSeconds, () => this.deferral.expire());
      this.absenceEnds = this.after(Math.min(absenceSeconds, deferralSeconds), () =>
        this.deferral.giveUpAbsent(),
      );
    }
    this.check();
  }

  stop(): void {
    for (const timer of this.timers) clearTimeout(timer);
    this.timers = [];
  }

  established(peer: string, { families, peerGracefulRestart }: Negotiated): void {
    this.deferral.established(peer, families, peerGracefulRestart);
    this.check();
  }

  endOfRib(peer: string, family: FamilyIndex): void {
    this.deferral.endOfRib(peer, family);
    this.check();
  }

  closed(peer: string): void {
    this.deferral.closed(peer);
    this.check();
  }

  /** The peer is shut down or removed. */
  forget(peer: string): void {
    this.deferral.forget(peer);
    this.check();
  }

  /** Names of the peers that are waited for. */
  get awaited(): string[] {
    return this.converged ? [] : this.deferral.pending();
  }

  /** What is waited for; null: nothing. Times are when the waiting ends at the latest. */
  get deferred(): Deferred | null {
    if (this.converged) return null;
    return {
      awaited: this.deferral.awaited(),
      announcing: this.announcing,
      absenceEnds: new Date(this.absenceEnds),
      ends: new Date(this.ends),
    };
  }

  private after(seconds: number, then: () => void): number {
    const timer = setTimeout(() => {
      then();
      this.check();
    }, seconds * 1000);
    this.timers.push(timer);
    return Date.now() + seconds * 1000;
  }

  private check(): void {
    if (!this.announcing && this.deferral.announcementsReleased) {
      this.announcing = true;
      this.options.announces(this.deferral.awaited().map(({ peer }) => peer));
    }
    if (this.converged || !this.deferral.complete) return;
    this.converged = true;
    this.stop();
    this.options.converged(this.deferral.pending());
  }
}
