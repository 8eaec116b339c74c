/**
 * The peer of load `start-up`: waits for the daemon to dial, or dials it every ten milliseconds, and tells when the
 * session is up: when the daemon's KEEPALIVE has come that answers the OPEN. A BGP speaker of a few lines of its own.
 *
 * Arguments: `dial` or `wait`, AS number, own address (its router id, too), the daemon's address. Events as JSON lines:
 * `ready`, `established` with `at` in milliseconds since the epoch.
 */
import { connect, createServer, type Socket } from 'node:net';

const dialGapMs = 10;
const [mode, asnText, own, daemon] = process.argv.slice(2);
const asn = Number(asnText);
const octets = (address: string): number[] => address.split('.').map(Number);
const word = (value: number): number[] => [
  value >>> 24,
  (value >>> 16) & 255,
  (value >>> 8) & 255,
  value & 255,
];

function message(type: number, body: readonly number[]): Buffer {
  const length = 19 + body.length;
  return Buffer.from([...Array<number>(16).fill(0xff), length >> 8, length & 255, type, ...body]);
}

/** IPv4 unicast, four-octet AS numbers (RFC 4760, RFC 6793); hold time 90 s. */
function open(): Buffer {
  const capabilities = [1, 4, 0, 1, 0, 1, 65, 4, ...word(asn)];
  const parameters = [2, capabilities.length, ...capabilities];
  return message(1, [4, asn >> 8, asn & 255, 0, 90, ...octets(own), parameters.length, ...parameters]);
}

function tell(event: string): void {
  process.stdout.write(`${JSON.stringify({ event, at: Date.now() })}\n`);
}

function speak(socket: Socket): void {
  let received = Buffer.alloc(0);
  socket.setNoDelay(true);
  socket.write(open());
  socket.on('data', (chunk) => {
    received = Buffer.concat([received, chunk]);
    while (received.length >= 19 && received.length >= received.readUInt16BE(16)) {
      const type = received[18];
      received = received.subarray(received.readUInt16BE(16));
      if (type === 1) socket.write(message(4, []));
      else if (type === 4) tell('established');
    }
  });
}

function dial(): void {
  const socket = connect({ host: daemon, port: 179, localAddress: own });
  socket.on('error', () => setTimeout(dial, dialGapMs));
  socket.once('connect', () => {
    // What fails from here on is no session: the run misses it.
    socket.removeAllListeners('error');
    socket.on('error', () => {});
    speak(socket);
  });
}

if (mode === 'dial') {
  tell('ready');
  dial();
} else {
  createServer((socket) => {
    socket.on('error', () => {});
    speak(socket);
  }).listen(179, own, () => tell('ready'));
}
