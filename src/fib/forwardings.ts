/**
 * The desired forwarding entries, and in which form their routes are written: carrying the hops themselves, or
 * referring to a nexthop group when many routes share the entry. IPv6 routes of several hops always refer to a group
 * (their plain form is a set of siblings that others can join).
 */
import { type Address, type FamilyIndex, formatAddress, IPV4, IPV6 } from '../address/index.js';
import type { ForwardingId } from '../rib/ids.js';
import type { NexthopGroup, NexthopObjects } from './nexthop-objects.js';
import { normalHops, plainForm, type RouteForms } from './route-forms.js';
import { desiredForwarding } from './shared-fib.js';
import type { Forwarding, Hop, KernelSettings } from './types.js';

/** From so many routes on an entry gets a nexthop group. */
export const PROMOTE_AT = 64;

const ENETDOWN = 100;
const ENETUNREACH = 101;
const EHOSTUNREACH = 113;
const ENODEV = 19;
const EPERM = 1;
const ENOMEM = 12;
const ENOBUFS = 105;
const EOPNOTSUPP = 95;
/** Refusals that say something of the hop, or pass: a plain route would fare no better. */
const saysOfHop = new Set([ENETDOWN, ENETUNREACH, EHOSTUNREACH, ENODEV, EPERM, ENOMEM, ENOBUFS]);

/** So many refusals that say nothing of the hop mean that the kernel wants no such object. */
const UNUSABLE_AFTER = 3;

/** It can be written. */
export const READY = 0 as const;
/** Its nexthop group is on its way: its routes are looked at again when the kernel has answered. */
export const SOON = 1 as const;
/** It can't be written; `blockedBy` says why. Its routes are looked at again when that changes. */
export const BLOCKED = 2 as const;
/** There is no way: what the kernel has goes. */
export const ABSENT = 3 as const;

export interface BlockedReason {
  readonly errno: number;
  readonly message: string;
  readonly attempts: number;
  readonly retryAt: number | null;
}

interface PerFamily {
  /** Routes that desire the entry. */
  users: number;
  /** Form id with the hops in the route, 0: there is none. */
  plain: number;
  /** Form id that refers to the group, 0: no group. */
  object: number;
  /** The group's id that `object` was made for. */
  objectId: number;
  group: NexthopGroup | null;
  /** Some route may stand that carries the hops itself. */
  hasPlain: boolean;
}

/** No entry's id. */
const NO_ENTRY = -1;

interface Entry {
  /** null: desired by routes, but main's word on it is still under way. */
  forwarding: Forwarding | null;
  released: boolean;
  readonly families: readonly [PerFamily, PerFamily];
}

function neighbourKey(address: Address): number | string {
  return address.family === IPV4 ? address.a : formatAddress(address);
}

function perFamily(): PerFamily {
  return { users: 0, plain: 0, object: 0, objectId: 0, group: null, hasPlain: false };
}

/** Which neighbours and links forwarding entries use. */
export interface UsedHops {
  neighbour(ifindex: number, address: Address): boolean;
  link(ifindex: number): boolean;
}

/** Answer of `resolve`, reused. */
export interface Target {
  status: typeof READY | typeof SOON | typeof BLOCKED | typeof ABSENT;
  /** Form to write. */
  form: number;
  /** Form that forwards the same, 0: none. */
  equivalent: number;
}

export class Forwardings {
  readonly target: Target = { status: BLOCKED, form: 0, equivalent: 0 };
  private readonly entries = new Map<number, Entry>();
  /** Asked for last: routes of one entry come one after the other. */
  private recentId = NO_ENTRY;
  private recent: Entry | undefined;
  private objectsSupported = true;
  /** The preferred source of a family is on no interface: unicast routes with it would be refused. */
  private readonly sourceMissing: [boolean, boolean] = [false, false];

  constructor(
    private settings: KernelSettings,
    private readonly objects: NexthopObjects,
    private readonly forms: readonly [RouteForms, RouteForms],
    private readonly usesNexthop: (family: FamilyIndex, nexthopId: number) => boolean,
  ) {}

  get(id: number): Forwarding | null {
    return this.entries.get(id)?.forwarding ?? null;
  }

  /** The hops of all entries, as they are now. */
  usedHops(): UsedHops {
    // By link: of IPv4 the addresses as numbers, as there may be thousands; of IPv6 as texts.
    const links = new Map<number, Set<number | string>>();
    for (const { forwarding } of this.entries.values()) {
      if (forwarding?.kind !== 'unicast') continue;
      for (const { ifindex, gateway } of forwarding.hops) {
        let neighbours = links.get(ifindex);
        if (neighbours === undefined) {
          neighbours = new Set();
          links.set(ifindex, neighbours);
        }
        if (gateway !== null) neighbours.add(neighbourKey(gateway));
      }
    }
    return {
      link: (ifindex) => links.has(ifindex),
      neighbour: (ifindex, address) => links.get(ifindex)?.has(neighbourKey(address)) ?? false,
    };
  }

