/**
 * An update group: the peers that get the same routes in the same words. Export policy runs once per group, the
 * Adj-RIB-Out exists once per group, and a message is encoded once for all members that wait for it.
 *
 *     changed best paths ──▶ dirty ──exporter──▶ Adj-RIB-Out ──changes──▶ streams ──▶ members
 *
 * A changed prefix is only marked; `run` looks at it later, in slices, at what it is then. What differs from the
 * Adj-RIB-Out is written there and queued in every stream. The main stream serves all members that are up to date.
 * A joiner walks the table in a stream of its own. When a member can't take more, its stream waits for it a moment;
 * then those that lag go on in a stream of their own and the others are served. A stream that has sent all it had
 * is merged back. A member that lagged lately is waited for less: it costs the others a hundredth of their time.
 */
import { performance } from 'node:perf_hooks';
import type { FamilyIndex } from '../address/index.js';
import { UpdateEncoder } from '../bgp/wire/index.js';
import { AdjRibOut } from './adj-rib-out.js';
import type { AttrSets } from './attr-sets.js';
import type { FamilyRib } from './family-rib.js';
import { type AttrSetId, NONE, type PathId, type PrefixId, REJECTED, type SourceId } from './ids.js';
import { PrefixSet } from './prefix-set.js';
import type { Rib } from './rib.js';
import type { Slices } from './slices.js';
import { SourceSet } from './source-set.js';
import {
  defaultLimits,
  type GroupMember,
  type HeldRoutes,
  type MemberState,
  Stream,
  type StreamContext,
  type StreamLimits,
} from './stream.js';

export type { GroupMember } from './stream.js';

/** Decides what a group announces. */
export interface RouteExporter {
  /** The outgoing attribute set for the prefix's best path, with one more reference, which is the caller's; REJECTED: not announced. */
  export(prefix: PrefixId, path: PathId): AttrSetId;
}

/** What a member takes along when it leaves a group while its session goes on. */
export interface Departure {
  readonly held: HeldRoutes;
  readonly awaitsEndOfRib: boolean;
}

/** Time as a group sees it. */
export interface GroupClock {
  /** Milliseconds. */
  now(): number;
  /** Calls back once, `milliseconds` from now or a little later. */
  after(milliseconds: number, callback: () => void): void;
}

export interface UpdateGroupOptions {
  readonly rib: Rib;
  readonly family: FamilyIndex;
  readonly exporter: RouteExporter;
  /** Longest message that all members take, in octets. */
  readonly maxLength: number;
  /** Whether AS numbers have 4 octets on the wire (RFC 6793). */
  readonly fourOctetAs: boolean;
  /** Does the work by itself when given; else the owner calls `run`. */
  readonly slices?: Slices;
  /** Prefixes could not be announced with this set, because it is too long for a message; their withdrawal was sent. */
  readonly onTooLong?: (attrSet: AttrSetId, prefixes: number) => void;
  readonly clock?: GroupClock;
  readonly limits?: StreamLimits;
}

const wallClock: GroupClock = {
  now: () => performance.now(),
  after: (milliseconds, callback) => {
    setTimeout(callback, milliseconds).unref();
  },
};

/** Prefixes looked at between two looks at the clock. */
const EVALUATED_AT_ONCE = 512;
/** So much pending is sent before more is looked at. */
const PENDING_BEFORE_FLUSH = 1 << 15;
/** Milliseconds that a stream waits for members that can't take more, at most. */
const PATIENCE = 100;
/** Share of the time since it last lagged that the others wait for a member. */
const PATIENCE_SHARE = 0.01;

export class UpdateGroup {
  readonly family: FamilyIndex;
  private readonly attrSets: AttrSets;
  private readonly table: FamilyRib;
  private readonly slices: Slices | null;
  private readonly clock: GroupClock;
  private exporter: RouteExporter;
  private readonly adjRibOut = new AdjRibOut();
  private readonly dirty = new PrefixSet();
  private readonly members = new Map<SourceId, MemberState>();
  private readonly memberSources = new SourceSet();
  private readonly main: Stream;
  /** Streams of joiners and of those that lag. */
  private catchingUp: Stream[] = [];
  private readonly context: StreamContext;
  private timer = false;
  /** Dirty prefixes that the decision process has not come to yet. Scratch of `evaluate`. */
  private readonly undecided: PrefixId[] = [];
  /** The last `run` only looked at dirty prefixes and sent nothing. */
  private gathers = false;

  constructor(options: UpdateGroupOptions) {
    this.family = options.family;
    this.attrSets = options.rib.sets;
    this.table = options.rib.families[options.family];
    this.exporter = options.exporter;
    this.slices = options.slices ?? null;
    this.clock = options.clock ?? wallClock;
    this.context = {
      family: options.family,
      attrSets: this.attrSets,
      prefixes: this.table.prefixes,
      adjRibOut: this.adjRibOut,
      limits: options.limits ?? defaultLimits,
      encoder: new UpdateEncoder(options.maxLength, options.fourOctetAs),
      lateEncoder: new UpdateEncoder(options.maxLength, options.fourOctetAs),
      memberSources: this.memberSources,
      now: () => this.clock.now(),
      tooLong: options.onTooLong ?? (() => {}),
    };
    this.main = new Stream(this.context, false);
    this.reevaluateAll();
  }

