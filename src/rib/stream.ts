/**
 * A stream sends one sequence of UPDATEs to some of an update group's members: each message is encoded once and the
 * same bytes are handed to every member of the stream.
 *
 * All members that have what the Adj-RIB-Out says share the main stream. A member that joins, or that can't keep up,
 * gets a stream of its own (with those who are in the same position), which starts from what they hold and is merged
 * into the main stream when nothing is left to send in either.
 *
 * No member is sent what came from itself. What is encoded in one go is therefore ordered by the member to leave
 * out, so that each member gets all bytes but one run of them: two slices of the same buffer.
 */
import { performance } from 'node:perf_hooks';
import { type FamilyIndex, IPV4 } from '../address/index.js';
import type { UpdateEncoder } from '../bgp/wire/index.js';
import type { AdjRibOut } from './adj-rib-out.js';
import { NONE, type OutgoingId, REJECTED, type RouteKey, type SourceId } from './ids.js';
import type { OutgoingSets } from './outgoing-sets.js';
import type { PathSlots } from './path-slots.js';
import { type BucketId, NO_BUCKET, NOTHING_SENT, PendingRoutes } from './pending.js';
import type { PrefixTable } from './prefix-table.js';
import type { SourceSet } from './source-set.js';

/** A peer as its update groups see it. */
export interface GroupMember {
  readonly name: string;
  /** The peer as a source of routes: what came from it is not sent to it. */
  readonly source: SourceId;
  /** Hands over whole messages, which must not be written to. Returns false when more had better wait (they are taken all the same). */
  send(messages: Buffer): boolean;
  /** Whether more may be sent. */
  writable(): boolean;
  /** All that the member was to get at first has been sent: now is the time of its End-of-RIB (RFC 4724 §2). */
  endOfRib(): void;
}

/** A member with its place in the group. */
export interface MemberState {
  readonly member: GroupMember;
  /** null: no longer in the group. */
  stream: Stream | null;
  awaitsEndOfRib: boolean;
  /** Milliseconds on the group's clock since when `send` has returned false; -1: writable. */
  blockedSince: number;
  /** When it was last taken out of a stream because the others would not wait. */
  splitAt: number;
}

/** What the streams of a group share. */
export interface StreamContext {
  readonly family: FamilyIndex;
  readonly outgoing: OutgoingSets;
  readonly prefixes: PrefixTable;
  /** Where several paths of a prefix are announced; null: prefixes are the keys of everything here. */
  readonly slots: PathSlots | null;
  readonly adjRibOut: AdjRibOut;
  readonly limits: StreamLimits;
  readonly encoder: UpdateEncoder;
  /** For what goes to one member alone. */
  readonly lateEncoder: UpdateEncoder;
  /** The group's members, as sources. */
  readonly memberSources: SourceSet;
  /** `prefixes` prefixes were withdrawn, because this set leaves no room for a prefix in a message (RFC 8654 §4). */
  tooLong(attrSet: OutgoingId, prefixes: number): void;
  /** The clock of `blockedSince`. */
  now(): number;
}

/** By RouteKey, what peers have been sent: one more than the source of the route; 0: nothing. */
export type HeldRoutes = Uint16Array;

/** How much work is done in one go. */
export interface StreamLimits {
  /** One encoding covers at most so many prefixes and buckets. */
  readonly prefixesPerFlush: number;
  readonly bucketsPerFlush: number;
  /** A first pass over the table queues so many prefixes at once, and at most so many before they are sent. */
  readonly fillStep: number;
  readonly fillAhead: number;
  /** Members that are handed an encoding between two looks at the clock; each costs a call of `write`. */
  readonly membersAtOnce: number;
}

/** An encoding of some 64 kB; a first pass in which prefixes of one set rarely end up in two messages. */
export const defaultLimits: StreamLimits = {
  prefixesPerFlush: 8192,
  bucketsPerFlush: 1024,
  fillStep: 4096,
  fillAhead: 1 << 18,
  membersAtOnce: 8,
};

