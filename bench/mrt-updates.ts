/** Real UPDATEs out of an MRT file (RFC 6396 §4.4.2), as one feeder plays them. */
import { assemble, attribute, readCompressed, rewriteAttributes } from './tables.js';

const BGP4MP = 16;
const MESSAGE_AS4 = 4;
const communitiesType = 8;

/** Without the well-known communities (65535:…), which say what a daemon is to do with a route. */
function withoutWellKnown(attributes: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < attributes.length; ) {
    const extended = (attributes[at] & 0x10) !== 0;
    const start = at + (extended ? 4 : 3);
    const end = start + (extended ? attributes.readUInt16BE(at + 2) : attributes[at + 2]);
    if (attributes[at + 1] === communitiesType) {
      const kept: Buffer[] = [];
      for (let c = start; c < end; c += 4) {
        const community = attributes.subarray(c, c + 4);
        if (community.readUInt16BE(0) !== 0xffff && !kept.some((k) => k.equals(community)))
          kept.push(community);
      }
      if (kept.length > 0) parts.push(attribute(0xc0, communitiesType, Buffer.concat(kept)));
    } else parts.push(attributes.subarray(at, end));
    at = end;
  }
  return Buffer.concat(parts);
}

function withdrawal(nlri: Buffer): Buffer {
  const message = Buffer.concat([Buffer.alloc(19, 0xff), Buffer.alloc(2), nlri, Buffer.alloc(2)]);
  message.writeUInt16BE(message.length, 16);
  message[18] = 2;
  message.writeUInt16BE(nlri.length, 19);
  return message;
}

/**
 * The IPv4 UPDATEs of all peers of a file, in their order, as `asn` sends them with `nextHop` (u32): whole messages, back
 * to back. What has no IPv4 prefix is left out.
 */
export function mrtUpdates(path: string, asn: number, nextHop: number): Buffer[] {
  const bytes = readCompressed(path);
  const updates: Buffer[] = [];
  for (let at = 0; at + 12 <= bytes.length; ) {
    const end = at + 12 + bytes.readUInt32BE(at + 8);
    const body = at + 12;
    if (bytes.readUInt16BE(at + 4) === BGP4MP && bytes.readUInt16BE(at + 6) === MESSAGE_AS4) {
      const message = bytes.subarray(body + 12 + (bytes.readUInt16BE(body + 10) === 1 ? 8 : 32), end);
      if (message[18] === 2) {
        const withdrawnEnd = 21 + message.readUInt16BE(19);
        const attributesEnd = withdrawnEnd + 2 + message.readUInt16BE(withdrawnEnd);
        if (withdrawnEnd > 21) updates.push(withdrawal(message.subarray(21, withdrawnEnd)));
        if (attributesEnd < message.length) {
          const attributes = withoutWellKnown(message.subarray(withdrawnEnd + 2, attributesEnd));
          const nlri = message.subarray(attributesEnd);
          updates.push(
            assemble([{ attributes: rewriteAttributes(attributes, asn, nextHop), nlri, count: 0 }]).updates,
          );
        }
      }
    }
    at = end;
  }
  return updates;
}
