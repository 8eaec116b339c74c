/**
 * One BGP session of a soaking peer, in code of its own (RFC 4271, IPv4 unicast, 4-octet AS), so that it can judge what
 * src/ does: it dials, announces its table, and remembers what it is sent.
 */
import { connect, type Socket } from 'node:net';

export interface SessionOptions {
  readonly asn: number;
  /** Its own address: source of the connection, BGP Identifier, next hop. */
  readonly address: string;
  readonly daemon: string;
  readonly gracefulRestart: boolean;
  established(): void;
  /** AS_PATH and COMMUNITIES, as sent. */
  announced(prefix: string, what: string): void;
  withdrawn(prefix: string): void;
  closed(): void;
}

const KEEPALIVE_MS = 20_000;
const HOLD_SECONDS = 90;
const MAX_BODY = 4096 - 19;

export function quad(text: string): number {
  return text.split('.').reduce((value, part) => value * 256 + Number(part), 0);
}

/** A whole message. */
export function message(type: number, body: Buffer): Buffer {
  const head = Buffer.alloc(19, 0xff);
  head.writeUInt16BE(19 + body.length, 16);
  head[18] = type;
  return Buffer.concat([head, body]);
}

const keepalive = message(4, Buffer.alloc(0));

function open({ asn, address, gracefulRestart }: SessionOptions): Buffer {
  const capabilities = Buffer.concat([
    Buffer.from([1, 4, 0, 1, 0, 1, 2, 0]),
    Buffer.from([65, 4, asn >>> 24, (asn >>> 16) & 255, (asn >>> 8) & 255, asn & 255]),
    ...(gracefulRestart ? [Buffer.from([64, 6, 0, 120, 0, 1, 1, 0x80])] : []),
  ]);
  const body = Buffer.alloc(12);
  body[0] = 4;
  body.writeUInt16BE(asn > 0xffff ? 23456 : asn, 1);
  body.writeUInt16BE(HOLD_SECONDS, 3);
  body.writeUInt32BE(quad(address), 5);
  body[9] = capabilities.length + 2;
  body[10] = 2;
  body[11] = capabilities.length;
  return message(1, Buffer.concat([body, capabilities]));
}

/** UPDATEs that announce `prefixes` (NLRI each) with these attributes. */
export function* announcing(attributes: Buffer, prefixes: readonly Buffer[]): Generator<Buffer> {
  const head = Buffer.alloc(4);
  head.writeUInt16BE(attributes.length, 2);
  for (const nlri of packed(prefixes, MAX_BODY - 4 - attributes.length)) {
    yield message(2, Buffer.concat([head, attributes, nlri]));
  }
}

export function* withdrawing(prefixes: readonly Buffer[]): Generator<Buffer> {
  for (const nlri of packed(prefixes, MAX_BODY - 4)) {
    const head = Buffer.alloc(2);
    head.writeUInt16BE(nlri.length);
    yield message(2, Buffer.concat([head, nlri, Buffer.alloc(2)]));
  }
}

function* packed(prefixes: readonly Buffer[], room: number): Generator<Buffer> {
  let from = 0;
  let octets = 0;
  for (let i = 0; i < prefixes.length; i++) {
    if (octets + prefixes[i].length > room) {
      yield Buffer.concat(prefixes.slice(from, i));
      from = i;
      octets = 0;
    }
    octets += prefixes[i].length;
  }
  if (octets > 0) yield Buffer.concat(prefixes.slice(from));
}

/** `198.51.100.0/24` out of NLRI. */
export function prefixText(bytes: Buffer, at: number): string {
  const length = bytes[at];
  const octets = [0, 0, 0, 0];
  for (let i = 0; i < (length + 7) >> 3; i++) octets[i] = bytes[at + 1 + i];
  const last = length >> 3;
  if (last < 4) octets[last] &= 0xff00 >> (length & 7);
  return `${octets.join('.')}/${length}`;
}

