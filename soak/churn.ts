/** What soaking peers announce: attributes and prefixes of real UPDATEs, or of made ones where no file is at hand. */
import { attribute, readCompressed, rewriteAttributes, u32 } from '../bench/tables.js';
import { Random } from '../fuzz/random.js';

/** One announcement as its first speaker said it. */
export interface Announcement {
  readonly attributes: Buffer;
  /** One prefix each, as NLRI. */
  readonly prefixes: readonly Buffer[];
}

const BGP4MP = 16;
const BGP4MP_ET = 17;
const MESSAGE_AS4 = 4;
const MOST_PREFIXES = 20;

/** The IPv4 announcements of an MRT file of updates between speakers of 4-octet AS numbers. */
export function announcementsOf(file: string): Announcement[] {
  const bytes = readCompressed(file);
  const found: Announcement[] = [];
  for (let at = 0; at + 12 <= bytes.length; ) {
    const type = bytes.readUInt16BE(at + 4);
    const end = at + 12 + bytes.readUInt32BE(at + 8);
    const body = at + 12 + (type === BGP4MP_ET ? 4 : 0);
    if ((type === BGP4MP || type === BGP4MP_ET) && bytes.readUInt16BE(at + 6) === MESSAGE_AS4) {
      const addresses = bytes.readUInt16BE(body + 10) === 1 ? 8 : 32;
      const announcement = updateOf(bytes.subarray(body + 12 + addresses, end));
      if (announcement !== null) found.push(announcement);
    }
    at = end;
  }
  return found;
}

/** What a whole message announces; null where that is nothing. */
function updateOf(message: Buffer): Announcement | null {
  if (message[18] !== 2) return null;
  const withdrawn = message.readUInt16BE(19);
  const start = 23 + withdrawn;
  const end = start + message.readUInt16BE(21 + withdrawn);
  const prefixes: Buffer[] = [];
  for (let at = end; at < message.length; ) {
    const next = at + 1 + ((message[at] + 7) >> 3);
    // Real tables hold private networks, too; the lab's own are not to be led astray.
    if (message[at] >= 8 && message[at + 1] !== 10) prefixes.push(message.subarray(at, next));
    at = next;
  }
  if (prefixes.length === 0) return null;
  return { attributes: message.subarray(start, end), prefixes: prefixes.slice(0, MOST_PREFIXES) };
}

/** `count` made announcements over some 20,000 prefixes, the same for the same seed. */
export function madeAnnouncements(count: number, seed: number): Announcement[] {
  const random = new Random(seed);
  return Array.from({ length: count }, () => {
    const hops = Array.from({ length: 1 + random.below(5) }, () => 1000 + random.below(60_000));
    const path = Buffer.alloc(2 + 4 * hops.length);
    path[0] = 2;
    path[1] = hops.length;
    for (const [i, asn] of hops.entries()) path.writeUInt32BE(asn, 2 + 4 * i);
    const attributes = [attribute(0x40, 1, Buffer.from([random.below(3)])), attribute(0x40, 2, path)];
    if (random.below(2) === 0) attributes.push(attribute(0xc0, 8, u32(random.next())));
    const first = random.below(20_000);
    const prefixes = Array.from({ length: 1 + random.below(5) }, (_, i) => {
      const n = first + i;
      return Buffer.from([24, 20 + (n >> 16), (n >> 8) & 255, n & 255]);
    });
    return { attributes: Buffer.concat(attributes), prefixes };
  });
}

/** The announcement's attributes as `asn` passes them on with `nextHop` (u32). */
export function passedOn({ attributes }: Announcement, asn: number, nextHop: number): Buffer {
  return rewriteAttributes(attributes, asn, nextHop);
}