  get memberCount(): number {
    return this.members.size;
  }

  /** Members whose stream is not the main one: joiners, and those that lag. */
  get catchingUpCount(): number {
    return this.catchingUp.reduce((n, stream) => n + stream.members.length, 0);
  }

  /**
   * The member will be sent all that the group announces, then its End-of-RIB is due, then what changes. With `before`,
   * from `detach`: what it holds and this group doesn't announce is withdrawn, and an End-of-RIB that it had is not
   * repeated.
   */
  addMember(member: GroupMember, before?: Departure): void {
    if (this.members.has(member.source)) throw new Error(`${member.name} is in its update group already`);
    const state: MemberState = {
      member,
      stream: null,
      awaitsEndOfRib: before?.awaitsEndOfRib ?? true,
      blockedSince: member.writable() ? -1 : this.clock.now(),
      splitAt: Number.NEGATIVE_INFINITY,
    };
    this.members.set(member.source, state);
    this.memberSources.add(member.source);
    const held = before?.held ?? null;
    let stream = this.catchingUp.find((other) => other.takes(held));
    if (stream === undefined) {
      stream = new Stream(this.context, true, held);
      this.catchingUp.push(stream);
    }
    stream.addMember(state);
    this.wake();
  }

  /** Forgets the member; nothing more is sent to it. */
  removeMember(source: SourceId): void {
    const state = this.members.get(source);
    if (state === undefined) return;
    this.members.delete(source);
    this.memberSources.delete(source);
    const { stream } = state;
    stream?.removeMember(state);
    this.catchingUp = this.catchingUp.filter((other) => other.members.length > 0);
    this.wake();
  }

  /** Takes members out who go on in another group, or in this one from the start, with what they hold. */
  detach(sources: readonly SourceId[]): Map<SourceId, Departure> {
    const departures = new Map<SourceId, Departure>();
    const heldIn = new Map<Stream, HeldRoutes>();
    for (const source of sources) {
      const state = this.members.get(source);
      if (!state?.stream) continue;
      const held = heldIn.get(state.stream) ?? state.stream.held();
      heldIn.set(state.stream, held);
      departures.set(source, { held, awaitsEndOfRib: state.awaitsEndOfRib });
    }
    for (const source of departures.keys()) this.removeMember(source);
    return departures;
  }

  /** The best path of a prefix, or its attributes, may have changed. */
  prefixChanged(prefix: PrefixId): void {
    if (this.dirty.add(prefix) && this.dirty.size === 1) this.wake();
  }

  /** Every prefix is looked at again: the exporter decides otherwise now. */
  reevaluateAll(): void {
    this.dirty.addBelow(Math.max(this.table.prefixes.highWater, this.adjRibOut.end));
    this.wake();
  }

  replaceExporter(exporter: RouteExporter): void {
    this.exporter = exporter;
    this.reevaluateAll();
  }

  /** A member can take more again (its `send` had returned false). */
  resume(): void {
    this.wake();
  }

  /**
   * Works until `deadline` (performance.now()). Returns whether there is more to do now. What waits for a
   * member or for time to pass does not count.
   */
  run(deadline: number): boolean {
    // Many changes at once are better encoded together, but not at the price of sending nothing.
    this.gathers = this.evaluate(deadline) && !this.gathers;
    if (this.gathers) return true;
    let more = this.advance(this.main, deadline);
    for (const stream of this.catchingUp.slice()) {
      // A joiner sets out when the Adj-RIB-Out is up to date, so that its End-of-RIB is true.
      if (stream.fresh && this.dirty.size > 0) more = true;
      else more = this.advance(stream, deadline) || more;
    }
    this.merge();
    return more || this.dirty.size > 0;
  }

  /** Prefixes that the group announces to this member. */
  announcedCount(source: SourceId): number {
    return this.adjRibOut.count - this.adjRibOut.countOf(source);
  }

  /** The attribute set that the prefix is announced with to this member; REJECTED: it is not announced. */
  announced(source: SourceId, prefix: PrefixId): AttrSetId {
    return this.adjRibOut.source(prefix) === source ? REJECTED : this.adjRibOut.attrSet(prefix);
  }

  /** All that is announced to this member. It may go on while the table changes; it then shows what is there when it gets there. */
  *advertised(source: SourceId): Generator<{ prefix: PrefixId; attrSet: AttrSetId }> {
    const { adjRibOut } = this;
    for (let at = adjRibOut.next(0); at >= 0; at = adjRibOut.next(at + 1)) {
      const prefix = at as PrefixId;
      if (adjRibOut.source(prefix) !== source) yield { prefix, attrSet: adjRibOut.attrSet(prefix) };
    }
  }

