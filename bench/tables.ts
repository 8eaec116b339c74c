/**
 * Routing tables to feed: as ready BGP UPDATE messages in one buffer, so that the feeder's work is a write.
 *
 * Two origins: a generated table (any size, the shape of real ones: several prefixes per attribute set, lengths
 * mostly /24), and a real one out of an MRT TABLE_DUMP_V2 file (RFC 6396 §4.3). Written independently of src/, so
 * that a mistake there can't hide here.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

export interface Table {
  /** UPDATE messages, whole ones, back to back. */
  readonly updates: Buffer;
  /** The same table taken back: UPDATEs with withdrawn routes only. */
  readonly withdrawals: Buffer;
  readonly prefixes: number;
  readonly messages: number;
  /** Order-independent digest of the set of prefixes, see `PrefixDigest`. */
  readonly digest: string;
}

/** Sums two 32-bit hashes over a set of prefixes: equal sets give equal digests whatever their order. */
export class PrefixDigest {
  private sum = 0;
  private xor = 0;
  count = 0;

  add(address: number, length: number): void {
    this.mix(address, length, 1);
  }

  remove(address: number, length: number): void {
    this.mix(address, length, -1);
  }

  private mix(address: number, length: number, sign: 1 | -1): void {
    let h = (Math.imul(address, 0x9e3779b1) ^ Math.imul(length + 1, 0x85ebca6b)) >>> 0;
    h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d);
    h = Math.imul(h ^ (h >>> 12), 0x297a2d39);
    h = (h ^ (h >>> 15)) >>> 0;
    this.sum = (this.sum + sign * h) % 0x1fffffffffffff;
    this.xor = (this.xor ^ h) >>> 0;
    this.count += sign;
  }

  toString(): string {
    return `${this.count}:${this.sum}:${this.xor}`;
  }
}

export interface RouteGroup {
  /** Path attributes as on the wire, NEXT_HOP included. */
  readonly attributes: Buffer;
  /** Prefixes, packed as NLRI. */
  readonly nlri: Buffer;
  readonly count: number;
}

const maxMessage = 4096;

function header(length: number): Buffer {
  const bytes = Buffer.alloc(19, 0xff);
  bytes.writeUInt16BE(length, 16);
  bytes[18] = 2;
  return bytes;
}

/** Splits NLRI bytes into pieces of at most `room` bytes at prefix boundaries. */
function* pieces(nlri: Buffer, room: number): Generator<Buffer> {
  let start = 0;
  let at = 0;
  while (at < nlri.length) {
    const next = at + 1 + ((nlri[at] + 7) >> 3);
    if (next - start > room) {
      yield nlri.subarray(start, at);
      start = at;
    }
    at = next;
  }
  if (at > start) yield nlri.subarray(start, at);
}

/** UPDATEs for groups of IPv4 prefixes, and their withdrawal. */
export function assemble(groups: Iterable<RouteGroup>): Table {
  const updates: Buffer[] = [];
  const allNlri: Buffer[] = [];
  let prefixes = 0;
  let messages = 0;
  const digest = new PrefixDigest();
  for (const group of groups) {
    prefixes += group.count;
    allNlri.push(group.nlri);
    for (let at = 0; at < group.nlri.length; ) {
      const length = group.nlri[at];
      const bytes = (length + 7) >> 3;
      let address = 0;
      for (let i = 0; i < bytes; i++) address += group.nlri[at + 1 + i] * 2 ** (24 - 8 * i);
      digest.add(address >>> 0, length);
      at += 1 + bytes;
    }
    for (const piece of pieces(group.nlri, maxMessage - 23 - group.attributes.length)) {
      const lengths = Buffer.alloc(4);
      lengths.writeUInt16BE(group.attributes.length, 2);
      updates.push(header(23 + group.attributes.length + piece.length), lengths, group.attributes, piece);
      messages++;
    }
  }
  const withdrawals: Buffer[] = [];
  for (const piece of pieces(Buffer.concat(allNlri), maxMessage - 23)) {
    const length = Buffer.alloc(2);
    length.writeUInt16BE(piece.length);
    withdrawals.push(header(23 + piece.length), length, piece, Buffer.alloc(2));
  }
  return {
    updates: Buffer.concat(updates),
    withdrawals: Buffer.concat(withdrawals),
    prefixes,
    messages,
    digest: digest.toString(),
  };
}

