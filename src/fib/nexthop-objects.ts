/**
 * Our nexthop objects in the kernel: what they are, what they should be, and the next requests that lead there. No
 * I/O: `next()` says what to ask the kernel, `answered()` takes its word, until `next()` has no more.
 *
 * A forwarding entry that many routes share becomes a *group* of *members*, one member per hop, shared by all groups.
 * Always a group, also around a single hop, since a single nexthop and a group can't replace each other and the number
 * of hops may change. When an entry is redefined, its group is replaced in place: one message for all its routes.
 *
 * Ids lie in a range of our own, and the objects carry our protocol: both together say that an object is ours. Ids are
 * taken with `EXCL`, for other daemons share the number space. The kernel removes the routes of an object that is
 * deleted, so an object goes only when nothing refers to it any more, nobody else's routes and groups either.
 */
import type { FamilyIndex } from '../address/index.js';
import { hopKey, hopsKey, normalHops } from './route-forms.js';
import type { Hop } from './types.js';

export const FIRST_NEXTHOP_ID = 0x54000000;
export const LAST_NEXTHOP_ID = 0x54ffffff;

/** An object as the kernel shows it. */
export interface ObservedNexthop {
  readonly id: number;
  readonly protocol: number;
  /** Address family of a single nexthop; null for a group. */
  readonly family: FamilyIndex | null;
  /** The hop of a single nexthop; null for a group, a blackhole, or what we never make. */
  readonly hop: Hop | null;
  /** Members of a group; null for a single nexthop. */
  readonly group: readonly { readonly id: number; readonly weight: number }[] | null;
}

interface Member {
  id: number;
  readonly family: FamilyIndex;
  readonly hop: Hop;
  inKernel: boolean;
  error: NexthopError | null;
}

export interface NexthopError {
  readonly errno: number;
  readonly message: string;
}

/** The nexthop group of one forwarding entry in one family. */
export interface NexthopGroup {
  id: number;
  readonly family: FamilyIndex;
  hops: readonly Hop[];
  /** What the kernel has under the id, as contentKey; null: nothing. Routes may refer to it when not null. */
  content: string | null;
  /** Waiting for next(). */
  dirty: boolean;
  /** Why the kernel does not have what `hops` says; null: it has, or it has not been asked. */
  error: NexthopError | null;
  attempts: number;
  /** Milliseconds, monotonic; meaningful with an error. */
  retryAt: number;
}

export type NexthopRequest =
  | {
      readonly kind: 'createMember';
      readonly id: number;
      readonly family: FamilyIndex;
      readonly hop: Hop;
      readonly member: Member;
    }
  | {
      readonly kind: 'createGroup' | 'replaceGroup';
      readonly id: number;
      readonly members: readonly { readonly id: number; readonly weight: number }[];
      readonly group: NexthopGroup;
    }
  | { readonly kind: 'delete'; readonly id: number };

const EEXIST = 17;
const ENOENT = 2;

function contentKey(members: readonly { readonly id: number; readonly weight: number }[]): string {
  return members
    .map((m) => `${m.id}*${m.weight}`)
    .sort()
    .join(' ');
}

function memberKey(family: FamilyIndex, hop: Hop): string {
  return `${hop.gateway === null ? family : hop.gateway.family} ${hopKey(hop, 1)}`;
}

export class NexthopObjects {
  private readonly members = new Map<string, Member>();
  private readonly groups = new Set<NexthopGroup>();
  private readonly dirty = new Set<NexthopGroup>();
  /** All objects the kernel is known to have, anybody's. */
  private readonly known = new Map<number, ObservedNexthop>();
  /** Ours, of an earlier run, not (yet) taken over. */
  private readonly orphans = new Map<number, ObservedNexthop>();
  private nextId = FIRST_NEXTHOP_ID;
  private wrapped = false;
  private garbage = false;

  constructor(
    private protocol: number,
    /** Milliseconds to the next attempt after so many refusals. */
    private readonly backOff: (attempts: number) => number,
  ) {}

  /** Whether next() may have requests. */
  get pending(): boolean {
    return this.dirty.size > 0;
  }

  dirtyGroups(): Iterable<NexthopGroup> {
    return this.dirty;
  }

