import { AttributeCode, AttributeFlag } from './attributes.js';
import { familyOf } from './types.js';

/**
 * Whether the UPDATE whose body lies in `start`–`end` has prefixes with path identifiers, in a session where they were
 * negotiated for the families of `addPath` (RFC 7911). Looks at the families alone, so the body may be malformed.
 */
export function updateHasPathIds(
  buf: Buffer,
  start: number,
  end: number,
  addPath: readonly [boolean, boolean],
): boolean {
  if (addPath[0] === addPath[1]) return addPath[0];
  if (end - start < 4) return false;
  const withdrawn = buf.readUInt16BE(start);
  const head = start + 2 + withdrawn;
  if (head + 2 > end) return false;
  const attributesEnd = Math.min(end, head + 2 + buf.readUInt16BE(head));
  if ((withdrawn > 0 || attributesEnd < end) && addPath[0]) return true;
  for (let at = head + 2; at + 3 <= attributesEnd; ) {
    const isExtended = (buf[at] & AttributeFlag.extendedLength) !== 0;
    if (isExtended && at + 4 > attributesEnd) return false;
    const value = at + (isExtended ? 4 : 3);
    const next = value + (isExtended ? buf.readUInt16BE(at + 2) : buf[at + 2]);
    const type = buf[at + 1];
    if ((type === AttributeCode.mpReachNlri || type === AttributeCode.mpUnreachNlri) && value + 3 <= end) {
      const family = familyOf(buf.readUInt16BE(value), buf[value + 2]);
      if (family !== -1 && addPath[family]) return true;
    }
    at = next;
  }
  return false;
}
