/** Neighbours: which link-layer address an address on a link has, and what the kernel knows of who has it. */
import { Parser } from 'binary-parser';
import { type Address, type FamilyIndex, IPV4, IPV6, readAddress } from '../address/index.js';
import { MessageBuilder } from './builder.js';
import { AF_INET, AF_INET6, RTM_DELNEIGH, RTM_GETNEIGH } from './constants.js';
import { forEachAttribute, HEADER_LENGTH, messageType } from './message.js';

const NDA_DST = 1;
const NDA_LLADDR = 2;
const NDA_CACHEINFO = 3;

/** `ndm_flags`: it has said that it is a router (RFC 4861 §7.2.5). */
export const NTF_ROUTER = 0x80;

/** `ndm_state`. */
export const NUD_INCOMPLETE = 0x01;
export const NUD_REACHABLE = 0x02;
export const NUD_STALE = 0x04;
export const NUD_DELAY = 0x08;
export const NUD_PROBE = 0x10;
export const NUD_FAILED = 0x20;
export const NUD_NOARP = 0x40;
export const NUD_PERMANENT = 0x80;
/** States in which there is a link-layer address to send to. */
export const NUD_VALID = NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE | NUD_PROBE | NUD_STALE | NUD_DELAY;

const NDMSG_LENGTH = 12;
const ndmsg = new Parser()
  .endianness('little')
  .uint8('family')
  .seek(3)
  .int32('ifindex')
  .uint16('state')
  .uint8('flags')
  .uint8('type');

export interface Neighbour {
  readonly ifindex: number;
  readonly address: Address;
  /** `02:00:00:00:00:01`; null where it is not known, or has not six octets. */
  readonly mac: string | null;
  /** `NUD_…` */
  readonly state: number;
  /** `NTF_…` */
  readonly flags: number;
  /** Hundredths of a second since the entry last changed. */
  readonly age: number;
  /** The message was DELNEIGH: it is gone. */
  readonly deleted: boolean;
}

/** The family that a NEWNEIGH or DELNEIGH message is about, read without the rest of it. */
export function neighbourFamily(bytes: Buffer, start: number): FamilyIndex | null {
  const family = bytes[start + HEADER_LENGTH];
  return family === AF_INET ? IPV4 : family === AF_INET6 ? IPV6 : null;
}

/** Reads a NEWNEIGH or DELNEIGH message. Null: malformed, or of another family (a bridge's table has them, too). */
export function decodeNeighbour(bytes: Buffer, start: number, end: number): Neighbour | null {
  const body = start + HEADER_LENGTH;
  if (end - body < NDMSG_LENGTH) return null;
  const family = neighbourFamily(bytes, start);
  if (family === null) return null;
  const { ifindex, state, flags } = ndmsg.parse(bytes.subarray(body, body + NDMSG_LENGTH));
  const width = family === IPV4 ? 4 : 16;
  let address = null as Address | null;
  let mac = null as string | null;
  let age = 0;
  const whole = forEachAttribute(bytes, body + NDMSG_LENGTH, end, (type, from, to) => {
    if (type === NDA_DST && to - from >= width) address = readAddress(bytes, from, family);
    else if (type === NDA_LLADDR && to - from === 6) {
      mac = [...bytes.subarray(from, to)].map((octet) => octet.toString(16).padStart(2, '0')).join(':');
    }
    // struct nda_cacheinfo: confirmed, used, updated, references.
    else if (type === NDA_CACHEINFO && to - from >= 12) age = bytes.readUInt32LE(from + 8);
  });
  if (!whole || address === null) return null;
  const deleted = messageType(bytes, start) === RTM_DELNEIGH;
  return { ifindex, address, mac, state, flags, age, deleted };
}

/** Asks for the IPv6 neighbours of all links. */
export function neighbourDumpRequest(): Buffer {
  const structure = Buffer.alloc(NDMSG_LENGTH);
  structure[0] = AF_INET6;
  return new MessageBuilder(RTM_GETNEIGH, 0, structure).finish();
}
