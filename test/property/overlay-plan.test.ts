import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Address, formatAddress, parsePrefix, sameAddress } from '../../src/address/index.js';
import { type DeviceOperation, planDevice, type SeenDevice } from '../../src/fib/overlay/device-plan.js';
import {
  applied,
  type DesiredEntries,
  noEntries,
  planChanged,
  planEntries,
  type SeenEntries,
  surplusOf,
} from '../../src/fib/overlay/entry-plan.js';
import type { IpipInfo, Link, VxlanInfo } from '../../src/netlink/index.js';
import type { OverlayDevice } from '../../src/overlay/index.js';

const v4 = (a: number): Address => ({ family: 0, a: (0x0af40000 + a) >>> 0, b: 0, c: 0, d: 0 });
const mac = (n: number) => `02:00:00:00:00:${n.toString(16).padStart(2, '0')}`;
const small = fc.integer({ min: 0, max: 5 });

/** Desired as a backend desires it: each neighbour's MAC has an FDB entry. */
const desiredEntries = fc.uniqueArray(fc.tuple(small, small), { selector: ([node]) => node }).map((nodes) => {
  const neighbours = new Map();
  const fdb = new Map();
  for (const [node, m] of nodes) {
    const address = v4(node);
    neighbours.set(formatAddress(address), { kind: 'neighbour', device: 'd', address, mac: mac(m) });
    fdb.set(mac(m), { kind: 'fdb', device: 'd', mac: mac(m), destination: v4(100 + m) });
  }
  return { neighbours, fdb } as DesiredEntries;
});

const seenEntries = fc
  .tuple(
    fc.array(fc.tuple(small, fc.option(small))),
    fc.array(fc.tuple(small, fc.option(fc.integer({ min: 100, max: 107 })))),
  )
  .map(
    ([neighbours, fdb]): SeenEntries => ({
      neighbours: new Map(
        neighbours.map(([node, m]) => [
          formatAddress(v4(node)),
          { address: v4(node), mac: m === null ? null : mac(m) },
        ]),
      ),
      fdb: new Map(fdb.map(([m, to]) => [mac(m), { destination: to === null ? null : v4(to) }])),
    }),
  );

const copy = ({ neighbours, fdb }: SeenEntries): SeenEntries => ({
  neighbours: new Map(neighbours),
  fdb: new Map(fdb),
});

/** Where frames to an address go on the underlay; null: nowhere. */
function destination({ neighbours, fdb }: SeenEntries, address: string): Address | null {
  const found = neighbours.get(address)?.mac ?? null;
  return found === null ? null : (fdb.get(found)?.destination ?? null);
}

