/**
 * Brings the kernel's routes of one family from what they are to what is desired, one step per prefix at a time.
 *
 * It owns the observed state (slots) and a queue of slots to look at. It is told: what main desires, what a dump or a
 * notification shows, what the kernel answered. It is asked: what to write next. It does no I/O itself, so that its
 * tests can run it against a model of the kernel.
 *
 * Whoever writes takes slots with `take()`, sends what `step` says, and answers each with `answered()`, or with
 * `unanswered()` when the outcome is unknown; then a dump must follow, and nothing may be written until it ended.
 */
import { type FamilyIndex, IPV4 } from '../address/index.js';
import { backOffMs } from './back-off.js';
import type { ForeignRoutes } from './foreign-routes.js';
import { ABSENT, BLOCKED, type Forwardings, READY } from './forwardings.js';
import { NO_SLOT } from './prefix-index.js';
import {
  NO_PREFIX,
  PrefixSlots,
  SLOT_AGAIN,
  SLOT_CONFLICT,
  SLOT_FAILED,
  SLOT_HELD,
  SLOT_IN_FLIGHT,
  SLOT_QUEUED,
  SLOT_SEEN,
  SLOT_WAITING,
} from './prefix-slots.js';
import {
  nextStep,
  type PrefixState,
  STEP_ADD,
  STEP_CONFLICT,
  STEP_DELETE0,
  STEP_DELETE1,
  STEP_NONE,
  STEP_REPLACE,
  STEP_WAIT,
  type Step,
} from './reconcile.js';
import type { RouteForm, RouteForms } from './route-forms.js';
import { flatLevel, levelOf, RouteQueue } from './route-queue.js';
import { desiredForwarding, desiredMetricClass } from './shared-fib.js';

const ENOENT = 2;
const ESRCH = 3;
const EEXIST = 17;

/** So many disturbances of one route within CALM_MS are repaired at once, further ones with a delay. */
const PATIENCE = 8;
const CALM_MS = 10_000;

/** Why the kernel refused a route, and when to ask again. */
export interface Refusal {
  errno: number;
  message: string;
  attempts: number;
  /** Milliseconds, monotonic. */
  retryAt: number;
  /** What was refused; 0: whatever is written. */
  form: number;
}

/** A route of ours that no desire can stand for: another metric, or a second one at the same metric. */
export interface Stray {
  readonly slot: number;
  readonly metric: number;
  readonly form: number;
}

export interface ReconcilerHost {
  /** The kernel's state of the prefix is as desired, or can't be: see DesiredRoutesReader.finish. */
  finish(family: FamilyIndex, prefix: number): number;
  /** What we believe proved wrong: dump soon. */
  requestDump(reason: string): void;
  /** The route was refused, or someone else's is in its way. */
  hindered(family: FamilyIndex, slot: number): void;
  /** Milliseconds, monotonic. */
  now(): number;
}

export class RouteReconciler {
  readonly slots: PrefixSlots;
  readonly refusals = new Map<number, Refusal>();
  readonly strays: Stray[] = [];
  /** What the slot of the last take() needs: the step, its form (of what is written or deleted) and metric class. */
  step: Step = STEP_NONE;
  stepForm = 0;
  stepClass: 0 | 1 = 0;
  /** No adopted route is held any more. */
  swept = false;
  /** Nothing is to be written (`kernel.install: false`). */
  passive = false;
  /** Others may have written unseen: nothing is replaced until a dump ended. */
  cautious = false;

  private readonly queue = new RouteQueue();
  /** How often each slot was disturbed lately. */
  private readonly disturbances = new Map<number, number>();
  private calmAt = 0;
  private inFlight = 0;
  private readonly state: PrefixState = {
    desired: false,
    metricClass: 0,
    target: 0,
    equivalent: 0,
    applied0: 0,
    applied1: 0,
    foreign0: false,
    foreign1: false,
    replaceable: true,
    mayRemove: false,
  };

  constructor(
    readonly family: FamilyIndex,
    private readonly forms: RouteForms,
    private readonly foreign: ForeignRoutes,
    private readonly forwardings: Forwardings,
    /** Per metric class. */
    private metrics: readonly [number, number],
    private readonly host: ReconcilerHost,
  ) {
    this.slots = new PrefixSlots(family);
  }

  /** Slots to look at. */
  get queued(): number {
    return this.queue.count;
  }

  get outstanding(): number {
    return this.inFlight;
  }

  setMetrics(metrics: readonly [number, number]): void {
    this.metrics = metrics;
  }

