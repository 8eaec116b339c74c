import { beforeEach, describe, expect, it } from 'vitest';
import {
  type Address,
  formatPrefix,
  type Prefix,
  parseAddress,
  parsePrefix,
} from '../../../src/address/index.js';
import { type NextHopId, NONE, type SourceId } from '../../../src/rib/ids.js';
import { LocalRoutes, matchesPattern } from '../../../src/rib/local-routes.js';
import { Rib } from '../../../src/rib/rib.js';

const preference = { originated: 250, connected: 240, static: 200, inventory: 150, bgp: 100, kernel: 10 };
const eth0 = { ifindex: 2, name: 'eth0', up: true };
const lo = { ifindex: 1, name: 'lo', up: true };

function prefix(text: string): Prefix {
  const parsed = parsePrefix(text);
  if (parsed === null) throw new Error(`${text} is no prefix`);
  return parsed;
}

function address(text: string): Address {
  const parsed = parseAddress(text);
  if (parsed === null) throw new Error(`${text} is no address`);
  return parsed;
}

/** With host bits. */
function own(ifindex: number, text: string, peer: string | null = null) {
  const [host, length] = text.split('/');
  return {
    ifindex,
    address: { ...address(host), length: Number(length) },
    peer: peer === null ? null : address(peer),
  };
}

