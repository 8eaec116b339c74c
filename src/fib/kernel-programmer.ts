/**
 * The kernel thread's heart: takes main's desires out of shared memory, writes routes and nexthop objects, hears what
 * others change, dumps when in doubt, retries what was refused.
 *
 * All is decided by the reconcilers and the nexthop objects, which do no I/O; here is the order in which it happens:
 *
 * - A dump starts when nothing of ours is on its way, and nothing is written before it ended; notifications that come
 *   meanwhile are read after it, in order. So a dump and what follows it are one consistent picture.
 * - Dumps are asked for freely and run bundled: a moment after the first request, and not again before a pause that
 *   grows with the table. Where foreign routes may stand unseen (lost notifications) nothing is replaced until the dump
 *   ended; where the outcome of writes is unknown nothing is written at all.
 * - The kernel has no word for *replace mine*. So a batch that replaces routes is short, and is sent only when every
 *   notification was read: what others did before that moment is known.
 */
import { performance } from 'node:perf_hooks';
import type { FamilyIndex } from '../address/index.js';
import { backOffMs } from './back-off.js';
import { Desires } from './desires.js';
import { Fences } from './fences.js';
import { FibReport } from './fib-report.js';
import { ForeignRoutes } from './foreign-routes.js';
import { Forwardings, type UsedHops } from './forwardings.js';
import { KernelObserver } from './kernel-observer.js';
import type { FromThread, KernelThreadData, ToProgrammer } from './messages.js';
import { type NexthopGroup, NexthopObjects } from './nexthop-objects.js';
import { NexthopWriter } from './nexthop-writer.js';
import { RouteErrors } from './route-errors.js';
import { RouteForms } from './route-forms.js';
import { effectiveMetric } from './route-observer.js';
import { RouteReconciler } from './route-reconciler.js';
import { RouteWriter } from './route-writer.js';
import { DesiredRoutesReader } from './shared-fib.js';
import type { FibEvent, KernelSettings } from './types.js';

/** Of `metricClass` 1: below every other route, the connected ones included. */
const BLACKHOLE_METRIC = 4294967294;
/** Desires taken per turn. */
const DRAIN = 4096;
/** A dump waits so long for others to ask for it too. */
const DUMP_DELAY_MS = 20;
/** Rest between two dumps: at least, and as a multiple of the last one's duration, which grows while they find nothing. */
const DUMP_REST_MS = 50;
const MIN_REST_FACTOR = 0.25;
const MAX_REST_FACTOR = 8;
/** Unused nexthop objects and forms are looked for no more often. */
const GARBAGE_INTERVAL_MS = 1000;

export class KernelProgrammer {
  private readonly reader: DesiredRoutesReader;
  private readonly desires: Desires;
  private readonly forms = [new RouteForms(0), new RouteForms(1)] as const;
  private readonly foreign = [new ForeignRoutes(0), new ForeignRoutes(1)] as const;
  private readonly objects: NexthopObjects;
  private readonly forwardings: Forwardings;
  private readonly reconcilers: readonly [RouteReconciler, RouteReconciler];
  private readonly observer: KernelObserver;
  private readonly routeWriter: RouteWriter;
  private readonly nexthopWriter: NexthopWriter;
  private readonly report: FibReport;

  private settings: KernelSettings;
  private readonly changedForwardings = new Set<number>();
  private writingNexthops = false;
  private started = false;
  private closed = false;
  private nextFamily: FamilyIndex = 0;
  private readonly fences: Fences;

  private dumping = false;
  private dumpTimer: NodeJS.Timeout | null = null;
  /** Writing stops until a dump ended. */
  private mustDump = false;
  private cautious = false;
  /** Dumps in a row that found nothing wrong. */
  private vainDumps = 0;
  private dumpAgain = false;
  private restUntil = 0;
  private resyncs = 0;
  private overflows = 0;
  private dumpFailures = 0;

  private retryTimer: NodeJS.Timeout | null = null;
  private retryWhenAnswered = false;
  private retryAt = Number.POSITIVE_INFINITY;
  private garbageAt = 0;
  private garbageTimer: NodeJS.Timeout | null = null;
  private formsAfterGarbage = 256;
  /** So many exclusive things (garbage, new settings) run or wait: no writes. */
  private exclusive = 0;
  private exclusiveTurn: Promise<void> = Promise.resolve();
  private readonly errors: RouteErrors;

