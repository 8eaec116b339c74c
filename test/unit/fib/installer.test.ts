import { beforeEach, describe, expect, it } from 'vitest';
import { type FamilyIndex, formatAddress, parseAddress, parsePrefix } from '../../../src/address/index.js';
import { AttributeCode, buildCanonical, CanonicalBuilder } from '../../../src/bgp/wire/index.js';
import {
  type Encapsulator,
  FibInstaller,
  type InstallerFib,
  PLAIN,
  type Treatment,
  type Way,
} from '../../../src/fib/installer.js';
import type { Forwarding } from '../../../src/fib/types.js';
import type { ForwardingId, NextHopId, PrefixId, SourceId } from '../../../src/rib/ids.js';
import { Rib } from '../../../src/rib/rib.js';
import type { SourceInfo } from '../../../src/rib/sources.js';

function prefixOf(text: string) {
  const parsed = parsePrefix(text);
  if (parsed === null) throw new Error(`${text} is no prefix`);
  return parsed;
}

function describeForwarding(forwarding: Forwarding): string {
  if (forwarding.kind === 'blackhole') return 'blackhole';
  if (forwarding.kind === 'unresolved')
    return `none: ${forwarding.reason}${forwarding.keeps ? ', kept' : ''}`;
  return forwarding.hops
    .map(({ gateway, ifindex, weight }) => {
      const via = `${gateway === null ? 'link' : formatAddress(gateway)}%${ifindex}`;
      return weight === 1 ? via : `${via}*${weight}`;
    })
    .sort()
    .join(' ');
}

/** Keeps what it is told, as the kernel thread would, and refuses what may not be. */
class RecordingFib implements InstallerFib {
  readonly forwardings = new Map<ForwardingId, Forwarding>();
  readonly released = new Set<ForwardingId>();
  readonly desires = new Map<string, { forwarding: ForwardingId; metricClass: number }>();
  routeWrites = 0;
  idle = true;

  defineForwarding(id: ForwardingId, forwarding: Forwarding): void {
    if (this.released.has(id)) throw new Error(`forwarding ${id} was released`);
    this.forwardings.set(id, forwarding);
  }

  releaseForwarding(id: ForwardingId): void {
    for (const [key, { forwarding }] of this.desires)
      if (forwarding === id) throw new Error(`${key} still desires forwarding ${id}`);
    if (!this.forwardings.delete(id)) throw new Error(`forwarding ${id} is not defined`);
    this.released.add(id);
  }

  setRoute(family: FamilyIndex, prefix: number, forwarding: ForwardingId, metricClass: 0 | 1 = 0): void {
    this.routeWrites++;
    const key = `${family} ${prefix}`;
    if (forwarding === 0) this.desires.delete(key);
    else if (this.forwardings.has(forwarding)) this.desires.set(key, { forwarding, metricClass });
    else throw new Error(`forwarding ${forwarding} is not defined`);
  }

  isIdle(): boolean {
    return this.idle;
  }
}

class World {
  readonly rib: Rib;
  readonly fib = new RecordingFib();
  readonly installer: FibInstaller;

  constructor(maxPaths = 1, encapsulator: Encapsulator | null = null) {
    this.rib = new Rib({ maxPaths });
    this.installer = new FibInstaller(this.rib, this.fib, true, encapsulator);
    this.connect(['192.0.2.254/24', 2], ['198.51.100.254/24', 3]);
  }

  connect(...networks: [text: string, ifindex: number][]): void {
    this.rib.nextHops.setInterfaces(
      networks.map(([text, ifindex]) => {
        const [host, length] = text.split('/');
        const address = parseAddress(host);
        if (address === null) throw new Error(`${host} is no address`);
        return { ifindex, address: { ...address, length: Number(length) }, peer: null };
      }),
    );
  }

  source(info: Partial<SourceInfo> = {}): SourceId {
    return this.rib.addSource({
      kind: 'bgp',
      name: 'a peer',
      preference: 100,
      ibgp: false,
      client: false,
      routerId: 1,
      peerAddress: null,
      remoteAsn: 64500,
      forwarding: 'nextHop',
      ...info,
    });
  }

  /** `bandwidth`: of the link, in octets per second. */
  announce(
    source: SourceId,
    prefix: string,
    nextHop: string | null = null,
    pathId = 0,
    bandwidth: number | null = null,
  ): void {
    const parsed = prefixOf(prefix);
    const table = this.rib.families[parsed.family];
    let canonical = buildCanonical({
      family: parsed.family,
      asPath: [64500],
      nextHop: nextHop === null ? null : parseAddress(nextHop),
    });
    if (bandwidth !== null) {
      const community = Buffer.from('4004fbf400000000', 'hex');
      community.writeFloatBE(bandwidth, 4);
      canonical = new CanonicalBuilder()
        .load(canonical, 0, canonical.length)
        .put(AttributeCode.extendedCommunities, 0xc0, community)
        .toBuffer();
    }
    const set = this.rib.sets.intern(canonical, 0, canonical.length);
    table.announce(source, table.prefixes.intern(parsed), set, set, pathId);
    this.rib.sets.release(set);
  }

