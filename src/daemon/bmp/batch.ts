/** Routes of a few prefixes, gathered, ordered by attribute set, and packed into UPDATEs. */
import { type FamilyIndex, IPV4 } from '../../address/index.js';
import { MAX_EXTENDED_MESSAGE_LENGTH, MAX_MESSAGE_LENGTH, UpdateEncoder } from '../../bgp/wire/index.js';
import type { AttrSets } from '../../rib/attr-sets.js';
import { type AttrSetId, type PrefixId, REJECTED } from '../../rib/ids.js';
import type { PrefixTable } from '../../rib/prefix-table.js';

/** In a key, the set stands above so many bits of the place. */
const PLACES = 1 << 20;

export class RouteBatch {
  length = 0;
  private prefixes = new Int32Array(2048);
  private pathIds = new Uint32Array(2048);
  private sets = new Uint32Array(2048);
  private keys = new Float64Array(2048);
  private readonly encoder = new UpdateEncoder(MAX_MESSAGE_LENGTH, true, true);
  /** For sets that leave no room in an ordinary message. A collector has agreed on nothing; BMP's own length has 32 bits. */
  private readonly longEncoder = new UpdateEncoder(MAX_EXTENDED_MESSAGE_LENGTH, true, true);
  /** A set of ours as a collector reads it. */
  private scratch = Buffer.alloc(4096);

  constructor(private readonly attrSets: AttrSets) {}

  /** REJECTED: withdrawn. Nobody may let go of the set before `take`. */
  add(prefix: PrefixId, set: AttrSetId, pathId: number): void {
    const at = this.length++;
    if (at === this.prefixes.length) this.grow();
    this.prefixes[at] = prefix;
    this.sets[at] = set;
    this.pathIds[at] = pathId;
    this.keys[at] = set * PLACES + at;
  }

  /** What was added, as UPDATEs one after the other, withdrawals first; null: nothing. `addPath`: with path identifiers. */
  take(family: FamilyIndex, prefixes: PrefixTable, addPath: boolean): Buffer | null {
    const { encoder, longEncoder, length, keys, sets } = this;
    const { words, lengths } = prefixes;
    keys.subarray(0, length).sort();
    let set = -1;
    let into = encoder;
    for (let i = 0; i < length; i++) {
      const at = keys[i] % PLACES;
      if (sets[at] !== set) {
        set = sets[at];
        into = this.begin(family, set as AttrSetId);
      }
      const prefix = this.prefixes[at];
      const bits = lengths[prefix];
      if (family === IPV4) {
        if (addPath) into.addPathIpv4(this.pathIds[at], words[prefix], bits);
        else into.addIpv4(words[prefix], bits);
        continue;
      }
      const w = prefix * 4;
      const [a, b, c, d] = [words[w], words[w + 1], words[w + 2], words[w + 3]];
      if (addPath) into.addPathIpv6(this.pathIds[at], a, b, c, d, bits);
      else into.addIpv6(a, b, c, d, bits);
    }
    this.length = 0;
    const messages = encoder.take();
    const long = longEncoder.take();
    if (messages === null || long === null) return messages ?? long;
    return Buffer.concat([messages, long]);
  }

  /** Begins the UPDATE of a set; returns the encoder that has room for it. */
  private begin(family: FamilyIndex, set: AttrSetId): UpdateEncoder {
    const { encoder, longEncoder, attrSets } = this;
    if (set === REJECTED) {
      encoder.beginUnreach(family);
      return encoder;
    }
    let buffer = attrSets.buffer(set);
    let start = attrSets.start(set);
    let end = attrSets.end(set);
    if (buffer[start + 1] === 0) {
      // This router itself, which says so with a next hop of zeros.
      const octets = family === IPV4 ? 4 : 16;
      const needed = end - start + octets;
      if (this.scratch.length < needed) this.scratch = Buffer.alloc(needed * 2);
      this.scratch[0] = family;
      this.scratch[1] = octets;
      this.scratch.fill(0, 2, 2 + octets);
      buffer.copy(this.scratch, 2 + octets, start + 2, end);
      buffer = this.scratch;
      start = 0;
      end = needed;
    }
    if (encoder.beginReach(buffer, start, end)) return encoder;
    if (longEncoder.beginReach(buffer, start, end)) return longEncoder;
    encoder.beginUnreach(family);
    return encoder;
  }

  private grow(): void {
    const size = this.prefixes.length * 2;
    const prefixes = new Int32Array(size);
    prefixes.set(this.prefixes);
    this.prefixes = prefixes;
    const pathIds = new Uint32Array(size);
    pathIds.set(this.pathIds);
    this.pathIds = pathIds;
    const sets = new Uint32Array(size);
    sets.set(this.sets);
    this.sets = sets;
    const keys = new Float64Array(size);
    keys.set(this.keys);
    this.keys = keys;
  }
}
