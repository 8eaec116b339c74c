/** Addresses of links. */
import { Parser } from 'binary-parser';
import { type Address, IPV4, IPV6, type Prefix, readAddress, sameAddress } from '../address/index.js';
import { MessageBuilder } from './builder.js';
import {
  AF_INET,
  AF_INET6,
  IFA_ADDRESS,
  IFA_F_DADFAILED,
  IFA_F_TENTATIVE,
  IFA_FLAGS,
  IFA_LOCAL,
  NLM_F_CREATE,
  NLM_F_EXCL,
  RTM_DELADDR,
  RTM_GETADDR,
  RTM_NEWADDR,
} from './constants.js';
import { forEachAttribute, HEADER_LENGTH, messageType } from './message.js';

const IFADDRMSG_LENGTH = 8;
const ifaddrmsg = new Parser()
  .endianness('little')
  .uint8('family')
  .uint8('prefixLength')
  .uint8('flags')
  .uint8('scope')
  .uint32('index');

export interface LinkAddress {
  readonly ifindex: number;
  /** The link's own address, host bits set. On a point-to-point link the length is that of the peer's prefix. */
  readonly address: Prefix;
  /** The address at the other end, on a point-to-point link. */
  readonly peer: Address | null;
  /** `RT_SCOPE_…` */
  readonly scope: number;
  /** `IFA_F_…` */
  readonly flags: number;
  /** Not to be used: IPv6 duplicate address detection still runs, or found a duplicate. */
  readonly tentative: boolean;
  /** The message was DELADDR: it is gone. */
  readonly deleted: boolean;
}

/** Reads a NEWADDR or DELADDR message. Null: malformed, or of another family. */
export function decodeLinkAddress(bytes: Buffer, start: number, end: number): LinkAddress | null {
  const body = start + HEADER_LENGTH;
  if (end - body < IFADDRMSG_LENGTH) return null;
  const head = ifaddrmsg.parse(bytes.subarray(body, body + IFADDRMSG_LENGTH));
  if (head.family !== AF_INET && head.family !== AF_INET6) return null;
  const family = head.family === AF_INET ? IPV4 : IPV6;
  const width = family === IPV4 ? 4 : 16;
  if (head.prefixLength > 8 * width) return null;
  let flags: number = head.flags;
  let local = null as Address | null;
  let address = null as Address | null;
  const whole = forEachAttribute(bytes, body + IFADDRMSG_LENGTH, end, (type, from, to) => {
    if (type === IFA_LOCAL && to - from >= width) local = readAddress(bytes, from, family);
    else if (type === IFA_ADDRESS && to - from >= width) address = readAddress(bytes, from, family);
    else if (type === IFA_FLAGS && to - from >= 4) flags = bytes.readUInt32LE(from);
  });
  // IFA_ADDRESS is the peer's where IFA_LOCAL differs from it. IPv6 leaves IFA_LOCAL out where there is no peer.
  const own = local ?? address;
  if (!whole || own === null) return null;
  return {
    ifindex: head.index,
    address: { ...own, length: head.prefixLength },
    peer: address === null || sameAddress(own, address) ? null : address,
    scope: head.scope,
    flags,
    tentative: (flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED)) !== 0,
    deleted: messageType(bytes, start) === RTM_DELADDR,
  };
}

/** Asks for the addresses of all links, in both families. */
export function addressDumpRequest(): Buffer {
  return new MessageBuilder(RTM_GETADDR, 0, Buffer.alloc(IFADDRMSG_LENGTH)).finish();
}

function addressMessage(
  type: number,
  flags: number,
  ifindex: number,
  address: Prefix,
  addressFlags: number,
): Buffer {
  const structure = Buffer.alloc(IFADDRMSG_LENGTH);
  structure[0] = address.family === IPV4 ? AF_INET : AF_INET6;
  structure[1] = address.length;
  structure.writeUInt32LE(ifindex, 4);
  const builder = new MessageBuilder(type, flags, structure)
    .address(IFA_LOCAL, address)
    .address(IFA_ADDRESS, address);
  if (addressFlags !== 0) builder.u32(IFA_FLAGS, addressFlags);
  return builder.finish();
}

/** Gives a link an address; EEXIST where it has it. `flags`: `IFA_F_NODAD`, `IFA_F_NOPREFIXROUTE` … */
export function addressAddition(ifindex: number, address: Prefix, flags = 0): Buffer {
  return addressMessage(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, ifindex, address, flags);
}

/** Takes an address from a link; EADDRNOTAVAIL where it does not have it. */
export function addressRemoval(ifindex: number, address: Prefix): Buffer {
  return addressMessage(RTM_DELADDR, 0, ifindex, address, 0);
}
