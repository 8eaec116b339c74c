import { describe, expect, it } from 'vitest';
import { parsePrefix } from '../../../src/address/index.js';
import { CHANGED, GAINED, Interfaces, LOST, NOTHING } from '../../../src/fib/interfaces.js';
import type { Link, LinkAddress } from '../../../src/netlink/index.js';

function link(more: Partial<Link> = {}): Link {
  const mac = '02:00:00:00:00:01';
  const plain = { flags: 0, loopback: false, master: 0, kind: 'veth', tunnel: null, deleted: false };
  const rest = { txQueueLength: 1000, alias: '', addressGeneration: 0 };
  return { ...plain, ...rest, ifindex: 10, name: 'a0', up: true, mtu: 1500, mac, ...more };
}

function address(text: string, more: Partial<LinkAddress> = {}): LinkAddress {
  const prefix = parsePrefix(text);
  if (prefix === null) throw new Error(`${text} is no prefix`);
  return {
    ifindex: 10,
    address: prefix,
    flags: 0,
    peer: null,
    scope: 0,
    tentative: false,
    deleted: false,
    ...more,
  };
}

function dump(interfaces: Interfaces, links: readonly Link[], addresses: readonly LinkAddress[] = []) {
  interfaces.beginDump();
  for (const each of links) interfaces.linkDumped(each);
  for (const each of addresses) interfaces.addressDumped(each);
  return interfaces.endDump();
}

describe('what a dump of links and addresses shows', () => {
  it('is a gain where a link came up before its notification was read, which then says nothing new', () => {
    const interfaces = new Interfaces();
    dump(interfaces, [link()]);
    expect(interfaces.linkNotified(link({ up: false }))).toBe(LOST);
    expect(dump(interfaces, [link()])).toBe(GAINED);
    expect(interfaces.linkNotified(link())).toBe(NOTHING);
  });

  it('is a gain where a link or an address came, or an address may be used now', () => {
    const interfaces = new Interfaces();
    expect(dump(interfaces, [link()])).toBe(GAINED);
    expect(dump(interfaces, [link()], [address('192.0.2.1/24')])).toBe(GAINED);
    const tentative = address('2001:db8::1/64', { tentative: true });
    expect(dump(interfaces, [link()], [tentative])).toBe(GAINED);
    expect(dump(interfaces, [link()], [address('2001:db8::1/64')])).toBe(GAINED);
  });

  it('is no gain where something went, has another name, or is as it was', () => {
    const interfaces = new Interfaces();
    dump(interfaces, [link()], [address('192.0.2.1/24')]);
    expect(dump(interfaces, [link({ name: 'b0' })], [address('192.0.2.1/24')])).toBe(CHANGED);
    expect(dump(interfaces, [link({ name: 'b0', up: false })])).toBe(CHANGED);
    expect(dump(interfaces, [link({ name: 'b0', up: false })])).toBe(NOTHING);
  });
});
