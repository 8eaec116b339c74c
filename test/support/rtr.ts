/** What a cache says, in octets written by hand, and a machine whose actions are noted down. */
import { networkOf, parsePrefix } from '../../src/address/index.js';
import {
  type IntervalOverrides,
  type RtrActions,
  RtrMachine,
  type RtrTimer,
} from '../../src/rpki/machine.js';
import { VrpTable } from '../../src/rpki/vrp-table.js';

/** `[session or flags, …words]` behind version and type; the length is counted. */
export function pdu(version: number, type: number, session: number, body: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(8);
  head[0] = version;
  head[1] = type;
  head.writeUInt16BE(session, 2);
  head.writeUInt32BE(8 + body.length, 4);
  return Buffer.concat([head, body]);
}

export const words = (...numbers: number[]): Buffer => {
  const body = Buffer.alloc(numbers.length * 4);
  numbers.forEach((number, i) => void body.writeUInt32BE(number >>> 0, i * 4));
  return body;
};

export const notify = (version: number, session: number, serial: number) =>
  pdu(version, 0, session, words(serial));
export const response = (version: number, session: number) => pdu(version, 3, session);
export const reset = (version: number) => pdu(version, 8, 0);
export const endOfData = (version: number, session: number, serial: number, intervals = [3600, 600, 7200]) =>
  pdu(version, 7, session, version === 0 ? words(serial) : words(serial, ...intervals));

/** `203.0.113.0/24-26 AS 65001`, or with `-` in front, withdrawn. */
export function record(version: number, text: string): Buffer {
  const [, minus, prefix, maxLength, asn] = /^(-?)(\S+\/\d+)(?:-(\d+))? AS (\d+)$/.exec(text) ?? [];
  const parsed = parsePrefix(prefix ?? '');
  if (parsed === null) throw new Error(`${text} is no record`);
  const { family, a, b, c, d, length } = networkOf(parsed, parsed.length);
  const flags = Buffer.from([minus === '-' ? 0 : 1, length, Number(maxLength ?? length), 0]);
  const address = family === 0 ? words(a) : words(a, b, c, d);
  return pdu(version, family === 0 ? 4 : 6, 0, Buffer.concat([flags, address, words(Number(asn))]));
}

export function errorReport(version: number, code: number, text: string, within = Buffer.alloc(0)): Buffer {
  const octets = Buffer.from(text);
  return pdu(version, 10, code, Buffer.concat([words(within.length), within, words(octets.length), octets]));
}

export class Recorded implements RtrActions {
  readonly table: VrpTable;
  readonly machine: RtrMachine;
  /** In order: `dial`, `close`, `send TYPE vVERSION …`, `commit +n -n`. */
  readonly log: string[] = [];
  readonly timers = new Map<RtrTimer, number>();
  /** Prefixes that changed for routes, once per change. */
  changes = 0;

  constructor(overrides: IntervalOverrides = {}) {
    this.table = new VrpTable(() => this.changes++);
    this.table.setInForce(0);
    const sink = this.table.sink(0, ({ announced, withdrawn }) =>
      this.log.push(`commit +${announced} -${withdrawn}`),
    );
    this.machine = new RtrMachine(this, sink, overrides);
  }

  /** What was done since it was asked last. */
  done(): string[] {
    return this.log.splice(0);
  }

  /** VRPs that decide, as `prefix-maxLength AS n`, sorted. */
  vrps(): string[] {
    return [...this.table.inForce()].map((vrp) => `${vrp.prefix}-${vrp.maxLength} AS ${vrp.asn}`).sort();
  }

  say(...pdus: Buffer[]): this {
    this.machine.received(Buffer.concat(pdus));
    return this;
  }

  expire(timer: RtrTimer): void {
    if (!this.timers.delete(timer)) throw new Error(`${timer} does not run`);
    this.machine.timerExpired(timer);
  }

  dial(): void {
    this.log.push('dial');
  }

  send(octets: Buffer): void {
    const types: Record<number, string> = { 1: 'serialQuery', 2: 'resetQuery', 10: 'error' };
    const type = types[octets[1]] ?? String(octets[1]);
    const more =
      type === 'serialQuery'
        ? ` ${octets.readUInt16BE(2)}/${octets.readUInt32BE(8)}`
        : type === 'error'
          ? ` ${octets.readUInt16BE(2)}`
          : '';
    if (octets.readUInt32BE(4) !== octets.length) throw new Error('a PDU with a wrong length was sent');
    this.log.push(`send ${type} v${octets[0]}${more}`);
  }

  close(): void {
    if (this.log.at(-1) !== 'close') this.log.push('close');
  }

  startTimer(timer: RtrTimer, seconds: number): void {
    this.timers.set(timer, seconds);
  }

  stopTimer(timer: RtrTimer): void {
    this.timers.delete(timer);
  }

  changed(): void {}
}
