/** The testers of a run: one process (native/peers.c) with all feeders and sinks, driven by lines. */
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

export interface PeerEvent {
  readonly event: string;
  readonly session: number;
  /** Seconds, CLOCK_MONOTONIC. */
  readonly at: number;
  /** CPU seconds of the testers' process so far. */
  readonly cpu: number;
  readonly [field: string]: unknown;
}

interface Waiter {
  readonly wanted: ReadonlySet<string>;
  readonly session: number;
  resolve(event: PeerEvent): void;
  reject(error: Error): void;
}

/** A state was not reached in the time that was given. */
export class TooLate extends Error {}

export class Peers {
  private readonly seen: PeerEvent[] = [];
  private readonly waiting = new Set<Waiter>();
  /** Sessions that ended though nobody asked for it, and NOTIFICATIONs. */
  readonly mishaps: string[] = [];
  private failed: Error | null = null;

  constructor(private readonly child: ChildProcess) {
    if (!child.stdout) throw new Error('the testers need their standard output');
    createInterface({ input: child.stdout }).on('line', (line) =>
      this.arrived(JSON.parse(line) as PeerEvent),
    );
    child.once('exit', (code) => this.fail(new Error(`the testers ended (${code})`)));
  }

  private fail(error: Error): void {
    this.failed ??= error;
    for (const waiter of this.waiting) waiter.reject(this.failed);
    this.waiting.clear();
  }

  private arrived(event: PeerEvent): void {
    for (const waiter of this.waiting) {
      if (waiter.session !== event.session || !waiter.wanted.has(event.event)) continue;
      this.waiting.delete(waiter);
      waiter.resolve(event);
      return;
    }
    if (event.event === 'closed')
      this.fail(new Error(`the daemon closed session ${event.session}${this.told()}`));
    else if (event.event === 'notification')
      this.mishaps.push(`${event.code}/${event.subcode} on session ${event.session}`);
    else this.seen.push(event);
  }

  private told(): string {
    return this.mishaps.length === 0 ? '' : `; NOTIFICATIONs: ${this.mishaps.slice(0, 5).join(', ')}`;
  }

  order(line: string): void {
    this.child.stdin?.write(`${line}\n`);
  }

  /** The next of these events of a session that nobody has taken yet. */
  next(session: number, ...names: string[]): Promise<PeerEvent> {
    const index = this.seen.findIndex((e) => e.session === session && names.includes(e.event));
    if (index >= 0) return Promise.resolve(this.seen.splice(index, 1)[0]);
    if (this.failed) return Promise.reject(this.failed);
    return new Promise((resolve, reject) => {
      this.waiting.add({ wanted: new Set(names), session, resolve, reject });
    });
  }

  async ask(line: string, session: number, ...names: string[]): Promise<PeerEvent> {
    const answer = this.next(session, ...names);
    this.order(line);
    return answer;
  }

  /** Dials until the session is up; a daemon that is still at rest after the last one closes it first. */
  async establish(session: number): Promise<PeerEvent> {
    for (;;) {
      const event = await this.ask(`open ${session}`, session, 'established', 'closed');
      if (event.event === 'established') return event;
      await sleep(50);
    }
  }

  /** Waits until the session holds exactly what `expect` says. Throws `TooLate` with what is wrong after `seconds`. */
  async held(session: number, expect: string, seconds: number): Promise<PeerEvent> {
    const given = new AbortController();
    const late = sleep(seconds * 1000, undefined, { signal: given.signal }).then(async () => {
      const report = await this.ask(`report ${session}`, session, 'report');
      throw new TooLate(
        `session ${session} does not hold "${expect}" after ${seconds} s: ${JSON.stringify(report)}`,
      );
    });
    late.catch(() => {});
    try {
      return await Promise.race([this.ask(`await ${session} ${expect}`, session, 'held'), late]);
    } finally {
      given.abort();
    }
  }
}
