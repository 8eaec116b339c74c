/**
 * What peers say, as BGP4MP records in files by the time (RFC 6396 §4.4). Records gather in memory and are written
 * behind the sessions' backs: no session waits for a disk. What can't be written is dropped, counted and told; the
 * file is cut back to whole records, and the next attempt follows soon.
 */
import { createReadStream } from 'node:fs';
import { type FileHandle, mkdir, open, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Address } from '../../address/index.js';
import { formatFileName, MrtWriter, mrtStates, RecordFramer } from '../../bgp/mrt/index.js';
import type { Peer, PeerRecorder } from '../../bgp/speaker/index.js';
import { MessageType, updateHasPathIds } from '../../bgp/wire/index.js';

export interface UpdateLogSettings {
  /** With fields of strftime(3), in UTC. */
  readonly path: string;
  /** A new file begins at each multiple of so many seconds. */
  readonly rotateSeconds: number;
}

export interface UpdateLogListener {
  /** Records can't be written; told once until they can again. */
  failed(path: string, error: string): void;
  /** They can again, after so many records were lost. */
  recovered(path: string, lostRecords: number): void;
}

/** Octets that wait for the disk at most; what comes on top is lost. */
const MAX_WAITING = 64 << 20;
/** Octets that wait before they are written without waiting for the clock. */
const FLUSH_OCTETS = 1 << 18;
const FLUSH_MS = 1000;

type State = Parameters<PeerRecorder['stateChanged']>[1];

/** Records of one file, in order. */
interface Batch {
  readonly period: number;
  readonly writer: MrtWriter;
  records: number;
}

export class UpdateLog implements PeerRecorder {
  private waiting: Batch[] = [];
  private waitingOctets = 0;
  private lost = 0;
  private failing = false;
  private file: { readonly period: number; readonly handle: FileHandle; size: number } | null = null;
  private timer: NodeJS.Timeout | null = null;
  private flushing: Promise<void> | null = null;
  private closed = false;

  constructor(
    readonly settings: UpdateLogSettings,
    private readonly listener: UpdateLogListener,
    /** Nothing is written before: another log may still hold the file. */
    private readonly after: Promise<unknown> = Promise.resolve(),
  ) {}

  message(peer: Peer, localAddress: Address, type: number, buf: Buffer, start: number, end: number): void {
    const now = Math.floor(Date.now() / 1000);
    // The record's subtype says how to read AS_PATH and prefixes; anything but an UPDATE reads the same in all.
    const agreed = type === MessageType.update ? peer.negotiated : null;
    const fourOctetAs = agreed?.fourOctetAs ?? true;
    const [ipv4, ipv6] = agreed?.addPath ?? [];
    const addPath =
      agreed !== null &&
      updateHasPathIds(buf, start, end, [ipv4?.receives ?? false, ipv6?.receives ?? false]);
    const form = { fourOctetAs, addPath, local: false };
    const ends = this.ends(peer, localAddress);
    this.append(now, (writer) => writer.messageBody(now, ends, form, type, buf, start, end));
  }

  stateChanged(peer: Peer, from: State, to: State): void {
    const now = Math.floor(Date.now() / 1000);
    const { address, localAddress } = peer.settings;
    const local = peer.negotiated?.localAddress ?? localAddress ?? { ...address, a: 0, b: 0, c: 0, d: 0 };
    const change = {
      kind: 'stateChange' as const,
      fourOctetAs: true,
      ...this.ends(peer, local),
      oldState: mrtStates.indexOf(from) + 1,
      newState: mrtStates.indexOf(to) + 1,
    };
    this.append(now, (writer) => writer.stateChange(now, change));
  }

  /** Writes what waits and closes the file; nothing is taken any more. */
  async close(): Promise<void> {
    this.closed = true;
    if (this.timer !== null) clearTimeout(this.timer);
    while (this.waiting.length > 0 || this.flushing !== null) await this.flush();
    await this.closeFile();
  }

  private ends(peer: Peer, localAddress: Address) {
    const { asn: peerAsn, address: peerAddress } = peer.settings;
    // Which may be another one than ours, for this peer (RFC 7705).
    const { localAsn } = peer.session.settings;
    return { peerAsn, localAsn, interfaceIndex: 0, peerAddress, localAddress };
  }

  private append(now: number, write: (writer: MrtWriter) => void): void {
    if (this.closed) return;
    if (this.waitingOctets >= MAX_WAITING) {
      this.lost++;
      return;
    }
    const period = now - (now % this.settings.rotateSeconds);
    let batch = this.waiting.at(-1);
    if (batch === undefined || batch.period !== period) {
      batch = { period, writer: new MrtWriter(), records: 0 };
      this.waiting.push(batch);
    }
    const before = batch.writer.length;
    write(batch.writer);
    batch.records++;
    this.waitingOctets += batch.writer.length - before;
    if (this.waitingOctets >= FLUSH_OCTETS && this.flushing === null && !this.failing) void this.flush();
    else
      this.timer ??= setTimeout(() => {
        this.timer = null;
        void this.flush();
      }, FLUSH_MS);
  }

  /** Writes all that waits. Never rejects. */
  private flush(): Promise<void> {
    this.flushing ??= this.writeAll().finally(() => {
      this.flushing = null;
    });
    return this.flushing;
  }

  private async writeAll(): Promise<void> {
    await this.after;
    while (this.waiting.length > 0) {
      const batches = this.waiting;
      this.waiting = [];
      this.waitingOctets = 0;
      for (const batch of batches) await this.write(batch);
    }
  }

  private async write({ period, writer, records }: Batch): Promise<void> {
    const path = formatFileName(this.settings.path, period);
    try {
      if (this.file?.period !== period) {
        await this.closeFile();
        this.file = { period, ...(await openForAppending(path)) };
      }
      const { file } = this;
      const octets = writer.take();
      for (let at = 0; at < octets.length; ) {
        const { bytesWritten } = await file.handle.write(octets, at, octets.length - at, file.size + at);
        at += bytesWritten;
      }
      file.size += octets.length;
      if (!this.failing && this.lost === 0) return;
      this.failing = false;
      this.listener.recovered(path, this.lost);
      this.lost = 0;
    } catch (error) {
      this.lost += records;
      if (!this.failing) this.listener.failed(path, (error as Error).message);
      this.failing = true;
      // Half a record would make the rest of the file unreadable.
      await this.file?.handle.truncate(this.file.size).catch(() => this.closeFile());
    }
  }

  private async closeFile(): Promise<void> {
    const { file } = this;
    this.file = null;
    await file?.handle.close().catch(() => {});
  }
}

/** Of a file that a crash left, the last record may be cut short: what follows is written over it. */
async function openForAppending(path: string): Promise<{ handle: FileHandle; size: number }> {
  await mkdir(dirname(path), { recursive: true });
  let size = 0;
  try {
    const framer = new RecordFramer();
    if (!(await stat(path)).isFile()) throw new Error(`${path} is no regular file`);
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 18 })) {
      if (framer.push(chunk as Buffer, () => {}) !== null)
        throw new Error(`${path} exists and is no MRT file`);
    }
    size = framer.offset;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return { handle: await open(path, 'wx'), size };
  }
  const handle = await open(path, 'r+');
  await handle.truncate(size);
  return { handle, size };
}
