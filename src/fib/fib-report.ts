/** What the kernel thread can say of each route: rows for `show fib`, counts for the status. */
import type { FamilyIndex, Prefix } from '../address/index.js';
import { errnoName } from '../sockopt/index.js';
import type { ForeignRoutes } from './foreign-routes.js';
import type { Forwardings } from './forwardings.js';
import type { RowPage } from './messages.js';
import { NO_SLOT } from './prefix-index.js';
import {
  SLOT_CONFLICT,
  SLOT_FAILED,
  SLOT_HELD,
  SLOT_IN_FLIGHT,
  SLOT_QUEUED,
  SLOT_WAITING,
} from './prefix-slots.js';
import { formForwarding, type RouteForms } from './route-forms.js';
import { describeForeign } from './route-observer.js';
import type { RouteReconciler } from './route-reconciler.js';
import { desiredForwarding, desiredMetricClass } from './shared-fib.js';
import type { FibRouteRow, FibRouteState, FibStatistics, Hop } from './types.js';

/** Beyond this many rows an answer is in no order. */
const MAX_SORTED = 200_000;

export class FibReport {
  constructor(
    private readonly reconcilers: readonly [RouteReconciler, RouteReconciler],
    private readonly forwardings: Forwardings,
    private readonly forms: readonly [RouteForms, RouteForms],
    private readonly foreign: readonly [ForeignRoutes, ForeignRoutes],
    private readonly nexthopHops: (id: number) => readonly Hop[],
    private readonly now: () => number,
  ) {}

  /** Of one prefix, or up to `limit` of all, by address. */
  rows(family: FamilyIndex, prefix: Prefix | null, limit: number): FibRouteRow[] {
    const { slots } = this.reconcilers[family];
    if (prefix !== null) {
      const slot = slots.find(prefix.a, prefix.b, prefix.c, prefix.d, prefix.length);
      const row = slot === NO_SLOT ? null : this.row(family, slot);
      return row === null ? [] : [row];
    }
    const live: number[] = [];
    for (let slot = 0; slot < slots.end; slot++) if (slots.isLive(slot)) live.push(slot);
    if (live.length <= MAX_SORTED) live.sort((x, y) => slots.compare(x, y));
    const rows: FibRouteRow[] = [];
    for (const slot of live) {
      if (rows.length === limit) break;
      const row = this.row(family, slot);
      if (row !== null) rows.push(row);
    }
    return rows;
  }

  page(family: FamilyIndex, from: number, limit: number): RowPage {
    const { slots } = this.reconcilers[family];
    const rows: FibRouteRow[] = [];
    let slot = from;
    for (; slot < slots.end && rows.length < limit; slot++) {
      const row = slots.isLive(slot) ? this.row(family, slot) : null;
      if (row !== null) rows.push(row);
    }
    return { rows, next: slot < slots.end ? slot : null };
  }

  statistics(resyncs: number, overflows: number): FibStatistics {
    return { families: [this.counts(0), this.counts(1)], resyncs, overflows };
  }

  /** null: nothing of ours is or should be there. */
  row(family: FamilyIndex, slot: number): FibRouteRow | null {
    const reconciler = this.reconcilers[family];
    const { slots } = reconciler;
    const state = this.state(family, slot);
    if (state === null) return null;
    const want = slots.want[slot];
    const metricClass = want !== 0 ? desiredMetricClass(want) : slots.applied[2 * slot] !== 0 ? 0 : 1;
    const applied = slots.applied[2 * slot + metricClass];
    const forwarding =
      want !== 0
        ? this.forwardings.get(desiredForwarding(want))
        : applied === 0
          ? null
          : formForwarding(this.forms[family].get(applied), this.nexthopHops);
    const row: FibRouteRow = {
      prefix: slots.read(slot),
      state,
      forwarding,
      metric: reconciler.metricOf(metricClass),
    };
    if (state === 'conflict') {
      const holder = reconciler.holder(slot, metricClass);
      if (holder === 0) return row;
      const { protocol, metric, type, hops } = this.foreign[family].form(holder);
      const conflict = { prefix: row.prefix, protocol, metric, type, hops };
      const message = `${describeForeign(conflict)} holds the prefix at metric ${metric}`;
      return { ...row, conflict, error: { errno: 17, code: 'EEXIST', message, attempts: 0, retryInMs: 0 } };
    }
    if (state !== 'failed' && state !== 'unresolved') return row;
    const reason = reconciler.refusals.get(slot) ?? this.forwardings.blockedBy(family, want);
    if (reason === null || reason === undefined) return row;
    const { errno, message, attempts, retryAt } = reason;
    const retryInMs = retryAt === null ? 0 : Math.max(0, Math.round(retryAt - this.now()));
    const code = errno === 0 ? '' : errnoName(errno);
    return { ...row, error: { errno, code, message, attempts, retryInMs } };
  }

  private state(family: FamilyIndex, slot: number): FibRouteState | null {
    const reconciler = this.reconcilers[family];
    const { slots } = reconciler;
    const flags = slots.flags[slot];
    const want = slots.want[slot];
    if (want === 0) {
      if (slots.applied[2 * slot] === 0 && slots.applied[2 * slot + 1] === 0) return null;
      return (flags & SLOT_HELD) !== 0 && !reconciler.swept ? 'held' : 'removing';
    }
    if ((flags & SLOT_CONFLICT) !== 0) return 'conflict';
    if ((flags & SLOT_FAILED) !== 0 || reconciler.refusals.has(slot)) return 'failed';
    const blocked = this.forwardings.blockedBy(family, want) !== null;
    if (blocked) return this.forwardings.isUnresolved(want) ? 'unresolved' : 'failed';
    if ((flags & (SLOT_WAITING | SLOT_QUEUED | SLOT_IN_FLIGHT)) !== 0) return 'pending';
    return reconciler.isRight(slot) ? 'installed' : 'pending';
  }

  private counts(family: FamilyIndex): FibStatistics['families'][number] {
    const counts = {
      installed: 0,
      pending: 0,
      failed: 0,
      conflict: 0,
      unresolved: 0,
      held: 0,
      removing: 0,
    };
    const { slots, refusals } = this.reconcilers[family];
    const { want, applied, flags } = slots;
    // A route like the one before it is in the same state, unless that hangs on the prefix too.
    let like = NO_SLOT;
    let likeState: FibRouteState = 'installed';
    for (let slot = 0; slot < slots.end; slot++) {
      if (!slots.isLive(slot)) continue;
      if (
        like !== NO_SLOT &&
        want[slot] === want[like] &&
        flags[slot] === flags[like] &&
        applied[2 * slot] === applied[2 * like] &&
        applied[2 * slot + 1] === applied[2 * like + 1]
      ) {
        counts[likeState]++;
        continue;
      }
      const state = this.state(family, slot);
      if (state === null) continue;
      counts[state]++;
      const underWay = state === 'pending' && (flags[slot] & (SLOT_QUEUED | SLOT_IN_FLIGHT)) !== 0;
      const hangsOnPrefix = refusals.size > 0 || (state === 'pending' && !underWay);
      like = hangsOnPrefix && state !== 'installed' ? NO_SLOT : slot;
      likeState = state;
    }
    const { removing, pending, ...rest } = counts;
    return { ...rest, pending: pending + removing };
  }
}
