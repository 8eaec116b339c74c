/** Text of a document ⇄ values: addresses, prefixes, communities, protocol names. */
import { Validator } from 'ip-num';
import {
  type Address,
  familyNames,
  formatPrefix,
  IPV4,
  networkOf,
  type Prefix,
  parseAddress,
  parsePrefix,
  sameAddress,
} from '../address/index.js';
import { type ConfigIssue, formatPath, nearest, type Path, showValue } from './issues.js';
import type { SourceDocument } from './source.js';

/** RFC 1997, 3765, 7611, 7999, 8326 and 9494: communities that have a name. */
const communityNames: Readonly<Record<string, number>> = {
  'no-export': 0xffffff01,
  'no-advertise': 0xffffff02,
  'no-export-subconfed': 0xffffff03,
  'no-peer': 0xffffff04,
  blackhole: 0xffff029a,
  'graceful-shutdown': 0xffff0000,
  'accept-own': 0xffff0001,
  'llgr-stale': 0xffff0006,
  'no-llgr': 0xffff0007,
};

/** `rtm_protocol`s that have a name in Linux. */
export const kernelProtocols: Readonly<Record<string, number>> = {
  redirect: 1,
  kernel: 2,
  boot: 3,
  static: 4,
  gated: 8,
  ra: 9,
  mrt: 10,
  zebra: 11,
  bird: 12,
  dnrouted: 13,
  xorp: 14,
  ntk: 15,
  dhcp: 16,
  mrouted: 17,
  keepalived: 18,
  babel: 42,
  ovn: 84,
  openr: 99,
  bgp: 186,
  isis: 187,
  ospf: 188,
  rip: 189,
  eigrp: 192,
};

/** Text of a community as `65000:100` or by its name. */
export function formatCommunity(community: number): string {
  for (const [name, value] of Object.entries(communityNames)) if (value === community) return name;
  return `${community >>> 16}:${community & 0xffff}`;
}

/** Reads `65000:100` or a well-known name; null for anything else. */
export function parseCommunity(text: string): number | null {
  if (Object.hasOwn(communityNames, text)) return communityNames[text];
  const parts = /^([0-9]{1,5}):([0-9]{1,5})$/.exec(text);
  if (parts === null) return null;
  const high = Number(parts[1]);
  const low = Number(parts[2]);
  return high > 0xffff || low > 0xffff ? null : high * 0x10000 + low;
}

const bare = (text: string) => {
  const slash = text.indexOf('/');
  return slash < 0 ? text : text.slice(0, slash);
};

/** Why the text is no address, so that the writer sees it at once. */
function addressFault(text: string): string {
  const address = bare(text);
  if (address === '') return 'which is empty';
  if (address.includes('%')) return 'which has a zone; expected an address without one';
  if (address.includes(':')) return 'which is not an IPv6 address';
  const octets = address.split('.');
  if (octets.every((octet) => /^[0-9]*$/.test(octet))) {
    if (octets.length !== 4) return `which has ${octets.length} of the 4 numbers of an IPv4 address`;
    const padded = octets.find((octet) => /^0[0-9]/.test(octet));
    if (padded !== undefined) return `in which ${padded} has a leading zero`;
    const large = octets.find((octet) => octet === '' || Number(octet) > 255);
    if (large !== undefined)
      return `in which ${large === '' ? 'a number is missing' : `${large} is above 255`}`;
  }
  return 'which is not an address (host names are not resolved)';
}

/** Whether one host can have it. */
export function isUnicast({ family, a, b, c, d }: Address): boolean {
  const first = a >>> 24;
  return (a | b | c | d) !== 0 && (family === IPV4 ? first < 224 : first !== 0xff);
}

/**
 * Collects what is wrong with one document while it is read. Every reader returns undefined for what is missing,
 * and for what it had to complain about.
 */
export class Reader {
  readonly errors: ConfigIssue[] = [];
  readonly warnings: ConfigIssue[] = [];

  constructor(readonly source: SourceDocument) {}

  error(path: Path, message: string, what: 'key' | 'value' = 'value'): undefined {
    this.errors.push({ file: this.source.file, ...this.source.place(path, what), message });
    return undefined;
  }

  warn(path: Path, message: string, what: 'key' | 'value' = 'value'): void {
    this.warnings.push({ file: this.source.file, ...this.source.place(path, what), message });
  }

  /** Whether the document says anything at `path`, be it wrong. */
  isGiven(path: Path): boolean {
    return this.said(path) !== undefined;
  }

  /** Whether the document says nothing at `path`, or has a map without keys there. */
  isEmpty(path: Path): boolean {
    const said = this.said(path);
    return (
      said === undefined || (said !== null && typeof said === 'object' && Object.keys(said).length === 0)
    );
  }

  private said(path: Path): unknown {
    let node: unknown = this.source.value;
    for (const step of path) {
      if (node === null || typeof node !== 'object') return undefined;
      node = (node as Record<string | number, unknown>)[step];
    }
    return node;
  }

  /** The line of something else that an error refers to. */
  whereIs(path: Path): string {
    return `line ${this.source.place(path, 'key').line}`;
  }

