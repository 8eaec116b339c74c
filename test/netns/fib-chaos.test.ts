import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { blackhole, FibLab, type FibProcess, until, via } from './support/fib-lab.js';

const A = 10;
const B = 20;
const PREFIXES = 5;

/** What is done to one prefix by main, or by someone else behind the FIB's back. */
type Deed = {
  who:
    | 'main'
    | 'add'
    | 'append'
    | 'replace'
    | 'deleteTheirs'
    | 'deleteOurs'
    | 'linkDown'
    | 'linkUp'
    | 'flushNexthops'
    | 'redefine';
  prefix: number;
  /** Main: 0 no route, 1 and 2 single hops, 3 two hops, 4 blackhole. */
  forwarding: number;
};

const deed: fc.Arbitrary<Deed> = fc.record({
  who: fc.constantFrom(
    'main',
    'main',
    'main',
    'add',
    'append',
    'replace',
    'deleteTheirs',
    'deleteTheirs',
    'deleteOurs',
    'linkDown',
    'linkUp',
    'flushNexthops',
    'redefine',
  ),
  prefix: fc.integer({ min: 0, max: PREFIXES - 1 }),
  forwarding: fc.integer({ min: 0, max: 4 }),
});

const families = {
  4: {
    prefix: (n: number) => `10.${n}.0.0/16`,
    gateway: (n: number) => `198.51.100.${n}`,
    ours: ['192.0.2.2', '192.0.2.3', '198.51.100.2'],
    flag: '-4',
  },
  6: {
    prefix: (n: number) => `2001:db8:1:${n}::/64`,
    gateway: (n: number) => `2001:db8:b::${n}`,
    ours: ['2001:db8:a::2', '2001:db8:a::3', '2001:db8:b::2'],
    flag: '-6',
  },
} as const;

/** Plays the deeds; returns the gateways of others' routes that must stand, per prefix. */
async function play(lab: FibLab, fib: FibProcess, family: 4 | 6, deeds: readonly Deed[]) {
  const { prefix, gateway, ours, flag } = families[family];
  const theirs = Array.from({ length: PREFIXES }, () => new Set<string>());
  const desired = new Array<number>(PREFIXES).fill(0);
  let serial = 50;
  const define = async (swap: boolean) => {
    await fib.define(1, via([ours[swap ? 1 : 0], A]));
    await fib.define(2, via([ours[2], B]));
    await fib.define(3, via([ours[swap ? 1 : 0], A], [ours[2], B]));
    await fib.define(4, blackhole);
  };
  const succeeds = (command: string) =>
    lab.ip(`${flag} ${command}`).then(
      () => true,
      () => false,
    );
  await define(false);
  for (const { who, prefix: n, forwarding } of deeds) {
    const route = `${prefix(n)} metric 1024 proto static`;
    const there = theirs[n];
    const via9 = gateway(serial);
    switch (who) {
      case 'main':
        desired[n] = forwarding;
        await fib.route(prefix(n), forwarding);
        break;
      case 'redefine':
        await define(forwarding % 2 === 1);
        break;
      case 'add':
        serial++;
        if (await succeeds(`route add ${route} via ${via9}`)) there.add(via9);
        break;
      case 'append':
        serial++;
        if (await succeeds(`route append ${route} via ${via9}`)) there.add(via9);
        break;
      case 'replace':
        // Over a set of several it would not be known which one goes.
        if (there.size > 0) break;
        serial++;
        if (await succeeds(`route replace ${route} via ${via9}`)) there.add(via9);
        break;
      case 'deleteTheirs':
        for (const last of [...there].slice(-1)) {
          if (await succeeds(`route del ${route} via ${last}`)) there.delete(last);
          else throw new Error(`${last} was not there any more`);
        }
        break;
      case 'deleteOurs':
        // An IPv6 deletion without a hop would take theirs along, if they joined ours.
        if (family === 6 && there.size > 0) break;
        await succeeds(`route del ${prefix(n)} metric 1024 proto 84`);
        break;
      case 'linkDown':
        await lab.ip('link set a1 down');
        break;
      case 'linkUp':
        await lab.ip('link set a1 up');
        break;
      case 'flushNexthops':
        await lab.ip('nexthop flush proto 84');
        break;
    }
  }
  await lab.ip('link set a1 up');
  return { theirs, desired };
}

describe('the FIB among others who write at the same prefixes', () => {
  for (const family of [4, 6] as const) {
    it(`harms no route of theirs and ends as desired, IPv${family}`, async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(deed, { minLength: 30, maxLength: 60 }), async (deeds) => {
          await using lab = await FibLab.up();
          const fib = await lab.start();
          const { theirs, desired } = await play(lab, fib, family, deeds);
          const { prefix, ours } = families[family];
          const seen = async (n: number) => (await lab.routes(`${prefix(n)} metric 1024`, family)).join('\n');
          for (let n = 0; n < PREFIXES; n++) {
            const right = async () => {
              const text = await seen(n);
              for (const gateway of theirs[n]) if (!text.includes(`via ${gateway} `)) return false;
              const mine = ours.filter((gateway) => text.includes(`via ${gateway} `)).length;
              const state = await fib.state(prefix(n));
              if (desired[n] === 0) return mine === 0 && !text.includes('blackhole') && state === 'absent';
              if (theirs[n].size > 0) return state === 'conflict' || state === 'installed';
              if (desired[n] === 4) return text.startsWith('blackhole') && state === 'installed';
              return mine === (desired[n] === 3 ? 2 : 1) && state === 'installed';
            };
            await until(`${prefix(n)} as desired (${desired[n]}, theirs ${[...theirs[n]]})`, right).catch(
              async (error: Error) => {
                throw new Error(
                  `${error.message}\n${await seen(n)}\n${JSON.stringify(await fib.row(prefix(n)))}`,
                );
              },
            );
          }
          expect((await fib.statistics()).families[family === 4 ? 0 : 1].pending).toBe(0);
        }),
        { numRuns: 8, endOnFailure: true },
      );
    });
  }
});
