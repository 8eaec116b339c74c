import { describe, expect, it } from 'vitest';
import { type Address, parseAddress } from '../../../src/address/index.js';
import { Forwardings, PROMOTE_AT, READY } from '../../../src/fib/forwardings.js';
import { NexthopObjects } from '../../../src/fib/nexthop-objects.js';
import { RouteForms } from '../../../src/fib/route-forms.js';
import { packDesire } from '../../../src/fib/shared-fib.js';
import type { Forwarding, KernelSettings } from '../../../src/fib/types.js';
import type { ForwardingId } from '../../../src/rib/ids.js';

const settings: KernelSettings = {
  install: true,
  table: 254,
  protocol: 84,
  metric: 1024,
  source: [null, null],
  nexthopCompat: null,
};

function address(text: string): Address {
  const parsed = parseAddress(text);
  if (parsed === null) throw new Error(`${text} is no address`);
  return parsed;
}

const through = (...gateways: string[]): Forwarding => ({
  kind: 'unicast',
  hops: gateways.map((g) => ({ gateway: address(g), ifindex: 2, weight: 1, onlink: false })),
});

const id = 7 as ForwardingId;
const want = packDesire(id, 0);

/** The kernel takes everything; returns the kinds of requests. */
function answerAll(objects: NexthopObjects): string[] {
  const kinds: string[] = [];
  for (let requests = objects.next(0); requests.length > 0; requests = objects.next(0)) {
    for (const request of requests) {
      kinds.push(request.kind);
      objects.answered(request, 0, '', 0);
    }
  }
  return kinds;
}

function shared(users: number) {
  const objects = new NexthopObjects(84, () => 1000);
  const forwardings = new Forwardings(settings, objects, [new RouteForms(0), new RouteForms(1)], () => false);
  for (let i = 0; i < users; i++) forwardings.retain(0, want);
  return { objects, forwardings };
}

describe('a forwarding entry that changes', () => {
  it('leaves routes alone that refer to its nexthop group, which one message replaces', () => {
    const { objects, forwardings } = shared(PROMOTE_AT);
    expect(forwardings.define(id, through('192.0.2.1'))).toBe(true);
    forwardings.resolve(0, want);
    expect(answerAll(objects)).toEqual(['createMember', 'createGroup']);
    const { status, form } = forwardings.resolve(0, want);
    expect(status).toBe(READY);

    expect(forwardings.define(id, through('192.0.2.2'))).toBe(false);
    expect(answerAll(objects)).toEqual(['createMember', 'replaceGroup']);
    expect(forwardings.resolve(0, want).form).toBe(form);
    expect(forwardings.define(id, through('192.0.2.1', '192.0.2.2'))).toBe(false);
    expect(answerAll(objects)).toEqual(['replaceGroup']);
  });

  it('has routes looked at when the group is not in the kernel yet', () => {
    const { forwardings } = shared(PROMOTE_AT);
    forwardings.define(id, through('192.0.2.1'));
    forwardings.resolve(0, want);
    expect(forwardings.define(id, through('192.0.2.2'))).toBe(true);
  });

  it('has routes looked at when some carry their hops themselves', () => {
    const { objects, forwardings } = shared(1);
    forwardings.define(id, through('192.0.2.1'));
    const plain = forwardings.resolve(0, want).form;
    expect(plain).not.toBe(0);
    for (let i = 1; i < PROMOTE_AT; i++) forwardings.retain(0, want);
    forwardings.resolve(0, want);
    answerAll(objects);
    expect(forwardings.resolve(0, want, plain).equivalent).toBe(plain);
    expect(forwardings.define(id, through('192.0.2.2'))).toBe(true);
  });

  it('has routes looked at when it no longer forwards by hops', () => {
    const { objects, forwardings } = shared(PROMOTE_AT);
    forwardings.define(id, through('192.0.2.1'));
    forwardings.resolve(0, want);
    answerAll(objects);
    expect(forwardings.define(id, { kind: 'blackhole' })).toBe(true);
  });

  it('touches no routes when there are none', () => {
    const { forwardings } = shared(0);
    expect(forwardings.define(id, through('192.0.2.1'))).toBe(false);
  });
});
