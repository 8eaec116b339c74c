import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { formatAddress, formatPrefix, parseAddress, parsePrefix } from '../../../src/address/index.js';
import { buildCanonical } from '../../../src/bgp/wire/index.js';
import type { Router } from '../../../src/config/index.js';
import { Overlay } from '../../../src/daemon/overlay/index.js';
import { nodeRows } from '../../../src/daemon/overlay/rows.js';
import { FibInstaller } from '../../../src/fib/installer.js';
import type { Forwarding, InterfaceAddress, LinkState } from '../../../src/fib/types.js';
import type {
  OverlayChange,
  OverlayDeviceStatus,
  OverlayEntry,
  OverlayState,
} from '../../../src/overlay/index.js';
import type { ForwardingId, PrefixId } from '../../../src/rib/ids.js';
import { Rib } from '../../../src/rib/rib.js';
import { document, load, minimal } from '../config/documents.js';

const own = '{name: a, addresses: [192.0.2.1/24, "2001:db8::1/64"], podCIDRs: [10.1.0.0/24, "fd00:1::/64"]}';
const near = '{name: near, addresses: [192.0.2.2/24], podCIDRs: [10.1.1.0/24]}';
const far =
  '{name: far, addresses: [198.51.100.3/24, "2001:db8:9::3/64"], podCIDRs: [10.1.2.0/24, "fd00:2::/64"]}';

const router = (pools: string, ...nodes: string[]): Router =>
  load(document(`${minimal}\npools: [${pools}]\nnodes: [${[own, ...nodes].join(', ')}]`));

function addressOf(text: string) {
  const [host, length] = text.split('/');
  const address = parseAddress(host);
  if (address === null) throw new Error(text);
  return { ...address, length: Number(length) };
}

function textOf(entry: OverlayEntry): string {
  return entry.kind === 'fdb'
    ? `fdb ${entry.device} ${entry.mac}`
    : `neighbour ${entry.device} ${formatAddress(entry.address)}`;
}

/** A node as the daemon has it, with a kernel thread that does what it is told. */
/** The kernel's. */
const defaultRoutes = ['0.0.0.0/0 192.0.2.254', '::/0 2001:db8::fe'].map((text) => {
  const [prefix, gateway] = text.split(' ');
  const parsed = parsePrefix(prefix);
  if (parsed === null) throw new Error(prefix);
  const hops = [{ gateway: parseAddress(gateway), ifindex: 2 }];
  return { prefix: parsed, protocol: 3, metric: 0, type: 'unicast' as const, hops };
});

class World {
  readonly rib = new Rib();
  readonly overlay: Overlay;
  readonly installer: FibInstaller;
  readonly forwardings = new Map<ForwardingId, Forwarding>();
  readonly desires = new Map<string, ForwardingId>();
  readonly events: string[] = [];
  entries = new Map<string, OverlayEntry>();
  devices: OverlayState['devices'] = [];
  changes: OverlayChange[] = [];
  links: LinkState[] = [{ ifindex: 2, name: 'eth0', up: true, mtu: 1500, mac: null }];
  addresses: InterfaceAddress[] = ['192.0.2.1/24', '2001:db8::1/64'].map((text) => ({
    ifindex: 2,
    address: addressOf(text),
    peer: null,
    scope: 0,
    tentative: false,
  }));

  constructor(first: Router) {
    const fib = {
      setOverlay: (state: OverlayState) => {
        this.devices = state.devices;
        this.entries = new Map(state.entries.map((entry) => [textOf(entry), entry]));
      },
      changeOverlay: (change: OverlayChange) => {
        this.changes.push(change);
        this.devices = change.devices ?? this.devices;
        for (const entry of change.remove ?? []) this.entries.delete(textOf(entry));
        for (const entry of change.set ?? []) this.entries.set(textOf(entry), entry);
      },
    };
    this.overlay = new Overlay(
      {
        rib: this.rib,
        fib,
        event: (_level, type, fields) => this.events.push(`${type} ${fields.message ?? fields.device}`),
        changed: (isAffected) => this.installer.encapsulationChanged(isAffected),
      },
      first,
      150,
    );
    this.installer = new FibInstaller(
      this.rib,
      {
        defineForwarding: (id, forwarding) => this.forwardings.set(id, forwarding),
        releaseForwarding: (id) => this.forwardings.delete(id),
        setRoute: (family, prefix, forwarding) => {
          const key = formatPrefix(this.rib.families[family].prefixes.read(prefix as PrefixId));
          if (forwarding === 0) this.desires.delete(key);
          else this.desires.set(key, forwarding);
        },
        isIdle: () => true,
      },
      true,
      this.overlay,
    );
    this.rib.nextHops.changeKernelRoutes(defaultRoutes, []);
    this.overlay.apply(first);
    this.see();
  }

