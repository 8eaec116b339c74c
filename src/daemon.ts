/**
 * The daemon process: reads the document, starts the node, answers on the control socket, obeys signals. This is the
 * one place where everything meets.
 *
 * SIGHUP reloads, SIGTERM and SIGINT stop gracefully, a second one stops at once.
 */
import pino, { type Logger } from 'pino';
import { passedBuffers } from './bgp/session/index.js';
import { ConfigLoader, formatFewIssues, formatIssue } from './config/index.js';
import type { ControlTarget, DaemonEvent, ReloadResult } from './control/api.js';
import { type ControlServer, version as readVersion, startControlServer } from './control/index.js';
import { LoopDelay } from './daemon/loop-delay.js';
import { MemoryTrim, reclaimMemory } from './daemon/memory-trim.js';
import { type NodeListener, type ReloadPlan, RoutingNode } from './daemon/node.js';
import { RunMarker } from './daemon/run-marker.js';
import { DaemonTarget } from './daemon/target.js';
import { askForShortSlices } from './daemon/time-slice.js';
import { collector, KernelThread, optimiseAsUsual } from './fib/index.js';
import { keepAllocatorSmall } from './memory/index.js';

export interface DaemonOptions {
  readonly paths: readonly string[];
  readonly node?: string;
  readonly controlPath: string;
  readonly logLevel: string;
}

/** Runs until a signal ends it. Resolves with the exit code: 0, or 1 after an error that was logged. */
export async function runDaemon(options: DaemonOptions): Promise<number> {
  keepAllocatorSmall();
  askForShortSlices();
  passedBuffers.whenMuch(collector('minor'));
  const log = pino({ level: options.logLevel, base: null }, pino.destination({ fd: 1, sync: true }));
  // It has its modules by the time that the document is read.
  const thread = new KernelThread();
  const loader = new ConfigLoader(options.paths, options.node);
  const { router, errors, warnings } = loader.loadNow();
  for (const line of formatFewIssues(warnings)) log.warn({ type: 'config' }, line);
  if (router === null) {
    for (const issue of errors) console.error(formatIssue(issue));
    await thread.abandon();
    return 1;
  }
  const events = new EventBus(log);
  const loopDelay = new LoopDelay();
  const version = readVersion();
  const marker = new RunMarker(options.controlPath);
  log.info(
    { type: 'start', name: router.name, asn: router.asn, version, pid: process.pid },
    `tartan ${version} starts`,
  );
  let serve: (target: ControlTarget) => void = () => {};
  let control: ControlServer;
  try {
    // First of all, since it fails where another daemon runs, and that one's routes must not be touched.
    control = await startControlServer({
      path: options.controlPath,
      target: new Promise((resolve) => {
        serve = resolve;
      }),
      onError: (error) => log.error({ type: 'control', err: error }, error.message),
    });
  } catch (error) {
    log.fatal({ type: 'fatal' }, (error as Error).message);
    await thread.abandon();
    return 1;
  }
  let fail: (message: string) => void = () => {};
  const failed = new Promise<string>((resolve) => {
    fail = resolve;
  });
  const signalled = new Promise<string>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve(signal));
  });
  // What is asked for before the node runs is done when it does.
  let reload: ((dryRun?: boolean) => Promise<ReloadResult>) | null = null;
  let reloadAsked = false;
  process.on('SIGHUP', () => {
    if (reload === null) reloadAsked = true;
    else void reload();
  });
  let shrunk: () => void = () => {};
  let node: RoutingNode;
  try {
    const listener = {
      event: (level, type, fields) => events.emit(level, type, fields),
      fatal: (message) => fail(message),
      shrunk: () => shrunk(),
    } satisfies NodeListener;
    node = await RoutingNode.start(router, marker.found(), listener, thread);
  } catch (error) {
    log.fatal({ type: 'fatal' }, (error as Error).message);
    await control.close();
    return 1;
  }
  optimiseAsUsual();
  marker.set();
  const trim = new MemoryTrim({
    busy: () => node.slices.pending > 0,
    // A kernel thread that has ended has nothing to collect.
    reclaim: () => reclaimMemory(() => node.fib.collect().catch(() => {})),
  });
  shrunk = () => trim.expect();
  reload = reloader(loader, node, events);
  serve(
    new DaemonTarget({
      node,
      version,
      loopDelay,
      reload,
      subscribe: (listener) => events.subscribe(listener),
    }),
  );
  events.emit('info', 'running', { control: options.controlPath, restarted: node.restarted });
  if (reloadAsked) void reload();

  const outcome = await Promise.race([
    signalled.then((signal) => ({ signal })),
    failed.then((message) => ({ message })),
  ]);
  if ('message' in outcome) {
    log.fatal({ type: 'fatal' }, outcome.message);
    await node.abandon();
    await control.close();
    return 1;
  }
  // The process must not exit while the kernel thread has sockets open, so a second signal kills.
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.once(signal, () => process.kill(process.pid, 'SIGKILL'));
  const { onStop } = node.router;
  trim.close();
  events.emit('info', 'stopping', { signal: outcome.signal, ...onStop });
  await node.stop();
  // Peers that were told Cease have dropped our routes; the next start is no restart to them. Where routes are removed,
  // no forwarding state outlives us.
  if (onStop.sessions === 'cease' || onStop.routes === 'remove') marker.clear();
  await control.close();
  loopDelay.close();
  log.info({ type: 'stopped' }, 'stopped');
  return 0;
}

