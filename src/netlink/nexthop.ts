/**
 * Nexthop objects: a way to forward that the kernel keeps under an id and that many routes refer to. Replacing
 * the object moves all of them at once.
 *
 * A single hop and a group can't replace each other, so what may come to have several hops is made a group of one.
 * Ids are one space for all programs on the machine. An object goes with its device, its carrier or the last
 * member of a group, and takes its routes along, without a notification for each.
 */
import { Parser } from 'binary-parser';
import { type Address, type FamilyIndex, IPV4, IPV6, readAddress } from '../address/index.js';
import { MessageBuilder } from './builder.js';
import {
  AF_INET,
  AF_INET6,
  AF_UNSPEC,
  NHA_BLACKHOLE,
  NHA_FDB,
  NHA_GATEWAY,
  NHA_GROUP,
  NHA_GROUP_TYPE,
  NHA_ID,
  NHA_OIF,
  RTM_DELNEXTHOP,
  RTM_GETNEXTHOP,
  RTM_NEWNEXTHOP,
  RTNH_F_DEAD,
  RTNH_F_LINKDOWN,
  RTNH_F_ONLINK,
} from './constants.js';
import { forEachAttribute, HEADER_LENGTH, messageType } from './message.js';

const NHMSG_LENGTH = 8;
const nhmsg = new Parser()
  .endianness('little')
  .uint8('family')
  .uint8('scope')
  .uint8('protocol')
  .uint8('reserved')
  .uint32('flags');

/** One entry of NHA_GROUP: `struct nexthop_grp`. The weight is stored less one. */
const GROUP_MEMBER_LENGTH = 8;
const groupMembers = new Parser().endianness('little').array('members', {
  readUntil: 'eof',
  type: new Parser().endianness('little').uint32('id').uint8('weight').uint8('weightHigh').uint16('reserved'),
});

export interface GroupMember {
  /** Of a nexthop object that is no group. */
  readonly id: number;
  /** 1 to 256. */
  readonly weight: number;
}

export type NexthopContent =
  /** `family` is the gateway's where there is one. IPv4 routes may use either family, IPv6 routes IPv6 alone. */
  | {
      readonly kind: 'hop';
      readonly family: FamilyIndex;
      readonly gateway: Address | null;
      readonly ifindex: number;
      readonly onlink: boolean;
    }
  | { readonly kind: 'blackhole'; readonly family: FamilyIndex }
  /** All members of one family. Never empty. */
  | { readonly kind: 'group'; readonly members: readonly GroupMember[] };

export interface NexthopObject {
  readonly id: number;
  /** Who made it, as in routes. */
  readonly protocol: number;
  readonly content: NexthopContent;
}

/** What the kernel tells of an object. A DELNEXTHOP for a group may come without its members. */
export interface ObservedNexthop extends NexthopObject {
  /** The kernel marks it dead or its link down. */
  readonly dead: boolean;
  /** Of a bridge's forwarding table: nothing that routes use. */
  readonly fdb: boolean;
  /** A group of the resilient kind, or of one that we do not know. */
  readonly otherGroupType: boolean;
  /** The message was DELNEXTHOP: it is gone. */
  readonly deleted: boolean;
}

