import type { Direction, Fsm, FsmEvent, FsmTimer } from '../fsm/index.js';
import type { Notification, OpenMessage } from '../wire/index.js';
import type { Transport } from './transport.js';
import type { Negotiated } from './types.js';

const looksPerSendHoldTime = 8;

/** RFC 4271 §10: timers are cut by a random part of up to a quarter. */
function jittered(seconds: number): number {
  return seconds * (0.75 + Math.random() * 0.25);
}

/** One state machine with the clocks that it runs and the connection that it drives. */
export class Machine {
  fsm: Fsm;
  transport: Transport | null = null;
  direction: Direction = 'outgoing';
  /** What was said and agreed on this connection so far. */
  ourOpen: OpenMessage | null = null;
  peerOpen: OpenMessage | null = null;
  /** The peer's OPEN as it came, header included. */
  peerOpenBytes: Buffer | null = null;
  negotiated: Negotiated | null = null;
  notificationSent: Notification | null = null;
  notificationReceived: Notification | null = null;
  /** When the idle hold time, or the wait before the next dial, ends (ms since the epoch). */
  private retryDue = 0;
  private readonly timers = new Map<FsmTimer, NodeJS.Timeout>();
  private readonly expired: (event: FsmEvent) => void;

  /** `expired` gets the timers' events. */
  constructor(fsm: Fsm, expired: (machine: Machine, event: FsmEvent) => void) {
    this.fsm = fsm;
    this.expired = (event) => expired(this, event);
  }

  /** Forgets the last connection, for a new one. */
  attach(transport: Transport, direction: Direction): void {
    this.transport = transport;
    this.direction = direction;
    this.ourOpen = null;
    this.peerOpen = null;
    this.peerOpenBytes = null;
    this.negotiated = null;
    this.notificationSent = null;
    this.notificationReceived = null;
  }

  startTimer(timer: FsmTimer, seconds: number, jitter: boolean): void {
    this.stopTimer(timer);
    if (timer === 'hold') {
      this.watchHold(seconds * 1000, performance.now());
      return;
    }
    if (timer === 'sendHold') {
      this.watchSending(seconds * 1000);
      return;
    }
    const milliseconds = (jitter ? jittered(seconds) : seconds) * 1000;
    if (timer === 'idleHold' || timer === 'connectRetry') this.retryDue = Date.now() + milliseconds;
    this.timers.set(
      timer,
      setTimeout(() => {
        this.timers.delete(timer);
        this.expired({ type: 'timerExpired', timer });
      }, milliseconds),
    );
  }

  /** When the next attempt begins by itself; null: one is under way, or none is planned. */
  get retryAt(): Date | null {
    const { state, connection } = this.fsm;
    const waits = state === 'idle' ? this.timers.has('idleHold') : this.timers.has('connectRetry');
    return waits && connection === 'none' ? new Date(this.retryDue) : null;
  }

  stopTimer(timer: FsmTimer): void {
    clearTimeout(this.timers.get(timer));
    this.timers.delete(timer);
  }

  stopTimers(): void {
    for (const timer of this.timers.values()) clearTimeout(timer);
    this.timers.clear();
  }

  /**
   * The send hold timer looks at how long TCP has taken nothing of what waits. It looks often, so that it sees of a
   * long write to a slow peer that it goes on.
   */
  private watchSending(milliseconds: number): void {
    const left = () => milliseconds - (this.transport?.stalledMilliseconds() ?? 0);
    const sleep = (): void => {
      const timeout = setTimeout(
        () => {
          if (left() > 0) return sleep();
          // A busy process may be late to learn that TCP took something.
          setImmediate(() => {
            if (this.timers.get('sendHold') !== timeout) return;
            if (left() > 0) return sleep();
            this.timers.delete('sendHold');
            this.expired({ type: 'timerExpired', timer: 'sendHold' });
          });
        },
        Math.max(1, Math.min(left(), milliseconds / looksPerSendHoldTime)),
      );
      this.timers.set('sendHold', timeout);
    };
    sleep();
  }

  /**
   * The hold timer is not set anew for each message: when it ends it looks at when the last one came and sleeps for
   * the rest. Before it says that the peer is silent, the socket gets one more turn, since a busy process
   * may be late to read what is there; and while we refuse to read, silence is our own.
   */
  private watchHold(milliseconds: number, since: number): void {
    const deadline = () => {
      const paused = this.transport?.paused === true;
      const last = paused ? performance.now() : Math.max(since, this.transport?.lastHeard ?? 0);
      return last + milliseconds;
    };
    const sleep = (): void => {
      const left = Math.max(1, deadline() - performance.now());
      const timeout = setTimeout(() => {
        if (deadline() > performance.now()) return sleep();
        setImmediate(() => {
          if (this.timers.get('hold') !== timeout) return;
          if (deadline() > performance.now()) return sleep();
          this.timers.delete('hold');
          this.expired({ type: 'timerExpired', timer: 'hold' });
        });
      }, left);
      this.timers.set('hold', timeout);
    };
    sleep();
  }
}
