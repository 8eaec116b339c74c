/** Canonical sets told to people and scripts: plain values, fit for JSON. */
import { type FamilyIndex, formatAddress, formatIpv4, IPV4, IPV6, readAddress } from '../../address/index.js';
import { aigpMetricAt, readAigpMetric } from './aigp.js';
import { formatAsPath } from './as-path.js';
import { AttributeCode, AttributeFlag, attributeName, formatCommunity, originNames } from './attributes.js';
import { CanonicalView } from './canonical.js';

/** Keys are there only where the attribute is. */
export interface AttributesDescription {
  /** Null: this router itself. */
  nextHop: string | null;
  /** RFC 2545 §3: the link-local address beside a global one. */
  linkLocalNextHop?: string;
  origin?: 'igp' | 'egp' | 'incomplete';
  /** `65001 65002 {65003 65004}`. */
  asPath?: string;
  med?: number;
  localPref?: number;
  atomicAggregate?: true;
  aggregator?: { asn: number; address: string };
  /** `65000:100`, or a well-known name. */
  communities?: string[];
  originatorId?: string;
  clusterList?: string[];
  /** `rt:65000:100`, `ro:192.0.2.1:7`, `bandwidth:65000:125000000`, or 16 hex digits. */
  extendedCommunities?: string[];
  /** 40 hex digits each. */
  ipv6ExtendedCommunities?: string[];
  /** `65000:1:2`. */
  largeCommunities?: string[];
  onlyToCustomer?: number;
  /** RFC 7311: the accumulated metric; rounded where it is beyond 2^53. */
  aigp?: number;
  /** Attributes that we pass on without knowing them. */
  others?: { code: number; name: string; partial: boolean; value: string }[];
}

/** Reads the canonical set in `start`–`end`. */
export function describeAttributes(buf: Buffer, start: number, end: number): AttributesDescription {
  const view = new CanonicalView().reset(buf, start, end);
  const description: AttributesDescription = { nextHop: null };
  if (view.nextHopLength > 0) {
    const family: FamilyIndex = view.nextHopLength === 4 ? IPV4 : IPV6;
    description.nextHop = formatAddress(readAddress(buf, view.nextHopStart, family));
    if (view.nextHopLength === 32) {
      description.linkLocalNextHop = formatAddress(readAddress(buf, view.nextHopStart + 16, IPV6));
    }
  }
  while (view.next()) describeOne(view, description);
  return description;
}

function describeOne(view: CanonicalView, into: AttributesDescription): void {
  const { buffer, valueStart: start, valueEnd: end } = view;
  const pieces = (size: number, format: (at: number) => string): string[] => {
    const texts: string[] = [];
    for (let at = start; at + size <= end; at += size) texts.push(format(at));
    return texts;
  };
  const u32 = (at = start) => buffer.readUInt32BE(at);
  switch (view.type) {
    case AttributeCode.origin:
      into.origin = originNames[buffer[start]];
      break;
    case AttributeCode.asPath:
      into.asPath = formatAsPath(buffer, start, end);
      break;
    case AttributeCode.multiExitDisc:
      into.med = u32();
      break;
    case AttributeCode.localPref:
      into.localPref = u32();
      break;
    case AttributeCode.atomicAggregate:
      into.atomicAggregate = true;
      break;
    case AttributeCode.aggregator:
      into.aggregator = { asn: u32(), address: formatIpv4(u32(start + 4)) };
      break;
    case AttributeCode.communities:
      into.communities = pieces(4, (at) => formatCommunity(u32(at)));
      break;
    case AttributeCode.originatorId:
      into.originatorId = formatIpv4(u32());
      break;
    case AttributeCode.clusterList:
      into.clusterList = pieces(4, (at) => formatIpv4(u32(at)));
      break;
    case AttributeCode.extendedCommunities:
      into.extendedCommunities = pieces(8, (at) => formatExtendedCommunity(buffer, at));
      break;
    case AttributeCode.ipv6ExtendedCommunities:
      into.ipv6ExtendedCommunities = pieces(20, (at) => buffer.toString('hex', at, at + 20));
      break;
    case AttributeCode.largeCommunities:
      into.largeCommunities = pieces(12, (at) => `${u32(at)}:${u32(at + 4)}:${u32(at + 8)}`);
      break;
    case AttributeCode.aigp: {
      const at = aigpMetricAt(buffer, start, end);
      if (at >= 0) into.aigp = readAigpMetric(buffer, at);
      break;
    }
    case AttributeCode.onlyToCustomer:
      into.onlyToCustomer = u32();
      break;
    default:
      into.others ??= [];
      into.others.push({
        code: view.type,
        name: attributeName(view.type),
        partial: (view.flags & AttributeFlag.partial) !== 0,
        value: buffer.toString('hex', start, end),
      });
  }
}

/** RFC 4360 §3, §4: route target and route origin by name in their three encodings, anything else in hex. */
function formatExtendedCommunity(buf: Buffer, at: number): string {
  const encoding = buf[at];
  const kind = buf[at + 1] === 2 ? 'rt' : buf[at + 1] === 3 ? 'ro' : null;
  if (kind !== null) {
    if (encoding === 0) return `${kind}:${buf.readUInt16BE(at + 2)}:${buf.readUInt32BE(at + 4)}`;
    if (encoding === 1) return `${kind}:${formatIpv4(buf.readUInt32BE(at + 2))}:${buf.readUInt16BE(at + 6)}`;
    if (encoding === 2) return `${kind}:${buf.readUInt32BE(at + 2)}:${buf.readUInt16BE(at + 6)}`;
  }
  if (encoding === 0x40 && buf[at + 1] === 4) {
    // draft-ietf-idr-link-bandwidth: octets per second.
    const value = String(buf.readFloatBE(at + 4));
    if (/^[0-9]{1,13}$/.test(value)) return `bandwidth:${buf.readUInt16BE(at + 2)}:${value}`;
  }
  return buf.toString('hex', at, at + 8);
}
