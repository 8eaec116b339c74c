/** BMP collectors in a node of a lab: our own station, whose bytes are read by test/support/bmp.ts and by tshark; and pmbmpd. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  closeSync,
  existsSync,
  fstatSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type Lab, until } from '../../../interop/index.js';
import { CollectorModel, type TableKind } from '../../support/bmp.js';

const program = fileURLToPath(new URL('bmp-station.mjs', import.meta.url));
const stations = new Set<Station>();

/** Ends every station and removes what it wrote. */
export async function stopStations(): Promise<void> {
  await Promise.all([...stations].map((station) => station.stop()));
  stations.clear();
}

export class Station {
  private readonly folder = mkdtempSync(join(tmpdir(), 'tartan-bmp-'));
  private readonly child: ChildProcess;
  private readonly events: { event: string; number?: number }[] = [];
  private readonly models = new Map<number, { model: CollectorModel; octets: number }>();

  /** Prefixes of sessions have path identifiers. */
  addPath = false;

  private constructor(lab: Lab, node: string) {
    const argv = ['netns', 'exec', lab.node(node).netns, process.execPath, program, this.folder];
    this.child = spawn('ip', argv, { stdio: ['pipe', 'pipe', 'inherit'] });
    if (this.child.stdout === null) throw new Error('no stdout');
    createInterface({ input: this.child.stdout }).on('line', (line) => {
      this.events.push(JSON.parse(line));
    });
    stations.add(this);
  }

  /** A station on `port`; 0: it does not listen yet. */
  static async start(lab: Lab, node: string, port = 11019): Promise<Station> {
    const station = new Station(lab, node);
    if (port !== 0) await station.listen(port);
    return station;
  }

  async listen(port = 11019): Promise<void> {
    const before = this.count('listening');
    this.tell(`listen ${port}`);
    await until('the station listens', () => this.count('listening') > before || undefined);
  }

  tell(command: string): void {
    this.child.stdin?.write(`${command}\n`);
  }

  get connections(): number {
    return this.count('connected');
  }

  untilConnected(number: number): Promise<unknown> {
    return until(`connection ${number} to the station`, () => this.connections >= number || undefined, {
      timeoutSeconds: 60,
    });
  }

  untilClosed(number: number): Promise<unknown> {
    const isClosed = () => this.events.some((event) => event.event === 'closed' && event.number === number);
    return until(`connection ${number} to the station is closed`, () => isClosed() || undefined, {
      timeoutSeconds: 60,
    });
  }

  /** What the collector knows from a connection, the last one unless it is named. */
  model(number = this.connections): CollectorModel {
    const known = this.models.get(number) ?? { model: new CollectorModel(this.addPath), octets: 0 };
    this.models.set(number, known);
    const bytes = this.bytes(number, known.octets);
    known.model.push(bytes);
    known.octets += bytes.length;
    return known.model;
  }

  /** What the connection brought, from an offset on. */
  bytes(number = this.connections, from = 0): Buffer {
    const file = `${this.folder}/${number}.bmp`;
    if (!existsSync(file)) return Buffer.alloc(0);
    const fd = openSync(file, 'r');
    try {
      const bytes = Buffer.alloc(Math.max(0, fstatSync(fd).size - from));
      return bytes.subarray(0, readSync(fd, bytes, 0, bytes.length, from));
    } finally {
      closeSync(fd);
    }
  }

  /** Waits until the model of the newest connection is as `accept` wants it. */
  until<T>(what: string, accept: (model: CollectorModel) => T | undefined | false): Promise<T> {
    return until(
      `the collector: ${what}`,
      () => (this.connections === 0 ? undefined : accept(this.model()) || undefined),
      { timeoutSeconds: 60 },
    );
  }

  async stop(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      const ended = new Promise((resolve) => this.child.once('exit', resolve));
      this.child.kill('SIGKILL');
      await ended;
    }
    rmSync(this.folder, { recursive: true, force: true });
  }

  private count(event: string): number {
    return this.events.filter((each) => each.event === event).length;
  }
}

/** The messages as packets of a TCP connection to port 11019, each in one of its own, as tshark reads them. */
function pcapOf(messages: readonly Buffer[]): Buffer {
  const header = Buffer.alloc(24);
  header.writeUInt32LE(0xa1b2c3d4, 0);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(262144, 16);
  header.writeUInt32LE(101, 20); // raw IP
  const packets: Buffer[] = [header];
  let sent = 1;
  for (const [n, message] of messages.entries()) {
    const packet = Buffer.alloc(16 + 40);
    const length = 40 + message.length;
    packet.writeUInt32LE(n, 0);
    packet.writeUInt32LE(length, 8);
    packet.writeUInt32LE(length, 12);
    const ip = packet.subarray(16);
    ip[0] = 0x45;
    ip.writeUInt16BE(length, 2);
    ip[8] = 64;
    ip[9] = 6;
    ip.set([10, 0, 0, 1, 10, 0, 0, 2], 12);
    ip.writeUInt16BE(40000, 20);
    ip.writeUInt16BE(11019, 22);
    ip.writeUInt32BE(sent, 24);
    ip.writeUInt32BE(1, 28);
    ip[32] = 0x50;
    ip[33] = 0x18;
    ip.writeUInt16BE(65535, 34);
    packets.push(packet, message);
    sent += message.length;
  }
  return Buffer.concat(packets);
}

