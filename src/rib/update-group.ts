/**
 * An update group: the peers that get the same routes in the same words. Export policy runs once per group, the
 * Adj-RIB-Out exists once per group, and a message is encoded once for all members that wait for it.
 *
 *     changed best paths ──▶ dirty ──exporter──▶ Adj-RIB-Out ──changes──▶ streams ──▶ members
 *
 * A changed prefix is only marked; `run` looks at it later, in slices, at what it is then. What differs from the
 * Adj-RIB-Out is written there and queued in every stream. The main stream serves all members that are up to date.
 * A joiner walks the table in a stream of its own, which it shares with those who join before it sets out; one sets out
 * at a time. When a member can't take more, its stream waits for it a moment;
 * then those that lag go on in a stream of their own and the others are served. A stream that has sent all it had
 * is merged back. A member that lagged lately is waited for less: it costs the others a hundredth of their time.
 *
 * The members of a group with `maxPaths` are told several paths of a prefix, each with a path identifier (RFC 7911):
 * the best ones that the exporter lets through. What is the prefix to other groups is then a slot of `PathSlots`, a
 * prefix and an identifier; the rest is the same. What a member holds of another group's is carried over by identifier.
 */
import { performance } from 'node:perf_hooks';
import type { FamilyIndex } from '../address/index.js';
import { UpdateEncoder } from '../bgp/wire/index.js';
import { AdjRibOut } from './adj-rib-out.js';
import type { FamilyRib } from './family-rib.js';
import {
  NONE,
  type OutgoingId,
  type PathId,
  type PrefixId,
  REJECTED,
  type RouteKey,
  type SlotId,
  type SourceId,
} from './ids.js';
import { OutgoingSets } from './outgoing-sets.js';
import { PathSlots } from './path-slots.js';
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
  /**
   * What goes out for a path of the prefix, the best unless several are announced, with one more reference, which is the
   * caller's; REJECTED: not announced. `outgoing` is the group's, and the same each time.
   */
  export(prefix: PrefixId, path: PathId, outgoing: OutgoingSets): OutgoingId;
}

/** What members of a group that announces several paths hold: prefix, path identifier and source, side by side. */
export interface HeldPaths {
  readonly prefixes: Uint32Array;
  readonly pathIds: Uint32Array;
  readonly sources: Uint16Array;
}

/** What a member is told of a prefix. */
export interface AnnouncedPath {
  /** The canonical set as it goes out. */
  readonly canonical: Buffer;
  readonly source: SourceId;
  /** The path as it stands in the RIB; NONE where it has gone and the group has not come to that yet. */
  readonly path: PathId | typeof NONE;
  /** RFC 7911; null: the group announces the best path alone. */
  readonly pathId: number | null;
}

