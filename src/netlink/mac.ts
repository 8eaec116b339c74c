/** MACs (48 bits) as text and as bytes. */

const hexadecimal = Array.from({ length: 256 }, (_, value) => value.toString(16).padStart(2, '0'));

/** `02:00:00:00:00:01`, of the six bytes at `offset`. */
export function macText(bytes: Buffer, offset: number): string {
  let text = hexadecimal[bytes[offset]];
  for (let i = 1; i < 6; i++) text += `:${hexadecimal[bytes[offset + i]]}`;
  return text;
}

/** The value of a hexadecimal digit by its character code; -1: none. */
function digit(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  const lower = code | 0x20;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}

/** Writes the six bytes of `02:00:00:00:00:01`. Throws RangeError for anything else. */
export function writeMac(bytes: Buffer, offset: number, mac: string): void {
  let valid = mac.length === 17;
  for (let i = 0; valid && i < 6; i++) {
    const high = digit(mac.charCodeAt(3 * i));
    const low = digit(mac.charCodeAt(3 * i + 1));
    valid = high >= 0 && low >= 0 && (i === 5 || mac.charCodeAt(3 * i + 2) === 58);
    bytes[offset + i] = high * 16 + low;
  }
  if (!valid) throw new RangeError(`${mac} is no MAC`);
}

/** The six bytes of `02:00:00:00:00:01`. Throws RangeError for anything else. */
export function macBytes(mac: string): Buffer {
  const bytes = Buffer.alloc(6);
  writeMac(bytes, 0, mac);
  return bytes;
}