/** The bytes cut into messages. tshark 4.0 takes the table name of a Peer Up (RFC 9069 §5.3) for BGP: it is left out. */
function messagesOf(bytes: Buffer): Buffer[] {
  const messages: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUInt32BE(at + 1);
    let message = bytes.subarray(at, at + length);
    if (message[5] === 3 && message[6] === 3) {
      const named = Buffer.from('00030006676c6f62616c', 'hex');
      if (!message.subarray(-named.length).equals(named)) throw new Error('the Loc-RIB has no name');
      message = Buffer.from(message.subarray(0, -named.length));
      message.writeUInt32BE(message.length, 1);
    }
    messages.push(message);
    at += length;
  }
  return messages;
}

/** What tshark makes of each message: the values of these fields. Throws where it calls one malformed, or misses one. */
export function tshark(bytes: Buffer, fields: readonly string[]): Record<string, string[]>[] {
  const messages = messagesOf(bytes);
  const folder = mkdtempSync(join(tmpdir(), 'tartan-tshark-'));
  try {
    const file = join(folder, 'bmp.pcap');
    writeFileSync(file, pcapOf(messages));
    const words = ['-r', file, '-d', 'tcp.port==11019,bmp', '-T', 'fields', '-E', 'separator=/t'];
    const wanted = ['bmp.type', ...fields, '_ws.malformed', '_ws.expert.severity', '_ws.expert.message'];
    for (const field of wanted) words.push('-e', field);
    const text = execFileSync('tshark', words, {
      encoding: 'utf8',
      maxBuffer: 1 << 30,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const rows = text
      .split('\n')
      .slice(0, -1)
      .map((line) => {
        const cells = line.split('\t');
        return Object.fromEntries(
          wanted.map((field, i) => [field, cells[i] === '' ? [] : cells[i].split(',')]),
        );
      });
    if (rows.length !== messages.length) throw new Error(`${rows.length} of ${messages.length} messages`);
    for (const row of rows) {
      if (row['bmp.type'].length !== 1 || row['_ws.malformed'].length > 0)
        throw new Error(JSON.stringify(row));
    }
    return rows;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A line of pmbmpd's log. */
export interface PmbmpdLine {
  bmp_msg_type?: string;
  log_type?: 'update' | 'withdraw' | 'delete';
  peer_ip?: string;
  peer_asn?: number;
  peer_type?: number;
  is_post?: number;
  is_loc?: number;
  ip_prefix?: string;
  bgp_nexthop?: string;
  as_path?: string;
  local_pref?: number;
  med?: number;
  comms?: string;
  reason_type?: number;
  [key: string]: unknown;
}

/** pmacct's BMP daemon, listening on port 11020 of every address of a node. */
export class Pmbmpd {
  private constructor(private readonly file: string) {}

  static async start(lab: Lab, name: string): Promise<Pmbmpd> {
    const node = lab.node(name);
    node.write(
      '/run/pmbmpd.conf',
      'bmp_daemon_ip: 0.0.0.0\nbmp_daemon_port: 11020\nbmp_daemon_msglog_file: /run/pmbmpd.json\n',
    );
    const process = await node.spawn(['pmbmpd', '-f', '/run/pmbmpd.conf']);
    await process.untilOutput(/waiting for BMP data/);
    return new Pmbmpd(`${node.directory}/run/pmbmpd.json`);
  }

  lines(): PmbmpdLine[] {
    if (!existsSync(this.file)) return [];
    const text = readFileSync(this.file, 'utf8');
    return text
      .slice(0, text.lastIndexOf('\n') + 1)
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line));
  }

  /** Routes that it holds, by prefix. */
  table(peer: string, kind: TableKind): Map<string, PmbmpdLine> {
    const routes = new Map<string, PmbmpdLine>();
    for (const line of this.lines()) {
      if (line.bmp_msg_type === 'peer_down' && line.peer_ip === peer) routes.clear();
      const lineKind = line.is_loc === 1 ? 'locRib' : line.is_post === 1 ? 'accepted' : 'received';
      if (line.log_type === undefined || line.peer_ip !== peer || lineKind !== kind) continue;
      if (line.log_type !== 'update') routes.delete(String(line.ip_prefix));
      else routes.set(String(line.ip_prefix), line);
    }
    return routes;
  }
}