describe('local routes', () => {
  let rib: Rib;
  let local: LocalRoutes;
  let changed: string[];

  beforeEach(() => {
    rib = new Rib();
    rib.nextHops.setInterfaces([own(2, '192.0.2.1/24'), own(2, 'fe80::1/64')]);
    local = new LocalRoutes(rib, preference);
    changed = [];
    rib.onBestChange((family, id) => changed.push(formatPrefix(rib.families[family].prefixes.read(id))));
  });

  /** Prefixes with a best path, each with its source. */
  function best(): Record<string, string> {
    rib.decide(Number.POSITIVE_INFINITY);
    const found: Record<string, string> = {};
    for (const { prefixes, paths } of rib.families) {
      for (const id of prefixes.walk()) {
        const path = paths.bestOf(id);
        if (path === NONE) continue;
        found[formatPrefix(prefixes.read(id))] = rib.sources.get(paths.source[path] as SourceId).name;
      }
    }
    return found;
  }

  it('touch only what differs from what was there', () => {
    const network = (text: string, blackhole = false, communities: number[] = []) => ({
      prefix: prefix(text),
      blackhole,
      communities,
    });
    local.setNetworks([network('10.1.0.0/16'), network('10.2.0.0/16', true), network('2001:db8::/32')]);
    expect(best()).toEqual({
      '10.1.0.0/16': 'networks',
      '10.2.0.0/16': 'networks (blackhole)',
      '2001:db8::/32': 'networks',
    });
    changed = [];
    local.setNetworks([network('2001:db8::/32', false, [65000 * 65536 + 1]), network('10.2.0.0/16')]);
    expect(best()).toEqual({ '10.2.0.0/16': 'networks', '2001:db8::/32': 'networks' });
    expect(changed.sort()).toEqual(['10.1.0.0/16', '10.2.0.0/16', '2001:db8::/32']);
    changed = [];
    local.setNetworks([network('10.2.0.0/16'), network('2001:db8::/32', false, [65000 * 65536 + 1])]);
    best();
    expect(changed).toEqual([]);
    local.setNetworks([]);
    expect(best()).toEqual({});
    expect(rib.sets.count).toBe(0);
    expect(rib.families.map(({ prefixes }) => prefixes.count)).toEqual([0, 0]);
  });

  it('route onto a device while it is there and up', () => {
    const routes = [{ prefix: prefix('10.9.0.0/16'), via: [], device: 'eth0', blackhole: false }];
    local.setStatic(routes, []);
    expect(best()).toEqual({});
    local.setStatic(routes, [eth0]);
    expect(best()).toEqual({ '10.9.0.0/16': 'static (eth0)' });
    local.setStatic(routes, [{ ...eth0, up: false }]);
    expect(best()).toEqual({});
    // Made again under the same name: another device to the kernel.
    local.setStatic(routes, [{ ...eth0, ifindex: 12 }]);
    expect(best()).toEqual({ '10.9.0.0/16': 'static (eth0)' });
    const table = rib.families[0];
    const path = table.best(table.prefixes.find(prefix('10.9.0.0/16')) as never);
    expect(rib.sources.get(table.paths.source[path] as SourceId).forwarding).toEqual({ ifindex: 12 });
  });

  it('resolve a static route through a link-local next hop on its device', () => {
    const routes = [
      { prefix: prefix('2001:db8:1::/48'), via: [address('fe80::2')], device: 'eth0', blackhole: false },
    ];
    local.setStatic(routes, [eth0]);
    expect(best()).toEqual({ '2001:db8:1::/48': 'static' });
    const table = rib.families[1];
    const [path] = table.multipath(table.prefixes.find(prefix('2001:db8:1::/48')) as never);
    const nextHop = rib.sets.nextHopId[table.paths.accepted[path]] as NextHopId;
    expect(rib.nextHops.hops(nextHop)).toEqual([{ gateway: address('fe80::2'), ifindex: 2 }]);
    local.setStatic(routes, []);
    expect(best()).toEqual({});
  });

  it('hold a static route through several next hops as so many paths', () => {
    const route = (...via: string[]) => ({
      prefix: prefix('10.9.0.0/16'),
      via: via.map(address),
      blackhole: false,
    });
    rib.setMaxPaths(4);
    local.setStatic([route('192.0.2.2', '192.0.2.3', '192.0.2.4')], []);
    best();
    const table = rib.families[0];
    const id = table.prefixes.find(prefix('10.9.0.0/16'));
    expect(table.multipath(id as never)).toHaveLength(3);
    local.setStatic([route('192.0.2.3')], []);
    best();
    expect([...table.chain(id as never)]).toHaveLength(1);
    expect(
      rib.nextHops.address(rib.sets.nextHopId[table.paths.accepted[table.best(id as never)]] as NextHopId),
    ).toEqual(address('192.0.2.3'));
  });

  it('learn connected networks of the interfaces asked for, and none that others can not use', () => {
    const addresses = [
      own(1, '127.0.0.1/8'),
      own(1, '::1/128'),
      own(1, '10.255.0.1/32'),
      own(2, '192.0.2.1/24'),
      own(2, '192.0.2.9/24'),
      own(2, 'fe80::1/64'),
      own(3, '198.51.100.1/24'),
      own(4, '10.4.0.1/32', '10.4.0.2'),
    ];
    const ppp = { ifindex: 4, name: 'ppp0', up: true };
    const down = { ifindex: 3, name: 'eth1', up: false };
    local.setConnected({ connected: ['*'], kernel: [] }, [lo, eth0, down, ppp], addresses);
    expect(Object.keys(best()).sort()).toEqual(['10.255.0.1/32', '10.4.0.2/32', '192.0.2.0/24']);
    local.setConnected({ connected: ['ppp*'], kernel: [] }, [lo, eth0, down, ppp], addresses);
    expect(Object.keys(best())).toEqual(['10.4.0.2/32']);
  });

  it("learn other daemons' routes of the protocols and interfaces asked for, the lowest metric of each prefix", () => {
    const route = (
      text: string,
      protocol: number,
      metric: number,
      ifindex: number | null,
      via: string | null = null,
    ) => ({
      prefix: prefix(text),
      protocol,
      metric,
      type: 'unicast',
      hops: ifindex === null ? [] : [{ gateway: via === null ? null : address(via), ifindex }],
    });
    const patterns = { connected: [], kernel: [{ protocols: [4, 16], interfaces: ['eth*'] }] };
    const routes = [
      route('10.1.0.0/16', 4, 100, 2, '192.0.2.7'),
      route('10.1.0.0/16', 16, 50, 2, '192.0.2.8'),
      route('10.2.0.0/16', 84, 0, 2),
      route('10.3.0.0/16', 4, 0, 1),
      route('10.4.0.0/16', 4, 0, null),
      route('fe80::/64', 4, 256, 2),
      route('ff00::/8', 4, 256, 2),
      { ...route('10.5.0.0/16', 4, 0, 2), type: 'other' },
    ];
    local.setKernel(patterns, [lo, eth0], routes);
    expect(Object.keys(best()).sort()).toEqual(['10.1.0.0/16', '10.4.0.0/16']);
    const table = rib.families[0];
    const path = table.best(table.prefixes.find(prefix('10.1.0.0/16')) as never);
    expect(rib.sets.nextHopAddress(table.paths.accepted[path] as never)).toEqual(address('192.0.2.8'));
  });

  it('are decided anew when preferences change', () => {
    local.setNetworks([{ prefix: prefix('10.1.0.0/16'), blackhole: false, communities: [] }]);
    local.setStatic([{ prefix: prefix('10.1.0.0/16'), via: [address('192.0.2.2')], blackhole: false }], []);
    expect(best()).toEqual({ '10.1.0.0/16': 'networks' });
    local.setPreference({ ...preference });
    expect(rib.hasWork).toBe(false);
    local.setPreference({ ...preference, static: 251 });
    expect(best()).toEqual({ '10.1.0.0/16': 'static' });
  });
});

describe('a name pattern', () => {
  it('matches any run of characters at its stars and nothing else', () => {
    expect(matchesPattern('eth0', ['eth*'])).toBe(true);
    expect(matchesPattern('veth0', ['eth*'])).toBe(false);
    expect(matchesPattern('eth0.100', ['eth0.*', 'x'])).toBe(true);
    expect(matchesPattern('eth0x100', ['eth0.*'])).toBe(false);
    expect(matchesPattern('lo', ['*'])).toBe(true);
    expect(matchesPattern('lo', [])).toBe(false);
  });
});
