import { deepStrictEqual, ok } from 'node:assert';
import { type RtrActions, RtrMachine } from '../../src/rpki/machine.js';
import type { RecordSink } from '../../src/rpki/types.js';
import { type Target, withoutNumbers } from '../target.js';

const VERSION = 1;

/** One PDU (RFC 8210 §5): type, the field behind it, and what follows the length. */
function pdu(type: number, field: number, body: string, version = VERSION): Buffer {
  const rest = Buffer.from(body.replaceAll(' ', ''), 'hex');
  const head = Buffer.alloc(8);
  head[0] = version;
  head[1] = type;
  head.writeUInt16BE(field, 2);
  head.writeUInt32BE(8 + rest.length, 4);
  return Buffer.concat([head, rest]);
}

/** A machine that asked its cache, and heard these octets in chunks of `size`. What was done, in words. */
function play(octets: Buffer, size: number): string[] {
  const log: string[] = [];
  const held = new Set<string>();
  let pending: Set<string> | null = null;
  let isOpen = false;
  const sink: RecordSink = {
    begin: (full) => {
      ok(pending === null, 'an answer begins within another');
      pending = new Set(full ? [] : held);
    },
    announce: (family, words, length, maxLength, asn) => {
      ok(pending !== null, 'a record outside an answer');
      ok(length <= maxLength && maxLength <= (family === 0 ? 32 : 128));
      const key = `${family} ${[...words]} ${length} ${maxLength} ${asn}`;
      if (pending.has(key)) return false;
      pending.add(key);
      return true;
    },
    withdraw: (family, words, length, maxLength, asn) => {
      ok(pending !== null, 'a record outside an answer');
      return pending.delete(`${family} ${[...words]} ${length} ${maxLength} ${asn}`);
    },
    commit: () => {
      ok(pending !== null, 'the end of no answer');
      held.clear();
      for (const key of pending) held.add(key);
      pending = null;
      log.push(`holds ${held.size}`);
    },
    abort: () => {
      pending = null;
    },
    drop: () => {
      held.clear();
      log.push('dropped');
    },
  };
  const actions: RtrActions = {
    dial: () => {
      isOpen = true;
    },
    send: (buffer) => {
      ok(isOpen, 'sent on a connection that is closed');
      log.push(`sent ${buffer[1]}`);
    },
    close: () => {
      isOpen = false;
      log.push('closed');
    },
    startTimer: (timer, seconds) => ok(seconds > 0, `${timer} timer of ${seconds} s`),
    stopTimer: () => {},
    changed: (reason) => log.push(reason),
  };
  const machine = new RtrMachine(actions, sink);
  machine.version = VERSION;
  machine.start();
  machine.connected();
  for (let at = 0; at < octets.length && isOpen; at += size) {
    machine.received(Buffer.from(octets.subarray(at, at + size)));
  }
  log.push(`${machine.state} ${machine.hasData}`, [...held].sort().join());
  return log;
}

const v4 = (flags: string) => pdu(4, 0, `${flags} 18 20 00 c6336400 0000fde9`);
const v6 = pdu(6, 0, '01 30 40 00 20010db8 00010000 00000000 00000000 0000fde9');
const endOfData = (serial: string) => pdu(7, 7, `${serial} 00000e10 00000258 00001c20`);

export const rpki: Target = {
  name: 'rpki',
  promise:
    'what an RPKI cache sends, of any bytes: the same however it is cut, records only within an answer',
  seeds: () => [
    Buffer.concat([pdu(3, 7, ''), v4('01'), v6, endOfData('00000001')]),
    Buffer.concat([
      ...[pdu(3, 7, ''), v4('01'), endOfData('00000001'), pdu(0, 7, '00000002')],
      ...[pdu(3, 7, ''), v4('00'), v6, endOfData('00000002')],
    ]),
    pdu(8, 0, ''),
    pdu(10, 4, '00000000 00000005 68656c6c6f'),
    pdu(3, 7, '', 0),
    pdu(0, 7, '00000001'),
  ],
  run(input) {
    const whole = play(input, Math.max(1, input.length));
    for (const size of [1, 5, 20]) deepStrictEqual(play(input, size), whole);
    // What stands in parentheses are the cache's own words.
    return whole.slice(0, -1).map((each) => withoutNumbers(each).replace(/\(.*/s, ''));
  },
};
