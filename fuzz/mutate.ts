/** Small damage to bytes: what a bug, a bad line or an enemy makes of a sound message. */
import type { Random } from './random.js';

const telling = [0, 1, 2, 3, 4, 8, 14, 15, 16, 17, 32, 33, 64, 127, 128, 129, 192, 224, 254, 255];
const MAX_INPUT = 8192;

type Mutation = (bytes: Buffer, random: Random, other: Buffer) => Buffer;

const at = (bytes: Buffer, random: Random) => random.below(Math.max(1, bytes.length));

const mutations: readonly Mutation[] = [
  function flipBit(bytes, random) {
    if (bytes.length > 0) bytes[at(bytes, random)] ^= 1 << random.below(8);
    return bytes;
  },
  function setOctet(bytes, random) {
    if (bytes.length > 0)
      bytes[at(bytes, random)] = random.below(2) === 0 ? random.pick(telling) : random.below(256);
    return bytes;
  },
  function shiftOctet(bytes, random) {
    if (bytes.length > 0) bytes[at(bytes, random)] += random.pick([-2, -1, 1, 2]);
    return bytes;
  },
  function setWord(bytes, random) {
    if (bytes.length > 1) {
      const where = random.below(bytes.length - 1);
      const word = random.pick([0, 1, bytes.length - where, bytes.length, 0xff, 0x100, 0xffff]);
      bytes.writeUInt16BE(word & 0xffff, where);
    }
    return bytes;
  },
  function cut(bytes, random) {
    const start = at(bytes, random);
    const length = 1 + random.below(random.below(4) === 0 ? 64 : 4);
    return Buffer.concat([bytes.subarray(0, start), bytes.subarray(start + length)]);
  },
  function cutTail(bytes, random) {
    return bytes.subarray(0, at(bytes, random));
  },
  function put(bytes, random) {
    const where = at(bytes, random);
    const some = Buffer.from(Array.from({ length: 1 + random.below(6) }, () => random.below(256)));
    return Buffer.concat([bytes.subarray(0, where), some, bytes.subarray(where)]);
  },
  function repeat(bytes, random) {
    const start = at(bytes, random);
    const piece = bytes.subarray(start, start + 1 + random.below(40));
    const where = at(bytes, random);
    return Buffer.concat([bytes.subarray(0, where), piece, bytes.subarray(where)]);
  },
  function splice(bytes, random, other) {
    const head = bytes.subarray(0, at(bytes, random));
    return Buffer.concat([head, other.subarray(at(other, random))]);
  },
  function transplant(bytes, random, other) {
    const start = at(other, random);
    const piece = other.subarray(start, start + 1 + random.below(40));
    const where = at(bytes, random);
    return Buffer.concat([bytes.subarray(0, where), piece, bytes.subarray(where + piece.length)]);
  },
];

/** `input` with one to eight changes, some with pieces of `other`. Neither is touched. */
export function mutate(input: Buffer, other: Buffer, random: Random): Buffer {
  let bytes: Buffer = Buffer.from(input);
  for (let n = 1 + random.below(random.below(3) === 0 ? 8 : 2); n > 0; n--) {
    // A view into somebody else's bytes would pass the change on to them.
    bytes = Buffer.from(random.pick(mutations)(bytes, random, other));
  }
  return bytes.subarray(0, MAX_INPUT);
}