/** What a member takes along when it leaves a group while its session goes on. */
export interface Departure {
  readonly held: HeldRoutes | HeldPaths;
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
  /**
   * Paths per prefix that are announced at most, with path identifiers (RFC 7911; Infinity: all that there are).
   * Absent: the best one, without.
   */
  readonly maxPaths?: number;
  /** Does the work by itself when given; else the owner calls `run`. */
  readonly slices?: Slices;
  /** Prefixes could not be announced with this set, because it is too long for a message; their withdrawal was sent. */
  readonly onTooLong?: (attrSet: OutgoingId, prefixes: number) => void;
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
/** Slots that are looked at in one `run`, whether they are still needed. */
const RECLAIMED_AT_ONCE = 8192;
/** So much pending is sent before more is looked at. */
const PENDING_BEFORE_FLUSH = 1 << 15;
/** Milliseconds that a stream waits for members that can't take more, at most. */
const PATIENCE = 100;
/** Share of the time since it last lagged that the others wait for a member. */
const PATIENCE_SHARE = 0.01;

export class UpdateGroup {
  readonly family: FamilyIndex;
  private readonly outgoing: OutgoingSets;
  private readonly table: FamilyRib;
  private readonly slices: Slices | null;
  private readonly clock: GroupClock;
  private exporter: RouteExporter;
  private readonly adjRibOut = new AdjRibOut();
  private readonly slots: PathSlots | null;
  private readonly maxPaths: number;
  /** Paths chosen for one prefix, their outgoing sets and slots. Scratch of `evaluatePaths`. */
  private readonly chosen: PathId[] = [];
  private readonly chosenSets: OutgoingId[] = [];
  private readonly chosenSlots: (SlotId | typeof NONE)[] = [];
  /** What joiners bring from another group, by the slots of this one. */
  private readonly translated = new WeakMap<HeldPaths, HeldRoutes>();
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
    this.outgoing = new OutgoingSets(options.rib.sets);
    this.table = options.rib.families[options.family];
    this.exporter = options.exporter;
    this.slices = options.slices ?? null;
    this.clock = options.clock ?? wallClock;
    this.slots = options.maxPaths === undefined ? null : new PathSlots();
    this.maxPaths = options.maxPaths ?? 1;
    const encoder = () => new UpdateEncoder(options.maxLength, options.fourOctetAs, this.slots !== null);
    this.context = {
      family: options.family,
      outgoing: this.outgoing,
      prefixes: this.table.prefixes,
      slots: this.slots,
      adjRibOut: this.adjRibOut,
      limits: options.limits ?? defaultLimits,
      encoder: encoder(),
      lateEncoder: encoder(),
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
    const held = before === undefined ? null : this.heldHere(before.held);
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
    const heldIn = new Map<Stream, HeldRoutes | HeldPaths>();
    for (const source of sources) {
      const state = this.members.get(source);
      if (!state?.stream) continue;
      const held = heldIn.get(state.stream) ?? this.toTakeAlong(state.stream.held());
      heldIn.set(state.stream, held);
      departures.set(source, { held, awaitsEndOfRib: state.awaitsEndOfRib });
    }
    for (const source of departures.keys()) this.removeMember(source);
    return departures;
  }

  /** What a member that has been told nothing yet of all that it is to be told waits for; null: it has been told something, or all. */
  atStart(source: SourceId): Pick<Departure, 'awaitsEndOfRib'> | null {
    const state = this.members.get(source);
    return state?.stream?.fresh ? state : null;
  }

  /** The best path of a prefix, or its attributes, may have changed; with `maxPaths`, any of its paths. */
  prefixChanged(prefix: PrefixId): void {
    if (this.dirty.add(prefix) && this.dirty.size === 1) this.wake();
  }

  /** Every prefix is looked at again: the exporter decides otherwise now. */
  reevaluateAll(): void {
    const { highWater } = this.table.prefixes;
    this.dirty.addBelow(this.slots === null ? Math.max(highWater, this.adjRibOut.end) : highWater);
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
    let walking = this.catchingUp.some((stream) => !stream.fresh && stream.walks && !stream.isBlocked);
    for (const stream of this.catchingUp.slice()) {
      // A joiner sets out when the Adj-RIB-Out is up to date, so that its End-of-RIB is true, and when nobody else is on
      // the way: those who join meanwhile share the next walk.
      if (stream.fresh && (this.dirty.size > 0 || walking)) {
        more = true;
        continue;
      }
      const setsOut = stream.fresh;
      more = this.advance(stream, deadline) || more;
      if (setsOut) walking = stream.walks && !stream.isBlocked;
    }
    this.merge();
    if (this.reclaimSlots()) more = true;
    return more || this.dirty.size > 0;
  }

  /** Prefixes that the group announces to this member; with `maxPaths`, paths. */
  announcedCount(source: SourceId): number {
    return this.adjRibOut.count - this.adjRibOut.countOf(source);
  }

  /** What this member is told of a prefix. */
  announced(member: SourceId, prefix: PrefixId): AnnouncedPath[] {
    const { adjRibOut, slots, table } = this;
    const announced: AnnouncedPath[] = [];
    const add = (key: RouteKey, pathId: number | null): void => {
      const attrSet = adjRibOut.attrSet(key);
      const source = adjRibOut.source(key);
      if (attrSet === REJECTED || source === member) return;
      const best = table.best(prefix);
      const path =
        slots !== null
          ? table.paths.find(prefix, source, slots.receivedIdOf(key as SlotId))
          : best !== NONE && table.paths.source[best] === source
            ? best
            : NONE;
      announced.push({ canonical: this.outgoing.read(attrSet), source, path, pathId });
    };
    if (slots === null) add(prefix, null);
    else {
      for (let slot = slots.firstOf(prefix); slot !== NONE; slot = slots.after(slot as SlotId)) {
        add(slot as SlotId, slots.pathId[slot]);
      }
    }
    return announced;
  }