export class Session {
  isEstablished = false;
  private readonly socket: Socket;
  private rest: Buffer = Buffer.alloc(0);
  private readonly beat: NodeJS.Timeout;

  constructor(private readonly options: SessionOptions) {
    const { address, daemon } = options;
    this.socket = connect({ host: daemon, port: 179, localAddress: address, noDelay: true });
    this.socket.once('connect', () => this.socket.write(open(options)));
    this.socket.on('data', (chunk: Buffer) => this.received(chunk));
    this.socket.on('error', () => {});
    this.socket.once('end', () => this.socket.destroy());
    this.socket.once('close', () => {
      clearInterval(this.beat);
      options.closed();
    });
    this.beat = setInterval(() => this.socket.write(keepalive), KEEPALIVE_MS);
  }

  send(bytes: Buffer): void {
    this.socket.write(bytes);
  }

  /** Octets that TCP has not taken. */
  get unsent(): number {
    return this.socket.writableLength;
  }

  /** As a crash does: RST, or FIN. */
  drop(reset: boolean): void {
    if (reset) this.socket.resetAndDestroy();
    else this.socket.destroy();
  }

  /** As an operator does: Cease, Administrative Shutdown. */
  cease(): void {
    this.socket.end(message(3, Buffer.from([6, 2])));
  }

  /** Reads nothing for a while, as a slow peer does. */
  stall(milliseconds: number): void {
    this.socket.pause();
    setTimeout(() => this.socket.resume(), milliseconds);
  }

  private received(chunk: Buffer): void {
    const bytes = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk]);
    let at = 0;
    while (bytes.length - at >= 19) {
      const length = bytes.readUInt16BE(at + 16);
      if (bytes.length - at < length) break;
      this.read(bytes[at + 18], bytes, at + 19, at + length);
      at += length;
    }
    this.rest = bytes.subarray(at);
  }

  private read(type: number, bytes: Buffer, from: number, to: number): void {
    if (type === 1) this.socket.write(keepalive);
    else if (type === 2) this.update(bytes, from, to);
    else if (type === 4 && !this.isEstablished) {
      this.isEstablished = true;
      this.options.established();
    }
  }

  private update(bytes: Buffer, from: number, to: number): void {
    const withdrawnEnd = from + 2 + bytes.readUInt16BE(from);
    for (let at = from + 2; at < withdrawnEnd; at += 1 + ((bytes[at] + 7) >> 3)) {
      this.options.withdrawn(prefixText(bytes, at));
    }
    const attributesEnd = withdrawnEnd + 2 + bytes.readUInt16BE(withdrawnEnd);
    if (attributesEnd === to) return;
    let what = '';
    for (let at = withdrawnEnd + 2; at < attributesEnd; ) {
      const isExtended = (bytes[at] & 0x10) !== 0;
      const start = at + (isExtended ? 4 : 3);
      const end = start + (isExtended ? bytes.readUInt16BE(at + 2) : bytes[at + 2]);
      if (bytes[at + 1] === 2 || bytes[at + 1] === 8)
        what += `${bytes[at + 1]}:${bytes.toString('hex', start, end)} `;
      at = end;
    }
    for (let at = attributesEnd; at < to; at += 1 + ((bytes[at] + 7) >> 3)) {
      this.options.announced(prefixText(bytes, at), what);
    }
  }
}

/** The AS numbers of an AS_PATH in `announced`'s words, in order: `65001 65002`. */
export function asnsOf(what: string): string {
  const hex = /(?:^| )2:([0-9a-f]*)/.exec(what)?.[1] ?? '';
  const bytes = Buffer.from(hex, 'hex');
  const asns: number[] = [];
  for (let at = 0; at < bytes.length; at += 2 + 4 * bytes[at + 1]) {
    for (let i = 0; i < bytes[at + 1]; i++) asns.push(bytes.readUInt32BE(at + 2 + 4 * i));
  }
  return asns.join(' ');
}