const FILLED = 0x7fffffff;
/** An encoding is handed over once it has so many octets, whatever the limits say. */
const OCTETS_PER_FLUSH = 64 * 1024;

/** Scratch of one flush. */
const MAX_BUCKETS = 1024;
const chosen = new Int32Array(MAX_BUCKETS);
const order = new Float64Array(MAX_BUCKETS);
const MAX_KEYS = 1024;
const keys = new Int32Array(MAX_KEYS);
const sentOf = new Int32Array(MAX_KEYS);

export class Stream {
  readonly members: MemberState[] = [];
  readonly pending = new PendingRoutes();
  private readonly context: StreamContext;
  /** First pass: entries at and above this key have not been queued yet. */
  private cursor: number;
  private blocked = 0;
  private endOfRibDue = false;
  private before: HeldRoutes | null;
  private readonly segmentSource: number[] = [];
  private readonly segmentEnd: number[] = [];
  private readonly late: RouteKey[] = [];
  /** What was encoded and some of `receivers` have not been handed yet: those from `served` on. null: all have it. */
  private messages: Buffer | null = null;
  private receivers: MemberState[] = [];
  private served = 0;

  /** `walks`: its members hold nothing but what is in `before`, and are to be sent the whole Adj-RIB-Out. */
  constructor(context: StreamContext, walks: boolean, before: HeldRoutes | null = null) {
    this.context = context;
    this.cursor = walks ? 0 : FILLED;
    this.endOfRibDue = walks;
    this.before = before;
  }

  /** Nothing has been queued yet. */
  get fresh(): boolean {
    return this.cursor === 0;
  }

  /** On its first pass over the table. */
  get walks(): boolean {
    return this.cursor !== FILLED;
  }

  /** Whether joiners who hold `before` may still be added. */
  takes(before: HeldRoutes | null): boolean {
    return this.fresh && this.before === before;
  }

  /** Whether its members hold exactly what the Adj-RIB-Out says and can take more, so that it may be merged. */
  get synced(): boolean {
    return !this.hasWork && this.blocked === 0;
  }

  get isBlocked(): boolean {
    return this.blocked > 0;
  }

  get hasWork(): boolean {
    return this.pending.size > 0 || this.cursor !== FILLED || this.endOfRibDue || this.isDelivering;
  }

  /** Some members have not been handed what the others have: that is done before anything else, whoever can't take more. */
  get isDelivering(): boolean {
    return this.messages !== null;
  }

  /** Whether the prefix's key is still needed to tell somebody about it. */
  holds(prefix: RouteKey): boolean {
    if (this.pending.has(prefix)) return true;
    return this.before !== null && prefix >= this.cursor && this.heldBefore(prefix) !== NOTHING_SENT;
  }

  /** What its members hold, all the same: who has not been handed the encoding under way is handed it now. */
  held(): HeldRoutes {
    this.deliver(Number.POSITIVE_INFINITY);
    const { adjRibOut, prefixes, slots } = this.context;
    const { highWater } = slots ?? prefixes;
    const held = new Uint16Array(Math.max(highWater, adjRibOut.end, this.before?.length ?? 0));
    if (this.before !== null) held.set(this.before);
    held.fill(0, 0, Math.min(this.cursor, held.length));
    for (let at = adjRibOut.next(0); at >= 0 && at < this.cursor; at = adjRibOut.next(at + 1)) {
      held[at] = adjRibOut.source(at as RouteKey) + 1;
    }
    this.pending.forEach((prefix, sent) => {
      held[prefix] = sent + 1;
    });
    return held;
  }

  addMember(state: MemberState): void {
    this.members.push(state);
    state.stream = this;
    if (state.blockedSince >= 0) this.blocked++;
  }

  removeMember(state: MemberState): void {
    this.members.splice(this.members.indexOf(state), 1);
    state.stream = null;
    if (state.blockedSince >= 0) this.blocked--;
    if (this.members.length > 0) return;
    this.pending.clear();
    this.messages = null;
    this.receivers = [];
  }

