import { Parser } from 'binary-parser';
import { SmartBuffer } from 'smart-buffer';
import { type Capability, decodeCapability, encodeCapability } from './capabilities.js';
import { frame } from './header.js';
import { AS_TRANS, ErrorCode, MessageType, OpenSubcode, WireError } from './types.js';

/** RFC 4271 §4.2. */
export interface OpenMessage {
  readonly version: number;
  /** The real AS number: the 4-octet capability's where there is one (RFC 6793). */
  readonly asn: number;
  /** 0 or at least 3. */
  readonly holdTimeSeconds: number;
  /** Unsigned 32 bits. */
  readonly routerId: number;
  readonly capabilities: readonly Capability[];
}

const FIXED_LENGTH = 10;
const PARAMETER_CAPABILITIES = 2;
/** RFC 9072 §2: as first parameter type it says that real lengths have two octets, whatever the length before it. */
const EXTENDED = 255;

const fixedParser = new Parser()
  .uint8('version')
  .uint16be('asn')
  .uint16be('holdTimeSeconds')
  .uint32be('routerId')
  .uint8('parametersLength');

interface FixedPart {
  version: number;
  asn: number;
  holdTimeSeconds: number;
  routerId: number;
  parametersLength: number;
}

function fault(subcode: number, message: string, offset: number, data?: Buffer): WireError {
  return new WireError('reset', ErrorCode.open, subcode, message, offset, data);
}

/**
 * Reads an OPEN's body. Errors are those of RFC 4271 §6.2 that the message alone shows; whether AS number and identifier
 * are the expected ones is the session's to say.
 */
export function decodeOpen(buf: Buffer, start: number, end: number): OpenMessage | WireError {
  const body = buf.subarray(start, end);
  if (body.length < FIXED_LENGTH) {
    return fault(
      OpenSubcode.unspecific,
      `OPEN body of ${body.length} octets, expected at least ${FIXED_LENGTH}`,
      0,
    );
  }
  const fixed = fixedParser.parse(body) as FixedPart;
  if (fixed.version !== 4) {
    const supported = Buffer.from([0, 4]);
    return fault(OpenSubcode.unsupportedVersion, `BGP version ${fixed.version}, expected 4`, 0, supported);
  }
  const capabilities = decodeParameters(body, fixed.parametersLength);
  if (capabilities instanceof WireError) return capabilities;
  let { asn } = fixed;
  for (const capability of capabilities) if (capability.type === 'fourOctetAs') asn = capability.asn;
  if (asn === 0 || fixed.asn === 0) {
    return fault(OpenSubcode.badPeerAs, 'AS number 0 is not allowed (RFC 7607)', 1);
  }
  if (fixed.holdTimeSeconds === 1 || fixed.holdTimeSeconds === 2) {
    const message = `hold time of ${fixed.holdTimeSeconds} s, expected 0 or at least 3`;
    return fault(OpenSubcode.unacceptableHoldTime, message, 3);
  }
  if (fixed.routerId === 0) {
    return fault(OpenSubcode.badIdentifier, 'BGP identifier 0.0.0.0 is not allowed (RFC 6286)', 5);
  }
  const { version, holdTimeSeconds, routerId } = fixed;
  return { version, asn, holdTimeSeconds, routerId, capabilities };
}

function decodeParameters(body: Buffer, parametersLength: number): Capability[] | WireError {
  const reader = SmartBuffer.fromBuffer(body);
  reader.readOffset = FIXED_LENGTH;
  let expected = parametersLength;
  let headLength = 2;
  if (parametersLength !== 0 && reader.remaining() >= 3 && body[FIXED_LENGTH] === EXTENDED) {
    reader.readUInt8();
    expected = reader.readUInt16BE();
    headLength = 3;
  }
  if (reader.remaining() !== expected) {
    const message = `optional parameters of ${reader.remaining()} octets, their length field says ${expected}`;
    return fault(OpenSubcode.unspecific, message, FIXED_LENGTH - 1);
  }
  const capabilities: Capability[] = [];
  while (reader.remaining() > 0) {
    const offset = reader.readOffset;
    if (reader.remaining() < headLength) {
      return fault(OpenSubcode.unspecific, 'optional parameter is cut short', offset);
    }
    const type = reader.readUInt8();
    const length = headLength === 3 ? reader.readUInt16BE() : reader.readUInt8();
    if (length > reader.remaining()) {
      const message = `optional parameter ${type} of ${length} octets, ${reader.remaining()} are left`;
      return fault(OpenSubcode.unspecific, message, offset);
    }
    const value = reader.readBuffer(length);
    if (type !== PARAMETER_CAPABILITIES) {
      return fault(OpenSubcode.unsupportedParameter, `optional parameter ${type} is unknown`, offset);
    }
    const error = decodeCapabilities(value, reader.readOffset - length, capabilities);
    if (error !== null) return error;
  }
  return capabilities;
}

function decodeCapabilities(value: Buffer, offset: number, into: Capability[]): WireError | null {
  let at = 0;
  while (at < value.length) {
    const next = at + 2 + (value[at + 1] ?? 0);
    if (at + 2 > value.length || next > value.length) {
      return fault(OpenSubcode.unspecific, `capability ${value[at]} is cut short`, offset + at);
    }
    const capability = decodeCapability(value[at], value.subarray(at + 2, next));
    if (capability === null) {
      const message = `capability ${value[at]} of ${next - at - 2} octets, expected 4`;
      return fault(OpenSubcode.unspecific, message, offset + at);
    }
    into.push(capability);
    at = next;
  }
  return null;
}

/**
 * A whole message. An AS number above 65535 goes out as AS_TRANS and needs the 4-octet capability among `capabilities`.
 * All capabilities share one parameter while they fit into its 255 octets; beyond that the form of RFC 9072 is used.
 */
export function encodeOpen(open: OpenMessage): Buffer {
  const body = new SmartBuffer()
    .writeUInt8(open.version)
    .writeUInt16BE(open.asn > 0xffff ? AS_TRANS : open.asn)
    .writeUInt16BE(open.holdTimeSeconds)
    .writeUInt32BE(open.routerId);
  const capabilities = Buffer.concat(open.capabilities.map(encodeCapability));
  if (capabilities.length === 0) {
    body.writeUInt8(0);
  } else if (capabilities.length + 2 < EXTENDED) {
    body.writeUInt8(capabilities.length + 2);
    body.writeUInt8(PARAMETER_CAPABILITIES).writeUInt8(capabilities.length).writeBuffer(capabilities);
  } else {
    body.writeUInt8(EXTENDED).writeUInt8(EXTENDED);
    body.writeUInt16BE(capabilities.length + 3);
    body.writeUInt8(PARAMETER_CAPABILITIES).writeUInt16BE(capabilities.length).writeBuffer(capabilities);
  }
  return frame(MessageType.open, body.toBuffer());
}
