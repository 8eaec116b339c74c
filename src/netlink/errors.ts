/**
 * What the kernel says when it refuses: `struct nlmsgerr`, which is a (negative) errno and the header of the
 * request, whole or capped, and behind it the extended ACK: a text, and the offset of the attribute at fault.
 */
import { errnoName } from '../sockopt/index.js';
import {
  messageName,
  NLM_F_ACK_TLVS,
  NLM_F_CAPPED,
  NLMSGERR_ATTR_MSG,
  NLMSGERR_ATTR_OFFS,
} from './constants.js';
import {
  align4,
  attributeString,
  forEachAttribute,
  HEADER_LENGTH,
  messageFlags,
  messageLength,
  messageType,
} from './message.js';

/** ENOBUFS: the answer was lost, the outcome is unknown. */
export const ENOBUFS = 105;

/** One refusal. `errno` is positive; `text` is the kernel's own explanation, empty where it gives none. */
export interface Refusal {
  readonly errno: number;
  /** `EEXIST`, `ENETUNREACH` … */
  readonly code: string;
  readonly text: string;
  /** Offset in the request of the attribute that the kernel objects to. */
  readonly attributeOffset: number | null;
}

/** A request that the kernel refused, or (`ENOBUFS`) whose answer was lost so that the outcome is unknown. */
export class NetlinkError extends Error implements Refusal {
  readonly errno: number;
  readonly code: string;
  readonly text: string;
  readonly attributeOffset: number | null;
  /** The request, header included. */
  readonly request: Buffer;

  constructor(refusal: Refusal, request: Buffer) {
    super(
      `${messageName(messageType(request, 0))}: ${refusal.code}${refusal.text === '' ? '' : `: ${refusal.text}`}`,
    );
    this.name = 'NetlinkError';
    this.errno = refusal.errno;
    this.code = refusal.code;
    this.text = refusal.text;
    this.attributeOffset = refusal.attributeOffset;
    this.request = request;
  }
}

/** The refusal of a request whose answer was lost. */
export const outcomeUnknown: Refusal = {
  errno: ENOBUFS,
  code: 'ENOBUFS',
  text: 'the answer was lost, so the outcome is unknown',
  attributeOffset: null,
};

/** Reads the extended ACK between `start` and `end`. */
function readExtendedAck(bytes: Buffer, start: number, end: number, errno: number): Refusal {
  let text = '';
  let attributeOffset: number | null = null;
  forEachAttribute(bytes, start, end, (type, from, to) => {
    if (type === NLMSGERR_ATTR_MSG) text = attributeString(bytes, from, to);
    else if (type === NLMSGERR_ATTR_OFFS && to - from >= 4) attributeOffset = bytes.readUInt32LE(from);
  });
  return { errno, code: errnoName(errno), text, attributeOffset };
}

/**
 * Reads an NLMSG_ERROR message. Null: it is an ACK. A message too short to hold an errno counts as a refusal
 * with EBADMSG.
 */
export function readError(bytes: Buffer, start: number, end: number): Refusal | null {
  if (end - start < HEADER_LENGTH + 4) return readExtendedAck(bytes, end, end, 74);
  const errno = -bytes.readInt32LE(start + HEADER_LENGTH);
  if (errno === 0) return null;
  const flags = messageFlags(bytes, start);
  let attributes = end;
  if ((flags & NLM_F_ACK_TLVS) !== 0 && end - start >= 2 * HEADER_LENGTH + 4) {
    const request = start + HEADER_LENGTH + 4;
    const echoed = (flags & NLM_F_CAPPED) !== 0 ? HEADER_LENGTH : align4(messageLength(bytes, request));
    attributes = echoed < HEADER_LENGTH ? end : Math.min(end, request + echoed);
  }
  return readExtendedAck(bytes, attributes, end, errno);
}

/** Reads the errno that ends a dump (NLMSG_DONE carries it, 0 or negative). Null: the dump went through. */
export function readDone(bytes: Buffer, start: number, end: number): Refusal | null {
  if (end - start < HEADER_LENGTH + 4) return null;
  const errno = -bytes.readInt32LE(start + HEADER_LENGTH);
  if (errno <= 0) return null;
  const attributes = (messageFlags(bytes, start) & NLM_F_ACK_TLVS) !== 0 ? start + HEADER_LENGTH + 4 : end;
  return readExtendedAck(bytes, attributes, end, errno);
}
