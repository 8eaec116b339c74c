/**
 * Neighbours: which link-layer address an address on a link has, and what the kernel knows of who has it. And the
 * entries of a device's forwarding table (FDB), which are neighbours of the family AF_BRIDGE: where frames to a MAC go.
 */
import { Parser } from 'binary-parser';
import { type Address, type FamilyIndex, IPV4, IPV6, readAddress, writeAddress } from '../address/index.js';
import { MessageBuilder } from './builder.js';
import {
  AF_BRIDGE,
  AF_INET,
  AF_INET6,
  NLM_F_CREATE,
  NLM_F_REPLACE,
  RTM_DELNEIGH,
  RTM_GETNEIGH,
  RTM_NEWNEIGH,
  RTN_UNICAST,
} from './constants.js';
import { macText, writeMac } from './mac.js';
import { endMessage, forEachAttribute, HEADER_LENGTH, messageType, writeHeader } from './message.js';

const NDA_DST = 1;
const NDA_LLADDR = 2;
const NDA_CACHEINFO = 3;
const NDA_PORT = 6;
const NDA_VNI = 7;
const NDA_IFINDEX = 8;

/** `ndm_flags`: an entry of the device itself, not of the bridge that it is a port of. */
export const NTF_SELF = 0x02;
/** `ndm_flags`: of the bridge that the device is a port of. */
export const NTF_MASTER = 0x04;
/** `ndm_flags`: learned by a program, which takes care of it. */
export const NTF_EXT_LEARNED = 0x10;
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
/** Bytes of `struct nlattr`. */
const ATTRIBUTE_HEADER = 4;
const ndmsg = new Parser()
  .endianness('little')
  .uint8('family')
  .seek(3)
  .int32('ifindex')
  .uint16('state')
  .uint8('flags')
  .uint8('type');

function structure(family: number, ifindex: number): Buffer {
  const bytes = Buffer.alloc(NDMSG_LENGTH);
  bytes[0] = family;
  bytes.writeInt32LE(ifindex, 4);
  return bytes;
}

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
      mac = macText(bytes, from);
    }
    // struct nda_cacheinfo: confirmed, used, updated, references.
    else if (type === NDA_CACHEINFO && to - from >= 12) age = bytes.readUInt32LE(from + 8);
  });
  if (!whole || address === null) return null;
  const deleted = messageType(bytes, start) === RTM_DELNEIGH;
  return { ifindex, address, mac, state, flags, age, deleted };
}

/** Asks for neighbours: the IPv6 ones of all links; of a family; of one link (`ifindex` other than 0). */
export function neighbourDumpRequest(family: FamilyIndex = IPV6, ifindex = 0): Buffer {
  const builder = new MessageBuilder(RTM_GETNEIGH, 0, structure(family === IPV4 ? AF_INET : AF_INET6, 0));
  if (ifindex !== 0) builder.u32(NDA_IFINDEX, ifindex);
  return builder.finish();
}

/**
 * A NEWNEIGH or DELNEIGH message with all of its attributes, written at once: a cluster of thousands has two for each
 * node. RangeError where `mac` is none.
 */
function entryMessage(
  type: number,
  messageFlags: number,
  family: number,
  ifindex: number,
  flags: number,
  destination: Address | null,
  mac: string | null,
): Buffer {
  const width = destination === null ? 0 : destination.family === IPV4 ? 4 : 16;
  const length =
    HEADER_LENGTH +
    NDMSG_LENGTH +
    (width === 0 ? 0 : ATTRIBUTE_HEADER + width) +
    (mac === null ? 0 : ATTRIBUTE_HEADER + 8);
  const bytes = Buffer.allocUnsafe(length);
  let at = writeHeader(bytes, 0, type, messageFlags);
  const state = type === RTM_NEWNEIGH ? NUD_PERMANENT : 0;
  bytes.writeUInt32LE(family, at);
  bytes.writeInt32LE(ifindex, at + 4);
  bytes.writeUInt16LE(state, at + 8);
  bytes[at + 10] = flags;
  bytes[at + 11] = state === 0 ? 0 : RTN_UNICAST;
  at += NDMSG_LENGTH;
  if (destination !== null) {
    bytes.writeUInt16LE(ATTRIBUTE_HEADER + width, at);
    bytes.writeUInt16LE(NDA_DST, at + 2);
    at = writeAddress(bytes, at + ATTRIBUTE_HEADER, destination);
  }
  if (mac !== null) {
    bytes.writeUInt16LE(ATTRIBUTE_HEADER + 6, at);
    bytes.writeUInt16LE(NDA_LLADDR, at + 2);
    writeMac(bytes, at + ATTRIBUTE_HEADER, mac);
    bytes.writeUInt16LE(0, at + ATTRIBUTE_HEADER + 6);
  }
  endMessage(bytes, 0, length);
  return bytes;
}

