/** Where the bytes of attribute sets lie: see AttrSets. */
/** 2^16 words. */
export const SLAB_BYTES = 1 << 18;
/** Before each set in its slab: u32 id, u32 length. Records begin at multiples of 4, so that words can be compared and copied. */
export const RECORD_HEADER = 8;

export interface Slab {
  readonly buffer: Buffer;
  readonly words: Uint32Array;
  used: number;
  /** Bytes of records whose set is still held. */
  live: number;
}

/** With room for a record of `bytes`. */
export function newSlab(bytes: number): Slab {
  const buffer = Buffer.allocUnsafeSlow(Math.max(SLAB_BYTES, bytes));
  return { buffer, words: new Uint32Array(buffer.buffer), used: 0, live: 0 };
}

/** Octets that a set of this length takes in its slab. */
export function recordLength(length: number): number {
  return RECORD_HEADER + ((length + 3) & ~3);
}