  /**
   * Defines the entry anew or changes it.
   * @returns whether routes that desire it must be looked at: not those that refer to its group, for the group is
   * replaced under them.
   */
  define(id: ForwardingId, forwarding: Forwarding): boolean {
    const normal: Forwarding =
      forwarding.kind === 'unicast' ? { kind: 'unicast', hops: normalHops(forwarding.hops) } : forwarding;
    const entry = this.entry(id);
    const before = entry.forwarding;
    entry.forwarding = normal;
    entry.released = false;
    let touchesRoutes = false;
    for (const family of [IPV4, IPV6] as const) {
      const f = entry.families[family];
      const stood = this.standsByGroup(family, f, before);
      f.plain = 0;
      if (f.group !== null) {
        if (normal.kind === 'unicast' && normal.hops.length > 0) {
          this.objects.redefine(f.group, normal.hops);
        } else {
          this.objects.release(f.group);
          f.group = null;
          f.object = 0;
        }
      }
      if (f.users > 0 && !(stood && this.standsByGroup(family, f, normal))) touchesRoutes = true;
    }
    return touchesRoutes;
  }

  release(id: ForwardingId): void {
    const entry = this.entries.get(id);
    if (entry === undefined) return;
    entry.released = true;
    this.dropUnused(id, entry);
  }

  /** One more route desires what `want` names. */
  retain(family: FamilyIndex, want: number): void {
    this.entry(desiredForwarding(want)).families[family].users++;
  }

  drop(family: FamilyIndex, want: number): void {
    const id = desiredForwarding(want);
    const entry = this.known(id);
    if (entry === undefined) return;
    entry.families[family].users--;
    if (entry.released) this.dropUnused(id, entry);
  }

  /**
   * What to write for routes of `family` that desire `want`: see `target`, overwritten by the next call.
   * @param applied form that the route at hand has in the kernel, 0: none.
   */
  resolve(family: FamilyIndex, want: number, applied = 0): Target {
    const { target } = this;
    target.form = 0;
    target.equivalent = 0;
    target.status = BLOCKED;
    const entry = this.known(desiredForwarding(want));
    if (entry === undefined || entry.forwarding === null) {
      target.status = SOON;
      return target;
    }
    const f = entry.families[family];
    const { forwarding } = entry;
    if (forwarding.kind === 'blackhole') {
      if (f.plain === 0) f.plain = this.forms[family].intern(plainForm(forwarding, null));
      target.form = f.plain;
      target.status = READY;
      return target;
    }
    if (forwarding.kind === 'unresolved') {
      target.status = forwarding.keeps ? BLOCKED : ABSENT;
      return target;
    }
    if (!this.isWritable(family, forwarding)) return target;
    const source = this.settings.source[family];
    if (f.plain === 0) f.plain = this.forms[family].intern(plainForm(forwarding, source));
    if (applied === f.plain) f.hasPlain = true;
    const { group } = f.group === null ? this.promote(family, f, forwarding.hops, applied) : f;
    if (group === null || this.isUnusable(group)) {
      f.hasPlain = true;
      target.form = f.plain;
      target.status = READY;
      return target;
    }
    target.equivalent = f.plain;
    if (group.content === null) {
      target.status = group.error === null ? SOON : BLOCKED;
      return target;
    }
    if (f.object === 0 || f.objectId !== group.id) {
      f.objectId = group.id;
      f.object = this.forms[family].intern({ type: 'unicast', nexthopId: group.id, hops: [], source });
    }
    target.form = f.object;
    target.status = READY;
    return target;
  }

  /** Whether `want` names an entry without a way. */
  isUnresolved(want: number): boolean {
    return this.entries.get(desiredForwarding(want))?.forwarding?.kind === 'unresolved';
  }

  /** Why routes of `family` that desire `want` are not as desired; null: nothing here hinders them. */
  blockedBy(family: FamilyIndex, want: number): BlockedReason | null {
    const entry = this.entries.get(desiredForwarding(want));
    const forwarding = entry?.forwarding ?? null;
    if (entry === undefined || forwarding === null || forwarding.kind === 'blackhole') return null;
    if (forwarding.kind === 'unresolved') {
      return { errno: 0, message: forwarding.reason, attempts: 0, retryAt: null };
    }
    if (!this.isWritable(family, forwarding)) {
      const message = this.sourceMissing[family]
        ? 'the preferred source address (kernel.source) is on no interface'
        : forwarding.hops.length === 0
          ? 'it has no usable next hop'
          : 'an IPv6 route can not go through an IPv4 gateway';
      return { errno: 0, message, attempts: 0, retryAt: null };
    }
    const { group } = entry.families[family];
    if (group === null || group.error === null || this.isUnusable(group)) return null;
    const { errno, message } = group.error;
    return { errno, message, attempts: group.attempts, retryAt: group.retryAt };
  }