  see(): void {
    this.rib.nextHops.setInterfaces(this.addresses);
    this.overlay.interfaces(this.links, this.addresses);
    this.decide();
  }

  apply(next: Router): void {
    this.overlay.apply(next);
    this.decide();
  }

  /** The kernel thread has made every device. */
  makeDevices(state: OverlayDeviceStatus['state'] = 'ready'): void {
    const devices = this.devices.map(({ name, attributes, mac, mtu }, i) => {
      const ifindex = state === 'ready' ? 10 + i : null;
      const problem = state === 'ready' ? null : 'the kernel says no';
      return { name, kind: attributes.kind, state, ifindex, mac, mtu, problem };
    });
    this.links = [
      this.links[0],
      ...devices.flatMap(({ ifindex, name, mtu }) =>
        ifindex === null ? [] : [{ ifindex, name, mtu, up: true, mac: null }],
      ),
    ];
    this.overlay.interfaces(this.links, this.addresses);
    this.overlay.setStatus({ devices, problems: [], entries: { desired: 0, installed: 0 } });
    this.decide();
  }

  decide(): void {
    this.rib.decide(Number.POSITIVE_INFINITY);
  }

  told(prefix: string): string | null {
    const forwarding = this.forwardings.get(this.desires.get(prefix) as ForwardingId);
    if (forwarding === undefined) return null;
    if (forwarding.kind !== 'unicast')
      return forwarding.kind === 'unresolved' && forwarding.keeps ? 'soon' : forwarding.kind;
    return forwarding.hops.map(({ ifindex, onlink }) => `${ifindex}${onlink ? ' onlink' : ''}`).join();
  }
}

const vxlan = '{cidr: 10.1.0.0/16, backend: vxlan}';
const across = '{cidr: 10.1.0.0/16, backend: vxlan, mode: crossSubnet}';
const both = `${across}, {cidr: "fd00::/16", backend: vxlan}`;

