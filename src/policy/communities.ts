/**
 * Communities of all three kinds as filters speak of them: text, patterns and values. RFC 1997 communities are one
 * number each. Extended (RFC 4360) and large ones (RFC 8092) are their octets in hex, 16 and 24 digits, so that one
 * code serves both.
 */
import { formatIpv4, IPV4, parseAddress } from '../address/index.js';
import { formatCommunity, parseCommunity } from '../bgp/wire/attributes.js';

/** RFC 1997 communities that have `value` where `mask` has ones. */
export interface CommunityPattern {
  readonly value: number;
  readonly mask: number;
}

/** Extended or large communities. */
export interface WidePattern {
  /** As it is written in a document. */
  readonly text: string;
  /** Octets in hex, where `.` stands for any digit. A community fits that fits any of these. */
  readonly hex: readonly string[];
}

/** The pattern that one community alone fits. */
export const exactly = (community: number): CommunityPattern => ({ value: community, mask: 0xffffffff });

export function fits(pattern: CommunityPattern, community: number): boolean {
  return (community & pattern.mask) >>> 0 === pattern.value;
}

export function fitsWide(pattern: WidePattern, community: string): boolean {
  return pattern.hex.some((hex) => {
    for (let i = 0; i < hex.length; i++) if (hex[i] !== '.' && hex[i] !== community[i]) return false;
    return true;
  });
}

/** Reads `65000:100`, a well-known name, `65000:*`, `*:100` or `*:*`; null for anything else. */
export function parseCommunityPattern(text: string): CommunityPattern | null {
  const community = parseCommunity(text);
  if (community !== null) return exactly(community);
  const [high, low, ...more] = text.split(':');
  if (low === undefined || more.length > 0) return null;
  const parts = [high, low].map((part) => (part === '*' ? '*' : decimal(part, 0xffff)));
  const [first, second] = parts;
  if (first === null || second === null) return null;
  return {
    value: ((first === '*' ? 0 : first << 16) | (second === '*' ? 0 : second)) >>> 0,
    mask: ((first === '*' ? 0 : 0xffff0000) | (second === '*' ? 0 : 0xffff)) >>> 0,
  };
}

export function formatCommunityPattern({ value, mask }: CommunityPattern): string {
  if (mask === 0xffffffff) return formatCommunity(value);
  return `${mask >>> 16 === 0 ? '*' : value >>> 16}:${(mask & 0xffff) === 0 ? '*' : value & 0xffff}`;
}

/** Reads `65000:1:2`, any part of which may be `*`; null for anything else. */
export function parseLargePattern(text: string): WidePattern | null {
  const parts = text.split(':').map((part) => (part === '*' ? '*' : decimal(part, 0xffffffff)));
  if (parts.length !== 3 || parts.some((part) => part === null)) return null;
  return { text: parts.join(':'), hex: [parts.map((part) => digits(part, 8)).join('')] };
}

/** The text of a large community given in hex. */
export function formatLarge(hex: string): string {
  return [0, 8, 16].map((at) => Number.parseInt(hex.slice(at, at + 8), 16)).join(':');
}

/** RFC 4360 §4 and §5: low octet of the type of route targets and route origins. */
const subTypes: Readonly<Record<string, string>> = { rt: '02', ro: '03' };

/** draft-ietf-idr-link-bandwidth: octets per second as a float, of an AS with a small number, not transitive. */
const BANDWIDTH = 'bandwidth';

function parseBandwidth(administrator: string, text: string): WidePattern | null {
  const asn = administrator === '*' ? '*' : decimal(administrator, 0xffff);
  const octets = text === '*' ? '*' : decimal(text, 0xffffffffff);
  if (asn === null || octets === null) return null;
  const float = Buffer.alloc(4);
  if (octets !== '*') float.writeFloatBE(octets);
  const hex = `4004${digits(asn, 4)}${octets === '*' ? digits('*', 8) : float.toString('hex')}`;
  return { text: hex.includes('.') ? `${BANDWIDTH}:${asn}:${text}` : formatExtended(hex), hex: [hex] };
}