  address(text: string | undefined, path: Path, family?: 0 | 1): Address | undefined {
    if (text === undefined) return undefined;
    const wanted = family === undefined ? 'an IPv4 or IPv6 address' : `an ${familyLabel(family)} address`;
    if (text.includes('/')) {
      return this.error(
        path,
        `\`${formatPath(path)}\` is ${showValue(text)}, which has a prefix length; expected ${wanted} alone`,
      );
    }
    const address = isAddressText(text) ? parseAddress(text) : null;
    if (address === null) {
      return this.error(
        path,
        `\`${formatPath(path)}\` is ${showValue(text)}, ${addressFault(text)}; expected ${wanted}`,
      );
    }
    if (family !== undefined && address.family !== family) {
      return this.error(path, `\`${formatPath(path)}\` is ${text}, of the other family; expected ${wanted}`);
    }
    return address;
  }

  /** An address that a neighbour can have: not unspecified, multicast or broadcast. */
  unicast(text: string | undefined, path: Path, family?: 0 | 1): Address | undefined {
    const address = this.address(text, path, family);
    if (address === undefined) return undefined;
    if (!isUnicast(address)) {
      return this.error(
        path,
        `\`${formatPath(path)}\` is ${text}, which no single host can have; expected a unicast address`,
      );
    }
    return address;
  }

  prefix(text: string | undefined, path: Path): Prefix | undefined {
    if (text === undefined) return undefined;
    const subject = `\`${formatPath(path)}\` is ${showValue(text)}`;
    const prefix = parsePrefix(text);
    if (prefix === null || !isPrefixText(text)) {
      const address = parseAddress(bare(text));
      if (address === null) {
        return this.error(
          path,
          `${subject}, ${addressFault(text)}; expected a prefix such as \`10.1.0.0/16\` or \`2001:db8::/32\``,
        );
      }
      const longest = address.family === IPV4 ? 32 : 128;
      const fault = text.includes('/')
        ? `whose length is none of ${familyLabel(address.family)}; expected /0 to /${longest}`
        : `without a prefix length; expected one, \`${text}/${longest}\` for the single address`;
      return this.error(path, `${subject}, ${fault}`);
    }
    const network = networkOf(prefix, prefix.length);
    if (!sameAddress(network, prefix)) {
      return this.error(
        path,
        `${subject}, which has bits set behind /${prefix.length}; expected \`${formatPrefix(network)}\``,
      );
    }
    return network;
  }

  communities(texts: readonly (string | undefined)[] | undefined, path: Path): number[] | undefined {
    if (texts === undefined) return undefined;
    const communities = new Set<number>();
    for (const [i, text] of texts.entries()) {
      const community = text === undefined ? undefined : this.community(text, [...path, i]);
      if (community !== undefined) communities.add(community);
    }
    return [...communities];
  }

  community(text: string, path: Path): number | undefined {
    return parseCommunity(text) ?? this.noCommunity(text, path);
  }

  noCommunity(text: string, path: Path): undefined {
    const near = nearest(text, Object.keys(communityNames));
    const hint =
      near === null
        ? 'expected two numbers up to 65535 such as `65000:100`, or a well-known name such as `no-export`'
        : `did you mean \`${near}\`?`;
    return this.error(path, `\`${formatPath(path)}\` is ${showValue(text)}, which is no community; ${hint}`);
  }

  protocols(values: readonly (number | string | undefined)[], path: Path): number[] {
    const protocols: number[] = [];
    for (const [i, value] of values.entries()) {
      if (typeof value === 'number') protocols.push(value);
      else if (value !== undefined && Object.hasOwn(kernelProtocols, value))
        protocols.push(kernelProtocols[value]);
      else if (value !== undefined) {
        const names = Object.keys(kernelProtocols);
        const near = nearest(value, names);
        const hint =
          near === null
            ? `expected a number from 1 to 255 or a name: ${names.join(', ')}`
            : `did you mean \`${near}\`?`;
        this.error(
          [...path, i],
          `\`${formatPath([...path, i])}\` is ${showValue(value)}, which is no rtm_protocol; ${hint}`,
        );
      }
    }
    return protocols;
  }

  /** Complains about the second and further of a kind; `key` says what makes two the same. */
  duplicate(seen: Map<string, Path>, key: string, path: Path, what: string): boolean {
    const first = seen.get(key);
    if (first === undefined) {
      seen.set(key, path);
      return false;
    }
    this.error(path, `${what} stands here a second time, first in ${this.whereIs(first)}; expected it once`);
    return true;
  }
}

/** Of IPv4, `parseAddress` takes what is one and nothing else. */
function isAddressText(text: string): boolean {
  if (text.includes('%')) return false;
  return !text.includes(':') || Validator.isValidIPv6String(text)[0];
}

function isPrefixText(text: string): boolean {
  return !text.includes(':') || Validator.isValidIPv6CidrNotation(text)[0];
}

export function familyLabel(family: 0 | 1): string {
  return familyNames[family] === 'ipv4' ? 'IPv4' : 'IPv6';
}
