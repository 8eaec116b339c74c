/**
 * Load `full-table`: one feeder announces a whole table, sinks receive it, it is withdrawn again. The sets of
 * prefixes are compared on every sink: a fast wrong answer is a failure, not a result.
 */
import { setTimeout } from 'node:timers/promises';
import type { DaemonRecipe } from './daemons.js';
import {
  cpuSeconds,
  feederAddress,
  peakMemory,
  Stage,
  sinkAddress,
  type Tester,
  type TesterEvent,
} from './stage.js';

export interface FullTableOptions {
  /** generated:COUNT or mrt:FILE. */
  readonly table: string;
  readonly sinks: number;
  /** Program the kernel, and wait until it holds the whole table. */
  readonly install: boolean;
}

export interface FullTableResult {
  readonly daemon: string;
  readonly prefixes: number;
  /** Seconds from the first byte to the last prefix at the slowest sink. */
  readonly announceSeconds: number;
  /** Seconds from the withdrawal's first byte until the slowest sink holds nothing. */
  readonly withdrawSeconds: number;
  /** Seconds from the first byte until the kernel holds the table; null without `install`. */
  readonly installSeconds: number | null;
  readonly peakBytes: number;
  readonly cpuSeconds: number;
  /** Seconds until the feeder's last byte was taken: near `announceSeconds`, the feeder may be the limit. */
  readonly feederSeconds: number;
}

/** Routes of the daemon's namespace with a gateway, counted by the kernel. */
function kernelRoutes(stage: Stage): number {
  const text = stage.ip('-n', stage.daemonNamespace, '-4', 'route', 'show', 'via', feederAddress(0));
  let count = 0;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) count++;
  return count;
}

/** Prefixes in the kernel's main table, as it counts them itself: far cheaper than listing them while they come. */
function kernelPrefixes(stage: Stage): number {
  const text = stage.ip('netns', 'exec', stage.daemonNamespace, 'cat', '/proc/net/fib_triestat');
  return Number(/Prefixes:\s+(\d+)/.exec(text)?.[1] ?? 0);
}

/** Longest wait for a table to arrive; what is missing then is an error, not a slow result. */
const arrivalSeconds = 120;

/** Waits until the sink holds exactly `count` prefixes. */
async function holds(sink: Tester, count: number): Promise<TesterEvent> {
  const given = new AbortController();
  setTimeout(arrivalSeconds * 1000, undefined, { signal: given.signal }).then(
    () => sink.send('report'),
    () => {},
  );
  try {
    return await Promise.race([
      sink.ask(`expect ${count}`, 'held'),
      sink.next('report').then((report) => {
        throw new Error(
          `${sink.name} holds ${String(report.count)} prefixes after ${arrivalSeconds} s, expected ${count}`,
        );
      }),
    ]);
  } finally {
    given.abort();
    sink.forget('report');
  }
}

export async function fullTable(daemon: DaemonRecipe, options: FullTableOptions): Promise<FullTableResult> {
  const stage = new Stage();
  try {
    const peers = [
      { name: 'feeder', address: feederAddress(0), asn: 65001 },
      ...Array.from({ length: options.sinks }, (_, i) => ({
        name: `sink${i}`,
        address: sinkAddress(i),
        asn: 65101 + i,
      })),
    ];
    const child = daemon.start(stage, peers, options.install);
    const sinks = await Promise.all(
      peers.slice(1).map((p) => stage.tester(p.name, p.address, ['--asn', String(p.asn)])),
    );
    const feeder = await stage.tester('feeder', feederAddress(0), [
      '--asn',
      '65001',
      '--table',
      options.table,
    ]);
    await Promise.all([feeder, ...sinks].map((tester) => tester.next('established')));
    const before = options.install ? kernelPrefixes(stage) : 0;
    const start = Date.now();
    const sent = feeder.next('sent');
    const heldAll = (count: number) => Promise.all(sinks.map((sink) => holds(sink, count)));
    feeder.send('announce');
    const { at: sentAt, prefixes, digest } = await sent;
    const held = await heldAll(prefixes as number);
    let installSeconds: number | null = null;
    if (options.install) {
      while (kernelPrefixes(stage) < before + (prefixes as number)) {
        if (child.exitCode !== null) throw new Error(`${daemon.name} ended`);
        // Looking is not free either: it walks the kernel's table.
        await setTimeout(100);
        if (Date.now() - start > arrivalSeconds * 1000) {
          throw new Error(`the kernel holds ${kernelRoutes(stage)} routes after ${arrivalSeconds} s`);
        }
      }
      installSeconds = (Date.now() - start) / 1000;
      const installed = kernelRoutes(stage);
      if (installed !== prefixes) {
        throw new Error(
          `the kernel holds ${installed} routes of ${daemon.name}, announced were ${String(prefixes)}`,
        );
      }
    }
    for (const sink of sinks) {
      const report = await sink.ask('report', 'report');
      if (report.digest !== digest) {
        throw new Error(
          `${sink.name} of ${daemon.name} holds ${String(report.digest)}, announced was ${String(digest)}`,
        );
      }
      if (report.repeated !== 0)
        throw new Error(`${sink.name} of ${daemon.name} got ${String(report.repeated)} prefixes twice`);
    }
    const withdrawStart = Date.now();
    feeder.send('withdraw');
    const empty = await heldAll(0);
    const pid = child.pid ?? 0;
    return {
      daemon: daemon.name,
      prefixes: prefixes as number,
      announceSeconds: (Math.max(...held.map((e) => e.at)) - start) / 1000,
      withdrawSeconds: (Math.max(...empty.map((e) => e.at)) - withdrawStart) / 1000,
      installSeconds,
      peakBytes: peakMemory(pid),
      cpuSeconds: cpuSeconds(pid),
      feederSeconds: ((sentAt as number) - start) / 1000,
    };
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${stage.log(daemon.name).slice(-2000)}`);
  } finally {
    await stage.close();
  }
}