  form(id: number): RouteForm {
    return this.forms.get(id);
  }

  metricOf(metricClass: 0 | 1): number {
    return this.metrics[metricClass];
  }

  /** Main desires `want` (packed) for the prefix. */
  desire(prefix: number, a: number, b: number, c: number, d: number, length: number, want: number): void {
    let slot = want === 0 ? this.slots.find(a, b, c, d, length) : NO_SLOT;
    if (slot === NO_SLOT) {
      while (want === 0) {
        want = this.host.finish(this.family, prefix);
        if (want < 0) return;
      }
      slot = this.slots.intern(a, b, c, d, length);
    }
    this.slots.prefix[slot] = prefix;
    this.setWant(slot, want);
    this.enqueue(slot);
  }

  enqueue(slot: number): void {
    const flags = this.slots.flags[slot];
    if ((flags & SLOT_QUEUED) !== 0) return;
    this.slots.flags[slot] = flags | SLOT_QUEUED;
    const wanted = this.slots.want[slot] !== 0;
    this.queue.add(slot, this.family === IPV4 ? levelOf(this.slots.words[slot], wanted) : flatLevel(wanted));
  }

  /** Marks the end of all that is queued now; see `passed`. */
  mark(): number {
    return this.queue.mark();
  }

  /** Whether all that was queued at `mark` was looked at. */
  passed(mark: number): boolean {
    return this.queue.passed(mark);
  }

  /** The next slot that needs a write: `step`, `stepForm` and `stepClass` say which. NO_SLOT: none for now. */
  take(): number {
    for (let slot = this.queue.take(); slot !== NO_SLOT; slot = this.queue.take()) {
      const flags = this.slots.flags[slot] & ~SLOT_QUEUED;
      this.slots.flags[slot] = flags;
      if ((flags & SLOT_IN_FLIGHT) !== 0) {
        this.slots.flags[slot] = flags | SLOT_AGAIN;
        continue;
      }
      if (this.look(slot)) {
        this.slots.flags[slot] |= SLOT_IN_FLIGHT;
        this.inFlight++;
        return slot;
      }
    }
    this.queue.fit(this.slots.lengths.length);
    return NO_SLOT;
  }

  /**
   * The kernel's answer to what take() handed out; errno 0 is success.
   * @param metricClass `stepClass` when it was handed out.
   * @param form `stepForm` then.
   */
  answered(slot: number, step: Step, metricClass: 0 | 1, form: number, errno: number, message: string): void {
    const { slots } = this;
    this.landed(slot);
    const at = 2 * slot + metricClass;
    const deletes = step === STEP_DELETE0 || step === STEP_DELETE1;
    if (errno === 0) {
      slots.applied[at] = deletes ? 0 : form;
      this.forgive(slot);
      // Nearly always that was all: no second way through the queue.
      if ((slots.flags[slot] & SLOT_QUEUED) === 0 && this.evaluate(slot) === STEP_NONE) {
        this.settle(slot);
        return;
      }
    } else if (deletes && errno === ESRCH) {
      // Not there, or not as we believed: the dump will say.
      slots.applied[at] = 0;
      this.host.requestDump('a route to delete was not there');
    } else if (step === STEP_REPLACE && (errno === ENOENT || errno === ESRCH)) {
      slots.applied[at] = 0;
    } else {
      this.refuse(slot, errno, message, deletes ? 0 : form);
      if (errno === EEXIST) this.host.requestDump('a route stands where none was known');
      else if (!deletes && this.forms.get(form).nexthopId !== 0)
        this.host.requestDump('a route by a nexthop object was refused');
    }
    this.enqueue(slot);
  }

  /** What take() handed out was not sent; or it may or may not have been done, and a dump follows before the next take(). */
  unanswered(slot: number): void {
    this.landed(slot);
    this.enqueue(slot);
  }

  /** All routes that desire one of these entries are looked at again. */
  lookAtForwardings(changed: (forwarding: number) => boolean): void {
    const { slots } = this;
    for (let slot = 0; slot < slots.end; slot++) {
      if (slots.want[slot] !== 0 && slots.isLive(slot) && changed(desiredForwarding(slots.want[slot])))
        this.enqueue(slot);
    }
  }

  lookAtAll(): void {
    for (let slot = 0; slot < this.slots.end; slot++) if (this.slots.isLive(slot)) this.enqueue(slot);
  }

  /** Everything of ours is to go. */
  desireNothing(): void {
    this.swept = true;
    const { slots } = this;
    for (let slot = 0; slot < slots.end; slot++) {
      if (!slots.isLive(slot)) continue;
      this.setWant(slot, 0);
      this.enqueue(slot);
    }
  }

