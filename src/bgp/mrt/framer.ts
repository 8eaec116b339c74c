import { MAX_RECORD_LENGTH, MrtFault, RECORD_HEADER_LENGTH } from './types.js';

/** `start` and `end` delimit the body behind the header, in `buf`, valid during the call. */
export type OnRecord = (
  time: number,
  type: number,
  subtype: number,
  buf: Buffer,
  start: number,
  end: number,
) => void;

/** Cuts a file, chunk by chunk, into records. After a fault the rest of the file is unreadable and ignored. */
export class RecordFramer {
  /** Octets of whole records so far: where the next record begins in the file. */
  offset = 0;
  /** Whole records so far. */
  records = 0;
  private rest: Buffer = Buffer.alloc(0);
  private dead = false;

  /** Octets of a record that has begun and not ended. */
  get pending(): number {
    return this.rest.length;
  }

  /** Feeds one chunk. Returns what makes the rest of the file unreadable, or null. */
  push(chunk: Buffer, onRecord: OnRecord): MrtFault | null {
    if (this.dead) return null;
    let at = 0;
    if (this.rest.length > 0) {
      // Only what completes the record that is split is copied, not the whole chunk.
      const header = this.complete(chunk, 0, RECORD_HEADER_LENGTH);
      if (this.rest.length < RECORD_HEADER_LENGTH) return null;
      const length = this.rest.readUInt32BE(8);
      if (length > MAX_RECORD_LENGTH) return this.fail(length);
      at = this.complete(chunk, header, RECORD_HEADER_LENGTH + length);
      if (this.rest.length < RECORD_HEADER_LENGTH + length) return null;
      const whole = this.rest;
      this.rest = empty;
      this.hand(whole, 0, length, onRecord);
    }
    while (chunk.length - at >= RECORD_HEADER_LENGTH) {
      const length = chunk.readUInt32BE(at + 8);
      if (length > MAX_RECORD_LENGTH) return this.fail(length);
      if (chunk.length - at < RECORD_HEADER_LENGTH + length) break;
      this.hand(chunk, at, length, onRecord);
      at += RECORD_HEADER_LENGTH + length;
    }
    if (at < chunk.length) this.rest = Buffer.from(chunk.subarray(at));
    return null;
  }

  /** Takes octets of the chunk until the split record has `wanted`; returns the place behind them. */
  private complete(chunk: Buffer, at: number, wanted: number): number {
    const take = Math.min(Math.max(0, wanted - this.rest.length), chunk.length - at);
    if (take > 0) this.rest = Buffer.concat([this.rest, chunk.subarray(at, at + take)]);
    return at + take;
  }

  private hand(buf: Buffer, at: number, length: number, onRecord: OnRecord): void {
    const start = at + RECORD_HEADER_LENGTH;
    this.offset += RECORD_HEADER_LENGTH + length;
    this.records++;
    onRecord(
      buf.readUInt32BE(at),
      buf.readUInt16BE(at + 4),
      buf.readUInt16BE(at + 6),
      buf,
      start,
      start + length,
    );
  }

  private fail(length: number): MrtFault {
    this.dead = true;
    this.rest = empty;
    return new MrtFault(
      `a record claims ${length} octets, expected at most ${MAX_RECORD_LENGTH}: this is no MRT file, or it is damaged`,
      this.offset,
    );
  }
}

const empty = Buffer.alloc(0);
