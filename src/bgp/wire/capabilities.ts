import { Parser } from 'binary-parser';
import { SmartBuffer } from 'smart-buffer';

/** Capability codes (RFC 5492). */
export const CapabilityCode = {
  multiprotocol: 1,
  routeRefresh: 2,
  extendedNextHop: 5,
  extendedMessage: 6,
  role: 9,
  gracefulRestart: 64,
  fourOctetAs: 65,
  addPath: 69,
  enhancedRouteRefresh: 70,
  longLivedGracefulRestart: 71,
} as const;

export interface GracefulRestartFamily {
  readonly afi: number;
  readonly safi: number;
  /** Forwarding state was preserved over the restart. */
  readonly forwarding: boolean;
}

/** RFC 7911 §4: what the sender of the capability does with path identifiers in this family. */
export interface AddPathFamily {
  readonly afi: number;
  readonly safi: number;
  readonly receives: boolean;
  readonly sends: boolean;
}

/** RFC 8950 §4: NLRI of this family may have next hops of `nextHopAfi`. */
export interface ExtendedNextHopFamily {
  readonly afi: number;
  readonly safi: number;
  readonly nextHopAfi: number;
}

/** RFC 9494 §3.1. */
export interface LongLivedFamily {
  readonly afi: number;
  readonly safi: number;
  /** Forwarding state was preserved over the restart. */
  readonly forwarding: boolean;
  /** 0 to 2^24 - 1. */
  readonly staleTimeSeconds: number;
}

/** RFC 9234 §4.1: what the sender of the capability is to the receiver; an index. */
export const Role = { provider: 0, routeServer: 1, routeServerClient: 2, customer: 3, peer: 4 } as const;
export type RoleName = keyof typeof Role;

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
  /** RFC 8950 §4. */
  | { readonly type: 'extendedNextHop'; readonly families: readonly ExtendedNextHopFamily[] }
  /** RFC 9234 §4.1; a value of `Role`, or one that is not assigned. */
  | { readonly type: 'role'; readonly role: number }
  /** RFC 7911 §4. */
  | { readonly type: 'addPath'; readonly families: readonly AddPathFamily[] }
  /** RFC 7313 §3.1. */
  | { readonly type: 'enhancedRouteRefresh' }
  /** RFC 9494 §3.1. */
  | { readonly type: 'longLivedGracefulRestart'; readonly families: readonly LongLivedFamily[] }
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

const extendedNextHopParser = new Parser().array('families', {
  type: new Parser().uint16be('afi').uint16be('safi').uint16be('nextHopAfi'),
  readUntil: 'eof',
});
const addPathParser = new Parser().array('families', {
  type: new Parser().uint16be('afi').uint8('safi').uint8('mode'),
  readUntil: 'eof',
});
const longLivedParser = new Parser().array('families', {
  type: new Parser()
    .uint16be('afi')
    .uint8('safi')
    .bit1('forwarding')
    .bit7('reserved')
    .bit24('staleTimeSeconds'),
  readUntil: 'eof',
});

/** RFC 7911 §4: Send/Receive. */
const ADD_PATH_RECEIVE = 1;
const ADD_PATH_SEND = 2;

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
    case CapabilityCode.enhancedRouteRefresh:
      return data.length === 0 ? { type: 'enhancedRouteRefresh' } : unknown();
    case CapabilityCode.role:
      return data.length === 1 ? { type: 'role', role: data[0] } : unknown();
    case CapabilityCode.extendedNextHop: {
      if (data.length === 0 || data.length % 6 !== 0) return unknown();
      const { families } = extendedNextHopParser.parse(data) as { families: ExtendedNextHopFamily[] };
      return { type: 'extendedNextHop', families };
    }
    case CapabilityCode.addPath: {
      if (data.length % 4 !== 0) return unknown();
      const parsed = addPathParser.parse(data) as { families: { afi: number; safi: number; mode: number }[] };
      // RFC 7911 §4: an entry with any other value is ignored.
      const sound = parsed.families.filter(({ mode }) => mode >= ADD_PATH_RECEIVE && mode <= 3);
      return {
        type: 'addPath',
        families: sound.map(({ afi, safi, mode }) => ({
          afi,
          safi,
          receives: (mode & ADD_PATH_RECEIVE) !== 0,
          sends: (mode & ADD_PATH_SEND) !== 0,
        })),
      };
    }
    case CapabilityCode.longLivedGracefulRestart: {
      if (data.length % 7 !== 0) return unknown();
      const parsed = longLivedParser.parse(data) as {
        families: { afi: number; safi: number; forwarding: number; staleTimeSeconds: number }[];
      };
      return {
        type: 'longLivedGracefulRestart',
        families: parsed.families.map(({ afi, safi, forwarding, staleTimeSeconds }) => ({
          afi,
          safi,
          forwarding: forwarding === 1,
          staleTimeSeconds,
        })),
      };
    }
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
    case 'extendedNextHop':
      code = CapabilityCode.extendedNextHop;
      for (const { afi, safi, nextHopAfi } of capability.families) {
        value.writeUInt16BE(afi).writeUInt16BE(safi).writeUInt16BE(nextHopAfi);
      }
      break;
    case 'role':
      code = CapabilityCode.role;
      value.writeUInt8(capability.role);
      break;
    case 'addPath':
      code = CapabilityCode.addPath;
      for (const { afi, safi, receives, sends } of capability.families) {
        const mode = (receives ? ADD_PATH_RECEIVE : 0) | (sends ? ADD_PATH_SEND : 0);
        value.writeUInt16BE(afi).writeUInt8(safi).writeUInt8(mode);
      }
      break;
    case 'longLivedGracefulRestart':
      code = CapabilityCode.longLivedGracefulRestart;
      for (const { afi, safi, forwarding, staleTimeSeconds } of capability.families) {
        value
          .writeUInt16BE(afi)
          .writeUInt8(safi)
          .writeUInt8(forwarding ? 0x80 : 0)
          .writeUInt8(staleTimeSeconds >>> 16)
          .writeUInt16BE(staleTimeSeconds & 0xffff);
      }
      break;
    case 'routeRefresh':
    case 'extendedMessage':
    case 'enhancedRouteRefresh':
      code = CapabilityCode[capability.type];
      break;
  }
  const bytes = value.toBuffer();
  if (bytes.length > 255)
    throw new RangeError(`capability ${code} of ${bytes.length} octets, at most 255 fit`);
  return new SmartBuffer().writeUInt8(code).writeUInt8(bytes.length).writeBuffer(bytes).toBuffer();
}