  /** The machine's addresses changed. Returns the families whose routes must be looked at again. */
  setSourcesPresent(present: (family: FamilyIndex) => boolean): FamilyIndex[] {
    const changed: FamilyIndex[] = [];
    for (const family of [IPV4, IPV6] as const) {
      const missing = this.settings.source[family] !== null && !present(family);
      if (missing !== this.sourceMissing[family]) changed.push(family);
      this.sourceMissing[family] = missing;
    }
    return changed;
  }

  /** New settings: forms carry the preferred source. The caller has every route looked at. */
  configure(settings: KernelSettings): void {
    this.settings = settings;
    for (const entry of this.entries.values()) {
      for (const f of entry.families) {
        f.plain = 0;
        f.object = 0;
      }
    }
  }

  /** The entries that these groups stand for. */
  owners(groups: ReadonlySet<NexthopGroup>): number[] {
    const ids: number[] = [];
    for (const [id, { families }] of this.entries) {
      if (families.some((f) => f.group !== null && groups.has(f.group))) ids.push(id);
    }
    return ids;
  }

  /** No entry is needed any more. */
  releaseAll(): void {
    for (const { families } of this.entries.values()) {
      for (const f of families) if (f.group !== null) this.objects.release(f.group);
    }
    this.entries.clear();
    this.recentId = NO_ENTRY;
  }

  /** Adds every form id that an entry stands for. */
  collectForms(family: FamilyIndex, into: Set<number>): void {
    for (const entry of this.entries.values()) {
      into.add(entry.families[family].plain);
      into.add(entry.families[family].object);
    }
  }

  private known(id: number): Entry | undefined {
    if (id !== this.recentId) {
      this.recent = this.entries.get(id);
      this.recentId = this.recent === undefined ? NO_ENTRY : id;
    }
    return this.recent;
  }

  private entry(id: number): Entry {
    let entry = this.known(id);
    if (entry === undefined) {
      entry = { forwarding: null, released: false, families: [perFamily(), perFamily()] };
      this.entries.set(id, entry);
    }
    return entry;
  }

  private isWritable(family: FamilyIndex, forwarding: Forwarding & { kind: 'unicast' }): boolean {
    if (this.sourceMissing[family] || forwarding.hops.length === 0) return false;
    return (
      family === IPV4 || forwarding.hops.every((hop) => hop.gateway === null || hop.gateway.family === IPV6)
    );
  }

  /** All routes of the family that desire the entry refer to its group, which the kernel has. */
  private standsByGroup(family: FamilyIndex, f: PerFamily, forwarding: Forwarding | null): boolean {
    if (forwarding?.kind !== 'unicast' || f.group === null || f.hasPlain) return false;
    return f.group.content !== null && this.isWritable(family, forwarding);
  }

  /**
   * Gives the entry a group when it deserves one: the one that its route was left with by an earlier run, another that
   * was left with the same hops, or a new one.
   */
  private promote(family: FamilyIndex, f: PerFamily, hops: readonly Hop[], applied: number): PerFamily {
    if (!this.objectsSupported) return f;
    const left = applied === 0 || applied === f.plain ? 0 : this.forms[family].get(applied).nexthopId;
    if (left !== 0) f.group = this.objects.adopt(family, hops, (id) => id === left);
    if (f.group === null && (f.users >= PROMOTE_AT || (family === IPV6 && hops.length > 1))) {
      f.group =
        this.objects.adopt(family, hops, (id) => this.usesNexthop(family, id)) ??
        this.objects.create(family, hops);
    }
    return f;
  }

  /** The kernel wants no such object at all: its routes carry their hops. */
  private isUnusable(group: NexthopGroup): boolean {
    if (group.error === null || group.content !== null) return false;
    if (group.error.errno === EOPNOTSUPP) this.objectsSupported = false;
    // The first refusals may come of objects that just vanished with a device.
    if (group.attempts < UNUSABLE_AFTER && this.objectsSupported) return false;
    return !saysOfHop.has(group.error.errno);
  }

  private dropUnused(id: number, entry: Entry): void {
    if (entry.families[IPV4].users > 0 || entry.families[IPV6].users > 0) return;
    for (const f of entry.families) if (f.group !== null) this.objects.release(f.group);
    this.entries.delete(id);
    if (id === this.recentId) this.recentId = NO_ENTRY;
  }
}
