/**
 * Columns of the RIB's tables: address space reserved once, committed as it is touched, grown in place. Growing
 * copies nothing and moves nothing; it takes a new fixed-length view, as length-tracking views are several times
 * slower. The buffers are shared ones because only those grow under an existing view; most never leave the thread.
 */

/** Reserves room for `maxBytes`, of which nothing is usable yet. */
export function reserve(maxBytes: number): SharedArrayBuffer {
  return new SharedArrayBuffer(0, { maxByteLength: maxBytes });
}

/** Grows `buffer` to `bytes` (never shrinks it) and returns it. Throws a RangeError beyond what was reserved. */
export function growTo(buffer: SharedArrayBuffer, bytes: number): SharedArrayBuffer {
  if (bytes > buffer.byteLength) buffer.grow(bytes);
  return buffer;
}

/** For columns that are 0 in nearly every row: what is not written takes no memory. */
export function put(column: Uint8Array | Uint32Array, row: number, value: number): void {
  if (column[row] !== value) column[row] = value;
}

/** The next capacity when `needed` elements don't fit: an eighth more, as growing is cheap, and at least 1024. */
export function nextCapacity(current: number, needed: number, max: number): number {
  return Math.min(Math.max(needed, current + Math.max(1024, current >> 3)), max);
}

/** `to`, beginning with all of `from`. */
export function filled<T extends { set(from: T): void }>(to: T, from: T): T {
  to.set(from);
  return to;
}