describe('the plan of entries', () => {
  it('leads from whatever is seen to what is desired, and then finds nothing to do', () => {
    fc.assert(
      fc.property(desiredEntries, seenEntries, fc.array(small), (desired, seen, used) => {
        const inUse = (address: Address) => used.some((node) => sameAddress(v4(node), address));
        const now = copy(seen);
        const operations = planEntries(desired, now, inUse);
        for (const operation of operations) applied(now, operation);
        for (const [key, wanted] of desired.neighbours) expect(now.neighbours.get(key)?.mac).toBe(wanted.mac);
        for (const [key, wanted] of desired.fdb)
          expect(now.fdb.get(key)?.destination).toEqual(wanted.destination);
        // What is left over is in use.
        for (const [key, { address }] of now.neighbours)
          expect(desired.neighbours.has(key) || inUse(address)).toBe(true);
        expect(planEntries(desired, now, inUse)).toEqual([]);
        const later = planEntries(desired, now, () => false);
        for (const operation of later) applied(now, operation);
        expect([...now.neighbours.keys()].sort()).toEqual([...desired.neighbours.keys()].sort());
        expect([...now.fdb.keys()].sort()).toEqual([...desired.fdb.keys()].sort());
      }),
    );
  });

  it('is the same for what changed as for the whole', () => {
    fc.assert(
      fc.property(desiredEntries, desiredEntries, fc.array(small), (before, desired, used) => {
        const seen = noEntries();
        for (const operation of planEntries(before, seen, () => false)) applied(seen, operation);
        const keys = (one: ReadonlyMap<string, unknown>, other: ReadonlyMap<string, unknown>) =>
          new Set(
            [...one.keys(), ...other.keys()].filter(
              (key) => JSON.stringify(one.get(key)) !== JSON.stringify(other.get(key)),
            ),
          );
        const changed = {
          neighbours: keys(before.neighbours, desired.neighbours),
          fdb: keys(before.fdb, desired.fdb),
        };
        const inUse = (address: Address) => used.some((node) => sameAddress(v4(node), address));
        const texts = (operations: readonly unknown[]) =>
          operations.map((each) => JSON.stringify(each)).sort();
        const part = planChanged(desired, seen, inUse, changed);
        expect(texts(part)).toEqual(texts(planEntries(desired, seen, inUse)));
        for (const operation of part) applied(seen, operation);
        const left = surplusOf(desired, seen, changed);
        expect(left).toEqual(surplusOf(desired, seen, null));
        // What had to wait goes in the end.
        for (const operation of planChanged(desired, seen, () => false, left)) applied(seen, operation);
        expect(surplusOf(desired, seen, null)).toEqual({ neighbours: new Set(), fdb: new Set() });
      }),
    );
  });

  it('interrupts no address on the way: it leads where it led before, or where it shall lead', () => {
    fc.assert(
      fc.property(desiredEntries, seenEntries, (desired, seen) => {
        const now = copy(seen);
        for (const operation of planEntries(desired, copy(seen), () => false)) {
          applied(now, operation);
          for (const [key, wanted] of desired.neighbours) {
            const before = destination(seen, key);
            const shall = desired.fdb.get(wanted.mac)?.destination;
            if (before === null) continue;
            const is = destination(now, key);
            // A MAC that moves takes its old addresses along before they get their new one.
            const moved = desired.fdb.get(seen.neighbours.get(key)?.mac ?? '')?.destination;
            expect(
              [before, shall, moved].some((one) => one !== undefined && is !== null && sameAddress(one, is)),
            ).toBe(true);
          }
        }
      }),
    );
  });
});

const prefixes = ['10.0.0.1/32', '10.0.0.1/24', '10.0.0.2/32', 'fd00::1/128', 'fd00::1/64'].map((text) => {
  const prefix = parsePrefix(text);
  if (prefix === null) throw new Error(text);
  return prefix;
});
const addresses = fc.uniqueArray(fc.constantFrom(...prefixes), { selector: (p) => formatAddress(p) });
const bool = fc.boolean();
const locals = fc.constantFrom(v4(1), v4(2), { family: 1 as const, a: 0xfd000000, b: 0, c: 0, d: 1 });

const desiredDevice: fc.Arbitrary<OverlayDevice> = fc.record({
  name: fc.constantFrom('t', 'tunl0'),
  attributes: fc.oneof(
    fc.record({
      kind: fc.constant('vxlan' as const),
      vni: small,
      port: fc.constantFrom(4789, 8472),
      local: locals,
      underlay: small,
      learning: bool,
      gbp: bool,
      ttl: small,
      tos: small,
      udpChecksum: bool,
      udpZeroChecksum6Tx: bool,
      udpZeroChecksum6Rx: bool,
    }),
    fc.record({
      kind: fc.constant('ipip' as const),
      local: fc.option(fc.constantFrom(v4(1), v4(2))),
      remote: fc.option(fc.constantFrom(v4(7))),
      underlay: small,
      ttl: small,
      tos: small,
      pathMtuDiscovery: bool,
    }),
  ),
  mtu: fc.constantFrom(1400, 1450),
  mac: fc.option(small.map(mac)),
  txQueueLength: fc.option(fc.constantFrom(0, 1000)),
  txChecksumOffload: fc.option(bool),
  addresses,
});

const plainVxlan: VxlanInfo = {
  kind: 'vxlan',
  vni: 0,
  port: 8472,
  local: null,
  remote: null,
  link: 0,
  ttl: 0,
  tos: 0,
  df: 0,
  learning: true,
  ageing: 300,
  proxy: false,
  rsc: false,
  l2miss: false,
  l3miss: false,
  udpChecksum: true,
  udpZeroChecksum6Tx: false,
  udpZeroChecksum6Rx: false,
  gbp: false,
  collectMetadata: false,
};
const plainIpip: IpipInfo = {
  kind: 'ipip',
  local: null,
  remote: null,
  link: 0,
  ttl: 0,
  tos: 0,
  pathMtuDiscovery: true,
  protocol: 0,
  encapsulation: 0,
  collectMetadata: false,
};