  constructor(
    data: KernelThreadData,
    private readonly post: (message: FromThread) => void,
  ) {
    this.settings = data.settings;
    this.errors = new RouteErrors(post);
    this.reader = new DesiredRoutesReader(data.memory);
    this.objects = new NexthopObjects(data.settings.protocol, backOffMs);
    this.forwardings = new Forwardings(data.settings, this.objects, this.forms, (family, id) =>
      this.usesNexthop(family, id),
    );
    const host = {
      finish: (family: FamilyIndex, prefix: number) => this.reader.finish(family, prefix),
      requestDump: (reason: string) => this.requestDump(reason),
      hindered: (family: FamilyIndex, slot: number) => this.hindered(family, slot),
      now: () => performance.now(),
    };
    const reconciler = (family: FamilyIndex) =>
      new RouteReconciler(
        family,
        this.forms[family],
        this.foreign[family],
        this.forwardings,
        this.metrics(family),
        host,
      );
    this.reconcilers = [reconciler(0), reconciler(1)];
    this.desires = new Desires(this.reader, data.prefixes, this.reconcilers);
    this.observer = new KernelObserver(
      data.settings,
      this.reconcilers,
      this.forms,
      this.foreign,
      this.objects,
      {
        post: (event) => this.post(event),
        requestDump: (reason) => this.requestDump(reason),
        gained: () => this.retryAll(),
        interfacesChanged: () => this.sourcesChanged(),
        overflowed: () => {
          this.overflows++;
          this.setCautious(true);
          this.requestDump('notifications were lost');
        },
        settled: () => this.pump(),
      },
      data.listenerBufferBytes,
    );
    this.routeWriter = new RouteWriter(
      this.observer.socket,
      data.settings,
      () => this.observer.unread,
      (lost) => {
        if (lost) {
          this.mustDump = true;
          this.requestDump('answers of the kernel were lost');
        }
        this.pump();
      },
      (error) => this.fatal(error),
    );
    this.nexthopWriter = new NexthopWriter(this.observer.socket, data.settings.protocol, this.objects);
    this.fences = new Fences(this.reconcilers, this.routeWriter);
    this.report = new FibReport(
      this.reconcilers,
      this.forwardings,
      this.forms,
      this.foreign,
      (id) => this.objects.hopsOf(id),
      () => performance.now(),
    );
    for (const r of this.reconcilers) r.passive = !data.settings.install;
  }

  /** First dump, then `ready`, then work. */
  async start(): Promise<void> {
    await this.applyNexthopCompat();
    this.dumping = true;
    await this.observer.dump();
    this.dumping = false;
    this.sourcesChanged();
    this.post({
      type: 'ready',
      links: this.observer.interfaces.allLinks(),
      addresses: this.observer.interfaces.allAddresses(),
      foreign: [...this.foreign[0].routes(), ...this.foreign[1].routes()],
      adopted: [this.reconcilers[0].slots.count, this.reconcilers[1].slots.count],
    });
    this.started = true;
    this.observer.startEvents();
    this.pump();
  }

  usedHops(): UsedHops {
    return this.forwardings.usedHops();
  }

  /** Calls back when the kernel has answered all that is dirty now; never where the thread ends before. */
  whenAnswered(done: () => void): void {
    this.desires.drain(Number.POSITIVE_INFINITY);
    this.fences.add(done);
    this.pump();
  }

  message(message: ToProgrammer): void {
    if (this.closed) {
      if (message.type === 'close') this.post({ type: 'closed' });
      return;
    }
    switch (message.type) {
      case 'wake':
        break;
      case 'forwardings':
        // Withdrawals written before these words belong to what the ids meant until now.
        this.desires.drain(Number.POSITIVE_INFINITY);
        for (const [id, forwarding] of message.words) {
          if (forwarding === null) this.forwardings.release(id);
          else if (this.forwardings.define(id, forwarding)) this.changedForwardings.add(id);
        }
        break;
      case 'fence':
        this.desires.drain(Number.POSITIVE_INFINITY);
        this.fences.add(() => this.post({ type: 'fence', id: message.id }));
        break;
      case 'sweep':
        for (const r of this.reconcilers) r.sweep();
        this.objects.noteGarbage();
        break;
      case 'configure':
        void this.exclusively(() => this.configure(message.settings));
        break;
      case 'request':
        this.answer(message);
        break;
      case 'close':
        this.close(message.routes);
        break;
    }
    this.pump();
  }

