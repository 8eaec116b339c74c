/**
 * Addresses and prefixes as every layer carries them: 32-bit words in host order, one for IPv4 and four for IPv6,
 * never strings or BigInt where routes are many. Text is for people: it is read and written here alone.
 *
 * IPv6 text is written as RFC 5952 demands (lower case, longest run of zeros shortened, the first one on a tie).
 */

/** 0 = IPv4, 1 = IPv6. Indexes arrays that hold one thing per family. */
export type FamilyIndex = 0 | 1;
export const IPV4 = 0 as const;
export const IPV6 = 1 as const;
export type Family = 'ipv4' | 'ipv6';
export const familyNames: readonly [Family, Family] = ['ipv4', 'ipv6'];

export function familyIndex(family: Family): FamilyIndex {
  return family === 'ipv4' ? IPV4 : IPV6;
}

/** An address. IPv4 has `a` alone (b, c, d are 0); IPv6 has all four, `a` being the most significant. Unsigned. */
export interface Address {
  readonly family: FamilyIndex;
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly d: number;
}

/** An address with a prefix length; host bits are zero in a prefix and may be set in an interface address. */
export interface Prefix extends Address {
  /** Bits, 0 to 32 or 0 to 128. */
  readonly length: number;
}

/** `::`, which is nobody's address. */
export const unspecified6: Address = { family: IPV6, a: 0, b: 0, c: 0, d: 0 };

const decimalOctet = /^(0|[1-9][0-9]{0,2})$/;

function parseIpv4(text: string): number | null {
  const parts = text.split('.');
  if (parts.length !== 4) return null;
  let value = 0;
  for (const part of parts) {
    if (!decimalOctet.test(part)) return null;
    const octet = Number(part);
    if (octet > 255) return null;
    value = value * 256 + octet;
  }
  return value;
}

function parseIpv6(text: string): Address | null {
  let head = text;
  const tail: number[] = [];
  const dot = text.indexOf('.');
  if (dot >= 0) {
    const colon = text.lastIndexOf(':');
    const embedded = parseIpv4(text.slice(colon + 1));
    if (embedded === null || colon < 0) return null;
    tail.push(embedded >>> 16, embedded & 0xffff);
    head = text.slice(0, colon + 1);
    if (!head.endsWith('::')) head = head.slice(0, -1);
  }
  const halves = head.split('::');
  if (halves.length > 2) return null;
  const groups = (half: string): number[] | null => {
    if (half === '') return [];
    const values: number[] = [];
    for (const part of half.split(':')) {
      if (!/^[0-9a-fA-F]{1,4}$/.test(part)) return null;
      values.push(Number.parseInt(part, 16));
    }
    return values;
  };
  const left = groups(halves[0]);
  const right = halves.length === 2 ? groups(halves[1]) : [];
  if (left === null || right === null) return null;
  const given = left.length + right.length + tail.length;
  if (halves.length === 2 ? given > 7 : given !== 8) return null;
  const all = [...left, ...new Array<number>(8 - given).fill(0), ...right, ...tail];
  const word = (i: number) => all[2 * i] * 0x10000 + all[2 * i + 1];
  return { family: IPV6, a: word(0), b: word(1), c: word(2), d: word(3) };
}

/** Reads `192.0.2.1` or `2001:db8::1` (no zone, no prefix length). Returns null for anything else. */
export function parseAddress(text: string): Address | null {
  if (text.includes(':')) return parseIpv6(text);
  const a = parseIpv4(text);
  return a === null ? null : { family: IPV4, a, b: 0, c: 0, d: 0 };
}

/** Reads `10.0.0.0/8` or `2001:db8::/32`; host bits are kept as written. Returns null for anything else. */
export function parsePrefix(text: string): Prefix | null {
  const slash = text.indexOf('/');
  if (slash < 0) return null;
  const address = parseAddress(text.slice(0, slash));
  const lengthText = text.slice(slash + 1);
  if (address === null || !decimalOctet.test(lengthText)) return null;
  const length = Number(lengthText);
  if (length > (address.family === IPV4 ? 32 : 128)) return null;
  return { ...address, length };
}