describe('the overlay of a node', () => {
  it('goes direct within the subnet and waits for the tunnel device elsewhere', () => {
    const w = new World(router(across, near, far));
    expect([w.told('10.1.1.0/24'), w.told('10.1.2.0/24')]).toEqual(['2', 'soon']);
    w.makeDevices();
    expect([w.told('10.1.1.0/24'), w.told('10.1.2.0/24')]).toEqual(['2', '10 onlink']);
  });

  it('wants a device for each family, with the MTU that the underlay leaves, and follows it', () => {
    const w = new World(router(both, near, far));
    expect(w.devices.map(({ name, mtu }) => `${name} ${mtu}`)).toEqual([
      'vxlan.calico 1450',
      'vxlan-v6.calico 1430',
    ]);
    w.links = [{ ...w.links[0], mtu: 9000 }];
    w.see();
    expect(w.devices.map(({ mtu }) => mtu)).toEqual([8950, 8930]);
  });

  it('keeps its devices while our address is gone for a moment, and says that it is', () => {
    const w = new World(router(both, far));
    w.makeDevices();
    const { addresses } = w;
    w.addresses = [];
    w.see();
    expect(w.devices).toHaveLength(2);
    w.addresses = addresses;
    w.see();
    expect(w.told('10.1.2.0/24')).toBe('10 onlink');
  });

  it('tells the kernel thread of a node that came, changed its MAC or left, and of nothing else', () => {
    const w = new World(router(vxlan, near));
    const count = w.entries.size;
    w.apply(router(vxlan, near, far));
    expect(w.changes).toHaveLength(1);
    expect(w.entries.size).toBe(count + 2);
    const mac = 'vtep: {ipv4: {mac: "66:00:00:00:00:09"}}';
    w.apply(router(vxlan, near, far.replace('}', `, ${mac}}`)));
    expect(w.entries.size).toBe(count + 2);
    expect([...w.entries.values()].filter((entry) => entry.mac.endsWith('00:09'))).toHaveLength(2);
    w.apply(router(vxlan, near));
    expect(w.entries.size).toBe(count);
    w.apply(router(vxlan, near));
    expect(w.changes).toHaveLength(3);
  });

  it('flips routes in place when a pool changes, and gives them up where there is no way', () => {
    const w = new World(router(vxlan, near, far));
    w.makeDevices();
    expect([w.told('10.1.1.0/24'), w.told('10.1.2.0/24')]).toEqual(['10 onlink', '10 onlink']);
    w.apply(router(across, near, far));
    expect([w.told('10.1.1.0/24'), w.told('10.1.2.0/24')]).toEqual(['2', '10 onlink']);
    w.apply(router('{cidr: 10.1.0.0/16}', near, far));
    expect([w.told('10.1.1.0/24'), w.told('10.1.2.0/24')]).toEqual(['2', null]);
    expect(w.overlay.problems()).toContainEqual(expect.stringContaining('node far, 10.1.2.0/24: no way'));
    expect(w.overlay.unreachable('10.1.2.9')).toContain('of node far, to which there is no way');
    expect(w.overlay.unreachable('10.1.1.9')).toBeNull();
  });

  it('tells of many nodes without a way in one line, whatever their number, and of each where asked', async () => {
    const others = Array.from(
      { length: 300 },
      (_, i) =>
        `{name: far${i}, addresses: [198.51.${i >> 8}.${i & 255}], podCIDRs: [10.1.${2 + (i >> 8)}.${i & 255}/32]}`,
    );
    const w = new World(router('{cidr: 10.1.0.0/16}', ...others));
    const toldOf = async () => {
      await setImmediate();
      return w.events.splice(0);
    };
    expect(await toldOf()).toEqual([expect.stringContaining('300 pod CIDRs without a way')]);
    expect(w.overlay.problems()).toHaveLength(1);
    expect(w.overlay.problems(true)).toHaveLength(300);
    w.apply(router('{cidr: 10.1.0.0/16}', ...others.slice(1)));
    expect(await toldOf()).toEqual([]);
    expect(w.overlay.problems()).toEqual([expect.stringContaining('299 pod CIDRs')]);
    w.apply(router('{cidr: 10.1.0.0/16}', others[0]));
    expect(await toldOf()).toEqual([
      expect.stringMatching(/^overlayProblem node far0/),
      expect.stringMatching(/^overlayProblemGone nodes: 300/),
    ]);
  });

  it('gives a route up where the kernel can not make the device, and says why', () => {
    const w = new World(router(vxlan, far));
    w.makeDevices('unsupported');
    expect(w.told('10.1.2.0/24')).toBe('unresolved');
    expect(w.overlay.problems()).toContain('vxlan.calico is unsupported: the kernel says no');
  });

  it('says of a node that its tunnel can not get there while no route leads to it', () => {
    const w = new World(router(across, near, far));
    w.makeDevices();
    const rows = () => [...nodeRows(w.overlay)].flatMap(({ blocks }) => blocks);
    expect(rows()).toContainEqual({
      ...{ prefix: '10.1.2.0/24', by: 'vxlan', reachable: true },
      why: expect.not.stringContaining('no route'),
    });
    w.rib.nextHops.changeKernelRoutes([], defaultRoutes);
    w.decide();
    expect(rows()).toContainEqual({
      ...{ prefix: '10.1.2.0/24', by: 'vxlan', reachable: false },
      why: expect.stringMatching(/; but no route leads to 198\.51\.100\.3$/),
    });
    expect(rows()).toContainEqual(expect.objectContaining({ prefix: '10.1.1.0/24', reachable: true }));
    expect(w.told('10.1.2.0/24')).toBe(null);
  });

  it('leads to IPv6 VTEPs themselves through their device', () => {
    const w = new World(router(both, far));
    w.makeDevices();
    expect([w.told('fd00:2::/128'), w.told('fd00:2::/64'), w.told('10.1.2.0/32')]).toEqual([
      '11',
      '11 onlink',
      null,
    ]);
  });

  it('moves a block from one node to another, in whichever order they stand', () => {
    const w = new World(router(vxlan, near, far));
    w.makeDevices();
    const taken = far.replace('10.1.2.0/24', '10.1.1.0/24');
    const left = near.replace('podCIDRs: [10.1.1.0/24]', 'podCIDRs: [10.1.2.0/24]');
    w.apply(router(vxlan, taken, left));
    expect([w.told('10.1.1.0/24'), w.told('10.1.2.0/24')]).toEqual(['10 onlink', '10 onlink']);
    w.apply(router(vxlan, near, far));
    expect([w.told('10.1.1.0/24'), w.told('10.1.2.0/24')]).toEqual(['10 onlink', '10 onlink']);
  });

  it('does all anew after a change that it could not finish', () => {
    const before = router(vxlan, near);
    const w = new World(before);
    w.makeDevices();
    const { nextHops } = w.rib;
    const { intern } = nextHops;
    nextHops.intern = () => {
      throw new Error('a bug');
    };
    // The node that was there is given up by then, the other one not learned.
    expect(() => w.apply(router(vxlan, near.replace('.2/24', '.9/24'), far))).toThrow('a bug');
    nextHops.intern = intern;
    w.apply(before);
    // Whatever was kept from before is asked for once more.
    w.installer.encapsulationChanged(null);
    w.decide();
    expect([w.told('10.1.1.0/24'), w.told('10.1.2.0/24')]).toEqual(['10 onlink', null]);
    w.apply(router(vxlan, near, far));
    expect([w.told('10.1.1.0/24'), w.told('10.1.2.0/24')]).toEqual(['10 onlink', '10 onlink']);
  });

  it('forgets nothing that it tracks, and keeps nothing of nodes that left', () => {
    const w = new World(router(vxlan, near, far));
    const before = w.rib.nextHops.count;
    for (let i = 0; i < 3; i++) {
      w.apply(router(vxlan, near));
      w.apply(router(vxlan, near, far));
    }
    expect(w.rib.nextHops.count).toBe(before);
    w.apply(router(vxlan));
    expect(w.rib.nextHops.count).toBe(0);
    expect(w.desires.size).toBe(0);
  });

  it('is not moved by links and addresses that are not its own', () => {
    const w = new World(router(both, near, far));
    w.makeDevices();
    const { changes, forwardings } = w;
    const before = [changes.length, ...forwardings.values()];
    w.links = [...w.links, { ifindex: 99, name: 'veth1', up: true, mtu: 1500, mac: null }];
    w.see();
    expect([changes.length, ...forwardings.values()]).toEqual(before);
  });

  it('gives up the routes of BGP by a node that leaves, and takes them up when it comes', () => {
    const w = new World(router(vxlan, near, far));
    w.makeDevices();
    const source = w.rib.addSource({
      kind: 'bgp',
      name: 'p',
      preference: 100,
      ibgp: true,
      client: false,
      routerId: 1,
      peerAddress: null,
      remoteAsn: 65001,
      forwarding: 'nextHop',
    });
    const bytes = buildCanonical({ family: 0, nextHop: parseAddress('198.51.100.3'), asPath: [] });
    const set = w.rib.sets.intern(bytes, 0, bytes.length);
    const [table] = w.rib.families;
    table.announce(source, table.prefixes.intern(addressOf('10.1.77.0/24')), set, set);
    w.decide();
    expect(w.told('10.1.77.0/24')).toBe('10 onlink');
    w.apply(router(vxlan, near));
    expect(w.told('10.1.77.0/24')).toBe('unresolved');
    w.apply(router(vxlan, near, far));
    expect(w.told('10.1.77.0/24')).toBe('10 onlink');
  });

  it('has the device of what it says it receives, before a pool asks for it', () => {
    const receiving = own.replace('}', ', receives: [none, vxlan]}');
    const w = new World(
      load(document(`${minimal}\npools: [{cidr: 10.1.0.0/16}]\nnodes: [${receiving}, ${near}]`)),
    );
    expect(w.devices.map(({ name }) => name)).toEqual(['vxlan.calico', 'vxlan-v6.calico']);
    expect(w.told('10.1.1.0/24')).toBe('2');
  });
});