  // --- the work

  /** Does what can be done now; called after every event. */
  private pump(): void {
    if (!this.started || this.closed) return;
    if (this.mustDump || this.dumping || this.exclusive > 0) {
      this.maybeDump();
      return;
    }
    for (;;) {
      this.desires.drain(DRAIN);
      // Nexthop objects first: one may move half a million routes, which to look at takes longer.
      if (this.objects.pending && !this.writingNexthops && this.settings.install) void this.writeNexthops();
      if (!this.writingNexthops) this.lookAtChangedForwardings();
      if (!this.routeWriter.ready) break;
      const [v4, v6] = this.reconcilers;
      if (v4.queued === 0 && v6.queued === 0) {
        if (this.reader.empty) break;
        continue;
      }
      const first = this.reconcilers[this.nextFamily];
      this.nextFamily = this.nextFamily === 0 ? 1 : 0;
      if (first.queued > 0 && this.routeWriter.write(first) === 'postponed') {
        setImmediate(() => this.pump());
        return;
      }
    }
    if (this.retryWhenAnswered && this.routeWriter.idle && !this.writingNexthops) {
      this.retryAll();
      return;
    }
    if (!this.holdsBack) this.fences.pass();
    this.schedule();
    if (this.routeWriter.idle && !this.writingNexthops) {
      this.maybeCollectGarbage();
      if (!this.reader.sleep()) setImmediate(() => this.pump());
    }
  }

  /** Something that is desired is not even sent yet. */
  private get holdsBack(): boolean {
    if (this.cautious || this.writingNexthops || this.changedForwardings.size > 0) return true;
    return this.objects.pending && this.settings.install;
  }

  private lookAtChangedForwardings(): void {
    const changed = this.changedForwardings;
    if (changed.size === 0) return;
    for (const r of this.reconcilers) r.lookAtForwardings((id) => changed.has(id));
    changed.clear();
  }

  private async writeNexthops(): Promise<void> {
    this.writingNexthops = true;
    try {
      const { groups, dump } = await this.nexthopWriter.run(() => performance.now());
      this.nexthopsAnswered(groups);
      if (dump) this.requestDump('a nexthop group was refused');
    } catch (error) {
      this.fatal(error);
    }
    this.writingNexthops = false;
    this.pump();
  }

  private nexthopsAnswered(groups: ReadonlySet<NexthopGroup>): void {
    for (const id of this.forwardings.owners(groups)) this.changedForwardings.add(id);
    for (const group of groups) {
      if (group.error === null || group.attempts !== 1) continue;
      this.log('warn', 'the kernel refused a next hop', {
        error: group.error.message,
        hops: group.hops,
      });
    }
  }

  /** What is on its way may have been refused before whatever makes it possible now. */
  private retryAll(): void {
    this.retryWhenAnswered = !this.routeWriter.idle || this.writingNexthops;
    this.objects.retryAll();
    for (const r of this.reconcilers) r.retryAll();
    this.pump();
  }

  /** The next retry of what was refused. */
  private schedule(): void {
    const now = performance.now();
    const next = Math.min(
      this.reconcilers[0].retry(now),
      this.reconcilers[1].retry(now),
      this.objects.retry(now),
    );
    const groups = this.objects.pending && !this.writingNexthops && this.settings.install;
    if (groups || this.reconcilers[0].queued > 0 || this.reconcilers[1].queued > 0) {
      // With batches on their way, the next answer leads on.
      if (this.routeWriter.idle) setImmediate(() => this.pump());
      return;
    }
    if (next >= this.retryAt) return;
    if (this.retryTimer !== null) clearTimeout(this.retryTimer);
    this.retryAt = next;
    this.retryTimer = setTimeout(
      () => {
        this.retryTimer = null;
        this.retryAt = Number.POSITIVE_INFINITY;
        this.pump();
      },
      Math.max(1, next - now),
    );
  }

  // --- dumps

  /** What we believe of the kernel may be wrong: dump soon. */
  private requestDump(reason: string): void {
    if (this.closed) return;
    if (this.dumping) {
      this.dumpAgain = true;
      return;
    }
    if (this.dumpTimer !== null) return;
    this.log('debug', 'the kernel is to be read again', { reason });
    const delay = Math.max(DUMP_DELAY_MS, this.restUntil - performance.now());
    this.dumpTimer = setTimeout(() => {
      this.dumpTimer = null;
      this.mustDump = true;
      this.pump();
    }, delay);
  }

