/** Router advertisements out, router solicitations in (RFC 4861 §4.1, §4.2). Pure. */

export const ROUTER_SOLICITATION = 133;
const ROUTER_ADVERTISEMENT = 134;
const SOURCE_LINK_LAYER_ADDRESS = 1;

/**
 * An advertisement that says who is here and nothing else: router lifetime 0, so that nobody takes us for a default
 * router, no hop limit, no timers, no prefix. With our link-layer address (§4.6.1) the receiver's kernel makes a
 * neighbour entry of it; where the link has none (`mac` null) the option is left out. The checksum is the kernel's.
 */
export function encodeAdvertisement(mac: string | null): Buffer {
  const head = Buffer.alloc(16);
  head[0] = ROUTER_ADVERTISEMENT;
  if (mac === null) return head;
  const octets = mac.split(':').map((octet) => Number.parseInt(octet, 16));
  return Buffer.concat([head, Buffer.from([SOURCE_LINK_LAYER_ADDRESS, 1, ...octets])]);
}

/**
 * Whether a message is a router solicitation worth an answer (§6.1.1). Its hop limit is not seen here; a source that is
 * link-local or unspecified has come over no router either.
 */
export function isSolicitation(bytes: Buffer, source: Buffer): boolean {
  if (bytes.length < 8 || bytes[0] !== ROUTER_SOLICITATION || bytes[1] !== 0) return false;
  const isUnspecified = source.every((octet) => octet === 0);
  if (!isUnspecified && !(source[0] === 0xfe && (source[1] & 0xc0) === 0x80)) return false;
  for (let at = 8; at < bytes.length; at += 8 * bytes[at + 1]) {
    if (at + 2 > bytes.length || bytes[at + 1] === 0 || at + 8 * bytes[at + 1] > bytes.length) return false;
    if (isUnspecified && bytes[at] === SOURCE_LINK_LAYER_ADDRESS) return false;
  }
  return true;
}