/** UPDATEs for groups of IPv6 prefixes (RFC 4760) whose attributes lack a next hop, and their withdrawal. */
export function assemble6(
  groups: Iterable<RouteGroup>,
  nextHop: Buffer,
): Pick<Table, 'updates' | 'withdrawals'> {
  const updates: Buffer[] = [];
  const allNlri: Buffer[] = [];
  const message = (attributes: Buffer): Buffer => {
    const lengths = Buffer.alloc(4);
    lengths.writeUInt16BE(attributes.length, 2);
    return Buffer.concat([header(23 + attributes.length), lengths, attributes]);
  };
  const familyHead = Buffer.from([0, 2, 1]);
  for (const { attributes, nlri } of groups) {
    allNlri.push(nlri);
    const head = Buffer.concat([familyHead, Buffer.from([16]), nextHop, Buffer.alloc(1)]);
    for (const piece of pieces(nlri, maxMessage - 27 - attributes.length - head.length))
      updates.push(message(Buffer.concat([attribute(0x80, 14, Buffer.concat([head, piece])), attributes])));
  }
  const withdrawals = [...pieces(Buffer.concat(allNlri), maxMessage - 30)].map((piece) =>
    message(attribute(0x80, 15, Buffer.concat([familyHead, piece]))),
  );
  return { updates: Buffer.concat(updates), withdrawals: Buffer.concat(withdrawals) };
}