function formatBandwidth(hex: string): string {
  const value = Buffer.from(hex.slice(8), 'hex').readFloatBE();
  const text = String(value);
  return /^[0-9]{1,13}$/.test(text) ? `${BANDWIDTH}:${Number.parseInt(hex.slice(4, 8), 16)}:${text}` : hex;
}

/**
 * Reads `rt:65000:100` and `ro:192.0.2.1:7`, `bandwidth:65000:125000000`, of which both parts may be `*`, or 16 hex digits;
 * null for anything else.
 * A small AS number fits in the two-octet and in the four-octet encoding (RFC 5668), the first of which is written.
 */
export function parseExtendedPattern(text: string): WidePattern | null {
  if (/^[0-9a-fA-F]{16}$/.test(text)) {
    const hex = text.toLowerCase();
    return { text: formatExtended(hex), hex: [hex] };
  }
  const [kind, administrator, assigned, ...more] = text.split(':');
  if (kind === BANDWIDTH && assigned !== undefined && more.length === 0)
    return parseBandwidth(administrator, assigned);
  if (!Object.hasOwn(subTypes, kind) || assigned === undefined || more.length > 0) return null;
  const subType = subTypes[kind];
  const number = assigned === '*' ? '*' : decimal(assigned, 0xffffffff);
  if (number === null) return null;
  const isShort = number === '*' || number <= 0xffff;
  const hex: string[] = [];
  if (administrator === '*') {
    hex.push(`00${subType}....${digits(number, 8)}`);
    if (isShort)
      hex.push(`01${subType}........${digits(number, 4)}`, `02${subType}........${digits(number, 4)}`);
    return { text: `${kind}:*:${number}`, hex };
  }
  if (administrator.includes('.')) {
    const address = parseAddress(administrator);
    if (address === null || address.family !== IPV4 || !isShort) return null;
    return {
      text: `${kind}:${formatIpv4(address.a)}:${number}`,
      hex: [`01${subType}${digits(address.a, 8)}${digits(number, 4)}`],
    };
  }
  const asn = decimal(administrator, 0xffffffff);
  if (asn === null) return null;
  if (asn <= 0xffff) hex.push(`00${subType}${digits(asn, 4)}${digits(number, 8)}`);
  if (isShort) hex.push(`02${subType}${digits(asn, 8)}${digits(number, 4)}`);
  return hex.length === 0 ? null : { text: `${kind}:${asn}:${number}`, hex };
}

/** The text of an extended community given in hex that reads as exactly these octets: by name where there is one. */
export function formatExtended(hex: string): string {
  if (hex.startsWith('4004')) return formatBandwidth(hex);
  const kind = Object.keys(subTypes).find((name) => subTypes[name] === hex.slice(2, 4));
  const number = (from: number, to: number) => Number.parseInt(hex.slice(from, to), 16);
  if (kind === undefined) return hex;
  let text = hex;
  if (hex.startsWith('00')) text = `${kind}:${number(4, 8)}:${number(8, 16)}`;
  else if (hex.startsWith('01')) text = `${kind}:${formatIpv4(number(4, 12))}:${number(12, 16)}`;
  // A small AS number in four octets has no text of its own.
  else if (hex.startsWith('02') && number(4, 12) > 0xffff)
    text = `${kind}:${number(4, 12)}:${number(12, 16)}`;
  return text;
}

/** A decimal number up to `most`; null for anything else. */
function decimal(text: string, most: number): number | null {
  if (!/^[0-9]{1,13}$/.test(text)) return null;
  const value = Number(text);
  return value > most ? null : value;
}

const digits = (value: number | '*' | null, count: number) =>
  value === '*' || value === null ? '.'.repeat(count) : value.toString(16).padStart(count, '0');
