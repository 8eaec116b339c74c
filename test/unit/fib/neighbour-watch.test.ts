import { describe, expect, it } from 'vitest';
import { formatAddress, parseAddress } from '../../../src/address/index.js';
import { LinkRouters } from '../../../src/fib/neighbour-watch.js';
import {
  type Neighbour,
  NTF_ROUTER,
  NUD_FAILED,
  NUD_REACHABLE,
  NUD_STALE,
} from '../../../src/netlink/index.js';

function neighbour(text: string, more: Partial<Neighbour> = {}): Neighbour {
  const address = parseAddress(text);
  if (address === null) throw new Error(`${text} is no address`);
  const base = { ifindex: 2, address, mac: '02:00:00:00:00:01', state: NUD_STALE, flags: NTF_ROUTER };
  return { ...base, age: 0, deleted: false, ...more };
}

const shown = (routers: LinkRouters) =>
  routers.list().map(({ address, reachable }) => `${formatAddress(address)}${reachable ? '' : ' gone'}`);

describe('the routers on links', () => {
  it('are link-local neighbours with the router flag, in the order in which they came', () => {
    const routers = new LinkRouters();
    expect(routers.note(neighbour('fe80::3'))).toBe(true);
    expect(routers.note(neighbour('fe80::2'))).toBe(true);
    expect(routers.note(neighbour('fe80::4', { flags: 0 }))).toBe(false);
    expect(routers.note(neighbour('2001:db8::1'))).toBe(false);
    expect(shown(routers)).toEqual(['fe80::3', 'fe80::2']);
  });

  it('are no others because an entry is confirmed', () => {
    const routers = new LinkRouters();
    routers.note(neighbour('fe80::2'));
    expect(routers.note(neighbour('fe80::2', { state: NUD_REACHABLE }))).toBe(false);
    expect(routers.note(neighbour('fe80::2', { mac: '02:00:00:00:00:09' }))).toBe(true);
  });

  it('keep their place when they fail and come back, and lose it when they go', () => {
    const routers = new LinkRouters();
    for (const text of ['fe80::2', 'fe80::3']) routers.note(neighbour(text));
    routers.note(neighbour('fe80::2', { state: NUD_FAILED }));
    expect(shown(routers)).toEqual(['fe80::2 gone', 'fe80::3']);
    routers.note(neighbour('fe80::2'));
    expect(shown(routers)).toEqual(['fe80::2', 'fe80::3']);
    expect(routers.note(neighbour('fe80::2', { deleted: true }))).toBe(true);
    routers.note(neighbour('fe80::2'));
    expect(shown(routers)).toEqual(['fe80::3', 'fe80::2']);
    expect(routers.note(neighbour('fe80::9', { deleted: true }))).toBe(false);
  });

  it('are read from a whole table, the one that changed last at the end, and those known where they were', () => {
    const routers = new LinkRouters();
    const table = [neighbour('fe80::2', { age: 5 }), neighbour('fe80::3', { age: 90 })];
    expect(routers.replace(table)).toBe(true);
    expect(shown(routers)).toEqual(['fe80::3', 'fe80::2']);
    expect(routers.replace(table.map((each) => ({ ...each, age: 7 })))).toBe(false);
    expect(routers.replace([neighbour('fe80::3', { age: 1 }), neighbour('fe80::4', { age: 1000 })])).toBe(
      true,
    );
    expect(shown(routers)).toEqual(['fe80::3', 'fe80::4']);
  });
});