  /** Foreign routes may stand unseen: what is ours for all we know may be theirs, so nothing is replaced. */
  private setCautious(cautious: boolean): void {
    this.cautious = cautious;
    for (const r of this.reconcilers) r.cautious = cautious;
  }

  private maybeDump(): void {
    if (!this.mustDump || this.dumping || this.exclusive > 0) return;
    if (!this.routeWriter.idle || this.writingNexthops) return;
    if (this.dumpTimer !== null) {
      clearTimeout(this.dumpTimer);
      this.dumpTimer = null;
    }
    void this.dump();
  }

  private async dump(): Promise<void> {
    this.dumping = true;
    this.dumpAgain = false;
    const begin = performance.now();
    const { overflows } = this;
    let failed = false;
    try {
      const differences = await this.observer.dump();
      this.vainDumps = differences === 0 ? this.vainDumps + 1 : 0;
      this.resyncs++;
      this.dumpFailures = 0;
    } catch (error) {
      failed = true;
      this.dumpFailures++;
      this.log('warn', 'reading the kernel failed', { error: String(error), failures: this.dumpFailures });
    }
    const end = performance.now();
    this.dumping = false;
    const factor = Math.min(MAX_REST_FACTOR, MIN_REST_FACTOR * 2 ** this.vainDumps);
    this.restUntil = end + Math.max(DUMP_REST_MS, factor * (end - begin));
    if (failed) {
      this.restUntil = end + backOffMs(this.dumpFailures);
      this.dumpTimer = setTimeout(() => {
        this.dumpTimer = null;
        this.pump();
      }, this.restUntil - end);
      return;
    }
    this.mustDump = false;
    if (this.overflows === overflows) this.setCautious(false);
    this.sourcesChanged();
    if (this.dumpAgain) this.requestDump('something changed during the last reading');
    this.pump();
  }

  /** Addresses changed: a preferred source may have come or gone. */
  private sourcesChanged(): void {
    const { source } = this.settings;
    const changed = this.forwardings.setSourcesPresent((family) => {
      const address = source[family];
      return address === null || this.observer.interfaces.hasAddress(family, address);
    });
    for (const family of changed) this.reconcilers[family].lookAtAll();
  }

  // --- housekeeping

  /** Runs `work` while nothing is on its way to the kernel and nothing else is sent. */
  private exclusively(work: () => Promise<void>): Promise<void> {
    this.exclusive++;
    const run = async () => {
      while (this.dumping || !this.routeWriter.idle || this.writingNexthops) {
        if (this.closed) return;
        await new Promise((resolve) => setImmediate(resolve));
      }
      if (this.closed) return;
      try {
        await work();
      } catch (error) {
        this.fatal(error);
      }
    };
    this.exclusiveTurn = this.exclusiveTurn.then(run).then(() => {
      this.exclusive--;
      this.pump();
    });
    return this.exclusiveTurn;
  }

  private maybeCollectGarbage(): void {
    const [v4, v6] = this.reconcilers;
    if (v4.queued > 0 || v6.queued > 0 || this.objects.pending || !this.settings.install) return;
    const now = performance.now();
    const strays = (r: RouteReconciler) => r.swept && r.strays.length > 0;
    if (strays(v4) || strays(v6)) {
      void this.exclusively(async () => {
        for (const r of this.reconcilers) await this.routeWriter.deleteStrays(r);
        this.requestDump('routes of ours that nobody can desire were deleted');
      });
      return;
    }
    if (now < this.garbageAt) {
      // Unless something else leads here before.
      if (this.objects.hasGarbage)
        this.garbageTimer ??= setTimeout(() => this.garbageTimeout(), GARBAGE_INTERVAL_MS);
      return;
    }
    const formsGrew = this.forms[0].count + this.forms[1].count > 2 * this.formsAfterGarbage;
    if (!this.objects.hasGarbage && !formsGrew) return;
    this.garbageAt = now + GARBAGE_INTERVAL_MS;
    void this.exclusively(() => this.collectGarbage());
  }

  private garbageTimeout(): void {
    this.garbageTimer = null;
    this.pump();
  }

