/**
 * Gives memory back that is free within the process: what a table took that has gone, and what reading it left behind.
 * Neither the engine nor the C library does so by itself while nothing happens: the engine collects when it allocates,
 * and free memory stays with the allocator.
 *
 * It takes some ten milliseconds, so it is done when all is quiet, and only where memory grew since the last time.
 */
import { type EventLoopUtilization, performance } from 'node:perf_hooks';
import { setImmediate } from 'node:timers/promises';
import { collector, collectTwice } from '../fib/index.js';
import { trimAllocator } from '../memory/index.js';

const checkMs = 2000;
/** Quiet is a thread that has less to do than this part of the time. */
const quietShare = 0.05;
/** Growth that is worth it. */
const growthBytes = 12e6;

export interface TrimOptions {
  /** Whether work is under way that has only paused. */
  readonly busy: () => boolean;
  /** Resident memory in bytes. */
  readonly rss?: () => number;
  /** Part of the time since the last call that the thread had something to do. */
  readonly utilization?: () => number;
  readonly reclaim?: () => Promise<void>;
  /** One full collection. */
  readonly collect?: () => void;
}

export class MemoryTrim {
  private readonly timer: NodeJS.Timeout;
  private readonly busy: () => boolean;
  private readonly rss: () => number;
  private readonly utilization: () => number;
  private readonly reclaim: () => Promise<void>;
  private readonly collect: () => void;
  /** Resident memory after the last time; 0: there was none. */
  private least = 0;
  private underWay = false;
  private collects = false;

  constructor(options: TrimOptions) {
    this.busy = options.busy;
    this.rss = options.rss ?? (() => process.memoryUsage.rss());
    this.utilization = options.utilization ?? sinceLastCall();
    this.reclaim = options.reclaim ?? (() => reclaimMemory());
    this.collect = options.collect ?? (() => collector()());
    this.timer = setInterval(() => void this.check(), checkMs);
    this.timer.unref();
  }

  /** Reclaims if it is time to. */
  async check(): Promise<void> {
    const utilization = this.utilization();
    if (this.underWay || utilization >= quietShare || this.busy()) return;
    const before = this.rss();
    // It went down by itself, too: growth counts from there.
    this.least = Math.min(this.least, before);
    if (before < this.least + growthBytes) return;
    this.underWay = true;
    try {
      await this.reclaim();
    } finally {
      this.least = this.rss();
      this.underWay = false;
    }
  }

  /**
   * Tables were cut: there is something to give back, though memory has not grown. What they were before is collected at
   * once, as the same table may be on its way back: the engine does not count shared memory, and would keep both.
   */
  expect(): void {
    this.least = 0;
    if (this.collects) return;
    this.collects = true;
    void setImmediate().then(() => {
      this.collects = false;
      this.collect();
    });
  }

  close(): void {
    clearInterval(this.timer);
  }
}

function sinceLastCall(): () => number {
  let last: EventLoopUtilization = performance.eventLoopUtilization();
  return () => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, last);
    last = now;
    return utilization;
  };
}

/**
 * Full collections here and, by `others`, in other threads; then what the C library has free goes back to the kernel,
 * from a thread that may wait.
 */
export async function reclaimMemory(others: () => Promise<void> = async () => {}): Promise<void> {
  await collectTwice();
  await others();
  await trimAllocator();
}
