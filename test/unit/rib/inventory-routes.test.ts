import { beforeEach, describe, expect, it } from 'vitest';
import {
  type Address,
  formatAddress,
  formatPrefix,
  type Prefix,
  parseAddress,
  parsePrefix,
} from '../../../src/address/index.js';
import { type NextHopId, NONE, type PathId, type PrefixId, type SourceId } from '../../../src/rib/ids.js';
import { InventoryRoutes } from '../../../src/rib/inventory-routes.js';
import { Rib } from '../../../src/rib/rib.js';

function prefix(text: string): Prefix {
  const parsed = parsePrefix(text);
  if (parsed === null) throw new Error(text);
  return parsed;
}
function address(text: string): Address {
  const parsed = parseAddress(text);
  if (parsed === null) throw new Error(text);
  return parsed;
}
const via = (text: string, nextHop: string) => ({ prefix: prefix(text), nextHop: address(nextHop) });
const on = (text: string, ifindex: number) => ({ prefix: prefix(text), ifindex });

describe('routes of the inventory', () => {
  let rib: Rib;
  let routes: InventoryRoutes;
  let changes: number;

  beforeEach(() => {
    rib = new Rib();
    rib.nextHops.setInterfaces([
      { ifindex: 2, address: { ...address('192.0.2.254'), length: 24 }, peer: null },
      { ifindex: 2, address: { ...address('2001:db8::fe'), length: 64 }, peer: null },
    ]);
    routes = new InventoryRoutes(rib, 150);
    changes = 0;
    rib.onBestChange(() => changes++);
  });

  /** Every best path, by next hop or device. */
  function best(): Record<string, string> {
    rib.decide(Number.POSITIVE_INFINITY);
    const found: Record<string, string> = {};
    for (const { prefixes, paths } of rib.families) {
      for (const id of prefixes.walk()) {
        const path = paths.bestOf(id as PrefixId);
        if (path === NONE) continue;
        const { forwarding } = rib.sources.get(paths.source[path] as SourceId);
        const nextHop = rib.nextHops.address(rib.sets.nextHopId[paths.accepted[path as PathId]] as NextHopId);
        found[formatPrefix(prefixes.read(id as PrefixId))] =
          typeof forwarding === 'object'
            ? `dev ${forwarding.ifindex}`
            : nextHop === null
              ? ''
              : formatAddress(nextHop);
      }
    }
    return found;
  }

  it('come, change and go with their node', () => {
    routes.set('a', [via('10.1.1.0/24', '192.0.2.1'), via('10.1.2.0/24', '192.0.2.1')]);
    expect(best()).toEqual({ '10.1.1.0/24': '192.0.2.1', '10.1.2.0/24': '192.0.2.1' });
    routes.set('a', [via('10.1.2.0/24', '192.0.2.9')]);
    expect(best()).toEqual({ '10.1.2.0/24': '192.0.2.9' });
    routes.set('a', []);
    expect(best()).toEqual({});
  });

  it('are left alone where they are the same', () => {
    routes.set('a', [via('10.1.1.0/24', '192.0.2.1')]);
    best();
    changes = 0;
    routes.set('a', [via('10.1.1.0/24', '192.0.2.1')]);
    best();
    expect(changes).toBe(0);
  });

  it.each([
    ['the new one first', true],
    ['the former one first', false],
  ])('stay when a block goes from one node to another: %s', (_, newFirst) => {
    routes.set('a', [via('10.1.1.0/24', '192.0.2.1')]);
    best();
    const steps = [() => routes.set('b', [via('10.1.1.0/24', '192.0.2.2')]), () => routes.set('a', [])];
    for (const step of newFirst ? steps : steps.reverse()) step();
    expect(best()).toEqual({ '10.1.1.0/24': '192.0.2.2' });
    routes.set('b', []);
    expect(best()).toEqual({});
  });

  it('may be on the link of a device, which may become another', () => {
    routes.set('a', [on('fd00:1::/128', 7), via('fd00:1::/64', '2001:db8::1')]);
    expect(best()).toEqual({ 'fd00:1::/128': 'dev 7', 'fd00:1::/64': '2001:db8::1' });
    routes.set('a', [on('fd00:1::/128', 8), via('fd00:1::/64', '2001:db8::1')]);
    expect(best()).toEqual({ 'fd00:1::/128': 'dev 8', 'fd00:1::/64': '2001:db8::1' });
    routes.set('a', [via('fd00:1::/64', '2001:db8::1')]);
    expect(best()).toEqual({ 'fd00:1::/64': '2001:db8::1' });
  });

  it('take another preference while they stand', () => {
    routes.set('a', [via('10.1.1.0/24', '192.0.2.1')]);
    best();
    routes.setPreference(150);
    expect(rib.hasWork).toBe(false);
    routes.setPreference(7);
    best();
    const [source] = [...rib.sources.ids()].filter((id) => rib.sources.get(id).kind === 'inventory');
    expect(rib.sources.preference[source]).toBe(7);
    expect(best()).toEqual({ '10.1.1.0/24': '192.0.2.1' });
  });
});
