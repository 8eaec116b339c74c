import { deepStrictEqual, ok } from 'node:assert';
import {
  decodeNotification,
  decodeOpen,
  decodeRouteRefresh,
  describeNotification,
  encodeNotification,
  encodeOpen,
  encodeRouteRefresh,
  Framer,
  isWireError,
  keepalive,
  MessageType,
} from '../../src/bgp/wire/index.js';
import { type Target, withoutNumbers } from '../target.js';

/** What the messages of a stream come to, in chunks of `size` octets. */
function collect(bytes: Buffer, size: number): string[] {
  const seen: string[] = [];
  const framer = new Framer();
  for (let at = 0; at < bytes.length; at += size) {
    // A chunk of its own, as the socket hands it over.
    const chunk = Buffer.from(bytes.subarray(at, at + size));
    const error = framer.push(chunk, (type, buf, start, end) => {
      seen.push(`${type} ${buf.toString('hex', start, end)}`);
    });
    if (error !== null) {
      seen.push(`${error.code}/${error.subcode} ${error.message}`);
      break;
    }
  }
  return seen;
}

/** Reads one message that is not an UPDATE, and writes it again where it was sound. */
function read(type: number, body: Buffer): string {
  switch (type) {
    case MessageType.open: {
      const open = decodeOpen(body, 0, body.length);
      if (isWireError(open)) {
        ok(open.offset <= body.length);
        return `open ${open.subcode} ${withoutNumbers(open.message)}`;
      }
      const bytes = encodeOpen(open);
      deepStrictEqual(decodeOpen(bytes, 19, bytes.length), open);
      return `open ${[...new Set(open.capabilities.map((each) => each.type))].sort()}`;
    }
    case MessageType.notification: {
      const notification = decodeNotification(body, 0, body.length);
      describeNotification(notification);
      const bytes = encodeNotification(notification);
      deepStrictEqual(decodeNotification(bytes, 19, bytes.length), notification);
      return `notification ${notification.code}/${notification.subcode}`;
    }
    case MessageType.routeRefresh: {
      const refresh = decodeRouteRefresh(body, 0, body.length);
      if (isWireError(refresh)) return 'refresh error';
      const bytes = encodeRouteRefresh(refresh);
      deepStrictEqual(decodeRouteRefresh(bytes, 19, bytes.length), refresh);
      return `refresh ${refresh.subtype}`;
    }
  }
  return String(type);
}

export const stream: Target = {
  name: 'stream',
  promise:
    'a TCP stream of any bytes: the same messages however it is cut; OPEN, NOTIFICATION and ROUTE-REFRESH survive encoding',
  seeds: () => [
    encodeOpen({
      version: 4,
      asn: 4200000000,
      holdTimeSeconds: 90,
      routerId: 0x0a000001,
      capabilities: [
        { type: 'multiprotocol', afi: 1, safi: 1 },
        { type: 'multiprotocol', afi: 2, safi: 1 },
        { type: 'routeRefresh' },
        { type: 'enhancedRouteRefresh' },
        { type: 'extendedMessage' },
        { type: 'fourOctetAs', asn: 4200000000 },
        { type: 'role', role: 3 },
        { type: 'extendedNextHop', families: [{ afi: 1, safi: 1, nextHopAfi: 2 }] },
        { type: 'addPath', families: [{ afi: 1, safi: 1, receives: true, sends: true }] },
        {
          type: 'gracefulRestart',
          restarting: true,
          notification: true,
          restartTimeSeconds: 120,
          families: [{ afi: 1, safi: 1, forwarding: true }],
        },
        {
          type: 'longLivedGracefulRestart',
          families: [{ afi: 2, safi: 1, forwarding: true, staleTimeSeconds: 86400 }],
        },
      ],
    }),
    encodeOpen({
      version: 4,
      asn: 65001,
      holdTimeSeconds: 0,
      routerId: 1,
      capabilities: [
        { type: 'unknown', code: 200, data: Buffer.alloc(200, 1) },
        { type: 'unknown', code: 201, data: Buffer.alloc(200, 2) },
      ],
    }),
    Buffer.concat([
      keepalive,
      encodeNotification({ code: 6, subcode: 2, data: Buffer.from('\x05hello') }),
      encodeRouteRefresh({ afi: 1, safi: 1, subtype: 1 }),
    ]),
  ],
  run(input) {
    const whole = collect(input, input.length);
    for (const size of [1, 7, 19, 23]) deepStrictEqual(collect(input, size), whole);
    return whole.map((each) => {
      const message = /^(\d+) ([0-9a-f]*)$/.exec(each);
      return message === null
        ? withoutNumbers(each)
        : read(Number(message[1]), Buffer.from(message[2], 'hex'));
    });
  },
};
