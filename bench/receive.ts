/**
 * What it costs to receive a table, stage by stage: each stage does what the one before it does and one thing more, over the
 * same UPDATEs, so that differences are the price of that one thing. Medians of some rounds, the first of which warms up.
 */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { Worker } from 'node:worker_threads';
import { Framer, nlriOctets, nlriWord, UpdateDecoder } from '../src/bgp/wire/index.js';
import type { AttrSetId, SourceId } from '../src/rib/ids.js';
import { Rib } from '../src/rib/rib.js';
import { median } from './runner.js';
import type { Table } from './tables.js';

export interface StageCost {
  readonly stage: string;
  /** CPU of this stage and those before it. */
  readonly milliseconds: number;
  /** Of this stage alone. */
  readonly nsPerUpdate: number;
  readonly nsPerPrefix: number;
}

const ROUNDS = 5;
/** What Node reads from a socket at a time. */
const CHUNK = 65536;
const context = { fourOctetAs: true, ebgp: true };

/** Milliseconds of CPU that the main thread has had: other work on the machine does not count. */
function cpuMilliseconds(): number {
  return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ')[0]) / 1e6;
}

/** What is done with each UPDATE. */
type Stage = 'framing' | 'decoding' | 'attribute sets' | 'prefixes' | 'paths' | 'decision';
const stages: readonly Stage[] = ['framing', 'decoding', 'attribute sets', 'prefixes', 'paths', 'decision'];

function round(table: Table, depth: number, nextHop: number): number {
  const framer = new Framer();
  const decoder = new UpdateDecoder();
  const rib = new Rib();
  const [ipv4] = rib.families;
  rib.nextHops.setInterfaces([
    { ifindex: 2, address: { family: 0, a: nextHop | 1, b: 0, c: 0, d: 0, length: 24 }, peer: null },
  ]);
  const source: SourceId = rib.addSource({
    kind: 'bgp',
    name: 'feeder',
    preference: 100,
    ibgp: false,
    client: false,
    routerId: 1,
    peerAddress: { family: 0, a: nextHop, b: 0, c: 0, d: 0 },
    remoteAsn: 65001,
    forwarding: 'nextHop',
  });
  const message = (_: number, buf: Buffer, start: number, end: number): void => {
    if (depth < 1) return;
    const update = decoder.decode(buf, start, end, context);
    if (update.error !== null) throw new Error(`the table has a bad UPDATE: ${update.error.message}`);
    if (depth < 2) return;
    const { canonical, canonicalStart, canonicalEnd } = update;
    const set: AttrSetId = rib.sets.intern(canonical, canonicalStart[0], canonicalEnd[0]);
    if (depth < 3) return;
    for (let at = update.nlriStart; at < update.nlriEnd; at += nlriOctets(buf[at])) {
      const prefix = ipv4.prefixes.intern4(nlriWord(buf, at, 0), buf[at]);
      if (depth >= 4) ipv4.announce(source, prefix, set, set);
    }
    if (depth >= 4) rib.sets.release(set);
    if (depth >= 5 && rib.dirtyCount > 4096) rib.decide(Number.POSITIVE_INFINITY);
  };
  const begin = cpuMilliseconds();
  for (let at = 0; at < table.updates.length; at += CHUNK) {
    framer.push(table.updates.subarray(at, at + CHUNK), message);
  }
  if (depth >= 5) rib.decide(Number.POSITIVE_INFINITY);
  const milliseconds = cpuMilliseconds() - begin;
  if (depth >= 5 && ipv4.bestCount !== table.prefixes) throw new Error('best paths and table differ');
  return milliseconds;
}

/** Milliseconds of CPU in which a bare reader takes the table from a socket and cuts it into messages; a thread of its own writes it. */
async function overSocket(table: Table): Promise<number> {
  const shared = new SharedArrayBuffer(table.updates.length);
  table.updates.copy(Buffer.from(shared));
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port to listen on');
  const writer = new Worker(
    `const { workerData, parentPort } = require('node:worker_threads');
    const socket = require('node:net').connect(workerData.port, '127.0.0.1', () => {
      parentPort.once('message', () => socket.end(Buffer.from(workerData.bytes)));
      parentPort.postMessage('connected');
    });`,
    { eval: true, workerData: { port: address.port, bytes: shared } },
  );
  const [[socket]] = (await Promise.all([once(server, 'connection'), once(writer, 'message')])) as [
    [Socket],
    unknown,
  ];
  const framer = new Framer();
  let messages = 0;
  socket.on('data', (chunk: Buffer) => {
    framer.push(chunk, () => void messages++);
  });
  const begin = cpuMilliseconds();
  writer.postMessage('write');
  await once(socket, 'end');
  const milliseconds = cpuMilliseconds() - begin;
  if (messages !== table.messages) throw new Error(`${messages} messages came, ${table.messages} were sent`);
  socket.destroy();
  server.close();
  await writer.terminate();
  return milliseconds;
}

/** `nextHop`: that of the table's routes. */
export async function receiveBench(table: Table, nextHop: number): Promise<StageCost[]> {
  const costs: StageCost[] = [];
  let before = 0;
  const note = (stage: string, milliseconds: number, since: number): void => {
    const alone = (milliseconds - since) * 1e6;
    costs.push({
      stage,
      milliseconds,
      nsPerUpdate: alone / table.messages,
      nsPerPrefix: alone / table.prefixes,
    });
  };
  stages.forEach((stage, depth) => {
    const rounds = Array.from({ length: ROUNDS + 1 }, () => round(table, depth, nextHop)).slice(1);
    const milliseconds = median(rounds);
    note(stage, milliseconds, before);
    before = milliseconds;
  });
  const reads: number[] = [];
  for (let i = 0; i <= ROUNDS; i++) reads.push(await overSocket(table));
  note('a bare reader of a socket, with framing', median(reads.slice(1)), 0);
  return costs;
}
