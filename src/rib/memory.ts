import { collapse, HUGE_PAGE, useHugePages } from '../memory/index.js';

/**
 * Columns of the RIB's tables: address space reserved once, committed as it is touched, grown in place. Growing
 * copies nothing and moves nothing; it takes a new fixed-length view, as length-tracking views are several times
 * slower. The buffers are shared ones because only those grow under an existing view; most never leave the thread.
 * A column of more than half a huge page lies in huge pages.
 */

/** Reserves room for `maxBytes`, of which nothing is usable yet. The kernel has multiples of huge pages begin at one (Linux 6.7). */
export function reserve(maxBytes: number): SharedArrayBuffer {
  return new SharedArrayBuffer(0, { maxByteLength: wholeHugePages(maxBytes) });
}

function wholeHugePages(bytes: number): number {
  return Math.ceil(bytes / HUGE_PAGE) * HUGE_PAGE;
}

/** Grows `buffer` to `bytes` (never shrinks it) and returns it. Throws a RangeError beyond what was reserved. */
export function growTo(buffer: SharedArrayBuffer, bytes: number): SharedArrayBuffer {
  const before = buffer.byteLength;
  if (bytes <= before) return buffer;
  if (bytes <= HUGE_PAGE / 2) buffer.grow(bytes);
  else {
    buffer.grow(wholeHugePages(bytes));
    if (before < HUGE_PAGE) {
      const first = new Uint8Array(buffer, 0, HUGE_PAGE);
      useHugePages(first, buffer.maxByteLength);
      if (before > 0) collapse(first);
    }
  }
  return buffer;
}

/** Likewise for a column that is 0 in nearly every row (see `put`): it stays in small pages, most of which nobody touches. */
export function growSparse(buffer: SharedArrayBuffer, bytes: number): SharedArrayBuffer {
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
