import { SmartBuffer } from 'smart-buffer';
import { frame } from './header.js';
import { CeaseSubcode, ErrorCode, MessageType } from './types.js';

/** RFC 4271 §4.5. */
export interface Notification {
  readonly code: number;
  readonly subcode: number;
  readonly data: Buffer;
}

/** Reads a body of at least two octets, which the framer sees to. The data is a copy. */
export function decodeNotification(buf: Buffer, start: number, end: number): Notification {
  const body = SmartBuffer.fromBuffer(Buffer.from(buf.subarray(start, end)));
  return { code: body.readUInt8(), subcode: body.readUInt8(), data: body.readBuffer() };
}

/** A whole message. */
export function encodeNotification(notification: Notification): Buffer {
  const body = new SmartBuffer()
    .writeUInt8(notification.code)
    .writeUInt8(notification.subcode)
    .writeBuffer(notification.data);
  return frame(MessageType.notification, body.toBuffer());
}

const codes: Record<number, { name: string; subcodes: Record<number, string> }> = {
  [ErrorCode.messageHeader]: {
    name: 'Message Header Error',
    subcodes: { 1: 'Connection Not Synchronized', 2: 'Bad Message Length', 3: 'Bad Message Type' },
  },
  [ErrorCode.open]: {
    name: 'OPEN Message Error',
    subcodes: {
      1: 'Unsupported Version Number',
      2: 'Bad Peer AS',
      3: 'Bad BGP Identifier',
      4: 'Unsupported Optional Parameter',
      5: 'Authentication Failure',
      6: 'Unacceptable Hold Time',
      7: 'Unsupported Capability',
      11: 'Role Mismatch',
    },
  },
  [ErrorCode.update]: {
    name: 'UPDATE Message Error',
    subcodes: {
      1: 'Malformed Attribute List',
      2: 'Unrecognized Well-known Attribute',
      3: 'Missing Well-known Attribute',
      4: 'Attribute Flags Error',
      5: 'Attribute Length Error',
      6: 'Invalid ORIGIN Attribute',
      7: 'AS Routing Loop',
      8: 'Invalid NEXT_HOP Attribute',
      9: 'Optional Attribute Error',
      10: 'Invalid Network Field',
      11: 'Malformed AS_PATH',
    },
  },
  [ErrorCode.holdTimerExpired]: { name: 'Hold Timer Expired', subcodes: {} },
  [ErrorCode.finiteStateMachine]: {
    name: 'Finite State Machine Error',
    subcodes: {
      1: 'Unexpected Message in OpenSent',
      2: 'Unexpected Message in OpenConfirm',
      3: 'Unexpected Message in Established',
    },
  },
  [ErrorCode.cease]: {
    name: 'Cease',
    subcodes: {
      1: 'Maximum Number of Prefixes Reached',
      2: 'Administrative Shutdown',
      3: 'Peer De-configured',
      4: 'Administrative Reset',
      5: 'Connection Rejected',
      6: 'Other Configuration Change',
      7: 'Connection Collision Resolution',
      8: 'Out of Resources',
      9: 'Hard Reset',
      10: 'BFD Down',
    },
  },
  [ErrorCode.routeRefresh]: {
    name: 'ROUTE-REFRESH Message Error',
    subcodes: { 1: 'Invalid Message Length' },
  },
  [ErrorCode.sendHoldTimerExpired]: { name: 'Send Hold Timer Expired', subcodes: {} },
};

/** RFC 9003 §2: longest shutdown text, in octets of UTF-8. */
export const MAX_SHUTDOWN_TEXT = 255;

/** The data field that carries a text for the peer's operator, for Cease subcodes 2 and 4 (RFC 9003). Longer texts are cut at a character. */
export function shutdownText(text: string): Buffer {
  const bytes = new Uint8Array(MAX_SHUTDOWN_TEXT);
  const { written } = new TextEncoder().encodeInto(text, bytes);
  return new SmartBuffer()
    .writeUInt8(written)
    .writeBuffer(Buffer.from(bytes.subarray(0, written)))
    .toBuffer();
}

/** The text of a shutdown or reset, null where there is none or it is not UTF-8. Control characters become spaces. */
function readShutdownText(data: Buffer): string | null {
  if (data.length === 0 || data[0] === 0 || data[0] > data.length - 1) return null;
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(data.subarray(1, 1 + data[0]));
    return text.replace(/\p{Cc}/gu, ' ');
  } catch {
    return null;
  }
}

/** `Cease: Administrative Shutdown "maintenance until noon"`; unknown codes by number, other data in hex. */
export function describeNotification(notification: Notification): string {
  const { code, subcode, data } = notification;
  const known = codes[code];
  const name = known?.name ?? `error code ${code}`;
  const detail = known?.subcodes[subcode] ?? (subcode === 0 ? '' : `subcode ${subcode}`);
  const head = detail === '' ? name : `${name}: ${detail}`;
  if (code === ErrorCode.cease) {
    if (subcode === CeaseSubcode.hardReset && data.length >= 2) {
      // RFC 8538 §3.1: the reset's own reason is wrapped in the data.
      const reason = { code: data[0], subcode: data[1], data: data.subarray(2) };
      if (reason.code !== ErrorCode.cease || reason.subcode !== CeaseSubcode.hardReset) {
        return `${head} (${describeNotification(reason)})`;
      }
    }
    if (subcode === CeaseSubcode.administrativeShutdown || subcode === CeaseSubcode.administrativeReset) {
      const text = readShutdownText(data);
      if (text !== null) return `${head} ${JSON.stringify(text)}`;
    }
  }
  if (data.length === 0) return head;
  const shown = data.subarray(0, 32).toString('hex');
  return `${head} (data ${shown}${data.length > 32 ? '…' : ''})`;
}