function familyOf({ family }: Address): number {
  return family === IPV4 ? AF_INET : AF_INET6;
}

/** Makes a permanent neighbour, or makes permanent the one that is there, whatever it was. */
export function permanentNeighbour(ifindex: number, address: Address, mac: string): Buffer {
  const flags = NLM_F_CREATE | NLM_F_REPLACE;
  return entryMessage(RTM_NEWNEIGH, flags, familyOf(address), ifindex, 0, address, mac);
}

/** Removes a neighbour, permanent or not. ENOENT where there is none. */
export function neighbourRemoval(ifindex: number, address: Address): Buffer {
  return entryMessage(RTM_DELNEIGH, 0, familyOf(address), ifindex, 0, address, null);
}

/** One entry of a device's forwarding table. A MAC may have several, each with another destination. */
export interface FdbEntry {
  readonly ifindex: number;
  readonly mac: string;
  /** Where a VXLAN device sends frames to this MAC; null: no such device. */
  readonly destination: Address | null;
  /** UDP port, VNI and outgoing device, where they are not the device's own. */
  readonly port: number | null;
  readonly vni: number | null;
  readonly via: number | null;
  /** `NUD_…`: PERMANENT, NOARP (static), REACHABLE (learned). */
  readonly state: number;
  /** `NTF_…` */
  readonly flags: number;
  /** The message was DELNEIGH: it is gone. */
  readonly deleted: boolean;
}

/** Whether a NEWNEIGH or DELNEIGH message is about an entry of a forwarding table. */
export function isFdbMessage(bytes: Buffer, start: number): boolean {
  return bytes[start + HEADER_LENGTH] === AF_BRIDGE;
}

/** The link that a NEWNEIGH or DELNEIGH message is about, read without the rest of it; 0: malformed. */
export function neighbourLink(bytes: Buffer, start: number, end: number): number {
  return end - start < HEADER_LENGTH + NDMSG_LENGTH ? 0 : bytes.readInt32LE(start + HEADER_LENGTH + 4);
}

/** Reads a NEWNEIGH or DELNEIGH message of the family AF_BRIDGE. Null: malformed, or of another family. */
export function decodeFdbEntry(bytes: Buffer, start: number, end: number): FdbEntry | null {
  const body = start + HEADER_LENGTH;
  if (end - body < NDMSG_LENGTH || !isFdbMessage(bytes, start)) return null;
  const { ifindex, state, flags } = ndmsg.parse(bytes.subarray(body, body + NDMSG_LENGTH));
  let mac = null as string | null;
  let destination = null as Address | null;
  let port = null as number | null;
  let vni = null as number | null;
  let via = null as number | null;
  const whole = forEachAttribute(bytes, body + NDMSG_LENGTH, end, (type, from, to) => {
    const size = to - from;
    if (type === NDA_LLADDR && size === 6) mac = macText(bytes, from);
    else if (type === NDA_DST && (size === 4 || size === 16))
      destination = readAddress(bytes, from, size === 4 ? IPV4 : IPV6);
    else if (type === NDA_PORT && size >= 2) port = bytes.readUInt16BE(from);
    else if (type === NDA_VNI && size >= 4) vni = bytes.readUInt32LE(from);
    else if (type === NDA_IFINDEX && size >= 4) via = bytes.readUInt32LE(from);
  });
  if (!whole || mac === null) return null;
  const deleted = messageType(bytes, start) === RTM_DELNEIGH;
  return { ifindex, mac, destination, port, vni, via, state, flags, deleted };
}

/** Asks for the forwarding table of one link. */
export function fdbDumpRequest(ifindex: number): Buffer {
  return new MessageBuilder(RTM_GETNEIGH, 0, structure(AF_BRIDGE, ifindex)).finish();
}

/** Has a VXLAN device send frames to `mac` to `destination`, in place of where it sent them. Permanent. */
export function permanentFdbEntry(ifindex: number, mac: string, destination: Address): Buffer {
  const flags = NLM_F_CREATE | NLM_F_REPLACE;
  return entryMessage(RTM_NEWNEIGH, flags, AF_BRIDGE, ifindex, NTF_SELF, destination, mac);
}

/** Removes the entry of `mac`, with `destination` that one alone. ENOENT where there is none. */
export function fdbRemoval(ifindex: number, mac: string, destination: Address | null = null): Buffer {
  return entryMessage(RTM_DELNEIGH, 0, AF_BRIDGE, ifindex, NTF_SELF, destination, mac);
}