  /** All that is announced to this member. It may go on while the table changes; it then shows what is there when it gets there. */
  *advertised(source: SourceId): Generator<{ prefix: PrefixId; attrSet: OutgoingId }> {
    const { adjRibOut, slots } = this;
    for (let at = adjRibOut.next(0); at >= 0; at = adjRibOut.next(at + 1)) {
      const key = at as RouteKey;
      if (adjRibOut.source(key) === source) continue;
      const prefix = (slots === null ? key : slots.prefix[key]) as PrefixId;
      yield { prefix, attrSet: adjRibOut.attrSet(key) };
    }
  }

  /** Whether the group still needs the prefix's key, so that the id must not name another prefix yet. */
  holds(prefix: PrefixId): boolean {
    if (this.dirty.has(prefix)) return true;
    return this.slots === null ? this.isNeeded(prefix) : this.slots.firstOf(prefix) !== NONE;
  }

  /** Gives back all references. The group is not used any more. */
  close(): void {
    for (const source of [...this.members.keys()]) this.removeMember(source);
    for (let at = this.adjRibOut.next(0); at >= 0; at = this.adjRibOut.next(at + 1)) {
      const key = at as RouteKey;
      this.outgoing.release(this.adjRibOut.attrSet(key));
      this.adjRibOut.exchange(key, REJECTED, 0 as SourceId);
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
        else if (this.slots === null) this.evaluatePrefix(prefix as PrefixId);
        else this.evaluatePaths(prefix as PrefixId, this.slots);
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
    const { table } = this;
    const path = table.best(prefix);
    let attrSet: OutgoingId = REJECTED;
    let source = 0 as SourceId;
    if (path !== NONE) {
      attrSet = this.exporter.export(prefix, path as PathId, this.outgoing);
      if (attrSet !== REJECTED) source = table.paths.source[path] as SourceId;
    }
    this.enter(prefix, attrSet, source);
  }

  /** The best paths that the exporter lets through, each in the slot that it has or in one that is free. */
  private evaluatePaths(prefix: PrefixId, slots: PathSlots): void {
    const { adjRibOut, exporter, outgoing, maxPaths, chosen, chosenSets, chosenSlots } = this;
    const { paths, decision } = this.table;
    const takesAll = decision.rank(paths.firstOf(prefix)) <= maxPaths;
    let n = 0;
    while (n < maxPaths) {
      const path = takesAll ? decision.nextUnranked() : decision.nextRanked();
      if (path === NONE) break;
      const attrSet = exporter.export(prefix, path as PathId, outgoing);
      if (attrSet === REJECTED) continue;
      chosen[n] = path as PathId;
      chosenSets[n] = attrSet;
      n++;
    }
    slots.beginRound();
    for (let i = 0; i < n; i++) {
      chosenSlots[i] = slots.takeOwn(
        prefix,
        paths.source[chosen[i]] as SourceId,
        paths.receivedPathId(chosen[i]),
      );
    }
    for (let i = 0; i < n; i++) {
      const source = paths.source[chosen[i]] as SourceId;
      let slot = chosenSlots[i];
      if (slot === NONE) {
        const receivedId = paths.receivedPathId(chosen[i]);
        slot = slots.takeSpare(prefix, source, receivedId, this.slotIsAnnounced);
      }
      this.enter(slot as SlotId, chosenSets[i], source);
    }
    for (let at = slots.firstOf(prefix); at !== NONE; at = slots.after(at as SlotId)) {
      const slot = at as SlotId;
      if (slots.isTaken(slot) || adjRibOut.attrSet(slot) === REJECTED) continue;
      this.enter(slot, REJECTED, 0 as SourceId);
      slots.retire(slot);
    }
  }

  /** Writes what is announced under a key (REJECTED: nothing), and has it sent. Takes over the reference on the set. */
  private enter(key: RouteKey, attrSet: OutgoingId, source: SourceId): void {
    const { adjRibOut } = this;
    if (adjRibOut.exchange(key, attrSet, source)) this.entered(key, attrSet, source);
    // The table stands on the new reference; the old one goes, or, where nothing changed, the second one.
    this.outgoing.release(adjRibOut.oldSet);
  }

  /** The entry of a key has changed: tells the streams, if that concerns anybody. */
  private entered(key: RouteKey, attrSet: OutgoingId, source: SourceId): void {
    const { memberSources, catchingUp } = this;
    const { oldSet, oldSource } = this.adjRibOut;
    const isMember = memberSources.has(source);
    const excluded = isMember ? source : NONE;
    // The same words concern nobody, unless they come from another source and one of the two is a member.
    const isHeard = source !== oldSource && (isMember || memberSources.has(oldSource));
    if (!isHeard && this.outgoing.areSame(oldSet, attrSet)) {
      if (attrSet === oldSet) return;
      this.main.renamed(key, attrSet, excluded);
      for (let i = 0; i < catchingUp.length; i++) catchingUp[i].renamed(key, attrSet, excluded);
      return;
    }
    this.main.changed(key, oldSet, oldSource, attrSet, excluded);
    for (let i = 0; i < catchingUp.length; i++)
      catchingUp[i].changed(key, oldSet, oldSource, attrSet, excluded);
  }

  /** Whether the key stands for something announced, or for something that a member must still be told. */
  private isNeeded(key: RouteKey): boolean {
    return (
      this.adjRibOut.attrSet(key) !== REJECTED ||
      this.main.holds(key) ||
      (this.catchingUp.length > 0 && this.catchingUp.some((stream) => stream.holds(key)))
    );
  }

  private readonly slotIsAnnounced = (slot: SlotId): boolean => this.adjRibOut.attrSet(slot) !== REJECTED;

  private readonly slotIsNeeded = (slot: SlotId): boolean => this.isNeeded(slot);

  /** Gives slots back. Returns whether there may be more to give back now. */
  private reclaimSlots(): boolean {
    if (this.slots === null || this.slots.retiredCount === 0) return false;
    return this.slots.reclaim(RECLAIMED_AT_ONCE, this.slotIsNeeded) > 0 && this.slots.retiredCount > 0;
  }

  /** What is held by the slots of this group, for one that has others. */
  private toTakeAlong(held: HeldRoutes): HeldRoutes | HeldPaths {
    const { slots } = this;
    if (slots === null) return held;
    const at: number[] = [];
    for (let slot = 0; slot < held.length; slot++) if (held[slot] !== 0) at.push(slot);
    return {
      prefixes: Uint32Array.from(at, (slot) => slots.prefix[slot]),
      pathIds: Uint32Array.from(at, (slot) => slots.pathId[slot]),
      sources: Uint16Array.from(at, (slot) => held[slot] - 1),
    };
  }

  /** What a joiner brings along, by the keys of this group. */
  private heldHere(held: HeldRoutes | HeldPaths): HeldRoutes {
    const { slots } = this;
    if (slots === null && held instanceof Uint16Array) return held;
    if (slots === null || held instanceof Uint16Array)
      throw new Error('whether prefixes have path identifiers does not change within a session');
    const known = this.translated.get(held);
    if (known !== undefined) return known;
    const { prefixes, pathIds, sources } = held;
    const at = Uint32Array.from(prefixes, (prefix, i) => slots.withPathId(prefix as PrefixId, pathIds[i]));
    const here = new Uint16Array(slots.highWater);
    for (let i = 0; i < at.length; i++) here[at[i]] = sources[i] + 1;
    this.translated.set(held, here);
    return here;
  }

  /** Lets a stream send; parts those that lag from those that don't. Returns whether the stream has more to do now. */
  private advance(stream: Stream, deadline: number): boolean {
    stream.pollBlocked();
    if (!stream.isBlocked || stream.isDelivering) {
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
