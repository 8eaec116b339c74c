/**
 * Recording: the table and what peers say, as MRT files.
 *
 * `table` makes the records of the RIB, chunk by chunk, in slices of a few milliseconds: for the control socket
 * (`tartan mrt dump`) and for the dumps that the document asks for. `update-log` is the recorder that the speaker tells
 * of every message and change of state. Neither holds up a session: what the disk does not take is lost and told.
 */
import { formatFileName } from '../../bgp/mrt/index.js';
import type { MrtConfig } from '../../config/router.js';
import { dumpTable, type TableDumpContext } from './table.js';
import { writeWhole } from './table-file.js';
import { UpdateLog } from './update-log.js';

export interface RecordingListener {
  event(level: 'info' | 'error', type: string, fields: Record<string, unknown>): void;
}

export class Recording {
  private config: MrtConfig = { table: null, updates: null };
  private updates: UpdateLog | null = null;
  private tableTimer: NodeJS.Timeout | null = null;
  private dumping: Promise<void> | null = null;
  private readonly abort = new AbortController();
  /** Logs that were replaced and still write. */
  private readonly closing = new Set<Promise<void>>();

  constructor(
    private readonly context: TableDumpContext,
    private readonly listener: RecordingListener,
  ) {}

  /** Records as the document says from now on. What did not change goes on undisturbed. */
  apply(config: MrtConfig): void {
    const before = this.config;
    this.config = config;
    if (!same(before.updates, config.updates)) {
      this.closeUpdates();
      if (config.updates !== null) this.openUpdates(config.updates.path, config.updates.rotateSeconds);
    }
    if (!same(before.table, config.table)) this.scheduleTable();
  }

  /** The table as it is now, as the octets of a file. */
  table(): AsyncGenerator<Buffer> {
    return dumpTable(this.context);
  }

  /** Writes what waits; a dump under way is given up. */
  async close(): Promise<void> {
    this.abort.abort(new Error('the daemon stops'));
    if (this.tableTimer !== null) clearTimeout(this.tableTimer);
    this.closeUpdates();
    await Promise.all([...this.closing, this.dumping]);
  }

  private openUpdates(path: string, rotateSeconds: number): void {
    const { speaker } = this.context;
    this.updates = new UpdateLog(
      { path, rotateSeconds },
      {
        failed: (file, error) => this.listener.event('error', 'mrtUpdatesFailed', { file, error }),
        recovered: (file, lostRecords) =>
          this.listener.event('info', 'mrtUpdatesRecovered', { file, lostRecords }),
      },
      Promise.all(this.closing),
    );
    speaker.recorder = this.updates;
  }

  private closeUpdates(): void {
    const { updates } = this;
    if (updates === null) return;
    this.updates = null;
    this.context.speaker.recorder = null;
    const closed = updates.close().finally(() => this.closing.delete(closed));
    this.closing.add(closed);
  }

  /** Tables are due at multiples of the interval, as the clock on the wall has them. */
  private scheduleTable(after = Math.floor(Date.now() / 1000)): void {
    if (this.tableTimer !== null) clearTimeout(this.tableTimer);
    this.tableTimer = null;
    const { table } = this.config;
    if (table === null || this.abort.signal.aborted) return;
    const due = after - (after % table.everySeconds) + table.everySeconds;
    this.tableTimer = setTimeout(
      () => {
        // A disk too slow for the interval gets no second dump beside the first.
        this.dumping ??= this.dump(formatFileName(table.path, due)).finally(() => {
          this.dumping = null;
        });
        this.scheduleTable(Math.max(due, Math.floor(Date.now() / 1000)));
      },
      Math.max(0, due * 1000 - Date.now()),
    );
  }

  private async dump(file: string): Promise<void> {
    const began = performance.now();
    try {
      const octets = await writeWhole(file, this.table(), this.abort.signal);
      const seconds = Number(((performance.now() - began) / 1000).toFixed(3));
      this.listener.event('info', 'mrtTable', { file, octets, seconds });
    } catch (error) {
      if (this.abort.signal.aborted) return;
      this.listener.event('error', 'mrtTableFailed', { file, error: (error as Error).message });
    }
  }
}

function same(x: unknown, y: unknown): boolean {
  return JSON.stringify(x) === JSON.stringify(y);
}