  /** Ends the hold on adopted routes. */
  sweep(): void {
    if (this.swept) return;
    this.swept = true;
    const { slots } = this;
    for (let slot = 0; slot < slots.end; slot++) {
      if (slots.isLive(slot) && (slots.flags[slot] & SLOT_HELD) !== 0) this.enqueue(slot);
    }
  }

  /** Refused routes whose time has come are looked at again. Returns when the next one is due, or Infinity. */
  retry(now: number): number {
    let next = Number.POSITIVE_INFINITY;
    if (now >= this.calmAt) {
      this.disturbances.clear();
      this.calmAt = now + CALM_MS;
    }
    for (const [slot, refusal] of this.refusals) {
      if ((this.slots.flags[slot] & SLOT_FAILED) === 0) continue;
      if (refusal.retryAt <= now) {
        this.slots.flags[slot] &= ~SLOT_FAILED;
        this.enqueue(slot);
      } else {
        next = Math.min(next, refusal.retryAt);
      }
    }
    return next;
  }

  /** The machine changed: every refused route is looked at again at once. */
  retryAll(): void {
    for (const slot of this.refusals.keys()) {
      this.slots.flags[slot] &= ~SLOT_FAILED;
      this.enqueue(slot);
    }
  }

  beginDump(): void {
    const { slots } = this;
    for (let slot = 0; slot < slots.end; slot++) slots.flags[slot] &= ~(SLOT_SEEN * 3);
    this.strays.length = 0;
  }

  /** A route of ours in the running dump. */
  observe(a: number, b: number, c: number, d: number, length: number, metric: number, form: number): void {
    const { slots } = this;
    const slot = this.observedSlot(a, b, c, d, length);
    const metricClass = this.classOf(metric);
    if (metricClass < 0) {
      this.strays.push({ slot, metric, form });
      return;
    }
    if ((slots.flags[slot] & (SLOT_SEEN << metricClass)) !== 0) {
      // The same one twice is a dump that was changed under its feet.
      if (slots.applied[2 * slot + metricClass] !== form) this.strays.push({ slot, metric, form });
      return;
    }
    slots.flags[slot] |= SLOT_SEEN << metricClass;
    slots.applied[2 * slot + metricClass] = form;
  }

  /** Ends a dump: what was not seen is not there; what is not as desired is queued. Returns how many that are. */
  endDump(): number {
    const { slots } = this;
    const before = this.queued;
    for (let slot = 0; slot < slots.end; slot++) {
      if (!slots.isLive(slot)) continue;
      const flags = slots.flags[slot];
      if ((flags & SLOT_SEEN) === 0) slots.applied[2 * slot] = 0;
      if ((flags & (SLOT_SEEN << 1)) === 0) slots.applied[2 * slot + 1] = 0;
      if ((flags & SLOT_QUEUED) === 0) this.enqueueUnlessRight(slot);
    }
    return this.queued - before;
  }

  /** A notification: someone made (`form`) or deleted (0) a route of ours. */
  notified(
    a: number,
    b: number,
    c: number,
    d: number,
    length: number,
    metric: number,
    form: number,
    deleted: boolean,
  ): void {
    const { slots } = this;
    const metricClass = this.classOf(metric);
    if (metricClass < 0) {
      if (!deleted) this.host.requestDump('a route of ours with another metric');
      return;
    }
    if (deleted && slots.find(a, b, c, d, length) === NO_SLOT) return;
    const slot = this.observedSlot(a, b, c, d, length);
    const at = 2 * slot + metricClass;
    if ((slots.flags[slot] & SLOT_IN_FLIGHT) !== 0) {
      slots.flags[slot] |= SLOT_AGAIN;
      this.host.requestDump('a route was changed by another while we wrote it');
      return;
    }
    if (deleted) {
      if (slots.applied[at] !== 0 && slots.applied[at] !== form)
        this.host.requestDump('a route was deleted that we knew otherwise');
      slots.applied[at] = 0;
    } else {
      if (slots.applied[at] === form) return;
      slots.applied[at] = form;
    }
    this.disturbed(slot);
  }