  /**
   * The Adj-RIB-Out's entry of a prefix has changed from (`oldSet`, `oldSource`) to `newSet`, where REJECTED stands for
   * no entry. `excluded` is the new source if it is a member, else NONE. Both sets are still held.
   */
  changed(
    prefix: RouteKey,
    oldSet: OutgoingId,
    oldSource: SourceId,
    newSet: OutgoingId,
    excluded: SourceId | typeof NONE,
  ): void {
    if (prefix >= this.cursor || this.members.length === 0) return;
    const sent = this.pending.sent(prefix, oldSet === REJECTED ? NOTHING_SENT : oldSource);
    this.queue(prefix, newSet, excluded, sent);
  }

  /** The Adj-RIB-Out's entry of a prefix has become `newSet`, which says the same as before on the wire to the same members. */
  renamed(prefix: RouteKey, newSet: OutgoingId, excluded: SourceId | typeof NONE): void {
    if (this.pending.has(prefix)) this.pending.put(prefix, newSet, excluded, NOTHING_SENT);
  }

  /** Queues what those who hold the route from `sent` must be told, if anything. */
  private queue(prefix: RouteKey, newSet: OutgoingId, excluded: SourceId | typeof NONE, sent: number): void {
    const { pending } = this;
    if (newSet !== REJECTED) {
      if (sent === NOTHING_SENT && this.isOnly(excluded)) pending.remove(prefix);
      else pending.put(prefix, newSet, excluded, sent);
    } else if (sent === NOTHING_SENT || this.isOnly(sent)) {
      pending.remove(prefix);
    } else {
      const isMember = this.context.memberSources.has(sent);
      pending.put(prefix, REJECTED, isMember ? (sent as SourceId) : NONE, sent);
    }
  }

  /** Looks which members can take more again. Returns whether any can't. */
  pollBlocked(): boolean {
    if (this.blocked === 0) return false;
    for (const state of this.members) {
      if (state.blockedSince >= 0 && state.member.writable()) {
        state.blockedSince = -1;
        this.blocked--;
      }
    }
    return this.blocked > 0;
  }

  /** Queues and sends until `deadline` (performance.now()), until a member can't take more, or until all is sent. Returns whether it stopped for the deadline. */
  run(deadline: number): boolean {
    while (this.isDelivering || (this.blocked === 0 && this.hasWork)) {
      if (this.isDelivering) this.deliver(deadline);
      else if (this.cursor !== FILLED && this.pending.size < this.context.limits.fillAhead) this.fill();
      else this.flush(deadline);
      if (this.isDelivering) return true;
      if (this.endOfRibDue && this.cursor === FILLED && this.pending.markReached) this.endOfRib();
      if (performance.now() >= deadline) return this.blocked === 0 && this.hasWork;
    }
    return false;
  }

  /** A stream for `leaving` members of this one, from where they are. */
  fork(leaving: readonly MemberState[]): Stream {
    const stream = new Stream(this.context, false, this.before);
    stream.cursor = this.cursor;
    stream.endOfRibDue = this.endOfRibDue;
    stream.pending.copyFrom(this.pending);
    for (const state of leaving) {
      this.removeMember(state);
      stream.addMember(state);
    }
    return stream;
  }

  /** Moves this stream's members to `target`; both are synced. */
  mergeInto(target: Stream): void {
    for (const state of this.members) target.addMember(state);
    this.members.length = 0;
  }

  private isOnly(source: number): boolean {
    return source !== NONE && this.members.length === 1 && this.members[0].member.source === source;
  }

  /** One step of the first pass. */
  private fill(): void {
    const { adjRibOut, memberSources } = this.context;
    let left = this.context.limits.fillStep;
    let prefix = this.nextToFill(this.cursor);
    while (prefix >= 0 && left-- > 0) {
      const source = adjRibOut.source(prefix);
      const excluded = memberSources.has(source) ? source : NONE;
      this.queue(
        prefix,
        adjRibOut.attrSet(prefix),
        excluded,
        this.before === null ? NOTHING_SENT : this.heldBefore(prefix),
      );
      prefix = this.nextToFill(prefix + 1);
    }
    if (prefix >= 0) {
      this.cursor = prefix;
      return;
    }
    this.cursor = FILLED;
    this.before = null;
    this.pending.mark();
  }

