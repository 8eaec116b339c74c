import { describe, expect, it } from 'vitest';
import { type Address, formatAddress, IPV4, IPV6, parseAddress } from '../../../src/address/index.js';
import { selfNextHop } from '../../../src/bgp/speaker/extended-next-hop.js';
import { linkFacts, type OwnAddress } from '../../../src/bgp/speaker/local-addresses.js';

function address(text: string): Address {
  const parsed = parseAddress(text);
  if (parsed === null) throw new Error(`${text} is no address`);
  return parsed;
}

function own(text: string): OwnAddress {
  const [host, length] = text.split('/');
  return { ifindex: 2, address: { ...address(host), length: Number(length) }, tentative: false };
}

/** "Self" in both families between the ends of a session, on a link with these addresses of ours. */
function self(ends: readonly [string, string], addresses: readonly string[], extendedNextHop: boolean) {
  const [local, remote] = ends.map(address);
  const link = linkFacts(local, remote, addresses.map(own), 2);
  return ([IPV4, IPV6] as const).map((family) => {
    const { nextHop, linkLocal } = selfNextHop(family, link, { extendedNextHop, localAddress: local });
    const text = nextHop === null ? 'none' : formatAddress(nextHop);
    return linkLocal === null ? text : `${text} ${formatAddress(linkLocal)}`;
  });
}

describe('next hop self', () => {
  const linkLocal = ['fe80::1', 'fe80::2'] as const;
  const global = ['2001:db8::1', '2001:db8::2'] as const;

  it('of IPv4 routes is the IPv6 end of the session once RFC 8950 is agreed on', () => {
    const [ipv4, ipv6] = self(global, ['2001:db8::1/64', 'fe80::1/64'], true);
    expect([ipv4, ipv6]).toEqual(['2001:db8::1', '2001:db8::1 fe80::1']);
    expect(self(linkLocal, ['fe80::1/64'], true)).toEqual(['fe80::1', 'fe80::1']);
  });

  it('of IPv4 routes is so, too, where the link has an IPv4 address, which may be borrowed', () => {
    expect(self(linkLocal, ['fe80::1/64', '10.0.0.1/32'], true)).toEqual(['fe80::1', 'fe80::1']);
  });

  it('of IPv4 routes is an IPv4 address, or none, without that', () => {
    expect(self(global, ['2001:db8::1/64', '192.0.2.1/24'], false)).toEqual(['192.0.2.1', '2001:db8::1']);
    expect(self(global, ['2001:db8::1/64'], false)).toEqual(['none', '2001:db8::1']);
  });

  it('is IPv4 on an IPv4 session, and IPv6 only where there is no other', () => {
    const ends = ['192.0.2.1', '192.0.2.2'] as const;
    expect(self(ends, ['192.0.2.1/24', '2001:db8::1/64'], true)).toEqual(['192.0.2.1', '2001:db8::1']);
  });

  it('of IPv6 routes has the link-local address behind the global one where the peer is on the link (RFC 2545 §3)', () => {
    const both = '2001:db8::1 fe80::1';
    const link = ['fe80::1/64', '2001:db8::1/64', '192.0.2.1/24'];
    // IPv4 routes have it where the session runs between such alone.
    expect(self(linkLocal, link, true)).toEqual([both, both]);
    expect(self(global, link, true)).toEqual(['2001:db8::1', both]);
    expect(self(['192.0.2.1', '192.0.2.2'], link, true)).toEqual(['192.0.2.1', both]);
    expect(self(['2001:db8::1', '2001:db8:9::2'], link, true)).toEqual(['2001:db8::1', '2001:db8::1']);
    expect(self(['192.0.2.1', '198.51.100.2'], link, true)).toEqual(['192.0.2.1', '2001:db8::1']);
  });
});
