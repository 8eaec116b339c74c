/** One collector: the connection to it, and the next attempt when there is none. */
import { connect, type Socket } from 'node:net';
import { formatAddress } from '../../address/index.js';
import type { CollectorConfig } from '../../config/router.js';
import type { Rib } from '../../rib/rib.js';
import type { Slices } from '../../rib/slices.js';
import { Feed, type FeedContext } from './feed.js';

export interface CollectorContext extends FeedContext {
  readonly slices: Slices;
  event(level: 'info' | 'warn', type: string, fields: Record<string, unknown>): void;
}

export type CollectorState = 'connecting' | 'connected' | 'waiting' | 'stopped';

/** Octets that wait in the socket above which nothing is added. */
const HIGH_MARK = 1 << 18;
/** RFC 7854 §3.2 suggests 30 s for the first wait between attempts; each failure doubles it. */
const FIRST_RETRY_SECONDS = 30;
const CONNECT_TIMEOUT_MS = 10_000;
const KEEPALIVE_MS = 15_000;
/** How long a closed connection may take to deliver what was written. */
const LINGER_MS = 2000;
/** Withdrawn prefixes that a collector which does not read may keep from being forgotten. */
const MAX_HELD = 1 << 18;

export class Collector {
  state: CollectorState = 'waiting';
  since = new Date();
  lastError: string | null = null;
  /** Over all connections. */
  messagesSent = 0;
  bytesSent = 0;
  connections = 0;
  /** Messages that were not mirrored for lack of room. */
  mirroringLost = 0;
  feed: Feed | null = null;
  private socket: Socket | null = null;
  private failures = 0;
  /** When the next attempt begins; while `waiting`. */
  private retryDue: Date | null = null;
  private retryTimer: NodeJS.Timeout | null = null;
  private watchTimer: NodeJS.Timeout | null = null;
  private statisticsTimer: NodeJS.Timeout | null = null;
  /** When the collector last took something of what waits, or nothing waited. */
  private lastTaken = 0;
  private readonly leaving = new Set<Promise<void>>();

  constructor(
    readonly config: CollectorConfig,
    private readonly context: CollectorContext,
  ) {}

  get retryAt(): Date | null {
    return this.state === 'waiting' ? this.retryDue : null;
  }

  /** Octets that TCP has not taken yet. */
  get queuedBytes(): number {
    return this.socket?.writableLength ?? 0;
  }

  start(): void {
    const { address, port, localAddress } = this.config;
    this.enter('connecting');
    const socket = connect({
      host: formatAddress(address),
      port,
      ...(localAddress === undefined ? {} : { localAddress: formatAddress(localAddress) }),
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: KEEPALIVE_MS,
    });
    this.socket = socket;
    let error = 'the collector closed the connection';
    socket.setTimeout(CONNECT_TIMEOUT_MS, () => socket.destroy(new Error('no answer within 10 s')));
    socket.on('error', (fault: NodeJS.ErrnoException) => {
      error = fault.message;
    });
    socket.once('connect', () => {
      socket.setTimeout(0);
      this.connected(socket);
    });
    // RFC 7854 §3.2: a collector says nothing; what it says all the same is read and forgotten.
    socket.on('data', () => {});
    socket.on('drain', () => this.wake());
    socket.once('close', () => this.closed(socket, error));
  }

  /** Ends it for good. Resolves when the connection is gone. */
  async stop(reason: number, text: string): Promise<void> {
    const { socket, feed } = this;
    this.enter('stopped');
    if (this.retryTimer !== null) clearTimeout(this.retryTimer);
    this.socket = null;
    this.release();
    if (socket !== null) {
      const gone = new Promise<void>((resolve) => {
        socket.once('close', resolve);
      });
      this.leaving.add(gone);
      if (feed === null) socket.destroy();
      else {
        feed.terminate(reason, text);
        socket.end();
        const linger = setTimeout(() => socket.destroy(), LINGER_MS);
        socket.once('close', () => clearTimeout(linger));
      }
    }
    await Promise.all(this.leaving);
  }

