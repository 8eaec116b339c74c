/**
 * Sees to it that the kernel has the devices, neighbours and FDB entries that an overlay wants. Runs in the kernel
 * thread beside the programmer of routes, with sockets of its own, and only while there is something to see to.
 *
 * A round reads what may have changed, plans (device-plan, entry-plan: no I/O), writes, and is followed by another until
 * nothing is left to do. Notifications say that something may have changed; what we wrote ourselves is no news.
 *
 * What is no longer desired goes only when no forwarding entry uses it any more and the kernel has answered all route
 * writes so far, and not before the hold on adopted routes ended (`sweep`). So whoever desires need not order routes
 * and entries, and a restart takes nothing from routes that are still held.
 */
import { type Link, NetlinkError } from '../../netlink/index.js';
import { deviceMark, type OverlayChange, type OverlayState } from '../../overlay/index.js';
import { backOffMs } from '../back-off.js';
import type { UsedHops } from '../forwardings.js';
import type { FibEvent, KernelSettings } from '../types.js';
import { OverlayDesire } from './desire.js';
import { isFallback, planRemoval } from './device-plan.js';
import { DeviceReconciler, describe } from './device-reconciler.js';
import { EntryReconciler } from './entry-reconciler.js';
import { applySysctl, OverlayKernel } from './overlay-kernel.js';
import { type OverlayLog, OverlayReport } from './overlay-report.js';

/** Others' changes come in groups: so long is waited for the rest of one. */
const LOOK_DELAY_MS = 20;
export interface OverlayHost {
  post(event: FibEvent): void;
  /** Which neighbours and links the forwarding entries use, now. */
  usedHops(): UsedHops;
  /** Calls back when the kernel has answered all routes that are to be written now. */
  whenRoutesAnswered(done: () => void): void;
}

export class OverlayProgrammer {
  private readonly desire = new OverlayDesire();
  private readonly devices: DeviceReconciler;
  private readonly entries: EntryReconciler;
  private readonly report: OverlayReport;
  private kernel: OverlayKernel | null = null;
  private sysctlsStale = true;
  private swept = false;
  /** All routes of the moment in which this was asked for are answered: what is unused may go. */
  private routes: 'unknown' | 'asked' | 'answered' = 'unknown';
  /** Devices that nobody desires are there, and may not go yet. */
  private devicesWait = false;
  private running = false;
  private again = false;
  private closed = false;
  private timer: NodeJS.Timeout | null = null;
  private timerAt = Number.POSITIVE_INFINITY;
  private failures = 0;
  private fences: (() => void)[] = [];
  private readonly log: OverlayLog;

  constructor(
    private settings: KernelSettings,
    private readonly host: OverlayHost,
  ) {
    const log: OverlayLog = (level, message, fields) =>
      this.host.post({ type: 'log', level, message, fields });
    this.log = log;
    this.devices = new DeviceReconciler(this.desire, log);
    this.entries = new EntryReconciler(this.desire, log);
    this.report = new OverlayReport(this.desire, this.devices.records, (status) =>
      this.host.post({ type: 'overlay', status }),
    );
  }

  replace(state: OverlayState): void {
    this.desire.replace(state);
    this.devices.desired();
    this.desired(null);
  }

  change(change: OverlayChange): void {
    this.desire.change(change);
    if (change.devices !== undefined) this.devices.desired();
    this.desired(change);
  }

  configure(settings: KernelSettings): void {
    this.settings = settings;
    if (this.kernel === null) return;
    this.devices.stale = true;
    void this.run();
  }

  sweep(): void {
    this.swept = true;
    if (this.kernel !== null) void this.run();
  }

  /** A forwarding entry was changed or released. */
  forwardingsChanged(): void {
    if (this.removalsWait) this.lookIn(LOOK_DELAY_MS);
  }

  /** Calls back when all that is desired now was tried, and what may go is gone. */
  fence(done: () => void): void {
    if (this.closed || this.kernel === null) {
      done();
      return;
    }
    this.fences.push(done);
    void this.run();
  }

