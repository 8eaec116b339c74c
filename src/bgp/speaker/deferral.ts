/**
 * The restarting speaker's patience (RFC 4724 §4.1), as a pure value: who is still expected to send its
 * End-of-RIB, and therefore how long announcements wait and how long the kernel's adopted routes are held.
 *
 * Two things end at different times. Announcements start when every peer that takes part in graceful restart has
 * delivered (a peer that restarts itself is not waited for, and one without the capability never says when it is
 * done). A peer whose session is not up is given a shorter time, so that one that is gone for good does not keep the
 * others waiting; without any session there is nobody to announce to, and all are waited for. Held kernel routes are swept
 * when *every* expected peer has delivered, so that a slow peer's routes are not taken out before it had a chance; for those
 * who never say so, the deadline speaks.
 */
import type { FamilyIndex } from '../../address/index.js';

interface Expected {
  /** Families whose End-of-RIB is missing; null until the session is up and tells. */
  missing: Set<FamilyIndex> | null;
  /** Whether the peer announces its End-of-RIB at all (it has the capability and doesn't restart itself). */
  waitedFor: boolean;
}

/** Who is waited for, for people. */
export interface Awaited {
  readonly peer: string;
  /** What is missing: its session, or the End-of-RIB of these families. */
  readonly missing: 'session' | readonly FamilyIndex[];
}

export class Deferral {
  private readonly expected = new Map<string, Expected>();
  private expired = false;
  private absenceOver = false;

  /**
   * `peers`: names of the peers that should come up. None: over at once. `ranges`: of ranges, of whose peers nobody
   * knows how many there will be: the kernel's routes wait for them until the deadline, announcements don't.
   */
  constructor(
    peers: Iterable<string>,
    private readonly ranges: readonly string[] = [],
  ) {
    for (const name of peers) this.expected.set(name, { missing: null, waitedFor: true });
  }

  /** The session with `peer` is up with these families. */
  established(
    peer: string,
    families: readonly FamilyIndex[],
    capability: { restarting: boolean } | null,
  ): void {
    const entry = this.expected.get(peer);
    if (entry === undefined) return;
    entry.missing = new Set(families);
    entry.waitedFor = capability !== null && !capability.restarting;
  }

  endOfRib(peer: string, family: FamilyIndex): void {
    this.expected.get(peer)?.missing?.delete(family);
  }

  /** The session ended: its peer is expected anew. */
  closed(peer: string): void {
    const entry = this.expected.get(peer);
    if (entry !== undefined) entry.missing = null;
  }

  /** The peer is not expected any longer (removed, shut down). */
  forget(peer: string): void {
    this.expected.delete(peer);
  }

  /** Peers without a session have had their time: announcements don't wait for them any more. */
  giveUpAbsent(): void {
    this.absenceOver = true;
  }

  /** The deadline passed: everything is over. */
  expire(): void {
    this.expired = true;
  }

  /** Whether announcements may start. */
  get announcementsReleased(): boolean {
    if (this.expired) return true;
    const all = [...this.expected.values()];
    const absentMatter = !this.absenceOver || all.every(({ missing }) => missing === null);
    return all.every(({ missing, waitedFor }) =>
      missing === null ? !absentMatter : !waitedFor || missing.size === 0,
    );
  }

  /** Whether held kernel routes may be swept. */
  get complete(): boolean {
    return this.expired || this.pending().length === 0;
  }

  /** The peers still waited for, and what is missing of each. */
  awaited(): Awaited[] {
    const awaited: Awaited[] = [];
    for (const [peer, { missing }] of this.expected) {
      if (missing === null) awaited.push({ peer, missing: 'session' });
      else if (missing.size > 0) awaited.push({ peer, missing: [...missing] });
    }
    return awaited;
  }

  /** Their names, for the log. */
  pending(): string[] {
    return [...this.ranges, ...this.awaited().map(({ peer }) => peer)];
  }
}
