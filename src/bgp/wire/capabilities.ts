import { Parser } from 'binary-parser';
import { SmartBuffer } from 'smart-buffer';

/** Capability codes (RFC 5492). */
export const CapabilityCode = {
  multiprotocol: 1,
  routeRefresh: 2,
  extendedMessage: 6,
  gracefulRestart: 64,
  fourOctetAs: 65,
} as const;

export interface GracefulRestartFamily {
  readonly afi: number;
  readonly safi: number;
  /** Forwarding state was preserved over the restart. */
  readonly forwarding: boolean;
}

export type Capability =
  /** RFC 4760 §8. */
  | { readonly type: 'multiprotocol'; readonly afi: number; readonly safi: number }
  /** RFC 2918. */
  | { readonly type: 'routeRefresh' }
  /** RFC 4724 §3; `notification` is the N bit of RFC 8538. */
  | {
      readonly type: 'gracefulRestart';
      readonly restarting: boolean;
      readonly notification: boolean;
      /** 0 to 4095. */
      readonly restartTimeSeconds: number;
      readonly families: readonly GracefulRestartFamily[];
    }
  /** RFC 6793. */
  | { readonly type: 'fourOctetAs'; readonly asn: number }
  /** RFC 8654. */
  | { readonly type: 'extendedMessage' }
  /** Kept as it came. `data` is owned. */
  | { readonly type: 'unknown'; readonly code: number; readonly data: Buffer };

const multiprotocolParser = new Parser().uint16be('afi').uint8('reserved').uint8('safi');
const fourOctetAsParser = new Parser().uint32be('asn');
const gracefulRestartParser = new Parser()
  .bit1('restarting')
  .bit1('notification')
  .bit2('reserved')
  .bit12('restartTimeSeconds')
  .array('families', {
    type: new Parser().uint16be('afi').uint8('safi').bit1('forwarding').bit7('reserved'),
    readUntil: 'eof',
  });

interface ParsedGracefulRestart {
  restarting: number;
  notification: number;
  restartTimeSeconds: number;
  families: { afi: number; safi: number; forwarding: number }[];
}

/**
 * Reads one capability's value. Returns null where its length is wrong and the session can't go on without it
 * (multiprotocol, 4-octet AS); any other that does not parse is kept as unknown.
 */
export function decodeCapability(code: number, data: Buffer): Capability | null {
  const unknown = (): Capability => ({ type: 'unknown', code, data: Buffer.from(data) });
  switch (code) {
    case CapabilityCode.multiprotocol: {
      if (data.length !== 4) return null;
      const { afi, safi } = multiprotocolParser.parse(data) as { afi: number; safi: number };
      return { type: 'multiprotocol', afi, safi };
    }
    case CapabilityCode.fourOctetAs: {
      if (data.length !== 4) return null;
      const { asn } = fourOctetAsParser.parse(data) as { asn: number };
      return { type: 'fourOctetAs', asn };
    }
    case CapabilityCode.routeRefresh:
      return data.length === 0 ? { type: 'routeRefresh' } : unknown();
    case CapabilityCode.extendedMessage:
      return data.length === 0 ? { type: 'extendedMessage' } : unknown();
    case CapabilityCode.gracefulRestart: {
      if (data.length % 4 !== 2) return unknown();
      const parsed = gracefulRestartParser.parse(data) as ParsedGracefulRestart;
      return {
        type: 'gracefulRestart',
        restarting: parsed.restarting === 1,
        notification: parsed.notification === 1,
        restartTimeSeconds: parsed.restartTimeSeconds,
        families: parsed.families.map(({ afi, safi, forwarding }) => ({
          afi,
          safi,
          forwarding: forwarding === 1,
        })),
      };
    }
    default:
      return unknown();
  }
}

/** Code, length and value of one capability. Throws RangeError where the value is longer than 255 octets. */
export function encodeCapability(capability: Capability): Buffer {
  const value = new SmartBuffer();
  let code: number;
  switch (capability.type) {
    case 'unknown':
      code = capability.code;
      value.writeBuffer(capability.data);
      break;
    case 'multiprotocol':
      code = CapabilityCode.multiprotocol;
      value.writeUInt16BE(capability.afi).writeUInt8(0).writeUInt8(capability.safi);
      break;
    case 'fourOctetAs':
      code = CapabilityCode.fourOctetAs;
      value.writeUInt32BE(capability.asn);
      break;
    case 'gracefulRestart': {
      code = CapabilityCode.gracefulRestart;
      const flags = (capability.restarting ? 0x8000 : 0) | (capability.notification ? 0x4000 : 0);
      value.writeUInt16BE(flags | (capability.restartTimeSeconds & 0xfff));
      for (const { afi, safi, forwarding } of capability.families) {
        value
          .writeUInt16BE(afi)
          .writeUInt8(safi)
          .writeUInt8(forwarding ? 0x80 : 0);
      }
      break;
    }
    case 'routeRefresh':
    case 'extendedMessage':
      code = CapabilityCode[capability.type];
      break;
  }
  const bytes = value.toBuffer();
  if (bytes.length > 255)
    throw new RangeError(`capability ${code} of ${bytes.length} octets, at most 255 fit`);
  return new SmartBuffer().writeUInt8(code).writeUInt8(bytes.length).writeBuffer(bytes).toBuffer();
}
