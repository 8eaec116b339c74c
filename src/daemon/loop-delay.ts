/**
 * How late the main thread's event loop is: the time for which a keepalive or a request that is due has to wait while
 * something else runs. Measured by Node itself, with a timer that runs no JavaScript.
 */
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import type { LoopDelayReport } from '../control/api.js';

/** The timer's interval, which is part of each value that it records. A delay that is shorter may go unseen. */
const intervalMs = 20;

export class LoopDelay {
  private readonly histogram: IntervalHistogram = monitorEventLoopDelay({ resolution: intervalMs });
  private since = new Date();

  constructor() {
    this.histogram.enable();
  }

  report(): LoopDelayReport {
    const { histogram } = this;
    const delay = (nanoseconds: number) =>
      Math.max(0, Math.round(nanoseconds / 1e4 - intervalMs * 100) / 100);
    // Before the first value, the histogram's own maximum is no measurement.
    const measured = histogram.count > 0;
    return {
      since: this.since.toISOString(),
      p50Ms: measured ? delay(histogram.percentile(50)) : 0,
      p99Ms: measured ? delay(histogram.percentile(99)) : 0,
      maxMs: measured ? delay(histogram.max) : 0,
    };
  }

  /** Forgets what was measured so far. */
  clear(): void {
    this.histogram.reset();
    this.since = new Date();
  }

  close(): void {
    this.histogram.disable();
  }
}