  withdraw(source: SourceId, prefix: string): void {
    const parsed = prefixOf(prefix);
    const table = this.rib.families[parsed.family];
    table.withdraw(source, table.prefixes.find(parsed) as PrefixId);
  }

  decide(): void {
    this.rib.decide(Number.POSITIVE_INFINITY);
  }

  /** What the kernel is to do with the prefix. */
  told(prefix: string): string | null {
    const parsed = prefixOf(prefix);
    const id = this.rib.families[parsed.family].prefixes.find(parsed);
    const desire = this.fib.desires.get(`${parsed.family} ${id}`);
    const forwarding = desire && this.fib.forwardings.get(desire.forwarding);
    if (desire === undefined || forwarding === undefined) return null;
    return `${describeForwarding(forwarding)}${desire.metricClass === 1 ? ' last' : ''}`;
  }
}

describe('the installer', () => {
  let world: World;
  beforeEach(() => {
    world = new World();
  });

  it("drops what goes to a peer's route without a next hop, and no next hop resolves through it", () => {
    const source = world.source();
    world.announce(source, '203.0.113.0/24');
    world.announce(world.source(), '198.18.0.0/15', '203.0.113.7');
    world.decide();
    expect(world.told('203.0.113.0/24')).toBe('blackhole');
    expect(world.told('198.18.0.0/15')).toBeNull();
    world.announce(source, '203.0.113.0/24', '192.0.2.1');
    world.decide();
    expect(world.told('203.0.113.0/24')).toBe('192.0.2.1%2');
    expect(world.told('198.18.0.0/15')).toBe('192.0.2.1%2');
  });

  it('never drops and forwards to one prefix at once: the best of equal paths decides', () => {
    for (const order of [
      [null, '192.0.2.1'],
      ['192.0.2.1', null],
    ]) {
      world = new World(4);
      for (const nextHop of order) world.announce(world.source(), '203.0.113.0/24', nextHop);
      world.decide();
      expect(world.told('203.0.113.0/24')).toBe(order[0] === null ? 'blackhole' : '192.0.2.1%2');
    }
  });

  it('has all routes through one next hop share one entry, which goes with the last of them', () => {
    const source = world.source();
    world.announce(source, '203.0.113.0/25', '192.0.2.1');
    world.announce(source, '203.0.113.128/25', '192.0.2.1');
    world.decide();
    expect(world.told('203.0.113.0/25')).toBe('192.0.2.1%2');
    expect(world.told('203.0.113.128/25')).toBe('192.0.2.1%2');
    expect(world.fib.forwardings.size).toBe(1);
    world.withdraw(source, '203.0.113.0/25');
    world.decide();
    expect(world.fib.forwardings.size).toBe(1);
    world.withdraw(source, '203.0.113.128/25');
    world.decide();
    expect(world.fib.forwardings.size).toBe(0);
    expect(world.rib.nextHops.count).toBe(0);
  });

  it('defines the entry anew and writes no route when its next hop resolves otherwise', () => {
    const source = world.source();
    world.announce(source, '203.0.113.0/24', '192.0.2.1');
    world.decide();
    const { routeWrites } = world.fib;
    world.connect(['192.0.2.254/24', 7], ['198.51.100.254/24', 3]);
    world.decide();
    expect(world.told('203.0.113.0/24')).toBe('192.0.2.1%7');
    expect(world.fib.routeWrites).toBe(routeWrites);
  });

  it('takes a route out when its next hop does not resolve any more, and puts it back', () => {
    const source = world.source();
    world.announce(source, '203.0.113.0/24', '192.0.2.1');
    world.decide();
    world.connect(['198.51.100.254/24', 3]);
    world.decide();
    expect(world.told('203.0.113.0/24')).toBeNull();
    world.connect(['192.0.2.254/24', 2]);
    world.decide();
    expect(world.told('203.0.113.0/24')).toBe('192.0.2.1%2');
  });

  it('installs neither what is only announced nor what it hides', () => {
    const peer = world.source();
    const own = world.source({ kind: 'originated', preference: 250, forwarding: 'none' });
    world.announce(peer, '203.0.113.0/24', '192.0.2.1');
    world.decide();
    world.announce(own, '203.0.113.0/24');
    world.decide();
    expect(world.told('203.0.113.0/24')).toBeNull();
    world.withdraw(own, '203.0.113.0/24');
    world.decide();
    expect(world.told('203.0.113.0/24')).toBe('192.0.2.1%2');
  });

  it('gives originated blackholes the last metric, also where a static one takes their place', () => {
    const own = world.source({ kind: 'originated', preference: 250, forwarding: 'blackhole' });
    const fixed = world.source({ kind: 'static', preference: 200, forwarding: 'blackhole' });
    world.announce(own, '203.0.113.0/24');
    world.announce(fixed, '203.0.113.0/24');
    world.decide();
    expect(world.told('203.0.113.0/24')).toBe('blackhole last');
    world.withdraw(own, '203.0.113.0/24');
    world.decide();
    expect(world.told('203.0.113.0/24')).toBe('blackhole');
    world.withdraw(fixed, '203.0.113.0/24');
    world.decide();
    expect(world.fib.forwardings.size).toBe(0);
  });

  it('routes straight onto a device', () => {
    const source = world.source({ kind: 'static', forwarding: { ifindex: 9 } });
    world.announce(source, '2001:db8:9::/64');
    world.decide();
    expect(world.told('2001:db8:9::/64')).toBe('link%9');
  });

  it('keeps the id of a prefix until the kernel thread is done with it', () => {
    const source = world.source();
    const { prefixes } = world.rib.families[0];
    world.announce(source, '203.0.113.0/24', '192.0.2.1');
    world.decide();
    world.fib.idle = false;
    world.withdraw(source, '203.0.113.0/24');
    world.decide();
    expect(prefixes.count).toBe(1);
    world.fib.idle = true;
    world.rib.reclaim(Number.POSITIVE_INFINITY);
    expect(prefixes.count).toBe(0);
  });
});

