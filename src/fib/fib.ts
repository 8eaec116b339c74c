/** The main thread's handle on the FIB: shared memory for routes, messages for the rest. */
import { Worker } from 'node:worker_threads';
import type { FamilyIndex, Prefix } from '../address/index.js';
import type { OverlayChange, OverlayState } from '../overlay/index.js';
import type { ForwardingId } from '../rib/ids.js';
import type { SharedPrefixKeys } from '../rib/prefix-table.js';
import type {
  Answer,
  ForwardingWord,
  FromThread,
  KernelThreadData,
  Request,
  RowPage,
  ToThread,
} from './messages.js';
import { createSharedFibMemory, DesiredRoutes, packDesire } from './shared-fib.js';
import type { Fib, FibEvent, FibRouteRow, FibStatistics, Forwarding, KernelSettings } from './types.js';

export type FibLog = (
  level: 'debug' | 'info' | 'warn' | 'error',
  message: string,
  fields: Readonly<Record<string, unknown>>,
) => void;

export interface FibOptions {
  /** The keys that prefix ids stand for, per family (see rib/prefix-table). */
  readonly prefixes: readonly [SharedPrefixKeys, SharedPrefixKeys];
  readonly settings: KernelSettings;
  readonly log: FibLog;
  /** Bytes of receive buffer of the socket that hears the kernel's notifications; absent: the default. */
  readonly listenerBufferBytes?: number;
}

/** So many words of forwarding entries go over in one message at most. */
const WORDS = 512;
/** Few objects are made per route, and those die at once: the smallest that the engine knows. */
const YOUNG_MB = 3;
/** Rows of one answer of `walk`. */
const PAGE = 1000;

/** The built worker, also when this module runs from its source (then dist/ must be built). */
function workerUrl(): URL {
  return import.meta.url.endsWith('.ts')
    ? new URL('../../dist/src/fib/kernel-thread.js', import.meta.url)
    : new URL('./kernel-thread.js', import.meta.url);
}

interface Waiting {
  resolve(answer: never): void;
  reject(error: Error): void;
}

class WorkerFib implements Fib {
  private readonly routes: DesiredRoutes;
  private readonly listeners: ((event: FibEvent) => void)[] = [];
  /** Events that came before anybody listened. */
  private early: FibEvent[] = [];
  private readonly fences = new Map<number, Waiting>();
  private readonly requests = new Map<number, Waiting>();
  /** Of forwarding entries, not posted yet. */
  private unsaid: ForwardingWord[] = [];
  private nextId = 1;
  private ended: Error | null = null;
  private closing: (() => void) | null = null;

  constructor(
    private readonly worker: Worker,
    memory: KernelThreadData['memory'],
    private readonly log: FibLog,
  ) {
    this.routes = new DesiredRoutes(memory);
    worker.on('message', (message: FromThread) => this.receive(message));
    worker.on('error', (error) => this.end(error instanceof Error ? error : new Error(String(error))));
    worker.on('exit', () => this.end(new Error('the kernel thread ended')));
  }

  defineForwarding(id: ForwardingId, forwarding: Forwarding): void {
    this.say([id, forwarding]);
  }

  releaseForwarding(id: ForwardingId): void {
    this.say([id, null]);
  }

  setRoute(family: FamilyIndex, prefix: number, forwarding: ForwardingId, metricClass: 0 | 1 = 0): void {
    const desire = forwarding === 0 ? 0 : packDesire(forwarding, metricClass);
    if (this.routes.set(family, prefix, desire)) this.post({ type: 'wake' });
  }

  isIdle(family: FamilyIndex, prefix: number): boolean {
    return this.routes.isIdle(family, prefix);
  }

  fence(): Promise<void> {
    return this.answered('fence');
  }

  setOverlay(state: OverlayState): void {
    this.post({ type: 'overlay', state });
  }

  changeOverlay(change: OverlayChange): void {
    this.post({ type: 'overlayChange', change });
  }

  overlayFence(): Promise<void> {
    return this.answered('overlayFence');
  }

  collect(): Promise<void> {
    return this.answered('collect');
  }

  sweep(): void {
    this.post({ type: 'sweep' });
  }

  rows(family: FamilyIndex, prefix: Prefix | null, limit: number): Promise<readonly FibRouteRow[]> {
    return this.ask({ ask: 'rows', family, prefix, limit });
  }

  async *walk(family: FamilyIndex): AsyncGenerator<readonly FibRouteRow[]> {
    let from: number | null = 0;
    while (from !== null) {
      const page: RowPage = await this.ask({ ask: 'page', family, from, limit: PAGE });
      yield page.rows;
      from = page.next;
    }
  }