  /** There may be something to tell. */
  wake(): void {
    if (this.feed !== null) this.context.slices.add(this.slice);
  }

  private readonly slice = (deadline: number): boolean => {
    const { feed } = this;
    return feed?.run(deadline) === true;
  };

  private connected(socket: Socket): void {
    this.connections++;
    this.lastTaken = performance.now();
    this.enter('connected');
    const { config, context } = this;
    context.event('info', 'bmp.connected', { collector: config.name });
    this.feed = new Feed(
      context,
      { ...config.routes, mirror: config.mirror },
      {
        hasRoom: () => socket.writableLength < HIGH_MARK,
        write: (bytes, messages) => {
          if (socket.writableLength === 0) this.lastTaken = performance.now();
          this.messagesSent += messages;
          this.bytesSent += bytes.length;
          socket.write(bytes, () => {
            this.lastTaken = performance.now();
          });
        },
      },
    );
    this.watchTimer = setInterval(() => this.watch(), Math.max(250, config.stallSeconds * 100));
    if (config.statisticsSeconds > 0) {
      this.statisticsTimer = setInterval(() => {
        // What is late is no news: who lags gets the next ones.
        if (socket.writableLength < HIGH_MARK) this.feed?.reportStatistics();
      }, config.statisticsSeconds * 1000);
    }
    this.wake();
  }

  /** Gives a collector up that takes nothing, so that what is kept for it does not grow without end. */
  private watch(): void {
    const { socket, feed, config, context } = this;
    if (socket === null || feed === null) return;
    if (socket.writableLength === 0) this.lastTaken = performance.now();
    const silent = performance.now() - this.lastTaken;
    const blocked = socket.writableLength >= HIGH_MARK;
    if (silent >= config.stallSeconds * 1000) {
      socket.destroy(new Error(`the collector took nothing for ${config.stallSeconds} s`));
    } else if (blocked && (feed.isHopeless || heldPrefixes(context.rib) > MAX_HELD)) {
      socket.destroy(new Error('the collector is too slow for so many withdrawals'));
    }
  }

  private closed(socket: Socket, error: string): void {
    if (this.socket !== socket) return;
    const { config, context } = this;
    this.socket = null;
    const wasConnected = this.state === 'connected';
    const upSeconds = (Date.now() - this.since.getTime()) / 1000;
    this.release();
    const first = Math.min(FIRST_RETRY_SECONDS, config.connectRetrySeconds);
    // A connection that lasted counts as a new beginning, one that is closed at once does not.
    if (wasConnected && upSeconds >= first) this.failures = 0;
    const isNews = wasConnected || this.lastError !== error;
    this.lastError = error;
    const seconds = Math.min(config.connectRetrySeconds, first * 2 ** Math.min(this.failures++, 16));
    this.enter('waiting');
    if (isNews) {
      const type = wasConnected ? 'bmp.disconnected' : 'bmp.connectFailed';
      context.event('warn', type, { collector: config.name, error, retrySeconds: seconds });
    }
    const milliseconds = seconds * 1000 * (0.75 + Math.random() * 0.25);
    this.retryDue = new Date(Date.now() + milliseconds);
    this.retryTimer = setTimeout(() => this.start(), milliseconds);
  }

  private release(): void {
    this.feed = null;
    for (const timer of [this.watchTimer, this.statisticsTimer]) if (timer !== null) clearInterval(timer);
    this.watchTimer = null;
    this.statisticsTimer = null;
  }

  private enter(state: CollectorState): void {
    this.state = state;
    this.since = new Date();
  }
}

/** Prefixes without paths whose names somebody still needs. */
function heldPrefixes({ families: [ipv4, ipv6] }: Rib): number {
  return ipv4.unusedCount + ipv6.unusedCount;
}