/** What a reload would do, which waits for those under way. */
async function dryRun(loader: ConfigLoader, node: RoutingNode): Promise<ReloadResult> {
  const errors: string[] = [];
  let plan: ReloadPlan = { changes: [], resets: [] };
  const begin = performance.now();
  let readMs = 0;
  try {
    const loaded = await loader.load();
    readMs = performance.now() - begin;
    errors.push(...loaded.errors.map(formatIssue));
    if (loaded.router !== null) plan = node.plan(loaded.router);
  } catch (error) {
    errors.push((error as Error).message);
  }
  return { applied: false, errors, ...plan, readMs, dryRun: true };
}

/** One reload at a time: those asked for meanwhile are done once, afterwards. Never rejects. */
function reloader(
  loader: ConfigLoader,
  node: RoutingNode,
  events: EventBus,
): (dryRun?: boolean) => Promise<ReloadResult> {
  const nothing: ReloadResult = { applied: true, errors: [], changes: [], resets: [], readMs: 0 };
  let last: Promise<ReloadResult> = Promise.resolve(nothing);
  let waiting: Promise<ReloadResult> | null = null;
  const once = async (): Promise<ReloadResult> => {
    waiting = null;
    const errors: string[] = [];
    let plan: ReloadPlan = { changes: [], resets: [] };
    const begin = performance.now();
    let incomplete = false;
    let readMs = 0;
    try {
      const loaded = await loader.load();
      readMs = performance.now() - begin;
      errors.push(...loaded.errors.map(formatIssue));
      for (const message of formatFewIssues(loaded.warnings)) events.emit('warn', 'config', { message });
      if (loaded.router !== null) {
        const { failures, ...done } = await node.apply(loaded.router);
        plan = done;
        errors.push(...failures);
        incomplete = failures.length > 0;
      }
    } catch (error) {
      errors.push((error as Error).message);
    }
    const applied = errors.length === 0;
    const part = incomplete ? { incomplete } : {};
    events.emit(applied ? 'info' : 'error', 'reload', { applied, ...part, errors, changes: plan.changes });
    return { applied, ...part, errors, ...plan, readMs };
  };
  return (isDryRun = false) => {
    if (isDryRun) return last.then(() => dryRun(loader, node));
    if (waiting === null) {
      waiting = last.then(once);
      last = waiting;
    }
    return waiting;
  };
}

/** Events go to the log and to whoever listens on the control socket. */
class EventBus {
  private readonly listeners = new Set<(event: DaemonEvent) => void>();

  constructor(private readonly log: Logger) {}

  emit(level: Parameters<NodeListener['event']>[0], type: string, fields: Record<string, unknown>): void {
    this.log[level]({ type, ...fields });
    if (this.listeners.size === 0) return;
    const event: DaemonEvent = { time: new Date().toISOString(), type, ...fields };
    for (const listener of this.listeners) listener(event);
  }

  subscribe(listener: (event: DaemonEvent) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
}
