import { HEADER_LENGTH } from './types.js';

/** Writes marker, length and type (RFC 4271 §4.1) at `offset`; `length` counts the header too. */
export function writeHeader(out: Buffer, offset: number, length: number, type: number): void {
  for (let i = offset; i < offset + 16; i++) out[i] = 0xff;
  out[offset + 16] = length >>> 8;
  out[offset + 17] = length;
  out[offset + 18] = type;
}

/** A whole message of its own around `body`. */
export function frame(type: number, body: Uint8Array): Buffer {
  const message = Buffer.allocUnsafeSlow(HEADER_LENGTH + body.length);
  writeHeader(message, 0, message.length, type);
  message.set(body, HEADER_LENGTH);
  return message;
}