describe('the installer with several paths', () => {
  describe('that tell the bandwidth of their links', () => {
    const prefix = '203.0.113.0/24';
    const scene = (one: number | null, two: number | null) => {
      const world = new World(4);
      const sources = [world.source(), world.source()] as const;
      world.announce(sources[0], prefix, '192.0.2.1', 0, one);
      world.announce(sources[1], prefix, '198.51.100.1', 0, two);
      world.decide();
      return { world, sources };
    };

    it('shares in proportion where all of them do, and follows when one changes or says nothing more', () => {
      const { world, sources } = scene(100, 300);
      expect(world.told(prefix)).toBe('192.0.2.1%2 198.51.100.1%3*3');
      world.announce(sources[0], prefix, '192.0.2.1', 0, 600);
      world.decide();
      expect(world.told(prefix)).toBe('192.0.2.1%2*2 198.51.100.1%3');
      world.announce(sources[0], prefix, '192.0.2.1');
      world.decide();
      expect(world.told(prefix)).toBe('192.0.2.1%2 198.51.100.1%3');
      world.withdraw(sources[0], prefix);
      world.decide();
      expect(world.told(prefix)).toBe('198.51.100.1%3');
      world.withdraw(sources[1], prefix);
      world.decide();
      expect(world.fib.forwardings.size).toBe(0);
    });

    it('shares alike where the bandwidths are the same, where one is missing, and when told to ignore them', () => {
      for (const two of [100, null]) {
        expect(scene(100, two).world.told(prefix)).toBe('192.0.2.1%2 198.51.100.1%3');
      }
      const { world } = scene(100, 300);
      world.installer.setUsesBandwidth(false);
      world.decide();
      expect(world.told(prefix)).toBe('192.0.2.1%2 198.51.100.1%3');
      world.installer.setUsesBandwidth(true);
      world.decide();
      expect(world.told(prefix)).toBe('192.0.2.1%2 198.51.100.1%3*3');
    });

    it('counts a link once, however many ways lead to its next hop', () => {
      const { world, sources } = scene(100, 200);
      // 10.0.0.1 is behind both links: its 200 are half here, half there.
      const behind = world.source();
      world.announce(behind, '10.0.0.0/24', '192.0.2.7', 1);
      world.announce(behind, '10.0.0.0/24', '198.51.100.7', 2);
      world.announce(sources[1], prefix, '10.0.0.1', 0, 200);
      world.decide();
      world.decide();
      expect(world.told(prefix)).toBe('192.0.2.1%2 192.0.2.7%2 198.51.100.7%3');
      world.announce(sources[1], prefix, '10.0.0.1', 0, 400);
      world.decide();
      expect(world.told(prefix)).toBe('192.0.2.1%2 192.0.2.7%2*2 198.51.100.7%3*2');
    });
  });

  const prefix = '203.0.113.0/24';

  it('follows the set of equal paths, and the number that is allowed', () => {
    const world = new World(2);
    const first = world.source({ routerId: 1 });
    const second = world.source({ routerId: 2 });
    world.announce(first, prefix, '192.0.2.1');
    world.announce(second, prefix, '198.51.100.1');
    world.decide();
    expect(world.told(prefix)).toBe('192.0.2.1%2 198.51.100.1%3');

    world.rib.setMaxPaths(1);
    world.decide();
    expect(world.told(prefix)).toBe('192.0.2.1%2');
    world.rib.setMaxPaths(4);
    world.decide();
    expect(world.told(prefix)).toBe('192.0.2.1%2 198.51.100.1%3');

    world.withdraw(first, prefix);
    world.decide();
    expect(world.told(prefix)).toBe('198.51.100.1%3');
    expect(world.fib.forwardings.size).toBe(1);
    world.withdraw(second, prefix);
    world.decide();
    expect(world.fib.forwardings.size).toBe(0);
    expect(world.rib.nextHops.count).toBe(0);
  });

  it('leaves out a way that goes while the others stay', () => {
    const world = new World(4);
    world.announce(world.source({ routerId: 1 }), prefix, '192.0.2.1');
    world.announce(world.source({ routerId: 2 }), prefix, '198.51.100.1');
    world.decide();
    world.connect(['198.51.100.254/24', 3]);
    world.decide();
    expect(world.told(prefix)).toBe('198.51.100.1%3');
    world.connect(['198.51.100.254/24', 3], ['192.0.2.254/24', 2]);
    world.decide();
    expect(world.told(prefix)).toBe('192.0.2.1%2 198.51.100.1%3');
  });

  it('names a gateway once that two next hops lead to', () => {
    const world = new World(4);
    const fixed = world.source({ kind: 'static', preference: 200 });
    world.announce(fixed, '10.255.0.0/24', '192.0.2.1');
    world.announce(world.source({ routerId: 1 }), prefix, '10.255.0.1');
    world.announce(world.source({ routerId: 2 }), prefix, '10.255.0.2');
    world.decide();
    expect(world.told(prefix)).toBe('192.0.2.1%2');
  });
});

