/** Values and UPDATEs → messages. */
import type { Address, FamilyIndex } from '../../address/index.js';
import { writeHeader } from '../wire/header.js';
import { afiOf, HEADER_LENGTH, Safi } from '../wire/index.js';
import { writeBmpAddress, writeTime } from './peer-header.js';
import {
  BMP_VERSION,
  BmpType,
  COMMON_HEADER_LENGTH,
  InformationType,
  MirroringInformation,
  MirroringType,
  PEER_HEADER_LENGTH,
  TerminationType,
} from './types.js';

/** A type and its value as UTF-8 text or octets. */
export type Information = readonly [type: number, value: string | Buffer];

/** One figure of a Statistics Report: counters have 32 bits, gauges 64, those by family name it first (RFC 7854 §4.8). */
export type Statistic =
  | { readonly type: number; readonly counter: number }
  | { readonly type: number; readonly gauge: number; readonly family?: FamilyIndex };

export interface PeerUp {
  /** Null: none (RFC 9069 §5.2). */
  readonly localAddress: Address | null;
  readonly localPort: number;
  readonly remotePort: number;
  /** Whole OPEN messages. */
  readonly sentOpen: Buffer;
  readonly receivedOpen: Buffer;
  readonly information: readonly Information[];
}

/**
 * Appends messages to a buffer that grows; `take` hands it out. `header` is a per-peer header of `sessionHeader` or
 * `locRibHeader`, `time` milliseconds since 1970 or 0.
 */
export class BmpWriter {
  private out: Buffer;
  /** Octets and messages since the last `take`. */
  length = 0;
  messages = 0;

  constructor(private readonly initialSize = 1 << 16) {
    this.out = Buffer.allocUnsafeSlow(initialSize);
  }

  /** The messages since the last call; the buffer is the caller's. */
  take(): Buffer {
    const taken = this.out.subarray(0, this.length);
    this.out = Buffer.allocUnsafeSlow(this.initialSize);
    this.length = 0;
    this.messages = 0;
    return taken;
  }

  /** RFC 7854 §4.3. */
  initiation(sysDescr: string, sysName: string): void {
    const start = this.begin(BmpType.initiation);
    this.information([
      [InformationType.sysDescr, sysDescr],
      [InformationType.sysName, sysName],
    ]);
    this.finish(start);
  }

  /** RFC 7854 §4.5. */
  termination(reason: number, text: string): void {
    const start = this.begin(BmpType.termination);
    this.information([
      [TerminationType.reason, Buffer.from([reason >>> 8, reason])],
      [TerminationType.string, text],
    ]);
    this.finish(start);
  }

  /** RFC 7854 §4.10. */
  peerUp(header: Buffer, time: number, up: PeerUp): void {
    const start = this.begin(BmpType.peerUp, header, time);
    this.reserve(20);
    writeBmpAddress(this.out, this.length, up.localAddress);
    this.length += 16;
    this.u16(up.localPort);
    this.u16(up.remotePort);
    this.bytes(up.sentOpen);
    this.bytes(up.receivedOpen);
    this.information(up.information);
    this.finish(start);
  }

  /** RFC 7854 §4.9: `data` is a NOTIFICATION, the code of an event, or nothing, as the reason has it. */
  peerDown(
    header: Buffer,
    time: number,
    reason: number,
    data: Buffer,
    information: readonly Information[] = [],
  ) {
    const start = this.begin(BmpType.peerDown, header, time);
    this.reserve(1);
    this.out[this.length++] = reason;
    this.bytes(data);
    this.information(information);
    this.finish(start);
  }

  /** RFC 7854 §4.6: a Route Monitoring message for each of the whole UPDATEs. */
  routeMonitoring(header: Buffer, time: number, updates: Buffer): void {
    for (let at = 0; at < updates.length; ) {
      const next = at + ((updates[at + 16] << 8) | updates[at + 17]);
      const start = this.begin(BmpType.routeMonitoring, header, time, next - at);
      this.length += updates.copy(this.out, this.length, at, next);
      this.finish(start);
      at = next;
    }
  }

  /** RFC 7854 §4.8. */
  statistics(header: Buffer, time: number, statistics: readonly Statistic[]): void {
    const start = this.begin(BmpType.statisticsReport, header, time, 4 + statistics.length * 15);
    this.u32(statistics.length);
    for (const statistic of statistics) {
      this.u16(statistic.type);
      if ('counter' in statistic) {
        this.u16(4);
        // RFC 7854 §4.8: counters wrap.
        this.u32(statistic.counter >>> 0);
        continue;
      }
      const { family } = statistic;
      this.u16(family === undefined ? 8 : 11);
      if (family !== undefined) {
        this.u16(afiOf(family));
        this.out[this.length++] = Safi.unicast;
      }
      this.length = this.out.writeBigUInt64BE(BigInt(statistic.gauge), this.length);
    }
    this.finish(start);
  }

  /** RFC 7854 §4.7: a message of the peer's whose body without its header lies in `start`–`end`. `lost`: others before it are not there. */
  routeMirroring(
    header: Buffer,
    time: number,
    messageType: number,
    buf: Buffer,
    start: number,
    end: number,
    lost: boolean,
  ): void {
    const length = HEADER_LENGTH + end - start;
    const message = this.begin(BmpType.routeMirroring, header, time, 10 + length);
    if (lost) {
      this.u16(MirroringType.information);
      this.u16(2);
      this.u16(MirroringInformation.messagesLost);
    }
    // RFC 7854 §4.7: the message comes last.
    this.u16(MirroringType.message);
    this.u16(length);
    writeHeader(this.out, this.length, length, messageType);
    this.length += HEADER_LENGTH;
    this.length += buf.copy(this.out, this.length, start, end);
    this.finish(message);
  }

  /** The common header, the per-peer header where there is one, and room for `more` octets. */
  private begin(type: number, header?: Buffer, time = 0, more = 0): number {
    this.reserve(COMMON_HEADER_LENGTH + PEER_HEADER_LENGTH + more);
    const start = this.length;
    this.out[start] = BMP_VERSION;
    this.out[start + 5] = type;
    this.length += COMMON_HEADER_LENGTH;
    if (header !== undefined) {
      this.out.set(header, this.length);
      writeTime(this.out, this.length, time);
      this.length += PEER_HEADER_LENGTH;
    }
    return start;
  }

  private finish(start: number): void {
    this.out.writeUInt32BE(this.length - start, start + 1);
    this.messages++;
  }

  private information(list: readonly Information[]): void {
    for (const [type, value] of list) {
      const bytes = typeof value === 'string' ? Buffer.from(value, 'utf8') : value;
      this.reserve(4 + bytes.length);
      this.u16(type);
      this.u16(bytes.length);
      this.bytes(bytes);
    }
  }

  private reserve(octets: number): void {
    const needed = this.length + octets;
    if (needed <= this.out.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.out.length * 2));
    this.out.copy(larger, 0, 0, this.length);
    this.out = larger;
  }

  private u16(value: number): void {
    this.out.writeUInt16BE(value, this.length);
    this.length += 2;
  }
  private u32(value: number): void {
    this.out.writeUInt32BE(value, this.length);
    this.length += 4;
  }
  private bytes(from: Buffer): void {
    this.reserve(from.length);
    this.length += from.copy(this.out, this.length);
  }
}
