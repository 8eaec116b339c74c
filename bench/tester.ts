/**
 * A BGP peer for benchmarks and tests: feeds a ready table as fast as the socket takes it, or swallows one and
 * counts. Run as a process of its own, inside the namespace it stands for:
 *
 *     node tester.js --asn 65001 --router-id 10.0.0.1 (--connect ADDRESS | --listen ADDRESS) [--port 179]
 *                    [--source ADDRESS] [--table generated:1000000 | mrt:FILE] [--next-hop ADDRESS] [--graceful-restart] [--two-octet-as]
 *                    [--ipv6]
 *                    [--script EVENT:COMMAND]…
 *
 * Commands come as lines on stdin, answers go as JSON lines to stdout; times are milliseconds since the epoch.
 *     announce          send the table                     -> {"event":"sent","at":…}
 *     withdraw          send the table's withdrawal        -> {"event":"sent","at":…}
 *     expect N          once exactly N prefixes are held   -> {"event":"held","count":N,"at":…}
 *     endOfRib          send End-of-RIB
 *     report            what is held                       -> {"event":"report","count":…,"digest":…,…}
 *     raw HEX           send these bytes as they are
 *     quit              close without NOTIFICATION and end
 * Unasked: {"event":"ready"}, {"event":"established"}, {"event":"endOfRib"}, {"event":"notification",…}, {"event":"closed"}.
 *
 * Speaks BGP with code of its own (RFC 4271, IPv4 unicast, 4-octet AS), so that it can judge what src/ does.
 */
