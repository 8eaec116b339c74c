import { describe, expect, it } from 'vitest';
import {
  type Address,
  type FamilyIndex,
  type Prefix,
  parseAddress,
  parsePrefix,
} from '../../../src/address/index.js';
import { buildCanonical } from '../../../src/bgp/wire/index.js';
import type { AttrSetId, NextHopId, PrefixId, SourceId } from '../../../src/rib/ids.js';
import { formatHop, type KernelRoute } from '../../../src/rib/next-hops.js';
import { Rib } from '../../../src/rib/rib.js';
import type { Forwarding, SourceInfo } from '../../../src/rib/sources.js';

function address(text: string): Address {
  const parsed = parseAddress(text);
  if (parsed === null) throw new Error(`not an address: ${text}`);
  return parsed;
}

function prefix(text: string): Prefix {
  const parsed = parsePrefix(text);
  if (parsed === null) throw new Error(`not a prefix: ${text}`);
  return parsed;
}

const info = (name: string, preference: number, forwarding: Forwarding): SourceInfo => ({
  kind: 'bgp',
  name,
  preference,
  ibgp: false,
  client: false,
  routerId: 1,
  peerAddress: null,
  remoteAsn: 65001,
  forwarding,
});

/** A RIB with one source per way of forwarding, driven in text. */
class Lab {
  readonly rib = new Rib();
  readonly sources = new Map<string, SourceId>();
  readonly changes: string[] = [];

  constructor(maxPaths = 1) {
    this.rib.setMaxPaths(maxPaths);
    this.addSource('bgp', 100, 'nextHop');
    this.addSource('bgp2', 100, 'nextHop');
    this.addSource('static', 200, 'nextHop');
    this.addSource('device 9', 200, { ifindex: 9 });
    this.addSource('blackhole', 250, 'blackhole');
    this.addSource('originated', 250, 'none');
    this.rib.onBestChange((family, id) => {
      const { prefixes, paths } = this.rib.families[family];
      const best = this.rib.families[family].best(id);
      const { a, length } = prefixes.read(id);
      this.changes.push(
        `${a >>> 24}/${length} ${best < 0 ? 'none' : this.rib.sources.get(paths.source[best] as SourceId).name}`,
      );
    });
  }

  addSource(name: string, preference: number, forwarding: Forwarding): void {
    this.sources.set(name, this.rib.addSource(info(name, preference, forwarding)));
  }

  source(name: string): SourceId {
    const id = this.sources.get(name);
    if (id === undefined) throw new Error(`no source ${name}`);
    return id;
  }

  settle(): void {
    // Bounded, so that a resolution that never comes to rest fails a test and does not hang it.
    for (let turn = 0; turn < 1000; turn++) if (!this.rib.decide(performance.now())) return;
    throw new Error('the RIB does not come to rest');
  }

  announce(source: string, text: string, nextHop: string | null, localPref = 100): void {
    const at = prefix(text);
    const family = this.rib.families[at.family];
    const bytes = buildCanonical({
      family: at.family,
      nextHop: nextHop === null ? null : address(nextHop),
      localPref,
    });
    const set = this.rib.sets.intern(bytes, 0, bytes.length);
    family.announce(this.source(source), family.prefixes.intern(at), set, set);
    this.rib.sets.release(set);
    this.settle();
  }

  withdraw(source: string, text: string): void {
    const at = prefix(text);
    const family = this.rib.families[at.family];
    family.withdraw(this.source(source), family.prefixes.find(at) as PrefixId);
    this.settle();
  }

  connect(...networks: [network: string, ifindex: number][]): void {
    this.rib.nextHops.setInterfaces(
      networks.map(([text, ifindex]) => ({ ifindex, address: prefix(text), peer: null })),
    );
    this.settle();
  }

  /** Ways out of the best path of a prefix, as text; `none` without a best path. */
  ways(text: string): string {
    const at = prefix(text);
    const family = this.rib.families[at.family];
    const id = family.prefixes.find(at);
    if (id < 0 || family.best(id as PrefixId) < 0) return 'none';
    return family
      .multipath(id as PrefixId)
      .map((path) => {
        const nextHop = this.rib.sets.nextHopId[family.paths.accepted[path] as AttrSetId] as NextHopId;
        return this.rib.nextHops.hops(nextHop).map(formatHop).join(' + ');
      })
      .join(' | ');
  }
}

const kernelRoute = (
  text: string,
  gateway: string | null,
  ifindex: number,
  more: Partial<KernelRoute> = {},
): KernelRoute => ({
  prefix: prefix(text),
  protocol: 4,
  metric: 20,
  type: 'unicast',
  hops: [{ gateway: gateway === null ? null : address(gateway), ifindex }],
  ...more,
});

