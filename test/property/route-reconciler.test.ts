import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FamilyIndex } from '../../src/address/index.js';
import { backOffMs } from '../../src/fib/back-off.js';
import { ForeignRoutes } from '../../src/fib/foreign-routes.js';
import { Forwardings } from '../../src/fib/forwardings.js';
import { NexthopObjects } from '../../src/fib/nexthop-objects.js';
import { NO_SLOT } from '../../src/fib/prefix-index.js';
import { STEP_ADD, STEP_REPLACE } from '../../src/fib/reconcile.js';
import { RouteForms } from '../../src/fib/route-forms.js';
import { RouteReconciler } from '../../src/fib/route-reconciler.js';
import {
  createSharedFibMemory,
  DesiredRoutes,
  DesiredRoutesReader,
  packDesire,
} from '../../src/fib/shared-fib.js';
import type { KernelSettings } from '../../src/fib/types.js';
import type { ForwardingId } from '../../src/rib/ids.js';

const EEXIST = 17;
const ENOENT = 2;
const ESRCH = 3;
const METRICS = [1024, 4294967294] as const;
const FOREIGN_METRIC = [0, 1024, 4294967294] as const;
const PREFIXES = 6;

interface Route {
  ours: boolean;
  metric: number;
  /** Ours: the form id. Foreign: a serial number. */
  form: number;
}

/**
 * The kernel's rules for IPv4 routes of one table, as far as writers can hurt each other: EXCL refuses when any route
 * holds the prefix and metric, REPLACE overwrites the first that does, whoever made it, and a deletion names protocol
 * and content.
 */
class ModelKernel {
  readonly routes = new Map<number, Route[]>();
  foreignHarmed = 0;

  at(prefix: number): Route[] {
    const known = this.routes.get(prefix);
    if (known !== undefined) return known;
    const list: Route[] = [];
    this.routes.set(prefix, list);
    return list;
  }

  add(prefix: number, route: Route): number {
    if (this.at(prefix).some((r) => r.metric === route.metric)) return EEXIST;
    this.at(prefix).push(route);
    return 0;
  }

  replace(prefix: number, route: Route, byUs: boolean): number {
    const list = this.at(prefix);
    const first = list.findIndex((r) => r.metric === route.metric);
    if (first < 0) return ENOENT;
    if (byUs && !list[first].ours) this.foreignHarmed++;
    list[first] = route;
    return 0;
  }

  delete(prefix: number, goes: (route: Route) => boolean): number {
    const list = this.at(prefix);
    const first = list.findIndex(goes);
    if (first < 0) return ESRCH;
    list.splice(first, 1);
    return 0;
  }
}

function world() {
  const kernel = new ModelKernel();
  const settings: KernelSettings = {
    install: true,
    table: 254,
    protocol: 84,
    metric: 1024,
    source: [null, null],
    nexthopCompat: null,
  };
  const forms = [new RouteForms(0), new RouteForms(1)] as const;
  const foreign = new ForeignRoutes(0);
  const objects = new NexthopObjects(84, backOffMs);
  const forwardings = new Forwardings(settings, objects, forms, () => false);
  const memory = createSharedFibMemory();
  const main = new DesiredRoutes(memory);
  const reader = new DesiredRoutesReader(memory);
  let dumpWanted = false;
  let now = 0;
  const reconciler = new RouteReconciler(0, forms[0], foreign, forwardings, METRICS, {
    finish: (family: FamilyIndex, prefix: number) => reader.finish(family, prefix),
    requestDump: () => {
      dumpWanted = true;
    },
    hindered: () => {},
    now: () => now,
  });
  const address = (prefix: number) => (0x0a000000 + prefix * 256) >>> 0;
  for (const [id, last] of [
    [1, 1],
    [2, 2],
    [3, 3],
  ]) {
    forwardings.define(id as ForwardingId, {
      kind: 'unicast',
      hops: [
        {
          gateway: { family: 0, a: 0xc0000200 + last, b: 0, c: 0, d: 0 },
          ifindex: 2,
          weight: 1,
          onlink: false,
        },
      ],
    });
  }
  const foreignForm = (metric: number, serial: number) =>
    foreign.internForm(`${metric} ${serial}`, () => ({
      inOwnTable: true,
      table: 254,
      protocol: 4,
      metric,
      tos: 0,
      type: 'unicast',
      hops: [],
      nexthopId: 0,
    }));

  const dump = () => {
    dumpWanted = false;
    reconciler.beginDump();
    foreign.beginDump();
    for (const [prefix, routes] of kernel.routes) {
      for (const { ours, metric, form } of routes) {
        if (ours) reconciler.observe(address(prefix), 0, 0, 0, 24, metric, form);
        else foreign.add(address(prefix), 0, 0, 0, 24, foreignForm(metric, form));
      }
    }
    foreign.endDump(() => {});
    reconciler.endDump();
  };

  /** Sends one step to the kernel. `lost`: its answer does not come back. */
  const stepOnce = (lost: boolean): boolean => {
    if (dumpWanted) dump();
    reader.drain(1000, (_family, prefix, desire) => {
      reconciler.desire(prefix, address(prefix), 0, 0, 0, 24, desire);
    });
    const slot = reconciler.take();
    if (slot === NO_SLOT) return false;
    const { step, stepForm: form, stepClass } = reconciler;
    const prefix = (reconciler.slots.words[slot] - 0x0a000000) / 256;
    const route: Route = { ours: true, metric: METRICS[stepClass], form };
    let errno: number;
    if (step === STEP_ADD) errno = kernel.add(prefix, route);
    else if (step === STEP_REPLACE) errno = kernel.replace(prefix, route, true);
    else errno = kernel.delete(prefix, (r) => r.ours && r.metric === route.metric && r.form === form);
    if (lost) {
      reconciler.unanswered(slot);
      dumpWanted = true;
    } else {
      reconciler.answered(slot, step, stepClass, form, errno, 'refused');
    }
    return true;
  };

  const settle = () => {
    for (let turn = 0; turn < 2000; turn++) {
      if (stepOnce(false)) continue;
      if (dumpWanted) continue;
      // Let refused routes' time come.
      now += 60_000;
      const next = reconciler.retry(now);
      if (reconciler.queued === 0 && next === Number.POSITIVE_INFINITY) return;
    }
    throw new Error('does not come to rest');
  };

  return {
    kernel,
    forwardings,
    main,
    reader,
    reconciler,
    foreign,
    foreignForm,
    address,
    dump,
    stepOnce,
    settle,
    forms,
  };
}

