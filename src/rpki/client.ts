/** One cache: its state machine with the socket and the clocks that it drives. */
import { connect, type Socket } from 'node:net';
import { formatAddress, sameAddress } from '../address/index.js';
import { type IntervalOverrides, type RtrActions, RtrMachine, type RtrTimer } from './machine.js';
import type { CacheSettings } from './types.js';
import type { CacheSlot, VrpChange, VrpTable } from './vrp-table.js';

export interface ClientListener {
  /** The machine's state or knowledge changed. */
  changed(client: RtrClient, reason: string): void;
  /** What the cache has is whole, and differs so from before. */
  committed(client: RtrClient, change: VrpChange): void;
}

export class RtrClient implements RtrActions {
  readonly machine: RtrMachine;
  stateSince = new Date();
  /** When it is dialed again. */
  private reconnectDue: Date | null = null;
  /** When the cache's data was whole last. */
  updatedAt: Date | null = null;
  private shownState = '';
  private socket: Socket | null = null;
  private readonly timers = new Map<RtrTimer, NodeJS.Timeout>();

  constructor(
    public settings: CacheSettings,
    readonly slot: CacheSlot,
    table: VrpTable,
    private readonly listener: ClientListener,
  ) {
    const sink = table.sink(slot, (change) => {
      this.updatedAt = new Date();
      this.listener.committed(this, change);
    });
    this.machine = new RtrMachine(this, sink, overridesOf(settings));
  }

  /** Whether the same connection will do for these settings; they are taken over then. */
  adjust(settings: CacheSettings): boolean {
    const { address, port } = this.settings;
    if (!sameAddress(address, settings.address) || port !== settings.port) return false;
    this.settings = settings;
    this.machine.setOverrides(overridesOf(settings));
    return true;
  }

  start(): void {
    this.machine.start();
  }

  /** Ends the connection; the data stays until it expires. */
  stop(): void {
    this.machine.stop();
  }

  /** Ends everything; nothing happens afterwards. */
  end(): void {
    this.machine.stop();
    this.machine.forget();
  }

  // RtrActions

  dial(): void {
    const socket = connect({
      host: formatAddress(this.settings.address),
      port: this.settings.port,
      noDelay: true,
      keepAlive: true,
    });
    this.socket = socket;
    const ifCurrent =
      <T extends unknown[]>(then: (...args: T) => void) =>
      (...args: T) => {
        if (this.socket === socket) then(...args);
      };
    socket.on(
      'connect',
      ifCurrent(() => this.machine.connected()),
    );
    socket.on(
      'data',
      ifCurrent((chunk: Buffer) => this.machine.received(chunk)),
    );
    // Errors of a connection that was given up concern nobody, but somebody has to take them.
    let error: string | null = null;
    socket.on('error', (reason) => {
      error = reason.message;
    });
    socket.on(
      'close',
      ifCurrent(() => {
        this.socket = null;
        this.machine.closed(error ?? 'the cache closed the connection');
      }),
    );
  }

  send(octets: Buffer): void {
    this.socket?.write(octets);
  }

  close(): void {
    const { socket } = this;
    this.socket = null;
    if (socket === null) return;
    // What was sent goes out first; a cache that does not close in turn is not waited for.
    socket.end();
    socket.resume();
    setTimeout(() => socket.destroy(), 1000).unref();
  }

  startTimer(timer: RtrTimer, seconds: number): void {
    this.stopTimer(timer);
    const timeout = setTimeout(() => {
      this.timers.delete(timer);
      this.machine.timerExpired(timer);
    }, seconds * 1000);
    if (timer === 'reconnect') this.reconnectDue = new Date(Date.now() + seconds * 1000);
    this.timers.set(timer, timeout);
  }

  get retryAt(): Date | null {
    return this.timers.has('reconnect') ? this.reconnectDue : null;
  }

  stopTimer(timer: RtrTimer): void {
    clearTimeout(this.timers.get(timer));
    this.timers.delete(timer);
  }

  changed(reason: string): void {
    if (this.machine.state !== this.shownState) {
      this.shownState = this.machine.state;
      this.stateSince = new Date();
    }
    this.listener.changed(this, reason);
  }
}

function overridesOf({ refreshSeconds, retrySeconds, expireSeconds }: CacheSettings): IntervalOverrides {
  return {
    ...(refreshSeconds === undefined ? {} : { refreshSeconds }),
    ...(retrySeconds === undefined ? {} : { retrySeconds }),
    ...(expireSeconds === undefined ? {} : { expireSeconds }),
  };
}