/** Reads a NEWNEXTHOP or DELNEXTHOP message. Null: malformed. */
export function decodeNexthop(bytes: Buffer, start: number, end: number): ObservedNexthop | null {
  const body = start + HEADER_LENGTH;
  if (end - body < NHMSG_LENGTH) return null;
  const head = nhmsg.parse(bytes.subarray(body, body + NHMSG_LENGTH));
  const family: FamilyIndex = head.family === AF_INET6 ? IPV6 : IPV4;
  const width = family === IPV4 ? 4 : 16;
  let id = 0;
  let ifindex = 0;
  let gateway = null as Address | null;
  let members = null as GroupMember[] | null;
  let blackhole = false;
  let fdb = false;
  let otherGroupType = false;
  const whole = forEachAttribute(bytes, body + NHMSG_LENGTH, end, (type, from, to) => {
    const size = to - from;
    if (type === NHA_ID && size >= 4) id = bytes.readUInt32LE(from);
    else if (type === NHA_OIF && size >= 4) ifindex = bytes.readUInt32LE(from);
    else if (type === NHA_GATEWAY && size >= width) gateway = readAddress(bytes, from, family);
    else if (type === NHA_BLACKHOLE) blackhole = true;
    else if (type === NHA_FDB) fdb = true;
    else if (type === NHA_GROUP_TYPE && size >= 2) otherGroupType = bytes.readUInt16LE(from) !== 0;
    else if (type === NHA_GROUP) {
      const entries = bytes.subarray(from, to - (size % GROUP_MEMBER_LENGTH));
      const parsed: readonly { id: number; weight: number; weightHigh: number }[] =
        groupMembers.parse(entries).members;
      members = parsed.map((member) => ({
        id: member.id,
        weight: member.weightHigh * 256 + member.weight + 1,
      }));
    }
  });
  if (!whole || id === 0) return null;
  const onlink = (head.flags & RTNH_F_ONLINK) !== 0;
  const content: NexthopContent =
    members !== null
      ? { kind: 'group', members }
      : blackhole
        ? { kind: 'blackhole', family }
        : { kind: 'hop', family, gateway, ifindex, onlink };
  const dead = (head.flags & (RTNH_F_DEAD | RTNH_F_LINKDOWN)) !== 0;
  const deleted = messageType(bytes, start) === RTM_DELNEXTHOP;
  return { id, protocol: head.protocol, content, dead, fdb, otherGroupType, deleted };
}

function structure(family: number, protocol: number, flags: number): Buffer {
  const bytes = Buffer.alloc(NHMSG_LENGTH);
  bytes[0] = family;
  bytes[2] = protocol;
  bytes.writeUInt32LE(flags, 4);
  return bytes;
}

function groupBytes(members: readonly GroupMember[]): Buffer {
  const bytes = Buffer.alloc(GROUP_MEMBER_LENGTH * members.length);
  for (const [i, member] of members.entries()) {
    bytes.writeUInt32LE(member.id, GROUP_MEMBER_LENGTH * i);
    bytes[GROUP_MEMBER_LENGTH * i + 4] = member.weight - 1;
  }
  return bytes;
}

/** Writes an object: `flags` are `CREATE` where the id is free, else `REPLACE` (a hop by a hop, a group by a group). */
export function nexthopMessage(object: NexthopObject, flags: number): Buffer {
  const { id, protocol, content } = object;
  if (content.kind === 'group') {
    if (content.members.length === 0) throw new RangeError('a nexthop group needs a member');
    return new MessageBuilder(RTM_NEWNEXTHOP, flags, structure(AF_UNSPEC, protocol, 0))
      .u32(NHA_ID, id)
      .attribute(NHA_GROUP, groupBytes(content.members))
      .finish();
  }
  const family = content.family === IPV4 ? AF_INET : AF_INET6;
  const onlink = content.kind === 'hop' && content.onlink ? RTNH_F_ONLINK : 0;
  const builder = new MessageBuilder(RTM_NEWNEXTHOP, flags, structure(family, protocol, onlink));
  builder.u32(NHA_ID, id);
  if (content.kind === 'blackhole') return builder.flag(NHA_BLACKHOLE).finish();
  builder.u32(NHA_OIF, content.ifindex);
  if (content.gateway !== null) builder.address(NHA_GATEWAY, content.gateway);
  return builder.finish();
}

/** Removes an object, and with it the routes and the group memberships that refer to it. ENOENT where there is none. */
export function nexthopDeletion(id: number): Buffer {
  return new MessageBuilder(RTM_DELNEXTHOP, 0, structure(AF_UNSPEC, 0, 0)).u32(NHA_ID, id).finish();
}

/** Asks for all objects, groups included. */
export function nexthopDumpRequest(): Buffer {
  return new MessageBuilder(RTM_GETNEXTHOP, 0, structure(AF_UNSPEC, 0, 0)).finish();
}