/** The mask of `bits` leading ones in one 32-bit word; below 0 counts as 0, above 32 as 32. */
export function wordMask(bits: number): number {
  return bits <= 0 ? 0 : bits >= 32 ? 0xffffffff : (0xffffffff << (32 - bits)) >>> 0;
}

/** The prefix with its host bits cleared. */
export function networkOf(address: Address, length: number): Prefix {
  return {
    family: address.family,
    a: (address.a & wordMask(length)) >>> 0,
    b: (address.b & wordMask(length - 32)) >>> 0,
    c: (address.c & wordMask(length - 64)) >>> 0,
    d: (address.d & wordMask(length - 96)) >>> 0,
    length,
  };
}

/** Whether the first `bits` bits of two words are equal; below 0 counts as 0, above 32 as 32. */
function sameLeadingBits(x: number, y: number, bits: number): boolean {
  return bits <= 0 || (bits >= 32 ? (x ^ y) === 0 : (x ^ y) >>> (32 - bits) === 0);
}

/** Whether `address` lies in `prefix` (same family, leading bits equal). */
export function contains(prefix: Prefix, address: Address): boolean {
  const { length } = prefix;
  return (
    prefix.family === address.family &&
    sameLeadingBits(prefix.a, address.a, length) &&
    (length <= 32 ||
      (sameLeadingBits(prefix.b, address.b, length - 32) &&
        sameLeadingBits(prefix.c, address.c, length - 64) &&
        sameLeadingBits(prefix.d, address.d, length - 96)))
  );
}

export function sameAddress(x: Address, y: Address): boolean {
  return x.family === y.family && x.a === y.a && x.b === y.b && x.c === y.c && x.d === y.d;
}

export function formatIpv4(a: number): string {
  return `${a >>> 24}.${(a >>> 16) & 255}.${(a >>> 8) & 255}.${a & 255}`;
}

export function formatIpv6(a: number, b: number, c: number, d: number): string {
  const groups = [a >>> 16, a & 0xffff, b >>> 16, b & 0xffff, c >>> 16, c & 0xffff, d >>> 16, d & 0xffff];
  let bestStart = -1;
  let bestLength = 1;
  for (let i = 0; i < 8; i++) {
    let j = i;
    while (j < 8 && groups[j] === 0) j++;
    if (j - i > bestLength) {
      bestStart = i;
      bestLength = j - i;
    }
    if (j > i) i = j;
  }
  const hex = (from: number, to: number) =>
    groups
      .slice(from, to)
      .map((g) => g.toString(16))
      .join(':');
  if (bestStart < 0) return hex(0, 8);
  return `${hex(0, bestStart)}::${hex(bestStart + bestLength, 8)}`;
}

export function formatAddress(address: Address): string {
  return address.family === IPV4
    ? formatIpv4(address.a)
    : formatIpv6(address.a, address.b, address.c, address.d);
}

export function formatPrefix(prefix: Prefix): string {
  return `${formatAddress(prefix)}/${prefix.length}`;
}

/** Reads an address from its network-order bytes at `offset` (4 for IPv4, 16 for IPv6). */
export function readAddress(bytes: Buffer, offset: number, family: FamilyIndex): Address {
  if (family === IPV4) return { family, a: bytes.readUInt32BE(offset), b: 0, c: 0, d: 0 };
  return {
    family,
    a: bytes.readUInt32BE(offset),
    b: bytes.readUInt32BE(offset + 4),
    c: bytes.readUInt32BE(offset + 8),
    d: bytes.readUInt32BE(offset + 12),
  };
}

/** Writes an address in network order at `offset`; returns the offset behind it. */
export function writeAddress(bytes: Buffer, offset: number, address: Address): number {
  bytes.writeUInt32BE(address.a, offset);
  if (address.family === IPV4) return offset + 4;
  bytes.writeUInt32BE(address.b, offset + 4);
  bytes.writeUInt32BE(address.c, offset + 8);
  bytes.writeUInt32BE(address.d, offset + 12);
  return offset + 16;
}

/** 169.254.0.0/16 or fe80::/10: an address that means something on one link alone. */
export function isLinkLocal(address: Address): boolean {
  return address.family === IPV4
    ? address.a >>> 16 === 0xa9fe
    : (address.a & 0xffc00000) >>> 0 === 0xfe800000;
}
