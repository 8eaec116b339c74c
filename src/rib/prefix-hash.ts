/**
 * Where prefixes lie in a hash index of rows (see prefix-table): what the tables of this thread and of the kernel thread
 * have in common.
 *
 * A slot of an index holds 8 bits of the hash and, in the lower 24, the number of an entry + 1; 0 = empty. The hash bits
 * spare nearly every look at a key that is not the right one, each of which would miss the cache.
 */
import { HUGE_PAGE, hugeMemory } from '../memory/index.js';

/** Slots in a row of an index: a cache line of 64 octets. */
const LANES = 16;
const LANE_BITS = LANES - 1;
export const NUMBER_BITS = 0xffffff;
export const TAG_BITS = 0xff000000;
/** Entries that can be told apart. */
export const MAX_ENTRIES = NUMBER_BITS;

/** Scatters 32 bits over 32 bits (MurmurHash3's finaliser). */
function mix(h: number): number {
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/** The same but for the lane for prefixes that differ in their last four bits alone. `seed`: 32 random bits. */
export function hashPrefix4(a: number, length: number, seed: number): number {
  const shift = 32 - length;
  const last = (a >>> shift) & LANE_BITS;
  return mix(a ^ (last << shift) ^ Math.imul(length + 1, 0x9e3779b1) ^ seed) ^ last;
}

/** Likewise for the four words of an IPv6 prefix. */
export function hashPrefix6(
  a: number,
  b: number,
  c: number,
  d: number,
  length: number,
  seed: number,
): number {
  const word = length <= 32 ? a : length <= 64 ? b : length <= 96 ? c : d;
  const shift = -length & 31;
  const last = (word >>> shift) & LANE_BITS;
  const rest = last << shift;
  let h = mix(a ^ seed ^ (length <= 32 ? rest : 0));
  h = mix(h ^ b ^ (length > 32 && length <= 64 ? rest : 0));
  h = Math.imul(h ^ c ^ (length > 64 && length <= 96 ? rest : 0), 0x9e3779b1) ^ (h >>> 15);
  h = mix(h ^ d ^ (length > 96 ? rest : 0));
  return mix(h ^ length) ^ last;
}

/** Octets to a cache line from where malloc's large blocks begin: behind a head of 16 on a page of their own. */
const TO_LINE = 48;

/** An empty index; its rows are cache lines, at least where it is large. `slots`: a power of two, a row or more. */
export function newIndex(slots: number): Uint32Array {
  if (slots * 4 >= HUGE_PAGE) {
    const { buffer, byteOffset } = hugeMemory(slots * 4);
    return new Uint32Array(buffer, byteOffset, slots);
  }
  return new Uint32Array(new ArrayBuffer(slots * 4 + TO_LINE), TO_LINE, slots);
}

/** The slot to try after `slot`: one row down in its lane, from the last one to the top of the next lane. */
export function below(slot: number, mask: number): number {
  const next = slot + LANES;
  return next <= mask ? next : (slot + 1) & LANE_BITS;
}

/** How often one goes `below` from `from` to get to `to`. */
export function distance(from: number, to: number, mask: number): number {
  const rows = (to >>> 4) - (from >>> 4);
  const lanes = (to & LANE_BITS) - (from & LANE_BITS);
  return (lanes * ((mask + 1) >>> 4) + rows) & mask;
}