  /** At the end, when no route is left: takes every device of ours away, then calls back. */
  removeAll(done: () => void): void {
    if (this.closed || this.kernel === null) {
      done();
      return;
    }
    this.swept = true;
    this.routes = 'unknown';
    this.replace({ devices: [], entries: [], sysctls: [] });
    this.fence(done);
  }

  close(): void {
    this.closed = true;
    if (this.timer !== null) clearTimeout(this.timer);
    this.closeKernel();
    for (const done of this.fences.splice(0)) done();
  }

  private closeKernel(): void {
    this.kernel?.close();
    this.kernel = null;
    this.devices.stale = true;
    this.entries.follow(new Set());
  }

  private get mark(): string {
    return deviceMark(this.settings.protocol);
  }

  private desired(change: OverlayChange | null): void {
    this.entries.desired(change);
    this.sysctlsStale = true;
    // Routes may have been changed with it.
    if (this.routes === 'answered') this.routes = 'unknown';
    void this.run();
  }

  // --- what the kernel tells

  private get removalsWait(): boolean {
    return this.devicesWait || this.entries.waits;
  }

  private openKernel(): OverlayKernel {
    const lookSoon = () => this.lookIn(LOOK_DELAY_MS);
    // A device that goes takes its entries along, and may be told of after them.
    const doubt = (ifindex: number | null) => {
      this.devices.stale = true;
      this.entries.doubt(ifindex);
      lookSoon();
    };
    return new OverlayKernel({
      linkChanged: (link) => {
        if (this.isOurs(link)) doubt(link.ifindex);
      },
      addressChanged: (ifindex) => {
        if (!this.entries.has(ifindex)) return;
        this.devices.stale = true;
        lookSoon();
      },
      wantsEntriesOf: (ifindex) => this.entries.has(ifindex),
      neighbourChanged: (neighbour) => {
        if (this.entries.neighbourIsNews(neighbour)) doubt(neighbour.ifindex);
      },
      fdbChanged: (entry) => {
        if (this.entries.fdbEntryIsNews(entry)) doubt(entry.ifindex);
      },
      sysctlChanged: () => {
        this.sysctlsStale = true;
        lookSoon();
      },
      overflowed: () => {
        this.sysctlsStale = true;
        doubt(null);
      },
    });
  }

  private isOurs({ ifindex, name, alias }: Link): boolean {
    return this.entries.has(ifindex) || this.desire.devices.has(name) || alias === this.mark;
  }

  // --- rounds

  private lookIn(milliseconds: number): void {
    const at = performance.now() + milliseconds;
    if (this.closed || at >= this.timerAt) return;
    if (this.timer !== null) clearTimeout(this.timer);
    this.timerAt = at;
    this.timer = setTimeout(
      () => {
        this.timer = null;
        this.timerAt = Number.POSITIVE_INFINITY;
        void this.run();
      },
      Math.max(1, milliseconds),
    );
  }

  private async run(): Promise<void> {
    if (this.running || this.closed) {
      this.again = true;
      return;
    }
    this.running = true;
    try {
      do {
        this.again = false;
        this.kernel ??= this.openKernel();
        await this.round(this.kernel);
      } while (this.again && !this.closed);
      this.failures = 0;
    } catch (error) {
      if (!this.closed) this.failed(error);
    }
    this.running = false;
    if (this.closed) return;
    // What goes next asks anew.
    if (this.routes === 'answered') this.routes = 'unknown';
    this.report.tell();
    this.retryLater();
    if (this.routes === 'asked') return;
    for (const done of this.fences.splice(0)) done();
    // Nothing is desired and nothing of ours is there: nobody need listen.
    if (this.swept && this.desire.devices.size === 0 && !this.removalsWait && this.timer === null)
      this.closeKernel();
  }