type World = ReturnType<typeof world>;

const prefixArb = fc.integer({ min: 0, max: PREFIXES - 1 });
const event = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('desire' as const),
      prefix: prefixArb,
      forwarding: fc.integer({ min: 0, max: 3 }),
      metricClass: fc.constantFrom(0 as const, 1 as const),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom(
        'foreignAdd' as const,
        'foreignAppend' as const,
        'foreignReplace' as const,
        'foreignDelete' as const,
      ),
      prefix: prefixArb,
      metric: fc.constantFrom(...FOREIGN_METRIC),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('deleteOurs' as const), prefix: prefixArb, told: fc.boolean() }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('redefine' as const),
      forwarding: fc.integer({ min: 1, max: 3 }),
      /** 0: there is no way. */
      last: fc.integer({ min: 0, max: 9 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('sweep' as const) }) },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('step' as const),
      lost: fc.constantFrom(false, false, false, true),
    }),
  },
);
type Event = typeof event extends fc.Arbitrary<infer T> ? T : never;

let serial = 0;

/** Someone else's hand on the kernel, told to the reconciler as the kernel's notifications do. */
function play(w: World, e: Event): void {
  const { kernel, reconciler, foreign } = w;
  switch (e.do) {
    case 'desire':
      w.main.set(
        0,
        e.prefix,
        e.forwarding === 0 ? 0 : packDesire(e.forwarding as ForwardingId, e.metricClass),
      );
      return;
    case 'redefine': {
      const gateway = { family: 0, a: 0xc0000200 + e.last, b: 0, c: 0, d: 0 } as const;
      w.forwardings.define(
        e.forwarding as ForwardingId,
        e.last === 0
          ? { kind: 'unresolved', reason: 'no way', keeps: false }
          : { kind: 'unicast', hops: [{ gateway, ifindex: 2, weight: 1, onlink: false }] },
      );
      reconciler.lookAtForwardings((id) => id === e.forwarding);
      return;
    }
    case 'sweep':
      reconciler.sweep();
      return;
    case 'step':
      w.stepOnce(e.lost);
      return;
    case 'deleteOurs': {
      const ours = kernel.at(e.prefix).find((r) => r.ours);
      if (ours === undefined) return;
      kernel.delete(e.prefix, (r) => r === ours);
      if (e.told) reconciler.notified(w.address(e.prefix), 0, 0, 0, 24, ours.metric, ours.form, true);
      // Untold, as with carrier loss: a notification of the link leads to a dump.
      else w.dump();
      return;
    }
    default: {
      const at = w.address(e.prefix);
      const route: Route = { ours: false, metric: e.metric, form: ++serial };
      if (e.do === 'foreignDelete') {
        const theirs = kernel.at(e.prefix).find((r) => !r.ours && r.metric === e.metric);
        if (theirs === undefined) return;
        kernel.delete(e.prefix, (r) => r === theirs);
        foreign.remove(at, 0, 0, 0, 24, w.foreignForm(e.metric, theirs.form));
        reconciler.foreignChanged(at, 0, 0, 0, 24, e.metric, false);
        return;
      }
      if (e.do === 'foreignAppend') {
        kernel.at(e.prefix).push(route);
      } else if (e.do === 'foreignAdd') {
        if (kernel.add(e.prefix, route) !== 0) return;
      } else {
        const before = kernel.at(e.prefix).find((r) => r.metric === e.metric);
        if (kernel.replace(e.prefix, route, false) !== 0) return;
        foreign.add(at, 0, 0, 0, 24, w.foreignForm(e.metric, route.form));
        if (before !== undefined && !before.ours)
          foreign.remove(at, 0, 0, 0, 24, w.foreignForm(e.metric, before.form));
        reconciler.foreignChanged(at, 0, 0, 0, 24, e.metric, before?.ours === true);
        return;
      }
      foreign.add(at, 0, 0, 0, 24, w.foreignForm(e.metric, route.form));
      reconciler.foreignChanged(at, 0, 0, 0, 24, e.metric, false);
    }
  }
}