  get size(): number {
    return this.groups.size;
  }

  /** Takes a whole dump. Groups whose kernel state is not what it should be become dirty. */
  observe(objects: Iterable<ObservedNexthop>): void {
    this.known.clear();
    this.orphans.clear();
    for (const object of objects) this.known.set(object.id, object);
    for (const member of this.members.values()) {
      member.inKernel = this.isMember(this.known.get(member.id), member);
    }
    const bound = new Set<number>();
    for (const member of this.members.values()) if (member.inKernel) bound.add(member.id);
    for (const group of this.groups) {
      const object = this.known.get(group.id);
      const ours = object !== undefined && this.isOurs(object) && object.group !== null;
      const content = ours ? contentKey(object.group) : null;
      if (ours) bound.add(group.id);
      if (content !== group.content || content !== this.wantedContent(group)) {
        group.content = content;
        if (group.error === null) this.markDirty(group);
      }
    }
    for (const object of this.known.values()) {
      if (bound.has(object.id) || !this.isOurs(object)) continue;
      if (object.family !== null && object.hop !== null) {
        const key = memberKey(object.family, object.hop);
        const member = this.members.get(key);
        if (member === undefined || !member.inKernel) {
          const { id, family, hop } = object;
          if (member === undefined) this.members.set(key, { id, family, hop, inKernel: true, error: null });
          else Object.assign(member, { id, inKernel: true });
          this.garbage = true;
          continue;
        }
      }
      this.orphans.set(object.id, object);
      this.garbage = true;
    }
    for (const group of this.groups) {
      if (group.content !== this.wantedContent(group) && group.error === null) this.markDirty(group);
    }
  }

  /** Another protocol from now on: returns the ids of all objects of the old one, which are to be deleted. */
  changeProtocol(protocol: number): number[] {
    const old = [...this.known.values()].filter((object) => this.isOurs(object));
    // Groups before their members.
    old.sort((x, y) => (x.group === null ? 1 : 0) - (y.group === null ? 1 : 0));
    this.protocol = protocol;
    return old.map((object) => object.id);
  }

  /** Someone else made or changed an object. */
  noteForeign(object: ObservedNexthop): void {
    this.known.set(object.id, object);
  }

  forget(id: number): void {
    this.known.delete(id);
  }

  isOurs(object: ObservedNexthop): boolean {
    return object.protocol === this.protocol && object.id >= FIRST_NEXTHOP_ID && object.id <= LAST_NEXTHOP_ID;
  }

  /** The hops behind any object, ours or not, as far as known. */
  hopsOf(id: number): readonly Hop[] {
    const object = this.known.get(id);
    if (object === undefined) return [];
    if (object.group === null) return object.hop === null ? [] : [object.hop];
    const hops: Hop[] = [];
    for (const { id: member, weight } of object.group) {
      const hop = this.known.get(member)?.hop;
      if (hop) hops.push({ ...hop, weight });
    }
    return hops;
  }

  /** A group of an earlier run that forwards by just these hops becomes `hops`' own; null: there is none. */
  adopt(
    family: FamilyIndex,
    hops: readonly Hop[],
    usedByFamily: (id: number) => boolean,
  ): NexthopGroup | null {
    if (this.orphans.size === 0) return null;
    const wanted = hopsKey(hops);
    for (const object of this.orphans.values()) {
      if (object.group === null || !usedByFamily(object.id)) continue;
      if (hopsKey(this.hopsOf(object.id)) !== wanted) continue;
      this.orphans.delete(object.id);
      const group = this.makeGroup(object.id, family, hops);
      group.content = contentKey(object.group);
      if (group.content !== this.wantedContent(group)) this.markDirty(group);
      return group;
    }
    return null;
  }

  /** A new group; next() will ask for it. */
  create(family: FamilyIndex, hops: readonly Hop[]): NexthopGroup {
    const group = this.makeGroup(this.takeId(), family, hops);
    this.markDirty(group);
    return group;
  }

  /** Its hops change: next() will ask for that. */
  redefine(group: NexthopGroup, hops: readonly Hop[]): void {
    group.hops = normalHops(hops);
    group.error = null;
    group.attempts = 0;
    this.garbage = true;
    this.markDirty(group);
  }