  /** The first prefix at or above `from` that is announced now or was before; -1 if there is none. */
  private nextToFill(from: number): RouteKey {
    const announced = this.context.adjRibOut.next(from);
    if (this.before === null) return announced as RouteKey;
    const end = announced < 0 ? this.before.length : announced;
    for (let at = from; at < end; at++) if (this.before[at] !== 0) return at as RouteKey;
    return announced as RouteKey;
  }

  /** Where a prefix that the first pass has not come to yet was sent from in another group, or NOTHING_SENT. */
  private heldBefore(prefix: RouteKey): number {
    if (this.before === null || prefix >= this.before.length) return NOTHING_SENT;
    return this.before[prefix] - 1;
  }

  private endOfRib(): void {
    this.endOfRibDue = false;
    for (const state of this.members.slice()) {
      if (!state.awaitsEndOfRib) continue;
      state.awaitsEndOfRib = false;
      state.member.endOfRib();
    }
  }

  /** Encodes some buckets, withdrawals first, and sends them, to as many members as there is time for until `deadline`. */
  private flush(deadline: number): void {
    const { pending, segmentSource, segmentEnd } = this;
    const { encoder, family } = this.context;
    const count = this.choose();
    segmentSource.length = 0;
    segmentEnd.length = 0;
    let left = this.context.limits.prefixesPerFlush;
    let excluded: number = NONE;
    let skips = false;
    for (let i = 0; i < count && left > 0 && encoder.length < OCTETS_PER_FLUSH; i++) {
      const bucket = chosen[order[i] % MAX_BUCKETS] as BucketId;
      const attrSet = pending.attrSetOf(bucket);
      if (excluded !== pending.excludedOf(bucket)) {
        if (i > 0) this.endSegment(excluded);
        excluded = pending.excludedOf(bucket);
        skips = this.memberOf(excluded) !== undefined;
      }
      const n = Math.min(pending.sizeOf(bucket), left);
      left -= n;
      const encodes = !skips || this.members.length > 1;
      if (encodes) {
        if (attrSet === REJECTED || !this.beginReach(attrSet)) {
          if (attrSet !== REJECTED) this.context.tooLong(attrSet, n);
          encoder.beginUnreach(family);
        }
      }
      // The member that is left out may hold an older route of another source, and has to be told that it is gone.
      const watched = skips && attrSet !== REJECTED ? excluded : NONE;
      this.encode(bucket, n, encodes, watched);
      if (encodes) encoder.end();
    }
    this.endSegment(excluded);
    this.messages = encoder.take();
    this.receivers = this.members.slice();
    this.served = 0;
    this.deliver(deadline);
  }

  private beginReach(attrSet: OutgoingId): boolean {
    const { encoder, outgoing } = this.context;
    outgoing.load(attrSet);
    return encoder.beginReach(outgoing.buffer, outgoing.start, outgoing.end);
  }

  /** Puts the buckets to be sent next into `chosen`, and their order, by the member to leave out, into `order`. */
  private choose(): number {
    const { pending } = this;
    const { prefixesPerFlush, bucketsPerFlush } = this.context.limits;
    const limit = Math.min(bucketsPerFlush, MAX_BUCKETS);
    let count = 0;
    let prefixes = 0;
    let mixed = false;
    let bucket = pending.first();
    const excluded = pending.excludedOf(bucket);
    while (bucket !== NO_BUCKET && count < limit && prefixes < prefixesPerFlush) {
      const its = pending.excludedOf(bucket);
      if (its !== excluded) mixed = true;
      chosen[count] = bucket;
      order[count] = (its + 1) * MAX_BUCKETS + count;
      count++;
      prefixes += pending.sizeOf(bucket);
      bucket = pending.after(bucket);
    }
    if (mixed) order.subarray(0, count).sort();
    return count;
  }

