/** Reading the octets of canonical attribute sets: see AttrSets. */
/** In network order. */
export function u32At(buffer: Buffer, at: number): number {
  return ((buffer[at] << 24) | (buffer[at + 1] << 16) | (buffer[at + 2] << 8) | buffer[at + 3]) >>> 0;
}

/** Whether a canonical set's next hop (its second address, of 32 octets) is an IPv6 link-local one: fe80::/10. */
export function hasLinkLocalNextHop(buf: Uint8Array, start: number): boolean {
  const length = buf[start + 1];
  const at = start + 2;
  const linkLocalAt = (i: number) => buf[i] === 0xfe && (buf[i + 1] & 0xc0) === 0x80;
  return (length === 16 || length === 32) && (linkLocalAt(at) || (length === 32 && linkLocalAt(at + 16)));
}

/** Of octets and scope; the same whether there are `words` or not, which are those of the whole buffer. */
export function hashOctets(
  seed: number,
  words: Uint32Array,
  buf: Uint8Array,
  start: number,
  end: number,
  scope: number,
): number {
  let h = seed ^ (end - start) ^ Math.imul(scope, 0x9e3779b1);
  let at = start;
  if ((start & 3) === 0 && words.length > 0) {
    const last = end >>> 2;
    for (let i = start >>> 2; i < last; i++) {
      h = Math.imul(h ^ words[i], 0x85ebca6b);
      h ^= h >>> 15;
    }
    at = last << 2;
  } else {
    for (; at + 4 <= end; at += 4) {
      const word = buf[at] | (buf[at + 1] << 8) | (buf[at + 2] << 16) | (buf[at + 3] << 24);
      h = Math.imul(h ^ word, 0x85ebca6b);
      h ^= h >>> 15;
    }
  }
  for (; at < end; at++) h = Math.imul(h ^ buf[at], 0x01000193);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