  private async collectGarbage(): Promise<void> {
    const inUse = [new Set<number>(), new Set<number>()] as const;
    const nexthops = new Set<number>();
    for (const family of [0, 1] as const) {
      this.reconcilers[family].collectForms(inUse[family]);
      for (const form of inUse[family]) nexthops.add(this.forms[family].get(form).nexthopId);
    }
    const used = (id: number) =>
      nexthops.has(id) || this.foreign[0].usesNexthop(id) || this.foreign[1].usesNexthop(id);
    await this.nexthopWriter.collectGarbage(used, this.reconcilers[0].swept);
    for (const family of [0, 1] as const) {
      this.forwardings.collectForms(family, inUse[family]);
      this.forms[family].retain(inUse[family]);
    }
    this.formsAfterGarbage = Math.max(256, this.forms[0].count + this.forms[1].count);
    this.routeWriter.forgetForms();
    this.observer.forgetForms();
  }

  private usesNexthop(family: FamilyIndex, id: number): boolean {
    for (const [, form] of this.forms[family].entries()) if (form.nexthopId === id) return true;
    return false;
  }

  private metrics(family: FamilyIndex): [number, number] {
    return [effectiveMetric(family, this.settings.metric), BLACKHOLE_METRIC];
  }

  private async configure(settings: KernelSettings): Promise<void> {
    const before = this.settings;
    const moved = before.table !== settings.table || before.protocol !== settings.protocol;
    if (moved && before.install) {
      // Routes under the old name would be strangers to us from now on.
      for (const r of this.reconcilers) await this.routeWriter.deleteAll(r);
    }
    if (before.protocol !== settings.protocol) {
      await this.nexthopWriter.delete(this.objects.changeProtocol(settings.protocol));
      this.nexthopWriter.configure(settings.protocol);
    }
    this.settings = settings;
    this.routeWriter.configure(settings);
    this.forwardings.configure(settings);
    this.observer.configure(settings);
    for (const family of [0, 1] as const) {
      this.reconcilers[family].passive = !settings.install;
      this.reconcilers[family].setMetrics(this.metrics(family));
    }
    await this.applyNexthopCompat();
    await this.observer.dump();
    this.sourcesChanged();
    for (const r of this.reconcilers) r.lookAtAll();
  }

  private async applyNexthopCompat(): Promise<void> {
    if (this.settings.nexthopCompat !== false || !this.settings.install) return;
    const error = await this.nexthopWriter.disableCompat();
    if (error !== null) this.log('warn', 'nexthop_compat_mode can not be set', { error });
  }

  private close(routes: 'keep' | 'remove'): void {
    const end = () => {
      this.closed = true;
      if (this.dumpTimer !== null) clearTimeout(this.dumpTimer);
      if (this.retryTimer !== null) clearTimeout(this.retryTimer);
      if (this.garbageTimer !== null) clearTimeout(this.garbageTimer);
      this.observer.close();
      this.post({ type: 'closed' });
    };
    if (routes === 'remove') for (const r of this.reconcilers) r.desireNothing();
    this.desires.drain(Number.POSITIVE_INFINITY);
    this.fences.add(() => {
      if (routes === 'keep') end();
      else void this.exclusively(() => this.collectGarbageAtEnd()).then(end);
    });
  }

  private async collectGarbageAtEnd(): Promise<void> {
    this.forwardings.releaseAll();
    // Groups before their members.
    await this.collectGarbage();
    await this.collectGarbage();
  }

  // --- what main is told

  private hindered(family: FamilyIndex, slot: number): void {
    this.errors.tell(family, () => this.report.row(family, slot), performance.now());
  }

  private answer({ id, request }: ToProgrammer & { type: 'request' }): void {
    const { report } = this;
    this.post({
      type: 'answer',
      id,
      answer:
        request.ask === 'rows'
          ? report.rows(request.family, request.prefix, request.limit)
          : request.ask === 'page'
            ? report.page(request.family, request.from, request.limit)
            : report.statistics(this.resyncs, this.overflows),
    });
  }

  private log(
    level: (FibEvent & { type: 'log' })['level'],
    message: string,
    fields: Readonly<Record<string, unknown>>,
  ): void {
    this.post({ type: 'log', level, message, fields });
  }

  private fatal(error: unknown): void {
    if (this.closed) return;
    this.closed = true;
    this.post({ type: 'fatal', message: error instanceof Error ? error.message : String(error) });
  }
}
