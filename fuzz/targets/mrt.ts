import { deepStrictEqual } from 'node:assert';
import { networkOf, parseAddress, parsePrefix } from '../../src/address/index.js';
import {
  decodeRecord,
  encodeRecord,
  MrtFault,
  type MrtRecord,
  RecordFramer,
  TableView,
} from '../../src/bgp/mrt/index.js';
import { encodeEndOfRib } from '../../src/bgp/wire/index.js';
import { type Target, withoutNumbers } from '../target.js';

const address = parseAddress('192.0.2.1') ?? networkOf({ family: 0, a: 0, b: 0, c: 0, d: 0 }, 32);
const prefix = parsePrefix('198.51.100.0/24') ?? { ...address, length: 32 };
const attributes = Buffer.from('400101004002060201 0000fde9 400304c0000201'.replaceAll(' ', ''), 'hex');
const ends = {
  peerAsn: 65001,
  localAsn: 65002,
  interfaceIndex: 0,
  peerAddress: address,
  localAddress: address,
};

const bodies: readonly MrtRecord['body'][] = [
  {
    kind: 'peerIndexTable',
    collectorId: 1,
    viewName: 'v',
    peers: [{ routerId: 1, address, asn: 4200000000 }],
  },
  {
    kind: 'rib',
    sequence: 0,
    prefix,
    addPath: false,
    entries: [{ peerIndex: 0, originatedTime: 1, pathId: 0, attributes }],
  },
  { kind: 'stateChange', fourOctetAs: true, ...ends, oldState: 5, newState: 6 },
  {
    kind: 'message',
    fourOctetAs: true,
    addPath: false,
    local: false,
    ...ends,
    message: encodeEndOfRib(1),
  },
];
const records = bodies.map((body): MrtRecord => ({ time: 1, microseconds: null, body }));

export const mrt: Target = {
  name: 'mrt',
  promise: 'an MRT file of any bytes: read to its end or to a fault, and what is read survives encoding',
  seeds: () => [...records.map(encodeRecord), Buffer.concat(records.map(encodeRecord))],
  run(input) {
    const seen = new Set<string>();
    const table = new TableView();
    const fault = new RecordFramer().push(input, (time, type, subtype, buf, start, end) => {
      const record = decodeRecord(time, type, subtype, buf, start, end);
      if (record instanceof MrtFault) {
        seen.add(withoutNumbers(record.message));
        return;
      }
      seen.add(record.body.kind);
      for (const row of table.rows(record)) seen.add(row.type);
      if (record.body.kind === 'other') return;
      const bytes = encodeRecord(record);
      deepStrictEqual(
        decodeRecord(time, bytes.readUInt16BE(4), bytes.readUInt16BE(6), bytes, 12, bytes.length),
        record,
      );
    });
    if (fault !== null) seen.add(withoutNumbers(fault.message));
    return seen;
  },
};