  /** Whether the group still needs the prefix's key, so that the id must not name another prefix yet. */
  holds(prefix: PrefixId): boolean {
    return (
      this.adjRibOut.attrSet(prefix) !== REJECTED ||
      this.dirty.has(prefix) ||
      this.main.holds(prefix) ||
      this.catchingUp.some((stream) => stream.holds(prefix))
    );
  }

  /** Gives back all references. The group is not used any more. */
  close(): void {
    for (const source of [...this.members.keys()]) this.removeMember(source);
    for (let at = this.adjRibOut.next(0); at >= 0; at = this.adjRibOut.next(at + 1)) {
      const prefix = at as PrefixId;
      this.attrSets.release(this.adjRibOut.attrSet(prefix));
      this.adjRibOut.exchange(prefix, REJECTED, 0 as SourceId);
    }
    this.dirty.clear();
  }

  /** Looks at dirty prefixes. Returns whether the time is over and there is not yet enough to send. */
  private evaluate(deadline: number): boolean {
    const { dirty, main, undecided } = this;
    let timeIsOver = false;
    while (dirty.size > 0) {
      for (let n = EVALUATED_AT_ONCE; n > 0; n--) {
        const prefix = dirty.take();
        if (prefix === NONE) break;
        // A best path that went is not replaced yet: to look now would be to withdraw what is about to be announced.
        if (this.table.isUndecided(prefix as PrefixId)) undecided.push(prefix as PrefixId);
        else this.evaluatePrefix(prefix as PrefixId);
      }
      if (main.pending.size >= PENDING_BEFORE_FLUSH && !main.isBlocked) break;
      timeIsOver = performance.now() >= deadline;
      if (timeIsOver) break;
    }
    for (const prefix of undecided) dirty.add(prefix);
    undecided.length = 0;
    return timeIsOver && dirty.size > 0;
  }

  private evaluatePrefix(prefix: PrefixId): void {
    const { adjRibOut, table } = this;
    const path = table.best(prefix);
    let attrSet = REJECTED;
    let source = 0 as SourceId;
    if (path !== NONE) {
      attrSet = this.exporter.export(prefix, path as PathId);
      if (attrSet !== REJECTED) source = table.paths.source[path] as SourceId;
    }
    if (adjRibOut.exchange(prefix, attrSet, source)) {
      const { oldSet, oldSource } = adjRibOut;
      const isMember = this.memberSources.has(source);
      // The same words from another source concern nobody unless one of the two is a member.
      if (attrSet !== oldSet || isMember || this.memberSources.has(oldSource)) {
        const excluded = isMember ? source : NONE;
        this.main.changed(prefix, oldSet, oldSource, attrSet, excluded);
        for (const stream of this.catchingUp) stream.changed(prefix, oldSet, oldSource, attrSet, excluded);
      }
    }
    // The table stands on the new reference; the old one goes, or, where nothing changed, the second one.
    this.attrSets.release(adjRibOut.oldSet);
  }

  /** Lets a stream send; parts those that lag from those that don't. Returns whether the stream has more to do now. */
  private advance(stream: Stream, deadline: number): boolean {
    stream.pollBlocked();
    if (!stream.isBlocked) {
      const more = stream.run(deadline);
      if (more || !stream.isBlocked) return more;
    }
    return stream.hasWork && this.part(stream);
  }

  /** A member of `stream` can't take more and there is more to send. Returns whether the others go on now. */
  private part(stream: Stream): boolean {
    const lagging = stream.members.filter((state) => state.blockedSince >= 0);
    if (lagging.length === stream.members.length) return false;
    const now = this.clock.now();
    const patience = (state: MemberState) =>
      state.blockedSince + Math.min(PATIENCE, (state.blockedSince - state.splitAt) * PATIENCE_SHARE) - now;
    const wait = Math.min(...lagging.map(patience));
    if (wait > 0) {
      this.wakeAfter(wait);
      return false;
    }
    for (const state of lagging) state.splitAt = now;
    this.catchingUp.push(stream.fork(lagging));
    return true;
  }

  private wakeAfter(milliseconds: number): void {
    if (this.timer) return;
    this.timer = true;
    this.clock.after(milliseconds, () => {
      this.timer = false;
      this.wake();
    });
  }

  private merge(): void {
    if (this.catchingUp.length === 0 || !this.main.synced || this.dirty.size > 0) return;
    for (const stream of this.catchingUp) if (stream.synced) stream.mergeInto(this.main);
    this.catchingUp = this.catchingUp.filter((stream) => stream.members.length > 0);
  }

  private readonly slice = (deadline: number): boolean => this.run(deadline);

  private wake(): void {
    this.slices?.add(this.slice);
  }
}