import { createServer, connect as dial, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { generatedTable, mrtTable, PrefixDigest, type Table } from './tables.js';

const { values: options } = parseArgs({
  options: {
    asn: { type: 'string' },
    'router-id': { type: 'string' },
    connect: { type: 'string' },
    listen: { type: 'string' },
    port: { type: 'string', default: '179' },
    source: { type: 'string' },
    table: { type: 'string' },
    'next-hop': { type: 'string' },
    'graceful-restart': { type: 'boolean', default: false },
    'two-octet-as': { type: 'boolean', default: false },
    ipv6: { type: 'boolean', default: false },
    script: { type: 'string', multiple: true, default: [] },
  },
});

/** Commands to carry out when an event is said for the first time: `--script EVENT:COMMAND`. */
const script = new Map(options.script.map((line) => line.split(/:(.*)/s, 2) as [string, string]));

function say(event: string, fields: Record<string, unknown> = {}): void {
  process.stdout.write(`${JSON.stringify({ event, at: Date.now(), ...fields })}\n`);
  const next = script.get(event);
  script.delete(event);
  if (next !== undefined) setImmediate(() => command(next));
}

function quad(text: string): number {
  return text.split('.').reduce((value, part) => value * 256 + Number(part), 0);
}

const asn = Number(options.asn);
const routerId = quad(options['router-id'] ?? '');
if (!Number.isInteger(asn) || !Number.isInteger(routerId)) {
  console.error('tester: --asn NUMBER and --router-id ADDRESS are needed');
  process.exit(2);
}

function loadTable(): Table | null {
  if (options.table === undefined) return null;
  const nextHop = quad(options['next-hop'] ?? '');
  const [kind, argument] = options.table.split(/:(.*)/s);
  if (kind === 'generated') return generatedTable(Number(argument), asn, nextHop);
  if (kind === 'mrt') return mrtTable(argument, asn, nextHop);
  throw new Error(`--table: expected generated:COUNT or mrt:FILE, got ${options.table}`);
}

/** What has been announced and not withdrawn, per prefix: an open-addressing set of 37-bit keys. */
class HeldPrefixes {
  private keys = new Float64Array(1 << 16).fill(-1);
  private used = 0;
  readonly digest = new PrefixDigest();
  announced = 0;
  withdrawn = 0;
  /** Announcements of a prefix already held: an attribute change, or a route sent twice. */
  repeated = 0;
  spuriousWithdrawals = 0;

  private slot(key: number): number {
    const mask = this.keys.length - 1;
    let i = (Math.imul((key / 64) | 0, 0x9e3779b1) ^ Math.imul(key % 64, 0x85ebca6b)) >>> 7;
    for (i &= mask; this.keys[i] !== -1; i = (i + 1) & mask) {
      if (this.keys[i] === key || this.keys[i] === -2 - key) return i;
    }
    return i;
  }

  announce(address: number, length: number): void {
    this.announced++;
    const key = address * 64 + length;
    const i = this.slot(key);
    if (this.keys[i] === key) {
      this.repeated++;
      return;
    }
    if (this.keys[i] === -1) this.used++;
    this.keys[i] = key;
    this.digest.add(address, length);
    if (this.used * 2 > this.keys.length) this.grow();
  }

  withdraw(address: number, length: number): void {
    this.withdrawn++;
    const key = address * 64 + length;
    const i = this.slot(key);
    if (this.keys[i] !== key) {
      this.spuriousWithdrawals++;
      return;
    }
    // A tombstone keeps the probe chain whole and remembers its key, so that the slot is found again.
    this.keys[i] = -2 - key;
    this.digest.remove(address, length);
  }

  private grow(): void {
    const old = this.keys;
    this.keys = new Float64Array(old.length * 2).fill(-1);
    this.used = 0;
    for (const key of old) {
      if (key < 0) continue;
      this.keys[this.slot(key)] = key;
      this.used++;
    }
  }
}

const table = loadTable();
const held = new HeldPrefixes();
let expected = -1;
let socket: Socket | null = null;
let rest: Buffer = Buffer.alloc(0);
let updates = 0;

function message(type: number, body: Buffer): Buffer {
  const head = Buffer.alloc(19, 0xff);
  head.writeUInt16BE(19 + body.length, 16);
  head[18] = type;
  return Buffer.concat([head, body]);
}

function open(): Buffer {
  const capabilities = [
    Buffer.from([1, 4, 0, 1, 0, 1]),
    ...(options.ipv6 ? [Buffer.from([1, 4, 0, 2, 0, 1])] : []),
    ...(options['two-octet-as']
      ? []
      : [Buffer.from([65, 4, asn >>> 24, (asn >>> 16) & 255, (asn >>> 8) & 255, asn & 255])]),
    ...(options['graceful-restart'] ? [Buffer.from([64, 6, 0, 120, 0, 1, 1, 0x80])] : []),
  ];
  const all = Buffer.concat(capabilities);
  const body = Buffer.alloc(12);
  body[0] = 4;
  body.writeUInt16BE(asn > 0xffff ? 23456 : asn, 1);
  body.writeUInt16BE(180, 3);
  body.writeUInt32BE(routerId, 5);
  body[9] = all.length + 2;
  body[10] = 2;
  body[11] = all.length;
  return message(1, Buffer.concat([body.subarray(0, 12), all]));
}

function readPrefixes(
  bytes: Buffer,
  from: number,
  to: number,
  each: (address: number, length: number) => void,
): void {
  for (let at = from; at < to; ) {
    const length = bytes[at];
    let address = 0;
    const octets = (length + 7) >> 3;
    for (let i = 0; i < octets; i++) address += bytes[at + 1 + i] * 2 ** (24 - 8 * i);
    each(address >>> 0, length);
    at += 1 + octets;
  }
}

const announce = (address: number, length: number): void => held.announce(address, length);
const withdraw = (address: number, length: number): void => held.withdraw(address, length);

function update(bytes: Buffer, from: number, to: number): void {
  updates++;
  const withdrawn = bytes.readUInt16BE(from);
  const attributes = bytes.readUInt16BE(from + 2 + withdrawn);
  const nlri = from + 4 + withdrawn + attributes;
  if (withdrawn === 0 && attributes === 0 && nlri === to) {
    say('endOfRib');
    return;
  }
  readPrefixes(bytes, from + 2, from + 2 + withdrawn, withdraw);
  readPrefixes(bytes, nlri, to, announce);
}

function received(type: number, bytes: Buffer, from: number, to: number): void {
  switch (type) {
    case 1:
      socket?.write(message(4, Buffer.alloc(0)));
      break;
    case 2:
      update(bytes, from, to);
      break;
    case 3:
      say('notification', {
        code: bytes[from],
        subcode: bytes[from + 1],
        data: bytes.toString('hex', from + 2, to),
      });
      break;
    case 4:
      if (!established) {
        established = true;
        say('established');
      }
      break;
  }
}

let established = false;

function checkExpected(): void {
  if (expected >= 0 && held.digest.count === expected) {
    expected = -1;
    say('held', { count: held.digest.count });
  }
}

function attach(s: Socket): void {
  socket = s;
  rest = Buffer.alloc(0);
  established = false;
  s.setNoDelay(true);
  s.write(open());
  const keepalive = setInterval(() => s.write(message(4, Buffer.alloc(0))), 30_000);
  s.on('data', (chunk: Buffer) => {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let at = 0;
    while (bytes.length - at >= 19) {
      const length = bytes.readUInt16BE(at + 16);
      if (bytes.length - at < length) break;
      received(bytes[at + 18], bytes, at + 19, at + length);
      at += length;
    }
    rest = bytes.subarray(at);
    checkExpected();
  });
  s.on('error', (error) => say('error', { message: error.message }));
  s.on('close', () => {
    clearInterval(keepalive);
    if (socket === s) socket = null;
    say('closed');
  });
}

function command(line: string): void {
  const [verb, argument] = line.trim().split(/\s+/, 2);
  const send = (bytes: Buffer | undefined): void => {
    if (!socket || !bytes) say('error', { message: `can't ${verb}: ${bytes ? 'no session' : 'no --table'}` });
    else socket.write(bytes, () => say('sent', { prefixes: table?.prefixes, digest: table?.digest }));
  };
  switch (verb) {
    case 'announce':
      send(table?.updates);
      return;
    case 'withdraw':
      send(table?.withdrawals);
      return;
    case 'expect':
      expected = Number(argument);
      checkExpected();
      return;
    case 'endOfRib':
      send(message(2, Buffer.alloc(4)));
      return;
    case 'raw':
      send(Buffer.from(argument, 'hex'));
      return;
    case 'report':
      say('report', {
        count: held.digest.count,
        digest: held.digest.toString(),
        announced: held.announced,
        withdrawn: held.withdrawn,
        repeated: held.repeated,
        spuriousWithdrawals: held.spuriousWithdrawals,
        updates,
        cpuSeconds: process.cpuUsage().user / 1e6 + process.cpuUsage().system / 1e6,
      });
      return;
    case 'quit':
      socket?.destroy();
      process.exit(0);
  }
  if (verb) say('error', { message: `unknown command ${verb}` });
}

createInterface({ input: process.stdin })
  .on('line', command)
  .on('close', () => {
    // With a script nobody needs to hold our standard input open.
    if (options.script.length === 0) process.exit(0);
  });

const port = Number(options.port);
if (options.listen !== undefined) {
  createServer(attach).listen(port, options.listen, () =>
    say('ready', { prefixes: table?.prefixes, digest: table?.digest }),
  );
} else if (options.connect !== undefined) {
  const target = { host: options.connect, port, ...(options.source ? { localAddress: options.source } : {}) };
  say('ready', { prefixes: table?.prefixes, digest: table?.digest });
  const tryOnce = (): void => {
    const s = dial(target);
    s.once('connect', () => attach(s));
    // The daemon under test may still be starting.
    s.once('error', () => setTimeout(tryOnce, 20));
  };
  tryOnce();
} else {
  console.error('tester: --connect ADDRESS or --listen ADDRESS is needed');
  process.exit(2);
}
