/** Brings neighbours and FDB entries about on the devices that are there. */
import { type Address, formatAddress } from '../../address/index.js';
import type { FdbEntry, Neighbour } from '../../netlink/index.js';
import type { OverlayChange, OverlayEntry } from '../../overlay/index.js';
import { backOffMs } from '../back-off.js';
import type { UsedHops } from '../forwardings.js';
import type { OverlayDesire } from './desire.js';
import {
  type EntryKeys,
  type EntryOperation,
  isKnownFdbEntry,
  isKnownNeighbour,
  noEntries,
  noKeys,
  planChanged,
  planEntries,
  type SeenEntries,
  surplusOf,
} from './entry-plan.js';
import type { OverlayKernel, RefusedEntry } from './overlay-kernel.js';
import type { DeviceRecord, OverlayLog } from './overlay-report.js';

/** Of one device. */
interface Table {
  entries: SeenEntries;
  /** `entries` are not what the kernel has any more. */
  stale: boolean;
  /** All are to be compared with what is desired. */
  dirty: boolean;
  /** Not desired, and may not go yet. */
  surplus: EntryKeys;
}

/** What came of a round on one device. */
export type EntryOutcome =
  | 'done'
  /** Another round is due. */
  | 'again'
  /** The device is not there any more. */
  | 'gone';

export class EntryReconciler {
  private readonly tables = new Map<number, Table>();
  /** By device, what is desired otherwise since its last round. */
  private readonly changed = new Map<string, EntryKeys>();

  constructor(
    private readonly desire: OverlayDesire,
    private readonly log: OverlayLog,
  ) {}

  /** Entries are desired otherwise: those of a change, or (null) any. */
  desired(change: OverlayChange | null): void {
    if (change === null || change.devices !== undefined) {
      for (const table of this.tables.values()) table.dirty = true;
      return;
    }
    for (const entries of [change.remove ?? [], change.set ?? []])
      for (const entry of entries) this.note(entry);
  }

  private note(entry: OverlayEntry): void {
    let keys = this.changed.get(entry.device);
    if (keys === undefined) {
      keys = noKeys();
      this.changed.set(entry.device, keys);
    }
    if (entry.kind === 'fdb') keys.fdb.add(entry.mac);
    else keys.neighbours.add(formatAddress(entry.address));
  }

  has(ifindex: number): boolean {
    return this.tables.has(ifindex);
  }

  /** The kernel may have other entries than were seen: of one link, or of all. */
  doubt(ifindex: number | null): void {
    for (const [index, table] of this.tables) if (ifindex === null || index === ifindex) table.stale = true;
  }

  /** Whether there are entries that are not desired and that could not go yet. */
  get waits(): boolean {
    for (const table of this.tables.values()) if (hasSurplus(table)) return true;
    return false;
  }

  /** Whether what the kernel tells of is news. */
  neighbourIsNews(neighbour: Neighbour): boolean {
    const table = this.tables.get(neighbour.ifindex);
    return table !== undefined && !isKnownNeighbour(table.entries, neighbour);
  }

  fdbEntryIsNews(entry: FdbEntry): boolean {
    const table = this.tables.get(entry.ifindex);
    return table !== undefined && !isKnownFdbEntry(table.entries, entry);
  }

  /** Holds a table for each of these devices and no other. One that was made anew begins with a new table. */
  follow(ifindexes: ReadonlySet<number>): void {
    for (const ifindex of this.tables.keys()) if (!ifindexes.has(ifindex)) this.tables.delete(ifindex);
    for (const ifindex of ifindexes) {
      if (!this.tables.has(ifindex))
        this.tables.set(ifindex, { entries: noEntries(), stale: true, dirty: true, surplus: noKeys() });
    }
  }

