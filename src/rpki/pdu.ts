/**
 * PDUs of the RPKI to Router protocol, versions 0 (RFC 6810), 1 (RFC 8210) and 2 (draft-ietf-sidrops-8210bis), and
 * their octets. Pure; numbers are in network order. A prefix is read in place (`prefixAt`), as half a million of them come at a
 * time; of Router Keys and ASPAs, which this router has no use for, the frame alone is looked at.
 */
import { type FamilyIndex, IPV4, IPV6, wordMask } from '../address/index.js';

export const PduType = {
  serialNotify: 0,
  serialQuery: 1,
  resetQuery: 2,
  cacheResponse: 3,
  ipv4Prefix: 4,
  ipv6Prefix: 6,
  endOfData: 7,
  cacheReset: 8,
  routerKey: 9,
  errorReport: 10,
  aspa: 11,
} as const;

/** RFC 8210 §12. */
export const RtrErrorCode = {
  corruptData: 0,
  internalError: 1,
  noDataAvailable: 2,
  invalidRequest: 3,
  unsupportedVersion: 4,
  unsupportedPduType: 5,
  withdrawalOfUnknown: 6,
  duplicateAnnouncement: 7,
  unexpectedVersion: 8,
} as const;

export const rtrErrorNames: readonly string[] = [
  'Corrupt Data',
  'Internal Error',
  'No Data Available',
  'Invalid Request',
  'Unsupported Protocol Version',
  'Unsupported PDU Type',
  'Withdrawal of Unknown Record',
  'Duplicate Announcement Received',
  'Unexpected Protocol Version',
];

export const MAX_VERSION = 2;
export const HEADER_LENGTH = 8;
/** Longest PDU that is taken: an Error Report with a PDU and a text in it, or an ASPA of thousands of providers. */
export const MAX_PDU_LENGTH = 1 << 16;

/** RFC 8210 §6. */
export interface Intervals {
  readonly refreshSeconds: number;
  readonly retrySeconds: number;
  readonly expireSeconds: number;
}

export const defaultIntervals: Intervals = { refreshSeconds: 3600, retrySeconds: 600, expireSeconds: 7200 };

export type Pdu =
  | { readonly type: 'serialNotify'; readonly session: number; readonly serial: number }
  | { readonly type: 'serialQuery'; readonly session: number; readonly serial: number }
  | { readonly type: 'resetQuery' }
  | { readonly type: 'cacheResponse'; readonly session: number }
  | { readonly type: 'prefix' }
  | {
      readonly type: 'endOfData';
      readonly session: number;
      readonly serial: number;
      /** null in version 0, which has none. */
      readonly intervals: Intervals | null;
    }
  | { readonly type: 'cacheReset' }
  | { readonly type: 'routerKey' }
  | { readonly type: 'aspa' }
  | { readonly type: 'errorReport'; readonly code: number; readonly text: string };

/** What is wrong with a PDU, and the code that its sender is told. */
export interface PduError {
  readonly type: 'error';
  readonly code: number;
  readonly message: string;
}

/** A whole PDU that lies in `buf[at, at + length)`, `length` being what its header says. */
export function readPdu(buf: Buffer, at: number, length: number): Pdu | PduError {
  const version = buf[at];
  const type = buf[at + 1];
  const session = buf.readUInt16BE(at + 2);
  const wrong = (expected: string): PduError =>
    corrupt(`a PDU of type ${type} has ${length} octets; expected ${expected}`);
  switch (type) {
    case PduType.serialNotify:
    case PduType.serialQuery:
      if (length !== 12) return wrong('12');
      return {
        type: type === PduType.serialNotify ? 'serialNotify' : 'serialQuery',
        session,
        serial: buf.readUInt32BE(at + 8),
      };
    case PduType.resetQuery:
      return length === 8 ? { type: 'resetQuery' } : wrong('8');
    case PduType.cacheResponse:
      return length === 8 ? { type: 'cacheResponse', session } : wrong('8');
    case PduType.cacheReset:
      return length === 8 ? { type: 'cacheReset' } : wrong('8');
    case PduType.ipv4Prefix:
      return length === 20 ? { type: 'prefix' } : wrong('20');
    case PduType.ipv6Prefix:
      return length === 32 ? { type: 'prefix' } : wrong('32');
    case PduType.endOfData: {
      const expected = version === 0 ? 12 : 24;
      if (length !== expected) return wrong(String(expected));
      const intervals =
        version === 0
          ? null
          : {
              refreshSeconds: buf.readUInt32BE(at + 12),
              retrySeconds: buf.readUInt32BE(at + 16),
              expireSeconds: buf.readUInt32BE(at + 20),
            };
      return { type: 'endOfData', session, serial: buf.readUInt32BE(at + 8), intervals };
    }
    case PduType.routerKey:
      if (version === 0) return unsupported(type, version);
      // RFC 8210 §5.10: SKI of 20 octets, AS number, and the key.
      return length >= 32 ? { type: 'routerKey' } : wrong('at least 32');
    case PduType.aspa:
      if (version < 2) return unsupported(type, version);
      return length >= 12 ? { type: 'aspa' } : wrong('at least 12');
    case PduType.errorReport:
      return readErrorReport(buf, at, length, session);
    default:
      return unsupported(type, version);
  }
}

