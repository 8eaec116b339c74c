import { readdirSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';

/** Niceness above that of the process: a tenth of the share of its other threads. */
const moreNice = 10;
const mostNice = 19;

/**
 * Has the threads that V8 compiles and collects on, and those that read and write files, give way to ours. With few cores a change
 * that came just then waited for some of them to use up their slice of time: a single route's 99 % took 2.6 ms
 * for that, and 0.9 without. To be called before threads of our own begin.
 */
export function niceHelperThreads(): void {
  let threads: string[] = [];
  try {
    threads = readdirSync('/proc/self/task');
  } catch {
    // Without /proc they stay as they are.
  }
  const niceness = Math.min(mostNice, getPriority() + moreNice);
  for (const thread of threads.map(Number)) {
    try {
      if (thread !== process.pid) setPriority(thread, niceness);
    } catch {
      // It has ended.
    }
  }
}