describe('under an encapsulator', () => {
  const tunnel = (gateway: string) => {
    const address = parseAddress(gateway);
    if (address === null) throw new Error(gateway);
    return { hops: [{ gateway: address, ifindex: 9, onlink: true }] };
  };
  let way: Way;
  let treated: boolean;

  function world(): World {
    return new World(1, {
      treatment: (_family, _prefix, { kind }) => (treated && kind === 'bgp' ? (1 as Treatment) : PLAIN),
      way: () => way,
    });
  }

  beforeEach(() => {
    way = tunnel('10.9.0.0');
    treated = true;
  });

  it('sends a route where it says, and replaces the entry in place when it says otherwise', () => {
    const w = world();
    w.announce(w.source(), '10.0.0.0/24', '192.0.2.1');
    w.decide();
    expect(w.told('10.0.0.0/24')).toBe('10.9.0.0%9');
    const writes = w.fib.routeWrites;
    way = { unresolved: 'no VTEP', keeps: false };
    w.installer.encapsulationChanged(null);
    expect(w.told('10.0.0.0/24')).toBe('none: no VTEP');
    way = { hops: w.rib.nextHops.hops(1 as NextHopId).map((hop) => ({ ...hop, onlink: false })) };
    w.installer.encapsulationChanged((nextHop) => nextHop === 1);
    expect(w.told('10.0.0.0/24')).toBe('192.0.2.1%2');
    expect(w.fib.routeWrites).toBe(writes);
  });

  it('tells the kernel thread nothing where nothing changed', () => {
    const w = world();
    w.announce(w.source(), '10.0.0.0/24', '192.0.2.1');
    w.decide();
    const told = [...w.fib.forwardings.values()];
    w.installer.encapsulationChanged(null);
    expect([...w.fib.forwardings.values()].every((each, i) => each === told[i])).toBe(true);
  });

  it('leaves what is of another treatment through the same next hop alone', () => {
    const w = world();
    w.announce(w.source(), '10.0.0.0/24', '192.0.2.1');
    w.announce(w.source({ kind: 'static', name: 's' }), '10.1.0.0/24', '192.0.2.1');
    w.decide();
    expect([w.told('10.0.0.0/24'), w.told('10.1.0.0/24')]).toEqual(['10.9.0.0%9', '192.0.2.1%2']);
  });

  it('gives a route another entry when its treatment is another', () => {
    const w = world();
    const source = w.source();
    w.announce(source, '10.0.0.0/24', '192.0.2.1');
    w.decide();
    treated = false;
    w.rib.redecideAll();
    w.decide();
    expect(w.told('10.0.0.0/24')).toBe('192.0.2.1%2');
    expect(w.fib.released.size).toBe(1);
  });
});