function corrupt(message: string): PduError {
  return { type: 'error', code: RtrErrorCode.corruptData, message };
}

function unsupported(type: number, version: number): PduError {
  return {
    type: 'error',
    code: RtrErrorCode.unsupportedPduType,
    message: `version ${version} has no PDU of type ${type}`,
  };
}

/** RFC 8210 §5.11. */
function readErrorReport(buf: Buffer, at: number, length: number, code: number): Pdu | PduError {
  const end = at + length;
  if (length < 16) return corrupt(`an Error Report has ${length} octets; expected at least 16`);
  const textAt = at + 12 + buf.readUInt32BE(at + 8);
  if (textAt + 4 > end) return corrupt('the PDU within an Error Report runs past its end');
  const textLength = buf.readUInt32BE(textAt);
  if (textAt + 4 + textLength > end) return corrupt('the text of an Error Report runs past its end');
  return { type: 'errorReport', code, text: buf.toString('utf8', textAt + 4, textAt + 4 + textLength) };
}

/** A prefix PDU, read in place. */
export class PrefixRecord {
  family: FamilyIndex = IPV4;
  isAnnouncement = false;
  readonly words = new Uint32Array(4);
  length = 0;
  maxLength = 0;
  asn = 0;

  /** Reads the prefix PDU at `at`; null, or what is wrong with it. RFC 8210 §5.6, §5.7. */
  read(buf: Buffer, at: number): PduError | null {
    const isIpv4 = buf[at + 1] === PduType.ipv4Prefix;
    this.family = isIpv4 ? IPV4 : IPV6;
    this.isAnnouncement = (buf[at + 8] & 1) === 1;
    this.length = buf[at + 9];
    this.maxLength = buf[at + 10];
    const { words, length, maxLength } = this;
    const count = isIpv4 ? 1 : 4;
    if (length > maxLength || maxLength > count * 32) {
      return corrupt(`a prefix of length ${length} has a maximum length of ${maxLength}`);
    }
    for (let i = 0; i < 4; i++) {
      // Bits behind the prefix mean nothing.
      words[i] = i < count ? buf.readUInt32BE(at + 12 + 4 * i) & wordMask(length - 32 * i) : 0;
    }
    this.asn = buf.readUInt32BE(at + 12 + 4 * count);
    return null;
  }
}

function header(version: number, type: number, session: number, length: number): Buffer {
  const buf = Buffer.alloc(length);
  buf[0] = version;
  buf[1] = type;
  buf.writeUInt16BE(session, 2);
  buf.writeUInt32BE(length, 4);
  return buf;
}

export function encodeResetQuery(version: number): Buffer {
  return header(version, PduType.resetQuery, 0, 8);
}

export function encodeSerialQuery(version: number, session: number, serial: number): Buffer {
  const buf = header(version, PduType.serialQuery, session, 12);
  buf.writeUInt32BE(serial, 8);
  return buf;
}

/** Octets of the PDU that is at fault which go back to its sender. */
const QUOTED = 256;

/** `erroneous`: the PDU at fault. RFC 8210 §5.11. */
export function encodeErrorReport(version: number, code: number, erroneous: Buffer, text: string): Buffer {
  const quoted = erroneous.subarray(0, QUOTED);
  const words = Buffer.from(text);
  const buf = header(version, PduType.errorReport, code, 16 + quoted.length + words.length);
  buf.writeUInt32BE(quoted.length, 8);
  quoted.copy(buf, 12);
  buf.writeUInt32BE(words.length, 12 + quoted.length);
  words.copy(buf, 16 + quoted.length);
  return buf;
}
