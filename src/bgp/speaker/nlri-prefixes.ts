/** Prefixes on the wire ⇄ ids in the prefix table. `at`: where the prefix's length octet stands. */
import { type FamilyIndex, IPV4 } from '../../address/index.js';
import type { NONE, PrefixId } from '../../rib/ids.js';
import type { PrefixTable } from '../../rib/prefix-table.js';
import { nlriWord } from '../wire/index.js';

/** The prefix's id, a new one if the table doesn't know it. */
export function internPrefix(prefixes: PrefixTable, family: FamilyIndex, buf: Buffer, at: number): PrefixId {
  return family === IPV4
    ? prefixes.intern4(nlriWord(buf, at, 0), buf[at])
    : prefixes.intern6(
        nlriWord(buf, at, 0),
        nlriWord(buf, at, 1),
        nlriWord(buf, at, 2),
        nlriWord(buf, at, 3),
        buf[at],
      );
}

/** The prefix's id, if the table knows it. */
export function findPrefix(
  prefixes: PrefixTable,
  family: FamilyIndex,
  buf: Buffer,
  at: number,
): PrefixId | typeof NONE {
  return family === IPV4
    ? prefixes.find4(nlriWord(buf, at, 0), buf[at])
    : prefixes.find6(
        nlriWord(buf, at, 0),
        nlriWord(buf, at, 1),
        nlriWord(buf, at, 2),
        nlriWord(buf, at, 3),
        buf[at],
      );
}
