/** Writes the table, and writes it again when somebody changed it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { Contest } from '../contest/index.js';
import { comparable, tableName } from './ruleset.js';

const RETRY_MS = 1000;
const MAX_RETRY_MS = 30_000;
/** Rules of others come in bursts. */
const SETTLE_MS = 50;

export interface NatKeeperHost {
  event(level: 'info' | 'warn', type: string, fields: Record<string, unknown>): void;
}

class NoNft extends Error {
  constructor() {
    super('there is no `nft` on this machine: install nftables');
  }
}

/** Runs nft to its end; throws with what it said. */
function nft(words: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child: ChildProcess = spawn('nft', words, { stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '';
    let error = '';
    // Before all else: where no file can be opened any more, there are no streams either.
    child.on('error', (cause: NodeJS.ErrnoException) => {
      reject(cause.code === 'ENOENT' ? new NoNft() : cause);
    });
    child.stdout?.on('data', (data) => {
      out += data;
    });
    child.stderr?.on('data', (data) => {
      error += data;
    });
    child.on('close', (code) => {
      if (code === 0) resolve(out);
      else reject(new Error(error.trim().split('\n')[0] || `nft ended with ${code}`));
    });
  });
}

/** One transaction. As a word, since nft opens its standard input by name, which a socket has none of. */
function transact(commands: readonly object[]): Promise<string> {
  return nft(['-j', JSON.stringify({ nftables: commands })]);
}

/** A kernel without nf_tables, or without tables of family inet (`CONFIG_NF_TABLES_INET`). */
const kernelHasNone = /(Operation|Protocol) not supported/;

/** Takes the table away, if it is there. Without nft, or with a kernel that has no such tables, we have made none. */
export async function removeNatTable(): Promise<void> {
  const table = { family: 'inet', name: tableName };
  try {
    await transact([{ add: { table } }, { delete: { table } }]);
  } catch (error) {
    if (!(error instanceof NoNft) && !kernelHasNone.test((error as Error).message)) throw error;
  }
}

export class NatKeeper {
  /** What is wrong; null: nothing. */
  problem: string | null = null;
  private wanted: object[] | null = null;
  /** Before the first word: neither a table nor none. */
  private wantedText = '';
  /** How the table reads as it was written; null: it was not. */
  private written: string | null = null;
  private monitor: ChildProcess | null = null;
  private timer: NodeJS.Timeout | null = null;
  private settling: NodeJS.Timeout | null = null;
  private retryMs = RETRY_MS;
  private turn: Promise<void> = Promise.resolve();
  private closed = false;
  private readonly contest = new Contest();
  /** The table is to be written again then, and not before; null: nothing waits. */
  private resumesAt: number | null = null;

  constructor(private readonly host: NatKeeperHost) {}

  /** Commands of the table that shall be; null: none. */
  apply(commands: object[] | null): void {
    const text = JSON.stringify(commands);
    if (text === this.wantedText) return;
    const removes = commands === null;
    this.wanted = commands;
    this.wantedText = text;
    this.resumesAt = null;
    this.written = null;
    if (removes) this.stopMonitor();
    this.look();
  }

  /** Ends the watch; the table stays. */
  close(): void {
    this.closed = true;
    this.stopMonitor();
    if (this.timer !== null) clearTimeout(this.timer);
    if (this.settling !== null) clearTimeout(this.settling);
  }

  private look(): void {
    this.turn = this.turn.then(() => this.compare());
  }

  private async compare(): Promise<void> {
    if (this.closed) return;
    const { wanted } = this;
    try {
      if (wanted === null) {
        await removeNatTable();
      } else {
        this.startMonitor();
        const found = this.written === null ? null : await this.list();
        if (found === null || found !== this.written) {
          const isRepair = this.written !== null;
          if (isRepair && this.mustWait(performance.now())) return;
          await transact(wanted);
          const listing = await this.list();
          // Else another table is wanted by now, and its turn is next.
          if (this.wanted === wanted) this.written = listing;
          if (isRepair && this.problem === null)
            this.host.event('warn', 'natRestored', { table: `inet ${tableName}` });
        }
      }
      this.retryMs = RETRY_MS;
      const now = performance.now();
      // Until it has been quiet for a while.
      if (wanted !== null && this.contest.isOn(now)) this.settleIn(this.contest.settlesAt - now);
      else this.setProblem(null);
    } catch (error) {
      this.setProblem(`natOutgoing: ${(error as Error).message}`);
      this.lookIn(this.retryMs);
      this.retryMs = Math.min(this.retryMs * 2, MAX_RETRY_MS);
    }
  }

  /** The table was changed: whether it is written again later, as somebody keeps changing it. */
  private mustWait(now: number): boolean {
    if (this.resumesAt === null) {
      const pauseMs = this.contest.undone(now);
      if (pauseMs === 0) return false;
      this.resumesAt = now + pauseMs;
      const what = `another program keeps changing the table \`inet ${tableName}\``;
      this.setProblem(`natOutgoing: ${what}; it is written again after pauses`);
    }
    if (now < this.resumesAt) {
      this.lookIn(this.resumesAt - now);
      return true;
    }
    this.resumesAt = null;
    return false;
  }

  /** null: there is no such table. */
  private async list(): Promise<string | null> {
    try {
      return comparable(await nft(['-j', 'list', 'table', 'inet', tableName]));
    } catch (error) {
      if (/No such file or directory/.test((error as Error).message)) return null;
      throw error;
    }
  }

  private setProblem(problem: string | null): void {
    const before = this.problem;
    if (problem === before) return;
    this.problem = problem;
    if (problem !== null) this.host.event('warn', 'natProblem', { message: problem });
    else this.host.event('info', 'natProblemGone', { message: before });
  }

  private lookIn(milliseconds: number): void {
    if (this.closed || this.timer !== null) return;
    this.timer = setTimeout(() => {
      this.timer = null;
      this.look();
    }, milliseconds);
  }

  /** Looks then whether a contest is over, and whenever somebody changes something. */
  private settleIn(milliseconds: number): void {
    if (this.closed) return;
    if (this.settling !== null) clearTimeout(this.settling);
    this.settling = setTimeout(() => {
      this.settling = null;
      this.look();
    }, milliseconds);
  }

  private startMonitor(): void {
    if (this.monitor !== null || this.closed) return;
    const monitor: ChildProcess = spawn('nft', ['monitor', 'ruleset'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    this.monitor = monitor;
    const ended = () => {
      if (this.monitor !== monitor) return;
      this.monitor = null;
      // What happened meanwhile is seen by looking.
      if (this.wanted !== null) this.lookIn(this.retryMs);
    };
    monitor.on('error', ended);
    monitor.on('close', ended);
    monitor.stdout?.on('data', () => this.lookIn(SETTLE_MS));
  }

  private stopMonitor(): void {
    const { monitor } = this;
    this.monitor = null;
    monitor?.kill();
  }
}
