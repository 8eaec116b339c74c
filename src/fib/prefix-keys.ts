/** The kernel thread's view on the keys of main's prefixes, re-made when it meets an id beyond it. */
import type { SharedPrefixKeys } from '../rib/prefix-table.js';

export class PrefixKeys {
  words = new Uint32Array(0) as Uint32Array;
  lengths = new Uint8Array(0) as Uint8Array;
  /** Below it both can be read. */
  private end = 0;

  constructor(private readonly shared: SharedPrefixKeys) {}

  /** Makes sure that `prefix` can be read. */
  upTo(prefix: number): this {
    if (prefix >= this.end) {
      const { stride, words, lengths } = this.shared;
      this.words = new Uint32Array(words, 0, words.byteLength >>> 2);
      this.lengths = new Uint8Array(lengths, 0, lengths.byteLength);
      this.end = Math.min(this.lengths.length, Math.floor(this.words.length / stride));
    }
    return this;
  }
}
