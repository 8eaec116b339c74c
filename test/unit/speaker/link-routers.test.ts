import { describe, expect, it } from 'vitest';
import { type Address, formatAddress, parseAddress } from '../../../src/address/index.js';
import {
  chooseRouter,
  type LinkRouter,
  otherRouters,
  outlookOf,
  type Surroundings,
} from '../../../src/bgp/speaker/link-routers.js';

function address(text: string): Address {
  const parsed = parseAddress(text);
  if (parsed === null) throw new Error(`${text} is no address`);
  return parsed;
}

const router = (text: string, reachable = true, ifindex = 2, mac: string | null = null): LinkRouter => ({
  ifindex,
  mac,
  address: address(text),
  reachable,
});

describe('the router that is the peer', () => {
  const chosen = (routers: LinkRouter[], current: string | null = null, established = false) => {
    const found = chooseRouter(routers, 2, current === null ? null : address(current), established);
    return found === null ? null : formatAddress(found);
  };

  it('is the one on the link', () => {
    expect(chosen([])).toBeNull();
    expect(chosen([router('fe80::9', true, 3), router('fe80::2')])).toBe('fe80::2');
  });

  it('is none that the kernel finds to be gone', () => {
    expect(chosen([router('fe80::2', false)])).toBeNull();
    expect(chosen([router('fe80::2'), router('fe80::3', false)])).toBe('fe80::2');
  });

  it('stays while its session is up, and when its entry expires', () => {
    expect(chosen([router('fe80::3')], 'fe80::2', true)).toBe('fe80::2');
    expect(chosen([], 'fe80::2')).toBe('fe80::2');
    expect(chosen([router('fe80::2', false)], 'fe80::2')).toBe('fe80::2');
  });

  it('is the one that came last, once the session with the former one is gone', () => {
    expect(chosen([router('fe80::2'), router('fe80::3')], 'fe80::2')).toBe('fe80::3');
  });

  it('is not alone where others are reachable on its link', () => {
    const routers = [
      router('fe80::2'),
      router('fe80::3'),
      router('fe80::4', false),
      router('fe80::5', true, 3),
    ];
    expect(otherRouters(routers, 2, address('fe80::3')).map(formatAddress)).toEqual(['fe80::2']);
  });

  it('is not another one by its former address', () => {
    const routers = [
      router('fe80::2', true, 2, '02:00:00:00:00:01'),
      router('fe80::3', true, 2, '02:00:00:00:00:01'),
      router('fe80::4', true, 2, '02:00:00:00:00:04'),
    ];
    expect(otherRouters(routers, 2, address('fe80::3')).map(formatAddress)).toEqual(['fe80::4']);
  });
});

describe('the outlook of an interface', () => {
  const links = [{ ifindex: 2, name: 'eth1', up: true }];
  const own = (text: string, tentative = false) => ({
    ifindex: 2,
    address: { ...address(text), length: 64 },
    tentative,
  });
  const outlook = (around: Partial<Surroundings>) => {
    const found = outlookOf('eth1', { links, addresses: [own('fe80::1')], routers: [], ...around });
    return found.ready ? found.ifindex : found.reason;
  };

  it('is good with carrier and a link-local address', () => {
    expect(outlook({})).toBe(2);
  });

  it.each([
    [{ links: [] }, 'there is no interface eth1'],
    [{ links: [{ ifindex: 2, name: 'eth1', up: false }] }, 'eth1 is down or has no carrier'],
    [
      { addresses: [own('2001:db8::1'), { ...own('fe80::1'), ifindex: 3 }] },
      'eth1 has no link-local address: is IPv6 disabled on it (net.ipv6.conf.eth1.disable_ipv6)?',
    ],
    [
      { addresses: [own('fe80::1', true)] },
      'the link-local address of eth1 is not yet known to be unique on its link',
    ],
  ])('is else told with its reason: %#', (around, reason) => {
    expect(outlook(around)).toBe(reason);
  });
});