  /** No forwarding entry stands behind it any more; it goes when collectGarbage() finds it unused. */
  release(group: NexthopGroup): void {
    this.groups.delete(group);
    this.dirty.delete(group);
    this.garbage = true;
    const object = this.known.get(group.id);
    if (group.content !== null && object !== undefined) this.orphans.set(group.id, object);
  }

  /** Refused groups whose time has come are asked for again. Returns when the next one is due, or Infinity. */
  retry(now: number): number {
    let next = Number.POSITIVE_INFINITY;
    for (const group of this.groups) {
      if (group.error === null || group.dirty) continue;
      if (group.retryAt <= now) this.markDirty(group);
      else next = Math.min(next, group.retryAt);
    }
    return next;
  }

  /** The machine changed (link, address): every refused group is asked for again at once. */
  retryAll(): void {
    for (const group of this.groups) if (group.error !== null) this.markDirty(group);
  }

  /** The next requests, independent of each other; ask again when all are answered. */
  next(now: number): NexthopRequest[] {
    const requests: NexthopRequest[] = [];
    const asked = new Set<Member>();
    for (const group of this.dirty) {
      for (const hop of group.hops) {
        const member = this.memberOf(group.family, hop);
        if (member.inKernel || member.error !== null || asked.has(member)) continue;
        asked.add(member);
        if (member.id === 0 || this.known.has(member.id)) member.id = this.takeId();
        requests.push({
          kind: 'createMember',
          id: member.id,
          family: member.family,
          hop: member.hop,
          member,
        });
      }
    }
    if (requests.length > 0) return requests;
    for (const group of [...this.dirty]) {
      const refused = group.hops.map((hop) => this.memberOf(group.family, hop).error).find((e) => e !== null);
      if (refused) {
        this.refuse(group, refused, now);
      } else if (group.content !== null && group.content === this.wantedContent(group)) {
        this.settle(group);
      } else {
        if (group.content === null && this.known.has(group.id)) group.id = this.takeId();
        requests.push({
          kind: group.content === null ? 'createGroup' : 'replaceGroup',
          id: group.id,
          members: this.wantedMembers(group),
          group,
        });
      }
    }
    // What a member was refused for is asked anew with the next attempt of a group that needs it.
    if (requests.length === 0) for (const member of this.members.values()) member.error = null;
    return requests;
  }

  /**
   * The kernel's answer to a request of next(): errno 0 is success.
   * @returns whether what we believe of the kernel's objects proved wrong, so that they must be dumped.
   */
  answered(request: NexthopRequest, errno: number, message: string, now: number): boolean {
    if (request.kind === 'delete') {
      if (errno === 0 || errno === ENOENT) {
        this.known.delete(request.id);
        this.orphans.delete(request.id);
      }
      return false;
    }
    if (request.kind === 'createMember') {
      const { member, id, family, hop } = request;
      if (errno === 0) {
        member.inKernel = true;
        this.known.set(id, { id, protocol: this.protocol, family, hop, group: null });
      } else if (errno === EEXIST) {
        // Somebody has this number: the next one then.
        this.known.set(id, { id, protocol: -1, family: null, hop: null, group: null });
      } else {
        member.error = { errno, message };
      }
      return false;
    }
    const { group, id, members } = request;
    if (errno === 0) {
      group.content = contentKey(members);
      this.known.set(id, { id, protocol: this.protocol, family: null, hop: null, group: members });
      if (group.content === this.wantedContent(group)) this.settle(group);
      return false;
    }
    if (request.kind === 'replaceGroup' && errno === ENOENT) {
      // Gone without a word, as with its device: made anew.
      group.content = null;
      this.known.delete(id);
      return true;
    }
    if (request.kind === 'createGroup' && errno === EEXIST) {
      this.known.set(id, { id, protocol: -1, family: null, hop: null, group: null });
      return false;
    }
    this.refuse(group, { errno, message }, now);
    return true;
  }