  /** A notification: someone else's route at this prefix of our table came or went. `over`: in place of ours. */
  foreignChanged(
    a: number,
    b: number,
    c: number,
    d: number,
    length: number,
    metric: number,
    over: boolean,
  ): void {
    const { slots } = this;
    const slot = slots.find(a, b, c, d, length);
    if (slot === NO_SLOT) return;
    const metricClass = this.classOf(metric);
    if (metricClass < 0) return;
    if ((slots.flags[slot] & SLOT_IN_FLIGHT) !== 0) {
      slots.flags[slot] |= SLOT_AGAIN;
      this.host.requestDump('a route was changed by another while we wrote it');
      return;
    }
    if (over) slots.applied[2 * slot + metricClass] = 0;
    this.disturbed(slot);
  }

  /** Forms that routes in the kernel have, for the collection of unused ones. */
  collectForms(into: Set<number>): void {
    const { slots } = this;
    for (let i = 0; i < slots.end * 2; i++) if (slots.applied[i] !== 0) into.add(slots.applied[i]);
    for (const stray of this.strays) into.add(stray.form);
  }

  /** What is desired for the slot and what the kernel has are the same. */
  isRight(slot: number): boolean {
    return this.evaluate(slot) === STEP_NONE;
  }

  private classOf(metric: number): 0 | 1 | -1 {
    return metric === this.metrics[0] ? 0 : metric === this.metrics[1] ? 1 : -1;
  }

  private observedSlot(a: number, b: number, c: number, d: number, length: number): number {
    const { slots } = this;
    let slot = slots.find(a, b, c, d, length);
    if (slot === NO_SLOT) {
      slot = slots.intern(a, b, c, d, length);
      if (!this.swept) slots.flags[slot] |= SLOT_HELD;
    }
    return slot;
  }

  private enqueueUnlessRight(slot: number): void {
    const { slots } = this;
    if (slots.want[slot] === 0 && slots.applied[2 * slot] === 0 && slots.applied[2 * slot + 1] === 0) {
      this.enqueue(slot);
      return;
    }
    const flags = slots.flags[slot];
    if ((flags & (SLOT_WAITING | SLOT_CONFLICT | SLOT_FAILED)) !== 0 || this.evaluate(slot) !== STEP_NONE)
      this.enqueue(slot);
  }

  /** Looks at a slot; true: it needs a write, which `step`, `stepForm` and `stepClass` say. */
  private look(slot: number): boolean {
    const { slots } = this;
    const wasConflict = (slots.flags[slot] & SLOT_CONFLICT) !== 0;
    slots.flags[slot] &= ~(SLOT_CONFLICT | SLOT_WAITING);
    const step = this.evaluate(slot);
    switch (step) {
      case STEP_REPLACE:
        // The dump that must follow has it looked at again.
        if (this.cautious && !this.passive) return false;
        break;
      case STEP_NONE:
        if ((slots.flags[slot] & SLOT_FAILED) !== 0) this.forgive(slot);
        this.settle(slot);
        return false;
      case STEP_CONFLICT:
        this.forgive(slot);
        slots.flags[slot] |= SLOT_CONFLICT;
        if (!wasConflict) this.host.hindered(this.family, slot);
        this.settle(slot);
        return false;
      case STEP_WAIT:
        slots.flags[slot] |= SLOT_WAITING;
        // While its group is on the way, main's fences wait for it too.
        if (this.forwardings.target.status === BLOCKED) this.settle(slot);
        return false;
    }
    // Its forwarding was defined anew: another route than the one that was refused.
    if (this.refusesAnother(slot, step)) this.forgive(slot);
    if (this.passive || (slots.flags[slot] & SLOT_FAILED) !== 0) {
      this.settle(slot);
      return false;
    }
    this.step = step;
    switch (step) {
      case STEP_ADD:
      case STEP_REPLACE:
        this.stepForm = this.state.target;
        this.stepClass = this.state.metricClass;
        return true;
      case STEP_DELETE0:
      case STEP_DELETE1:
        this.stepClass = step === STEP_DELETE1 ? 1 : 0;
        this.stepForm = slots.applied[2 * slot + this.stepClass];
        return true;
    }
  }

  private evaluate(slot: number): Step {
    const { slots, state } = this;
    const want = slots.want[slot];
    state.desired = want !== 0;
    state.applied0 = slots.applied[2 * slot];
    state.applied1 = slots.applied[2 * slot + 1];
    state.mayRemove = this.swept || (slots.flags[slot] & SLOT_HELD) === 0;
    if (want !== 0) {
      state.metricClass = this.metrics[0] === this.metrics[1] ? 0 : desiredMetricClass(want);
      const here = state.metricClass === 1 ? state.applied1 : state.applied0;
      const target = this.forwardings.resolve(this.family, want, here);
      if (target.status === ABSENT) state.desired = false;
      state.target = target.status === READY ? target.form : 0;
      state.equivalent = target.equivalent;
      state.replaceable = this.forms.isReplaceable(state.metricClass === 1 ? state.applied1 : state.applied0);
      const foreign = this.foreign.count > 0;
      state.foreign0 = foreign && state.metricClass === 0 && this.holder(slot, 0) !== 0;
      state.foreign1 = foreign && state.metricClass === 1 && this.holder(slot, 1) !== 0;
    }
    return nextStep(state);
  }