/** One path attribute as on the wire. */
export function attribute(flags: number, type: number, value: Buffer): Buffer {
  return value.length > 255
    ? Buffer.concat([Buffer.from([flags | 0x10, type, value.length >> 8, value.length & 255]), value])
    : Buffer.concat([Buffer.from([flags, type, value.length]), value]);
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** The same numbers for the same seed, below 2^32. */
export function randomNumbers(seed = 0x2545f491): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

/**
 * Path attributes as a real table has them, but for the next hop: a path of `asn` and up to five more, sometimes a MED,
 * every other time a community. Internal ones have a LOCAL_PREF. NEXT_HOP comes third where it is given.
 */
export function generatedAttributes(
  random: () => number,
  asn: number,
  nextHop: number | null,
  internal = false,
): Buffer {
  const hops = [asn];
  for (let i = 0, n = 1 + (random() % 5); i < n; i++) hops.push(1000 + (random() % 60000));
  const path = Buffer.alloc(2 + 4 * hops.length);
  path[0] = 2;
  path[1] = hops.length;
  hops.forEach((as, i) => void path.writeUInt32BE(as, 2 + 4 * i));
  const parts = [attribute(0x40, 1, Buffer.from([0])), attribute(0x40, 2, path)];
  if (nextHop !== null) parts.push(attribute(0x40, 3, u32(nextHop)));
  if (random() % 4 === 0) parts.push(attribute(0x80, 4, u32(random() % 200)));
  if (internal) parts.push(attribute(0x40, 5, u32(100)));
  if (random() % 2 === 0)
    parts.push(attribute(0xc0, 8, u32((((asn & 0xffff) << 16) | (random() % 5000)) >>> 0)));
  return Buffer.concat(parts);
}

/**
 * `count` distinct IPv4 prefixes under 1.0.0.0 and up, about five to an attribute set, announced by `asn` with
 * `nextHop` (u32); `internal`: as iBGP. The same arguments give the same table.
 */
export function generatedTable(count: number, asn: number, nextHop: number, internal = false): Table {
  const random = randomNumbers();
  function* groups(): Generator<RouteGroup> {
    let made = 0;
    // Walks the address space in steps of a /24, so that no prefix is made twice.
    let cursor = 0x01000000;
    while (made < count) {
      const size = Math.min(count - made, 1 + (random() % 9));
      const attributes = generatedAttributes(random, asn, nextHop, internal);
      const nlri = Buffer.alloc(size * 4);
      for (let i = 0; i < size; i++) {
        nlri[4 * i] = 24;
        nlri[4 * i + 1] = cursor >>> 24;
        nlri[4 * i + 2] = (cursor >>> 16) & 255;
        nlri[4 * i + 3] = (cursor >>> 8) & 255;
        cursor += 0x100;
        if (cursor >>> 24 === 10) cursor = 0x0b000000;
        if (cursor >>> 24 === 127) cursor = 0x80000000;
      }
      made += size;
      yield { attributes, nlri, count: size };
    }
  }
  return assemble(groups());
}

/** Reads a file that may be gzipped or bzip2-ed (through the `bzip2` command). */
export function readCompressed(path: string): Buffer {
  if (path.endsWith('.gz')) return gunzipSync(readFileSync(path));
  if (path.endsWith('.bz2')) {
    const { stdout, error } = spawnSync('bzip2', ['-dc', path], { maxBuffer: 1 << 30 });
    if (error) throw new Error(`can't run bzip2 to read ${path}: ${error.message}`);
    return stdout;
  }
  return readFileSync(path);
}

/** Rewrites the attributes of a route: next hop to ours, own AS in front, LOCAL_PREF and MP attributes dropped. */
export function rewriteAttributes(bytes: Buffer, asn: number, nextHop: number): Buffer {
  const parts: Buffer[] = [];
  let nextHopWritten = false;
  for (let at = 0; at < bytes.length; ) {
    const flags = bytes[at];
    const type = bytes[at + 1];
    const extended = (flags & 0x10) !== 0;
    const length = extended ? bytes.readUInt16BE(at + 2) : bytes[at + 2];
    const start = at + (extended ? 4 : 3);
    const value = bytes.subarray(start, start + length);
    at = start + length;
    if (type === 14 || type === 15 || type === 5) continue;
    if (type === 3) {
      parts.push(attribute(0x40, 3, u32(nextHop)));
      nextHopWritten = true;
    } else if (type === 2) {
      const sequence = value.length >= 2 && value[0] === 2 && value[1] < 255;
      const path = sequence
        ? Buffer.concat([Buffer.from([2, value[1] + 1]), u32(asn), value.subarray(2)])
        : Buffer.concat([Buffer.from([2, 1]), u32(asn), value]);
      parts.push(attribute(0x40, 2, path));
    } else {
      parts.push(attribute(flags & ~0x10, type, value));
    }
  }
  if (!nextHopWritten) parts.splice(2, 0, attribute(0x40, 3, u32(nextHop)));
  return Buffer.concat(parts);
}

/**
 * The IPv4 feed of one peer out of an MRT TABLE_DUMP_V2 file, attributes as they stand there: the peer with the most
 * entries, or `peerIndex`. Prefixes that share an attribute set are one group.
 */
export function mrtGroups(path: string, peerIndex?: number): RouteGroup[] {
  const bytes = readCompressed(path);
  const perPeer = new Map<number, number>();
  const entries = function* (): Generator<{ peer: number; nlri: Buffer; attributes: Buffer }> {
    for (let at = 0; at + 12 <= bytes.length; ) {
      const type = bytes.readUInt16BE(at + 4);
      const subtype = bytes.readUInt16BE(at + 6);
      const end = at + 12 + bytes.readUInt32BE(at + 8);
      if (end > bytes.length) return;
      if (type === 13 && subtype === 2) {
        let p = at + 16;
        const nlri = bytes.subarray(p, p + 1 + ((bytes[p] + 7) >> 3));
        p += nlri.length;
        const count = bytes.readUInt16BE(p);
        p += 2;
        for (let i = 0; i < count; i++) {
          const length = bytes.readUInt16BE(p + 6);
          yield { peer: bytes.readUInt16BE(p), nlri, attributes: bytes.subarray(p + 8, p + 8 + length) };
          p += 8 + length;
        }
      }
      at = end;
    }
  };
  for (const { peer } of entries()) perPeer.set(peer, (perPeer.get(peer) ?? 0) + 1);
  const wanted = peerIndex ?? [...perPeer].sort((x, y) => y[1] - x[1])[0]?.[0];
  if (wanted === undefined) throw new Error(`${path} holds no IPv4 RIB entries`);
  const groups = new Map<string, Buffer[]>();
  for (const { peer, nlri, attributes } of entries()) {
    if (peer !== wanted) continue;
    const key = attributes.toString('latin1');
    const list = groups.get(key);
    if (list) list.push(nlri);
    else groups.set(key, [nlri]);
  }
  return [...groups].map(([key, nlri]) => ({
    attributes: Buffer.from(key, 'latin1'),
    nlri: Buffer.concat(nlri),
    count: nlri.length,
  }));
}

/** Such groups as `asn` announces them with `nextHop` (u32). */
export function fedBy(groups: readonly RouteGroup[], asn: number, nextHop: number): Table {
  return assemble(groups.map((g) => ({ ...g, attributes: rewriteAttributes(g.attributes, asn, nextHop) })));
}

/** The feed of the largest peer of an MRT file, or of `peerIndex`, as `asn` announces it with `nextHop` (u32). */
export function mrtTable(path: string, asn: number, nextHop: number, peerIndex?: number): Table {
  return fedBy(mrtGroups(path, peerIndex), asn, nextHop);
}