describe('next-hop tracking', () => {
  it('resolves by the connected network, and follows it when it goes and comes', () => {
    const lab = new Lab();
    lab.announce('bgp', '10.0.0.0/8', '192.0.2.1');
    expect(lab.ways('10.0.0.0/8')).toBe('none');
    lab.connect(['192.0.2.254/24', 3]);
    expect(lab.ways('10.0.0.0/8')).toBe('192.0.2.1 dev 3');
    lab.connect();
    expect(lab.ways('10.0.0.0/8')).toBe('none');
    lab.connect(['192.0.2.254/24', 4]);
    expect(lab.ways('10.0.0.0/8')).toBe('192.0.2.1 dev 4');
    expect(lab.changes).toEqual(['10/8 bgp', '10/8 none', '10/8 bgp']);
  });

  it('tells of other hops without deciding anything again', () => {
    const lab = new Lab();
    lab.connect(['192.0.2.254/24', 3]);
    lab.announce('bgp', '10.0.0.0/8', '192.0.2.1');
    lab.changes.length = 0;
    const heard: number[] = [];
    lab.rib.nextHops.onChange((id) => heard.push(lab.rib.nextHops.hops(id)[0].ifindex));
    lab.connect(['192.0.2.254/24', 4]);
    expect(heard).toEqual([4]);
    expect(lab.changes).toEqual([]);
  });

  it('takes the longest match among connected networks, kernel routes and best routes', () => {
    const lab = new Lab();
    lab.connect(['192.0.2.254/24', 3]);
    lab.announce('bgp', '10.0.0.0/8', '172.16.5.5');
    lab.rib.nextHops.changeKernelRoutes([kernelRoute('0.0.0.0/0', '192.0.2.1', 3)], []);
    lab.settle();
    expect(lab.ways('10.0.0.0/8')).toBe('192.0.2.1 dev 3');
    lab.announce('static', '172.16.0.0/16', '192.0.2.2');
    expect(lab.ways('10.0.0.0/8')).toBe('192.0.2.2 dev 3');
    lab.rib.nextHops.changeKernelRoutes([kernelRoute('172.16.5.0/24', '192.0.2.3', 3)], []);
    lab.settle();
    expect(lab.ways('10.0.0.0/8')).toBe('192.0.2.3 dev 3');
    lab.connect(['192.0.2.254/24', 3], ['172.16.5.1/25', 5]);
    expect(lab.ways('10.0.0.0/8')).toBe('172.16.5.5 dev 5');
    lab.connect(['192.0.2.254/24', 3]);
    lab.rib.nextHops.changeKernelRoutes([], [kernelRoute('172.16.5.0/24', '192.0.2.3', 3)]);
    lab.settle();
    lab.withdraw('static', '172.16.0.0/16');
    expect(lab.ways('10.0.0.0/8')).toBe('192.0.2.1 dev 3');
  });

  it('resolves by no route on a link that is down, and not by a shorter one in its place', () => {
    const lab = new Lab();
    lab.connect(['192.0.2.254/24', 3], ['198.51.100.254/24', 4]);
    lab.announce('bgp', '10.0.0.0/8', '192.0.2.9');
    // The kernel lists the connected route and keeps it without carrier.
    lab.rib.nextHops.changeKernelRoutes(
      [
        kernelRoute('192.0.2.0/24', null, 3, { protocol: 2, metric: 0 }),
        kernelRoute('0.0.0.0/0', '198.51.100.1', 4),
      ],
      [],
    );
    lab.settle();
    expect(lab.ways('10.0.0.0/8')).toBe('192.0.2.9 dev 3');
    lab.rib.nextHops.setInterfaces(
      [{ ifindex: 4, address: prefix('198.51.100.254/24'), peer: null }],
      new Set([3]),
    );
    lab.settle();
    expect(lab.ways('10.0.0.0/8')).toBe('none');
    lab.connect(['192.0.2.254/24', 3], ['198.51.100.254/24', 4]);
    expect(lab.ways('10.0.0.0/8')).toBe('192.0.2.9 dev 3');
  });

  it('resolves over several routes, and hears of a change at the far end', () => {
    const lab = new Lab();
    lab.announce('bgp', '10.0.0.0/8', '172.16.0.1');
    lab.announce('bgp', '172.16.0.0/16', '172.17.0.1');
    lab.announce('bgp', '172.17.0.0/16', '192.0.2.1');
    expect(lab.ways('10.0.0.0/8')).toBe('none');
    lab.connect(['192.0.2.254/24', 3]);
    expect(lab.ways('10.0.0.0/8')).toBe('192.0.2.1 dev 3');
    lab.announce('bgp', '172.17.0.0/16', '192.0.2.2');
    expect(lab.ways('10.0.0.0/8')).toBe('192.0.2.2 dev 3');
    lab.withdraw('bgp', '172.17.0.0/16');
    expect(lab.ways('10.0.0.0/8')).toBe('none');
    expect(lab.ways('172.16.0.0/16')).toBe('none');
  });

  it('never resolves a next hop through the route that it belongs to', () => {
    const lab = new Lab();
    lab.announce('bgp', '10.0.0.0/8', '10.1.1.1');
    expect(lab.ways('10.0.0.0/8')).toBe('none');
    lab.rib.nextHops.changeKernelRoutes([kernelRoute('0.0.0.0/0', '192.0.2.1', 3)], []);
    lab.settle();
    expect(lab.ways('10.0.0.0/8')).toBe('192.0.2.1 dev 3');
  });

  it('never resolves two routes through each other', () => {
    const lab = new Lab();
    lab.announce('bgp', '10.0.0.0/8', '172.16.0.1');
    lab.announce('bgp', '172.16.0.0/16', '10.0.0.1');
    expect([lab.ways('10.0.0.0/8'), lab.ways('172.16.0.0/16')]).toEqual(['none', 'none']);
    lab.connect(['192.0.2.254/24', 3]);
    lab.announce('static', '10.0.0.0/8', '192.0.2.1');
    expect(lab.ways('172.16.0.0/16')).toBe('192.0.2.1 dev 3');
    lab.withdraw('static', '10.0.0.0/8');
    expect([lab.ways('10.0.0.0/8'), lab.ways('172.16.0.0/16')]).toEqual(['none', 'none']);
  });

  it('comes to rest where a better path would resolve through the worse one of its own prefix', () => {
    const lab = new Lab();
    lab.connect(['192.0.2.254/24', 3]);
    lab.announce('bgp', '10.0.0.0/8', '192.0.2.1');
    lab.announce('bgp2', '10.0.0.0/8', '10.1.1.1', 200);
    expect(lab.ways('10.0.0.0/8')).toBe('192.0.2.1 dev 3');
  });

  it('comes to rest where two better paths would resolve through the worse ones of each other', () => {
    const lab = new Lab();
    lab.connect(['192.0.2.254/24', 3]);
    lab.announce('bgp', '10.0.0.0/8', '192.0.2.1');
    lab.announce('bgp', '172.16.0.0/16', '192.0.2.2');
    lab.announce('bgp2', '10.0.0.0/8', '172.16.0.1', 200);
    lab.announce('bgp2', '172.16.0.0/16', '10.1.1.1', 200);
    expect(lab.ways('10.0.0.0/8')).not.toBe('none');
    expect(lab.ways('172.16.0.0/16')).not.toBe('none');
  });

  it('does not resolve to an address of our own, nor through a blackhole, nor through what is not installed', () => {
    const lab = new Lab();
    lab.connect(['192.0.2.254/24', 3]);
    lab.announce('bgp', '10.0.0.0/8', '192.0.2.254');
    expect(lab.ways('10.0.0.0/8')).toBe('none');
    lab.rib.nextHops.changeKernelRoutes([kernelRoute('0.0.0.0/0', '192.0.2.1', 3)], []);
    lab.announce('bgp', '11.0.0.0/8', '172.16.0.1');
    expect(lab.ways('11.0.0.0/8')).toBe('192.0.2.1 dev 3');
    lab.announce('originated', '172.16.0.0/12', null);
    expect(lab.ways('11.0.0.0/8')).toBe('192.0.2.1 dev 3');
    lab.announce('blackhole', '172.16.0.0/16', null);
    expect(lab.ways('11.0.0.0/8')).toBe('none');
    lab.withdraw('blackhole', '172.16.0.0/16');
    const blackhole = kernelRoute('172.16.0.0/24', null, 0, { type: 'blackhole', hops: [] });
    lab.rib.nextHops.changeKernelRoutes([blackhole], []);
    lab.settle();
    expect(lab.ways('11.0.0.0/8')).toBe('none');
    lab.rib.nextHops.changeKernelRoutes([], [blackhole]);
    lab.settle();
    expect(lab.ways('11.0.0.0/8')).toBe('192.0.2.1 dev 3');
  });

  it('resolves on the link through a route with an interface', () => {
    const lab = new Lab();
    lab.announce('device 9', '172.16.0.0/16', null);
    lab.announce('bgp', '10.0.0.0/8', '172.16.0.1');
    expect(lab.ways('10.0.0.0/8')).toBe('172.16.0.1 dev 9');
  });

  it('follows all paths of an ECMP route below', () => {
    const lab = new Lab(4);
    lab.connect(['192.0.2.254/24', 3], ['198.51.100.254/24', 4]);
    lab.announce('bgp', '172.16.0.0/16', '192.0.2.1');
    lab.announce('bgp2', '172.16.0.0/16', '198.51.100.1');
    lab.announce('bgp', '10.0.0.0/8', '172.16.0.1');
    expect(lab.ways('172.16.0.0/16').split(' | ').sort()).toEqual(['192.0.2.1 dev 3', '198.51.100.1 dev 4']);
    expect(lab.ways('10.0.0.0/8').split(' + ').sort()).toEqual(['192.0.2.1 dev 3', '198.51.100.1 dev 4']);
    lab.connect(['198.51.100.254/24', 4]);
    expect(lab.ways('10.0.0.0/8')).toBe('198.51.100.1 dev 4');
  });

  it('prefers the path with the lower metric to its next hop, and changes over when metrics do', () => {
    const lab = new Lab();
    const far = kernelRoute('172.16.0.1/32', '192.0.2.1', 3, { metric: 30 });
    lab.rib.nextHops.changeKernelRoutes([far, kernelRoute('172.16.0.2/32', '192.0.2.2', 3)], []);
    lab.announce('bgp', '10.0.0.0/8', '172.16.0.1');
    lab.announce('bgp2', '10.0.0.0/8', '172.16.0.2');
    expect(lab.ways('10.0.0.0/8')).toBe('192.0.2.2 dev 3');
    lab.rib.nextHops.changeKernelRoutes([{ ...far, metric: 10 }], [far]);
    lab.settle();
    expect(lab.ways('10.0.0.0/8')).toBe('192.0.2.1 dev 3');
  });

  it('resolves a link-local next hop on its own interface alone', () => {
    const lab = new Lab();
    const family: FamilyIndex = 1;
    const id = lab.rib.nextHops.intern(address('fe80::1'), 5);
    expect(lab.rib.nextHops.resolved[id]).toBe(0);
    lab.connect(['fe80::2/64', 4]);
    expect(lab.rib.nextHops.resolved[id]).toBe(0);
    lab.connect(['fe80::2/64', 4], ['fe80::3/64', 5]);
    expect(lab.rib.nextHops.resolved[id]).toBe(1);
    expect(lab.rib.nextHops.hops(id).map(formatHop)).toEqual(['fe80::1 dev 5']);
    expect(family).toBe(1);
  });

  it('resolves no link-local next hop of a link that is not ours, whatever routes there are', () => {
    const lab = new Lab();
    lab.connect(['fe80::2/64', 4]);
    lab.rib.nextHops.changeKernelRoutes([kernelRoute('fe80::/10', null, 4)], []);
    lab.announce('static', 'fe80::/48', null);
    const id = lab.rib.nextHops.intern(address('fe80::1'), 0);
    expect(lab.rib.nextHops.resolved[id]).toBe(0);
    expect(lab.rib.nextHops.trace(id).map(({ by }) => by)).toEqual(['off link']);
  });

  it('shows how a next hop resolves, step by step', () => {
    const lab = new Lab();
    lab.connect(['192.0.2.254/24', 3]);
    lab.announce('bgp', '172.16.0.0/16', '192.0.2.1');
    lab.announce('bgp', '10.0.0.0/8', '172.16.0.1');
    const id = lab.rib.nextHops.intern(address('172.16.0.1'), 0);
    expect(lab.rib.nextHops.trace(id).map((step) => [step.by, step.prefix])).toEqual([
      ['route', prefix('172.16.0.0/16')],
      ['connected', prefix('192.0.2.0/24')],
    ]);
    lab.rib.nextHops.release(id);
  });

  it('gives the id of a forgotten next hop to another one', () => {
    const lab = new Lab();
    const { nextHops } = lab.rib;
    const first = nextHops.intern(address('192.0.2.1'), 0);
    expect(nextHops.intern(address('192.0.2.1'), 0)).toBe(first);
    nextHops.release(first);
    expect(nextHops.count).toBe(1);
    nextHops.release(first);
    expect(nextHops.count).toBe(0);
    expect(nextHops.intern(address('2001:db8::1'), 0)).toBe(first);
  });
});
