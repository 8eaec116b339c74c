import { Parser } from 'binary-parser';
import { SmartBuffer } from 'smart-buffer';
import { frame } from './header.js';
import { ErrorCode, MessageType, WireError } from './types.js';

/** ROUTE-REFRESH (RFC 2918). `subtype` is 0 for a request, 1 and 2 for RFC 7313's beginning and end of refresh. */
export interface RouteRefresh {
  readonly afi: number;
  readonly safi: number;
  readonly subtype: number;
}

/** RFC 7313 §3.2. */
export const RefreshSubtype = { request: 0, begin: 1, end: 2 } as const;

const BODY_LENGTH = 4;
const parser = new Parser().uint16be('afi').uint8('subtype').uint8('safi');

/** Reads a body. A wrong length is answered with the whole message as data (RFC 7313 §5). */
export function decodeRouteRefresh(buf: Buffer, start: number, end: number): RouteRefresh | WireError {
  const body = buf.subarray(start, end);
  if (body.length !== BODY_LENGTH) {
    const message = `ROUTE-REFRESH body of ${body.length} octets, expected ${BODY_LENGTH}`;
    const whole = frame(MessageType.routeRefresh, body);
    return new WireError('reset', ErrorCode.routeRefresh, 1, message, 0, whole);
  }
  const { afi, safi, subtype } = parser.parse(body) as RouteRefresh;
  return { afi, safi, subtype };
}

/** A whole message. */
export function encodeRouteRefresh(refresh: RouteRefresh): Buffer {
  const body = new SmartBuffer()
    .writeUInt16BE(refresh.afi)
    .writeUInt8(refresh.subtype)
    .writeUInt8(refresh.safi);
  return frame(MessageType.routeRefresh, body.toBuffer());
}