  statistics(): Promise<FibStatistics> {
    return this.ask({ ask: 'statistics' });
  }

  configure(settings: KernelSettings): void {
    this.post({ type: 'configure', settings });
  }

  watchRouters(on: boolean): void {
    this.post({ type: 'watchRouters', on });
  }

  on(listener: (event: FibEvent) => void): void {
    this.listeners.push(listener);
    const { early } = this;
    this.early = [];
    for (const event of early) listener(event);
  }

  close(routes: 'keep' | 'remove'): Promise<void> {
    return new Promise((resolve) => {
      if (this.ended !== null) {
        resolve();
        return;
      }
      this.closing = resolve;
      this.post({ type: 'close', routes });
    });
  }

  private answered(type: 'fence' | 'overlayFence' | 'collect'): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.ended !== null) {
        reject(this.ended);
        return;
      }
      const id = this.nextId++;
      this.fences.set(id, { resolve, reject });
      this.post({ type, id });
    });
  }

  private ask<T extends Answer>(request: Request): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.ended !== null) {
        reject(this.ended);
        return;
      }
      const id = this.nextId++;
      this.requests.set(id, { resolve, reject });
      this.post({ type: 'request', id, request });
    });
  }

  /** Thousands of entries may change in one turn: they go over in one message, before any other. */
  private say(word: ForwardingWord): void {
    if (this.unsaid.push(word) === 1) queueMicrotask(() => this.sayAll());
    else if (this.unsaid.length >= WORDS) this.sayAll();
  }

  private sayAll(): void {
    if (this.unsaid.length === 0) return;
    const words = this.unsaid;
    this.unsaid = [];
    if (this.ended === null) this.worker.postMessage({ type: 'forwardings', words } satisfies ToThread);
  }

  private post(message: ToThread): void {
    this.sayAll();
    if (this.ended === null) this.worker.postMessage(message);
  }

  private receive(message: FromThread): void {
    switch (message.type) {
      case 'fence': {
        const fence = this.fences.get(message.id) as { resolve(): void } | undefined;
        this.fences.delete(message.id);
        fence?.resolve();
        return;
      }
      case 'answer': {
        const request = this.requests.get(message.id) as { resolve(answer: Answer): void } | undefined;
        this.requests.delete(message.id);
        request?.resolve(message.answer);
        return;
      }
      case 'log':
        this.log(message.level, message.message, message.fields);
        return;
      case 'closed':
        this.end(new Error('the FIB is closed'));
        return;
      default:
        if (this.listeners.length === 0) this.early.push(message);
        for (const listener of this.listeners) listener(message);
    }
  }

  private end(error: Error): void {
    if (this.ended !== null) return;
    this.ended = error;
    for (const waiting of [...this.fences.values(), ...this.requests.values()]) waiting.reject(error);
    this.fences.clear();
    this.requests.clear();
    if (this.closing !== null) this.closing();
    else this.receive({ type: 'fatal', message: `the kernel thread ended: ${error.message}` });
  }
}

/** The kernel thread before it knows what it is for: it loads its modules, and touches nothing. */
export class KernelThread {
  private readonly worker = new Worker(workerUrl(), {
    name: 'tartan-kernel',
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
  });
  /** Told by `begin`. */
  private failure: Error | null = null;
  private readonly online: Promise<void>;

  constructor() {
    this.online = new Promise((resolve) => {
      const failed = (error: Error): void => {
        this.failure ??= error;
        resolve();
      };
      this.worker.once('online', resolve);
      this.worker.once('error', failed);
      this.worker.once('exit', () => failed(new Error('the kernel thread ended')));
    });
  }

  async begin(options: FibOptions): Promise<Fib> {
    const memory = createSharedFibMemory();
    const data: KernelThreadData = {
      memory,
      prefixes: options.prefixes,
      settings: options.settings,
      ...(options.listenerBufferBytes === undefined
        ? {}
        : { listenerBufferBytes: options.listenerBufferBytes }),
    };
    await this.online;
    if (this.failure !== null) throw this.failure;
    const fib = new WorkerFib(this.worker, memory, options.log);
    this.worker.postMessage(data);
    return fib;
  }

  /** Ends a thread that did not begin. */
  async abandon(): Promise<void> {
    await this.worker.terminate();
  }
}

/**
 * Has the kernel thread begin, a new one if none was started ahead. Resolves when it runs; its first dump is told by the event
 * `ready`, or `fatal` when there is no netlink or no permission. Events wait for the first listener.
 */
export function createFib(options: FibOptions, thread = new KernelThread()): Promise<Fib> {
  return thread.begin(options);
}