  /** Takes `n` prefixes out of a bucket and, if wanted, adds them to the message that was begun. */
  private encode(bucket: BucketId, n: number, encodes: boolean, watched: number): void {
    const { pending, late } = this;
    const { encoder, family, prefixes, slots } = this.context;
    while (n > 0) {
      const count = pending.drain(bucket, Math.min(n, MAX_KEYS), keys, sentOf);
      n -= count;
      if (encodes && slots !== null) {
        for (let i = 0; i < count; i++) this.encodeOne(encoder, keys[i] as RouteKey);
      } else if (encodes) {
        if (family === IPV4) encoder.addAllIpv4(keys, count, prefixes.words, prefixes.lengths);
        else encoder.addAllIpv6(keys, count, prefixes.words, prefixes.lengths);
      }
      if (watched === NONE) continue;
      for (let i = 0; i < count; i++) {
        if (sentOf[i] !== NOTHING_SENT && sentOf[i] !== watched) late.push(keys[i] as RouteKey);
      }
    }
  }

  private encodeOne(encoder: UpdateEncoder, key: RouteKey): void {
    const { family, prefixes, slots } = this.context;
    const { words, lengths } = prefixes;
    const prefix = slots === null ? key : slots.prefix[key];
    const pathId = slots === null ? NONE : slots.pathId[key];
    const length = lengths[prefix];
    if (family === IPV4) {
      if (slots === null) encoder.addIpv4(words[prefix], length);
      else encoder.addPathIpv4(pathId, words[prefix], length);
      return;
    }
    const at = prefix * 4;
    if (slots === null) encoder.addIpv6(words[at], words[at + 1], words[at + 2], words[at + 3], length);
    else encoder.addPathIpv6(pathId, words[at], words[at + 1], words[at + 2], words[at + 3], length);
  }

  /** Ends the run of messages that `excluded` is not to get, and tells it which of its routes they replaced. */
  private endSegment(excluded: number): void {
    const { encoder, lateEncoder, family } = this.context;
    const { late } = this;
    this.segmentSource.push(excluded);
    this.segmentEnd.push(encoder.length);
    if (late.length === 0) return;
    lateEncoder.beginUnreach(family);
    for (const key of late) this.encodeOne(lateEncoder, key);
    lateEncoder.end();
    late.length = 0;
    const messages = lateEncoder.take();
    const state = this.memberOf(excluded);
    if (messages !== null && state !== undefined) this.send(state, messages);
  }

  /** Hands what was encoded to those who have not had it, until `deadline`, but to some of them in any case. */
  private deliver(deadline: number): void {
    const { messages, receivers } = this;
    if (messages === null) return;
    const { membersAtOnce } = this.context.limits;
    while (this.served < receivers.length) {
      this.handOver(receivers[this.served++], messages);
      if (this.served % membersAtOnce === 0 && performance.now() >= deadline) break;
    }
    if (this.served < receivers.length) return;
    this.messages = null;
    this.receivers = [];
  }

  /** Hands `messages` to one member, less the run that it is not to get. */
  private handOver(state: MemberState, messages: Buffer): void {
    const { segmentSource, segmentEnd } = this;
    const segment = segmentSource.indexOf(state.member.source);
    if (segment < 0) {
      this.send(state, messages);
      return;
    }
    const start = segment === 0 ? 0 : segmentEnd[segment - 1];
    const end = segmentEnd[segment];
    if (start > 0) this.send(state, messages.subarray(0, start));
    if (end < messages.length) this.send(state, messages.subarray(end));
  }

  private send(state: MemberState, messages: Buffer): void {
    // It may have been taken out of the group by what an earlier `send` brought about.
    if (state.stream !== this || state.member.send(messages) || state.blockedSince >= 0) return;
    if (state.stream !== this) return;
    state.blockedSince = this.context.now();
    this.blocked++;
  }

  private memberOf(source: number): MemberState | undefined {
    return this.members.find((state) => state.member.source === source);
  }
}