  /** Whether a route of ours is known there. */
  stands(a: number, b: number, c: number, d: number, length: number, metric: number): boolean {
    const slot = this.slots.find(a, b, c, d, length);
    const metricClass = this.classOf(metric);
    return slot !== NO_SLOT && metricClass >= 0 && this.slots.applied[2 * slot + metricClass] !== 0;
  }

  /** Foreign form that holds the slot's prefix at the metric of the class, 0: nobody. */
  holder(slot: number, metricClass: 0 | 1): number {
    const { words, lengths } = this.slots;
    const metric = this.metrics[metricClass];
    if (this.family === 0) return this.foreign.holder(words[slot], 0, 0, 0, lengths[slot], metric);
    const w = slot * 4;
    return this.foreign.holder(words[w], words[w + 1], words[w + 2], words[w + 3], lengths[slot], metric);
  }

  private landed(slot: number): void {
    this.slots.flags[slot] &= ~(SLOT_IN_FLIGHT | SLOT_AGAIN);
    this.inFlight--;
  }

  /** Nothing more to write for the slot now. */
  private settle(slot: number): void {
    const { slots } = this;
    const prefix = slots.prefix[slot];
    if (prefix !== NO_PREFIX) {
      if (slots.want[slot] === 0) slots.prefix[slot] = NO_PREFIX;
      const again = this.host.finish(this.family, prefix);
      if (again >= 0) {
        slots.prefix[slot] = prefix;
        this.setWant(slot, again);
        this.enqueue(slot);
        return;
      }
    }
    if (
      slots.want[slot] === 0 &&
      slots.applied[2 * slot] === 0 &&
      slots.applied[2 * slot + 1] === 0 &&
      (slots.flags[slot] & SLOT_QUEUED) === 0 &&
      !this.strays.some((stray) => stray.slot === slot)
    ) {
      this.refusals.delete(slot);
      this.disturbances.delete(slot);
      slots.remove(slot);
    }
  }

  private setWant(slot: number, want: number): void {
    const { slots } = this;
    const old = slots.want[slot];
    if (want !== 0) slots.flags[slot] &= ~SLOT_HELD;
    if (old === want) return;
    if (want !== 0) this.forwardings.retain(this.family, want);
    if (old !== 0) this.forwardings.drop(this.family, old);
    slots.want[slot] = want;
    this.forgive(slot);
  }

  /** Someone changed it under our hands: repaired at once, but not in an endless fight. */
  private disturbed(slot: number): void {
    const times = (this.disturbances.get(slot) ?? 0) + 1;
    this.disturbances.set(slot, times);
    this.forgive(slot);
    if (times > PATIENCE) {
      const attempts = Math.min(times - PATIENCE, 4);
      const retryAt = this.host.now() + backOffMs(attempts);
      const message = 'another process keeps changing it';
      this.refusals.set(slot, { errno: 0, message, attempts, retryAt, form: 0 });
      this.slots.flags[slot] |= SLOT_FAILED;
    }
    this.enqueue(slot);
  }

  /** Whether the slot waits for a form that `step` would not write. */
  private refusesAnother(slot: number, step: Step): boolean {
    if ((this.slots.flags[slot] & SLOT_FAILED) === 0) return false;
    const form = this.refusals.get(slot)?.form ?? 0;
    return form !== 0 && (step === STEP_ADD || step === STEP_REPLACE) && form !== this.state.target;
  }

  private refuse(slot: number, errno: number, message: string, form: number): void {
    const attempts = (this.refusals.get(slot)?.attempts ?? 0) + 1;
    const retryAt = this.host.now() + backOffMs(attempts);
    const before = this.refusals.get(slot);
    this.refusals.set(slot, { errno, message, attempts, retryAt, form });
    this.slots.flags[slot] |= SLOT_FAILED;
    if (before?.errno !== errno) this.host.hindered(this.family, slot);
  }

  private forgive(slot: number): void {
    if (this.refusals.size > 0) this.refusals.delete(slot);
    this.slots.flags[slot] &= ~SLOT_FAILED;
  }
}
