import { describe, expect, it } from 'vitest';
import { type Address, formatAddress, formatPrefix, parseAddress } from '../../../src/address/index.js';
import { linkFacts, type OwnAddress } from '../../../src/bgp/speaker/local-addresses.js';

function address(text: string): Address {
  const parsed = parseAddress(text);
  if (parsed === null) throw new Error(`${text} is no address`);
  return parsed;
}

function own(ifindex: number, text: string, tentative = false): OwnAddress {
  const [host, length] = text.split('/');
  return { ifindex, address: { ...address(host), length: Number(length) }, tentative };
}

function facts(local: string, remote: string, addresses: readonly OwnAddress[], scopeId = 0) {
  const { ifindex, nextHop, sharedSubnets } = linkFacts(address(local), address(remote), addresses, scopeId);
  return {
    ifindex,
    nextHop: nextHop.map((each) => each && formatAddress(each)),
    shared: sharedSubnets.map(formatPrefix),
  };
}

const loopback = [own(1, '127.0.0.1/8'), own(1, '::1/128')];
const link = [
  own(2, 'fe80::1/64'),
  own(2, '192.0.2.1/24'),
  own(2, '198.51.100.1/24'),
  own(2, '2001:db8::1/64'),
];

describe('the facts of a link', () => {
  it('give the address of the session in its family and one of the same link in the other', () => {
    const found = facts('192.0.2.1', '192.0.2.2', [...loopback, own(3, '2001:db8:3::1/64'), ...link]);
    expect(found.ifindex).toBe(2);
    expect(found.nextHop).toEqual(['192.0.2.1', '2001:db8::1']);
    expect(facts('2001:db8::1', '2001:db8::2', link).nextHop).toEqual(['192.0.2.1', '2001:db8::1']);
  });

  it('share with the peer what holds its address, and what the link has in the other family', () => {
    expect(facts('198.51.100.1', '198.51.100.9', link).shared).toEqual(['198.51.100.0/24', '2001:db8::/64']);
    expect(facts('192.0.2.1', '203.0.113.1', link).shared).toEqual([]);
  });

  it('know no next hop of a family that the link does not have', () => {
    const addresses = [...loopback, own(2, '192.0.2.1/24'), own(2, 'fe80::1/64'), own(3, '2001:db8::1/64')];
    expect(facts('192.0.2.1', '192.0.2.2', addresses).nextHop).toEqual(['192.0.2.1', null]);
  });

  it('do not use an address before it is known to be ours alone', () => {
    const addresses = [own(2, '192.0.2.1/24'), own(2, '2001:db8::1/64', true)];
    expect(facts('192.0.2.1', '192.0.2.2', addresses).nextHop).toEqual(['192.0.2.1', null]);
  });

  it('take any address of the node where the session runs from the loopback interface', () => {
    const addresses = [...loopback, own(1, '10.255.0.1/32'), ...link];
    expect(facts('10.255.0.1', '10.255.0.2', addresses)).toEqual({
      ifindex: 1,
      nextHop: ['10.255.0.1', '2001:db8::1'],
      shared: [],
    });
  });

  it('take 169.254.0.0/16 for what it numbers, a link between two routers', () => {
    const addresses = [own(4, '169.254.7.1/30'), own(4, 'fe80::4/64')];
    expect(facts('169.254.7.1', '169.254.7.2', addresses)).toEqual({
      ifindex: 4,
      nextHop: ['169.254.7.1', null],
      shared: ['169.254.7.0/30'],
    });
  });

  it('give a link-local peer the link-local address where the link has no other', () => {
    const found = facts('fe80::1', 'fe80::2', [own(5, 'fe80::1/64'), own(6, '2001:db8:6::1/64')], 5);
    expect(found.nextHop).toEqual([null, 'fe80::1']);
    expect(found.ifindex).toBe(5);
  });

  it('tell links with the same link-local address apart by the scope of the session', () => {
    const addresses = [own(2, 'fe80::1/64'), own(5, 'fe80::1/64'), own(5, '2001:db8:5::1/64')];
    const found = facts('fe80::1', 'fe80::2', addresses, 5);
    expect(found.ifindex).toBe(5);
    expect(found.nextHop).toEqual([null, '2001:db8:5::1']);
  });

  it('know whether the peer is on the link', () => {
    const direct = (local: string, remote: string, addresses: readonly OwnAddress[], bound = false) =>
      linkFacts(address(local), address(remote), addresses, 0, bound).direct;
    expect(direct('192.0.2.1', '192.0.2.2', link)).toBe(true);
    expect(direct('192.0.2.1', '203.0.113.1', link)).toBe(false);
    expect(direct('192.0.2.1', '203.0.113.1', link, true)).toBe(true);
    expect(direct('fe80::1', 'fe80::2', link)).toBe(true);
    const pointToPoint = [{ ...own(2, '192.0.2.1/32'), peer: address('203.0.113.1') }];
    expect(direct('192.0.2.1', '203.0.113.1', pointToPoint)).toBe(true);
    const addresses = [...loopback, own(1, '2001:db8:ff::1/128'), ...link];
    expect(direct('2001:db8:ff::1', '2001:db8:ff::2', addresses)).toBe(false);
  });
});