/** A kernel with one name in it. */
class KernelModel {
  seen: SeenDevice | null = null;
  deletions = 0;
  private nextIndex = 100;

  perform(operation: DeviceOperation): void {
    const { seen } = this;
    if (operation.kind === 'create') {
      expect(seen).toBeNull();
      const { tunnel, ...settings } = operation.settings;
      const plain = tunnel.kind === 'vxlan' ? plainVxlan : plainIpip;
      const link: Link = {
        ifindex: this.nextIndex++,
        name: operation.name,
        flags: 0,
        up: false,
        loopback: false,
        mtu: settings.mtu ?? 1500,
        mac: tunnel.kind === 'vxlan' ? (settings.mac ?? mac(0x99)) : null,
        master: 0,
        kind: tunnel.kind,
        tunnel: { ...plain, ...tunnel } as Link['tunnel'],
        txQueueLength: settings.txQueueLength ?? 1000,
        alias: '',
        addressGeneration: 0,
        deleted: false,
      };
      this.seen = { link, addresses: [], txChecksumOffload: true };
      return;
    }
    if (seen === null) throw new Error('there is no device');
    expect(operation.ifindex).toBe(seen.link.ifindex);
    switch (operation.kind) {
      case 'delete':
        this.deletions++;
        this.seen = null;
        return;
      case 'change': {
        const { tunnel, up, ...rest } = operation.settings;
        const flags = up === undefined ? seen.link.flags : up ? 1 : 0;
        const merged = tunnel === undefined ? seen.link.tunnel : { ...seen.link.tunnel, ...tunnel };
        this.seen = { ...seen, link: { ...seen.link, ...rest, flags, tunnel: merged as Link['tunnel'] } };
        return;
      }
      case 'txChecksum':
        this.seen = { ...seen, txChecksumOffload: operation.on };
        return;
      case 'addAddress': {
        // IPv6 has an address once; IPv4 once with each length.
        const clash = seen.addresses.some(
          ({ address }) =>
            sameAddress(address, operation.address) &&
            (address.family === 1 || address.length === operation.address.length),
        );
        expect(clash).toBe(false);
        const address = {
          ifindex: seen.link.ifindex,
          address: operation.address,
          peer: null,
          scope: 0,
          flags: 0,
          tentative: false,
          deleted: false,
        };
        this.seen = { ...seen, addresses: [...seen.addresses, address] };
        return;
      }
      case 'removeAddress': {
        const rest = seen.addresses.filter(
          ({ address }) =>
            !sameAddress(address, operation.address) || address.length !== operation.address.length,
        );
        expect(rest.length).toBe(seen.addresses.length - 1);
        this.seen = { ...seen, addresses: rest };
      }
    }
  }

  /** Plans and performs until nothing is left to do. */
  settle(desired: OverlayDevice): 'ours' | 'conflict' {
    for (let round = 0; round < 3; round++) {
      const plan = planDevice(desired, this.seen, 'mark', false);
      if (plan.verdict === 'conflict') return 'conflict';
      if (plan.operations.length === 0) return 'ours';
      for (const operation of plan.operations) this.perform(operation);
    }
    throw new Error('it does not settle');
  }
}

describe('the plan of a device', () => {
  it('leads from any device to any other of its kind in two rounds, and gives up before one of another kind', () => {
    fc.assert(
      fc.property(desiredDevice, desiredDevice, (first, second) => {
        const kernel = new KernelModel();
        expect(kernel.settle(first)).toBe('ours');
        const there = { ...second, name: first.name };
        const before = kernel.seen;
        const sameKind = there.attributes.kind === first.attributes.kind;
        expect(kernel.settle(there)).toBe(sameKind ? 'ours' : 'conflict');
        if (!sameKind) {
          expect(kernel.seen).toBe(before);
          return;
        }
        const { link } = kernel.seen as SeenDevice;
        expect(link.mtu).toBe(there.mtu);
        expect(link.alias).toBe('mark');
        expect(link.flags & 1).toBe(1);
        const fallback = link.name === 'tunl0' && link.kind === 'ipip';
        if (fallback) expect(kernel.deletions).toBe(0);
        else if (there.attributes.kind === 'vxlan') {
          const { underlay, ...rest } = there.attributes;
          expect(link.tunnel).toMatchObject({ ...rest, link: underlay });
        }
      }),
    );
  });
});
