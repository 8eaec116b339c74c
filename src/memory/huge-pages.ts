/**
 * Memory in huge pages, for what is large and filled from one end to the other. A page of 4 kB costs a fault when it is
 * first touched: 0.3 µs, or 10 and more on a virtual machine whose page tables are shadowed. A huge page is one fault for
 * 512 of them. See Documentation/admin-guide/mm/transhuge.rst of the kernel; where it has none, nothing here does anything.
 */
import koffi from 'koffi';

/** Bytes of a huge page, and what its address is a multiple of, on x86-64 and arm64. */
export const HUGE_PAGE = 1 << 21;

/** A multiple of the size of pages wherever Linux runs. */
const PAGES = 1 << 16;

/** madvise(2). */
const MADV_DONTNEED = 4;
const MADV_HUGEPAGE = 14;
const MADV_COLLAPSE = 25;

const madvise = koffi.load(null).func('int madvise(void *address, size_t length, int advice)');

/**
 * Of `length` bytes from where `memory` begins, which is at the beginning of a page, those that make up whole huge pages are
 * to be such ones from their first touch.
 */
export function useHugePages(memory: Uint8Array, length: number): void {
  madvise(memory, length, MADV_HUGEPAGE);
}

/** Makes huge pages of what `memory` covers and has been touched in part (Linux 6.1). */
export function collapse(memory: Uint8Array): void {
  madvise(memory, memory.length, MADV_COLLAPSE);
}

/**
 * Gives the kernel back at once what lies in an array that nobody uses any more: V8 collects one that has got old when it
 * sees fit. The array is zeros from then on.
 */
export function giveBack(array: Uint32Array): void {
  const first = Number(-koffi.address(array) & BigInt(PAGES - 1));
  const length = (array.byteLength - first) & -PAGES;
  if (length > 0)
    madvise(new Uint8Array(array.buffer, array.byteOffset + first, length), length, MADV_DONTNEED);
}

/** Zeros in huge pages; `bytes` is a multiple of `HUGE_PAGE`. Twice that much address space is taken at most. */
export function hugeMemory(bytes: number): Uint8Array<ArrayBuffer> {
  const buffer = new ArrayBuffer(bytes + HUGE_PAGE);
  const address = koffi.address(new Uint8Array(buffer));
  const memory = new Uint8Array(buffer, Number(-address & BigInt(HUGE_PAGE - 1)), bytes);
  useHugePages(memory, bytes);
  return memory;
}