const startRoute = fc.record({
  prefix: prefixArb,
  ours: fc.boolean(),
  metric: fc.constantFrom(1024, 4294967294, 77),
  forwarding: fc.integer({ min: 1, max: 3 }),
});

describe('the route reconciler against a model of the kernel', () => {
  it('comes to what is desired from any start through any disturbance, and never harms a foreign route', () => {
    fc.assert(
      fc.property(
        fc.array(startRoute, { maxLength: 8 }),
        fc.array(event, { maxLength: 60 }),
        (start, events) => {
          const w = world();
          for (const { prefix, ours, metric, forwarding } of start) {
            const form = ours ? w.forwardings.resolve(0, forwarding).form : ++serial;
            w.kernel.add(prefix, { ours, metric, form });
          }
          w.dump();
          const foreignBefore: string[] = [];
          for (const e of events) {
            play(w, e);
            expect(w.kernel.foreignHarmed).toBe(0);
          }
          for (const [prefix, routes] of w.kernel.routes)
            for (const r of routes) if (!r.ours) foreignBefore.push(`${prefix} ${r.metric} ${r.form}`);
          w.reconciler.sweep();
          w.settle();
          const foreignAfter: string[] = [];
          for (let prefix = 0; prefix < PREFIXES; prefix++) {
            const routes = w.kernel.at(prefix);
            for (const r of routes) if (!r.ours) foreignAfter.push(`${prefix} ${r.metric} ${r.form}`);
            const ours = routes.filter((r) => r.ours && METRICS.includes(r.metric as 1024));
            const want = w.main.get(0, prefix);
            if (want === 0) {
              expect(ours).toEqual([]);
              expect(w.main.isIdle(0, prefix)).toBe(true);
              continue;
            }
            const metric = METRICS[want >= 0x80000000 ? 1 : 0];
            const form = w.forwardings.resolve(0, want).form;
            if (form === 0) {
              expect(ours).toEqual([]);
              continue;
            }
            const held = routes.some((r) => !r.ours && r.metric === metric);
            if (held) expect(ours.every((r) => r.metric === metric && r.form === form)).toBe(true);
            else expect(ours).toEqual([{ ours: true, metric, form }]);
          }
          expect(foreignAfter.sort()).toEqual(foreignBefore.sort());
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('takes a route away to which there is no way, and leaves it while the way is on its way', () => {
    const w = world();
    w.dump();
    w.reconciler.sweep();
    w.main.set(0, 0, 1);
    w.settle();
    const redefine = (keeps: boolean) => {
      w.forwardings.define(1 as ForwardingId, { kind: 'unresolved', reason: 'no way', keeps });
      w.reconciler.lookAtForwardings((id) => id === 1);
      w.settle();
    };
    redefine(true);
    expect(w.kernel.at(0)).toHaveLength(1);
    expect(w.forwardings.blockedBy(0, 1)?.message).toBe('no way');
    redefine(false);
    expect(w.kernel.at(0)).toEqual([]);
    expect(w.forwardings.isUnresolved(1)).toBe(true);
  });

  it('writes nothing when what it adopts is what is desired', () => {
    const w = world();
    const form = w.forwardings.resolve(0, 1).form;
    for (let prefix = 0; prefix < PREFIXES; prefix++)
      w.kernel.add(prefix, { ours: true, metric: 1024, form });
    w.dump();
    for (let prefix = 0; prefix < PREFIXES; prefix++) w.main.set(0, prefix, 1);
    expect(w.stepOnce(false)).toBe(false);
    w.reconciler.sweep();
    expect(w.stepOnce(false)).toBe(false);
  });

  it('holds adopted routes until the sweep, then removes what nobody desires', () => {
    const w = world();
    const form = w.forwardings.resolve(0, 1).form;
    for (let prefix = 0; prefix < PREFIXES; prefix++)
      w.kernel.add(prefix, { ours: true, metric: 1024, form });
    w.dump();
    w.main.set(0, 0, 1);
    w.main.set(0, 1, 0);
    w.settle();
    for (let prefix = 0; prefix < PREFIXES; prefix++) expect(w.kernel.at(prefix).length).toBe(1);
    w.reconciler.sweep();
    w.settle();
    for (let prefix = 0; prefix < PREFIXES; prefix++)
      expect(w.kernel.at(prefix).length).toBe(prefix === 0 ? 1 : 0);
  });
});
