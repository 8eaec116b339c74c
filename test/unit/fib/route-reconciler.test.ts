import { describe, expect, it } from 'vitest';
import { backOffMs } from '../../../src/fib/back-off.js';
import { ForeignRoutes } from '../../../src/fib/foreign-routes.js';
import { Forwardings } from '../../../src/fib/forwardings.js';
import { NexthopObjects } from '../../../src/fib/nexthop-objects.js';
import { NO_SLOT } from '../../../src/fib/prefix-index.js';
import { RouteForms } from '../../../src/fib/route-forms.js';
import { RouteReconciler } from '../../../src/fib/route-reconciler.js';
import { packDesire } from '../../../src/fib/shared-fib.js';
import type { Forwarding, KernelSettings } from '../../../src/fib/types.js';
import type { ForwardingId } from '../../../src/rib/ids.js';

const ENETUNREACH = 101;
const id = 1 as ForwardingId;
const settings: KernelSettings = {
  install: true,
  table: 254,
  protocol: 84,
  metric: 1024,
  source: [null, null],
  nexthopCompat: null,
};

function via(last: number, onlink: boolean): Forwarding {
  const gateway = { family: 0 as const, a: 0xc0000200 + last, b: 0, c: 0, d: 0 };
  return { kind: 'unicast', hops: [{ gateway, ifindex: 2, weight: 1, onlink }] };
}

/** 10.0.0.0/8 is desired by way of a forwarding entry. */
function desired() {
  const forms = [new RouteForms(0), new RouteForms(1)] as const;
  const forwardings = new Forwardings(settings, new NexthopObjects(84, backOffMs), forms, () => false);
  const host = { finish: () => -1, requestDump: () => {}, hindered: () => {}, now: () => 0 };
  const reconciler = new RouteReconciler(
    0,
    forms[0],
    new ForeignRoutes(0),
    forwardings,
    [1024, 4294967294],
    host,
  );
  const define = (forwarding: Forwarding) => {
    if (forwardings.define(id, forwarding)) reconciler.lookAtForwardings((each) => each === id);
  };
  define(via(1, false));
  reconciler.desire(0, 0x0a000000, 0, 0, 0, 8, packDesire(id, 0));
  /** What is written next, as the kernel answers it; false: nothing is. */
  const write = (errno: number, meanwhile = () => {}): boolean => {
    const slot = reconciler.take();
    if (slot === NO_SLOT) return false;
    const { step, stepClass, stepForm } = reconciler;
    meanwhile();
    reconciler.answered(slot, step, stepClass, stepForm, errno, 'refused');
    return true;
  };
  return { define, write, reconciler };
}

describe('a route that the kernel refused', () => {
  it('is asked for again when its time has come, and not before', () => {
    const { write, reconciler } = desired();
    expect(write(ENETUNREACH)).toBe(true);
    expect(write(0)).toBe(false);
    reconciler.lookAtAll();
    expect(write(0)).toBe(false);
    reconciler.retry(100);
    expect(write(0)).toBe(true);
    expect(reconciler.refusals.size).toBe(0);
  });

  it('is written at once when its forwarding is defined anew', () => {
    const { define, write, reconciler } = desired();
    expect(write(ENETUNREACH)).toBe(true);
    expect(write(0)).toBe(false);
    define(via(1, true));
    expect(write(0)).toBe(true);
    expect(reconciler.refusals.size).toBe(0);
  });

  it('is written at once also when that was done before the kernel answered', () => {
    const { define, write, reconciler } = desired();
    expect(write(ENETUNREACH, () => define(via(1, true)))).toBe(true);
    expect(write(0)).toBe(true);
    expect(reconciler.refusals.size).toBe(0);
  });
});