  /**
   * Reads what may have changed on a device and writes what is due.
   * @param mayRemove What nothing uses any more may go.
   */
  async round(
    kernel: OverlayKernel,
    name: string,
    record: DeviceRecord,
    mayRemove: boolean,
    usedHops: () => UsedHops,
  ): Promise<EntryOutcome> {
    const ifindex = record.ifindex ?? 0;
    const table = this.tables.get(ifindex);
    if (table === undefined || !this.isDue(name, table, record, mayRemove)) return 'done';
    const changed =
      table.stale || table.dirty || record.refusals.size > 0 ? null : this.changedOf(name, table);
    this.changed.delete(name);
    if (table.stale) {
      table.stale = false;
      table.entries = await kernel.readEntries(ifindex, record.kind === 'vxlan');
    }
    table.dirty = false;
    const desired = this.desire.entries(name);
    const inUse = (address: Address) => usedHops().neighbour(ifindex, address);
    const all =
      changed === null
        ? planEntries(desired, table.entries, inUse)
        : planChanged(desired, table.entries, inUse, changed);
    const now = performance.now();
    const operations: EntryOperation[] = [];
    let missing = 0;
    /** Refused lately, and not tried again yet. */
    const later: DeviceRecord['refusals'] = new Map();
    for (const operation of all) {
      if (isSetting(operation)) missing++;
      else if (!mayRemove) continue;
      const entry = record.refusals.size === 0 ? '' : describeEntry(operation);
      const refusal = record.refusals.get(entry);
      if (refusal !== undefined && refusal.retryAt > now) later.set(entry, refusal);
      else operations.push(operation);
    }
    record.installed = desired.neighbours.size + desired.fdb.size - missing;
    const refused = operations.length === 0 ? [] : await kernel.write(ifindex, operations, table.entries);
    table.surplus = surplusOf(desired, table.entries, changed);
    if (refused === null) {
      table.stale = true;
      return 'again';
    }
    if (refused.some(({ code }) => code === 'ENODEV')) {
      table.stale = true;
      return 'gone';
    }
    this.noteRefusals(name, record, refused, later);
    if (refused.length > 0) table.stale = true;
    record.installed += operations.filter(isSetting).length;
    record.installed -= refused.filter(({ operation }) => isSetting(operation)).length;
    return 'done';
  }

  /** Remembers what was refused, and logs the first of those that are new. */
  private noteRefusals(
    name: string,
    record: DeviceRecord,
    refused: readonly RefusedEntry[],
    later: DeviceRecord['refusals'],
  ): void {
    const before = record.refusals;
    record.refusals = later;
    let told = false;
    for (const { operation, code, text } of refused) {
      // What was to go is gone already.
      if (code === 'ENOENT') continue;
      const entry = describeEntry(operation);
      const attempts = (before.get(entry)?.attempts ?? 0) + 1;
      const message = text === '' ? code : `${code}: ${text}`;
      record.refusals.set(entry, { message, attempts, retryAt: performance.now() + backOffMs(attempts) });
      if (attempts > 1 || told) continue;
      told = true;
      const fields = { device: name, entry, error: message, refused: refused.length };
      this.log('warn', 'the kernel refused entries of the overlay', fields);
    }
  }

  /** What is desired otherwise, and what could not go before. */
  private changedOf(name: string, { surplus }: Table): EntryKeys {
    const changed = this.changed.get(name) ?? noKeys();
    for (const key of surplus.neighbours) changed.neighbours.add(key);
    for (const mac of surplus.fdb) changed.fdb.add(mac);
    return changed;
  }

  private isDue(name: string, table: Table, { refusals }: DeviceRecord, mayRemove: boolean): boolean {
    if (table.stale || table.dirty || this.changed.has(name) || (mayRemove && hasSurplus(table))) return true;
    const now = performance.now();
    for (const { retryAt } of refusals.values()) if (retryAt <= now) return true;
    return false;
  }
}

function hasSurplus({ surplus }: Table): boolean {
  return surplus.neighbours.size + surplus.fdb.size > 0;
}

function isSetting({ kind }: EntryOperation): boolean {
  return kind === 'setFdb' || kind === 'setNeighbour';
}

function describeEntry(operation: EntryOperation): string {
  switch (operation.kind) {
    case 'setFdb':
    case 'removeFdb':
      return `FDB entry ${operation.mac}`;
    case 'setNeighbour':
    case 'removeNeighbour':
      return `neighbour ${formatAddress(operation.address)}`;
  }
}