  /**
   * Requests that delete what nothing refers to. Only to be asked while no route is on its way to the kernel.
   * @param inUse nexthop ids that any route, ours or not, refers to.
   */
  collectGarbage(inUse: (id: number) => boolean, orphansToo: boolean): NexthopRequest[] {
    if (this.dirty.size > 0) return [];
    const requests: NexthopRequest[] = [];
    const referred = new Set<number>();
    for (const object of this.known.values()) {
      if (object.group === null) continue;
      const goes = orphansToo && this.orphans.has(object.id) && !inUse(object.id);
      if (goes) requests.push({ kind: 'delete', id: object.id });
      else for (const { id } of object.group) referred.add(id);
    }
    const needed = new Set<Member>();
    for (const group of this.groups) {
      for (const hop of group.hops) needed.add(this.memberOf(group.family, hop));
    }
    for (const [key, member] of this.members) {
      if (needed.has(member) || referred.has(member.id) || inUse(member.id)) continue;
      if (!orphansToo && member.inKernel) continue;
      this.members.delete(key);
      if (member.inKernel) requests.push({ kind: 'delete', id: member.id });
    }
    for (const object of this.orphans.values()) {
      if (!orphansToo || object.group !== null || referred.has(object.id) || inUse(object.id)) continue;
      requests.push({ kind: 'delete', id: object.id });
    }
    this.garbage = false;
    return requests;
  }

  /** Whether collectGarbage() may find something new. */
  get hasGarbage(): boolean {
    return this.garbage;
  }

  /** Something may have become unused. */
  noteGarbage(): void {
    this.garbage = true;
  }

  private makeGroup(id: number, family: FamilyIndex, hops: readonly Hop[]): NexthopGroup {
    const group: NexthopGroup = {
      id,
      family,
      hops: normalHops(hops),
      content: null,
      dirty: false,
      error: null,
      attempts: 0,
      retryAt: 0,
    };
    this.groups.add(group);
    return group;
  }

  private markDirty(group: NexthopGroup): void {
    group.dirty = true;
    this.dirty.add(group);
  }

  private settle(group: NexthopGroup): void {
    group.dirty = false;
    group.error = null;
    group.attempts = 0;
    this.dirty.delete(group);
  }

  private refuse(group: NexthopGroup, error: NexthopError, now: number): void {
    group.dirty = false;
    group.error = error;
    group.attempts++;
    group.retryAt = now + this.backOff(group.attempts);
    this.dirty.delete(group);
  }

  private memberOf(family: FamilyIndex, hop: Hop): Member {
    const key = memberKey(family, hop);
    let member = this.members.get(key);
    if (member === undefined) {
      const objectFamily = hop.gateway === null ? family : hop.gateway.family;
      member = { id: 0, family: objectFamily, hop: { ...hop, weight: 1 }, inKernel: false, error: null };
      this.members.set(key, member);
    }
    return member;
  }

  private wantedMembers(group: NexthopGroup): { id: number; weight: number }[] {
    return group.hops.map((hop) => ({ id: this.memberOf(group.family, hop).id, weight: hop.weight }));
  }

  /** null while a member is missing. */
  private wantedContent(group: NexthopGroup): string | null {
    for (const hop of group.hops) if (!this.memberOf(group.family, hop).inKernel) return null;
    return contentKey(this.wantedMembers(group));
  }

  private isMember(object: ObservedNexthop | undefined, member: Member): boolean {
    return (
      object !== undefined &&
      object.family !== null &&
      object.hop !== null &&
      this.isOurs(object) &&
      memberKey(object.family, object.hop) === memberKey(member.family, member.hop)
    );
  }

  private takeId(): number {
    for (let tries = 0; tries <= LAST_NEXTHOP_ID - FIRST_NEXTHOP_ID; tries++) {
      const id = this.nextId;
      this.nextId = id === LAST_NEXTHOP_ID ? FIRST_NEXTHOP_ID : id + 1;
      if (id === LAST_NEXTHOP_ID) this.wrapped = true;
      // Until the numbers wrap, only one of the kernel's can be in the way.
      if (!this.known.has(id) && !(this.wrapped && this.isTaken(id))) return id;
    }
    throw new Error('all nexthop ids of our range are taken');
  }

  private isTaken(id: number): boolean {
    for (const group of this.groups) if (group.id === id) return true;
    for (const member of this.members.values()) if (member.id === id) return true;
    return false;
  }
}