  private failed(error: unknown): void {
    this.failures++;
    this.devices.stale = true;
    this.entries.doubt(null);
    this.log('warn', 'the state of the overlay can not be read', {
      error: error instanceof Error ? error.message : String(error),
    });
    this.lookIn(backOffMs(this.failures));
  }

  private async round(kernel: OverlayKernel): Promise<void> {
    if (!this.settings.install) return;
    if (await this.devices.round(kernel, this.mark)) this.again = true;
    const mayRemove = this.swept && this.routes === 'answered';
    let hops: UsedHops | null = null;
    const usedHops = () => {
      hops ??= this.host.usedHops();
      return hops;
    };
    await this.removeDevices(kernel, mayRemove, usedHops);
    const { records } = this.devices;
    this.entries.follow(new Set([...records.values()].flatMap(({ ifindex }) => ifindex ?? [])));
    for (const [name, record] of records) {
      // With what the kernel refuses of a device, its entries do what can be done.
      if (record.state !== 'ready' && record.state !== 'failed') continue;
      const outcome = await this.entries.round(kernel, name, record, mayRemove, usedHops);
      if (outcome === 'again') this.again = true;
      if (outcome === 'gone') {
        this.devices.stale = true;
        this.lookIn(LOOK_DELAY_MS);
      }
    }
    if (this.removalsWait && this.swept && this.routes === 'unknown') this.askForRoutes();
    this.applySysctls();
  }

  // --- removals

  /** Those that carry our mark and that nobody desires. */
  private async removeDevices(
    kernel: OverlayKernel,
    mayRemove: boolean,
    usedHops: () => UsedHops,
  ): Promise<void> {
    this.devicesWait = false;
    for (const [name, seen] of this.devices.seen) {
      if (this.desire.devices.has(name)) continue;
      const operations = planRemoval(seen, this.mark);
      if (operations.length === 0) continue;
      if (!mayRemove || usedHops().link(seen.link.ifindex)) {
        this.devicesWait = true;
        continue;
      }
      this.devices.stale = true;
      for (const operation of operations) {
        try {
          await kernel.perform(operation);
          this.log('info', 'a tunnel device was changed', { device: name, operation: describe(operation) });
        } catch (error) {
          // It went by itself.
          if (!(error instanceof NetlinkError && error.code === 'ENODEV')) throw error;
        }
      }
      this.devices.seen.delete(name);
      if (isFallback(seen.link)) this.again = true;
    }
  }

  private askForRoutes(): void {
    this.routes = 'asked';
    this.host.whenRoutesAnswered(() => {
      // Not from within: the routes' programmer is at work.
      setImmediate(() => {
        this.routes = 'answered';
        void this.run();
      });
    });
  }

  private applySysctls(): void {
    if (!this.sysctlsStale) return;
    this.sysctlsStale = false;
    const problems = new Map<string, string>();
    for (const { path, value } of this.desire.sysctls) {
      try {
        applySysctl(path, value);
      } catch (error) {
        // It comes with its device.
        const device = [...this.desire.devices.keys()].find((name) => path.split('/').includes(name));
        if (device !== undefined && this.devices.records.get(device)?.state !== 'ready') {
          this.sysctlsStale = true;
          continue;
        }
        const code = (error as NodeJS.ErrnoException).code ?? String(error);
        problems.set(path, `${code}; run \`echo ${value} > /proc/sys/${path}\``);
      }
    }
    for (const [path, message] of problems)
      if (this.report.sysctlProblems.get(path) !== message)
        this.log('warn', 'a sysctl can not be set', { sysctl: path, problem: message });
    this.report.sysctlProblems = problems;
  }

  private retryLater(): void {
    let next = Number.POSITIVE_INFINITY;
    for (const record of this.devices.records.values()) {
      if (record.state === 'failed' || record.state === 'unsupported') next = Math.min(next, record.retryAt);
      for (const { retryAt } of record.refusals.values()) next = Math.min(next, retryAt);
    }
    if (next < Number.POSITIVE_INFINITY) this.lookIn(Math.max(LOOK_DELAY_MS, next - performance.now()));
  }
}
