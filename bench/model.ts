/**
 * What a sink must hold in the end, worked out from the octets that feeders send: a reader of UPDATEs of its own, apart
 * from src/ and from the testers in C, so that the three check each other.
 */

/** Every prefix that occurs in a load, numbered in the order of its first appearance. */
export class Universe {
  private readonly v4 = new Map<number, number>();
  private readonly v6 = new Map<string, number>();
  /** Records of 18 octets: family (4 or 6), length, address. */
  private records = Buffer.alloc(18 << 10);
  size = 0;

  /** The number of the prefix at `at` of `bytes` (length octet, then the address's octets), a new one where it is new. */
  index(family: 4 | 6, bytes: Buffer, at: number): number {
    const length = bytes[at];
    const octets = (length + 7) >> 3;
    let found: number | undefined;
    if (family === 4) {
      let key = length;
      for (let i = 0; i < octets; i++) key += bytes[at + 1 + i] * 2 ** (32 - 8 * i);
      found = this.v4.get(key);
      if (found === undefined) this.v4.set(key, this.size);
    } else {
      const key = bytes.toString('latin1', at, at + 1 + octets);
      found = this.v6.get(key);
      if (found === undefined) this.v6.set(key, this.size);
    }
    if (found !== undefined) return found;
    const start = this.size * 18;
    if (start + 18 > this.records.length) this.records = Buffer.concat([this.records, Buffer.alloc(start)]);
    this.records[start] = family;
    bytes.copy(this.records, start + 1, at, at + 1 + octets);
    return this.size++;
  }

  bytes(): Buffer {
    return this.records.subarray(0, this.size * 18);
  }

  /** Of a prefix by its number, as `a.b.c.d/length`; IPv4 only. */
  cidr(index: number): string {
    const record = this.records.subarray(index * 18, index * 18 + 18);
    return `${record.subarray(2, 6).join('.')}/${record[1]}`;
  }
}

/** A route as a policy of the model sees it. */
export interface ModelRoute {
  readonly prefix: number;
  readonly length: number;
  readonly communities: readonly number[];
}

export interface View {
  /** AS number that the daemon puts in front (eBGP); null: the path stays (iBGP). */
  readonly prepend: number | null;
  /** The communities of the accepted route, or null where it is rejected. Without it: all as they came. */
  readonly policy?: (route: ModelRoute) => readonly number[] | null;
}

/** 32-bit mix of a community; the sum over all of them does not depend on their order. */
function mix(value: number): number {
  let h = Math.imul(value ^ (value >>> 15), 0x2c1b3c6d);
  h = Math.imul(h ^ (h >>> 12), 0x297a2d39);
  return h ^ (h >>> 15);
}

function pathHash(path: Buffer, prepend: number | null): number {
  let bytes = path;
  if (prepend !== null) {
    const asn = [prepend >>> 24, (prepend >>> 16) & 255, (prepend >>> 8) & 255, prepend & 255];
    const extend = path.length > 0 && path[0] === 2 && path[1] < 255;
    bytes = extend
      ? Buffer.concat([Buffer.from([2, path[1] + 1, ...asn]), path.subarray(2)])
      : Buffer.concat([Buffer.from([2, 1, ...asn]), path]);
  }
  let h = 0x811c9dc5;
  for (const octet of bytes) h = Math.imul(h ^ octet, 0x01000193);
  return h;
}

/** What a sink keeps per prefix; see native/peers.c. Never 0, which stands for no route. */
export function signature(path: Buffer, communities: readonly number[], prepend: number | null): number {
  let h = pathHash(path, prepend);
  for (const community of communities) h += mix(community);
  return (h | 1) >>> 0;
}

/** The table of a sink: a signature per prefix, 0 for none. */
export class Holding {
  private signatures = new Uint32Array(1 << 10);
  count = 0;

  constructor(private readonly universe: Universe) {}

  get(index: number): number {
    return this.signatures[index] ?? 0;
  }

  set(index: number, value: number): void {
    if (index >= this.signatures.length) {
      const larger = new Uint32Array(Math.max(this.signatures.length * 2, index + 1));
      larger.set(this.signatures);
      this.signatures = larger;
    }
    this.count += Number(value !== 0) - Number(this.signatures[index] !== 0);
    this.signatures[index] = value;
  }

  /** As native/peers.c takes it: one word per prefix of the universe, in host order. */
  bytes(): Buffer {
    const all = new Uint32Array(this.universe.size);
    all.set(this.signatures.subarray(0, this.universe.size));
    return Buffer.from(all.buffer);
  }

  copy(): Holding {
    const other = new Holding(this.universe);
    other.signatures = this.signatures.slice();
    other.count = this.count;
    return other;
  }
}

/** Plays UPDATE messages, whole and back to back, on a table that starts with `holding`; changes it in place. */
export function play(universe: Universe, holding: Holding, updates: Buffer, view: View): void {
  const take = (
    family: 4 | 6,
    from: number,
    to: number,
    value: (index: number, length: number) => number,
  ): void => {
    for (let at = from; at < to; at += 1 + ((updates[at] + 7) >> 3)) {
      const index = universe.index(family, updates, at);
      holding.set(index, value(index, updates[at]));
    }
  };
  const none = (): number => 0;
  for (let at = 0; at < updates.length; ) {
    const end = at + updates.readUInt16BE(at + 16);
    const withdrawnEnd = at + 21 + updates.readUInt16BE(at + 19);
    const attributesEnd = withdrawnEnd + 2 + updates.readUInt16BE(withdrawnEnd);
    let path: Buffer = Buffer.alloc(0);
    let communities: number[] = [];
    let reach: readonly [number, number] = [0, 0];
    take(4, at + 21, withdrawnEnd, none);
    for (let a = withdrawnEnd + 2; a < attributesEnd; ) {
      const extended = (updates[a] & 0x10) !== 0;
      const type = updates[a + 1];
      const value = a + (extended ? 4 : 3);
      const valueEnd = value + (extended ? updates.readUInt16BE(a + 2) : updates[a + 2]);
      if (type === 2) path = updates.subarray(value, valueEnd);
      else if (type === 8) {
        communities = [];
        for (let c = value; c < valueEnd; c += 4) communities.push(updates.readUInt32BE(c));
      } else if (type === 14) reach = [value + 5 + updates[value + 3], valueEnd];
      else if (type === 15) take(6, value + 3, valueEnd, none);
      a = valueEnd;
    }
    const { policy, prepend } = view;
    const whole = policy ? 0 : signature(path, communities, prepend);
    const announced = (index: number, length: number): number => {
      if (!policy) return whole;
      const accepted = policy({ prefix: index, length, communities });
      return accepted === null ? 0 : signature(path, accepted, prepend);
    };
    take(6, ...reach, announced);
    take(4, attributesEnd, end, announced);
    at = end;
  }
}
