/** What pods send each other over a lab of six nodes, how it travels, and what of it is lost. */
import { expect, it } from 'vitest';
import { until } from '../../../interop/index.js';
import { Flow } from './flow.js';
import type { OverlayLab } from './overlay-lab.js';
import {
  type Family,
  numbers,
  pingHeadersOf,
  podOf,
  roomOf,
  type Scenario,
  wireOf,
} from './overlay-scenario.js';

/** That routes, pings and packets on the wire are what the scenario says, once the nodes have been told it. */
export function itSendsAsTheScenarioSays(lab: () => OverlayLab, scenario: Scenario, family: Family): void {
  it('every node sends to every other the way that the pool says', () => lab().untilRoutes(family, scenario));

  it('every pod reaches every pod', async () => {
    expect(await lab().silentPairs(family)).toEqual([]);
  });

  it('packets and their answers are on the wire plain or encapsulated, between the right addresses', async () => {
    const pairs = numbers.slice(1).map((to) => [1, to] as const);
    const packets = await lab().pingsOnTheWire(1, async () => {
      expect(await lab().silentPairs(family, pairs)).toEqual([]);
    });
    for (const to of numbers.slice(1)) {
      for (const wanted of [wireOf(scenario, 1, to, family), wireOf(scenario, to, 1, family)]) {
        const inside = (addresses: string) => addresses.split(',').at(-1);
        const seen = packets.filter(
          ({ source, target }) =>
            inside(source) === inside(wanted.source) && inside(target) === inside(wanted.target),
        );
        expect(seen, JSON.stringify(wanted)).not.toEqual([]);
        for (const packet of seen) expect(packet).toEqual(wanted);
      }
    }
  });
}

/** That a packet of exactly the tunnel's MTU passes from p1 to p3, and one byte more is refused by naming that MTU. */
export async function expectRoom(net: OverlayLab, scenario: Scenario, family: Family): Promise<void> {
  const room = roomOf(scenario, family);
  const send = (size: number) => {
    const words = ['ping', '-n', '-c', '1', '-W', '2', '-M', 'do'];
    const sized = [...words, '-s', String(size - pingHeadersOf(family)), podOf(3, family)];
    return net.lab.exec('p1', sized, { allowFailure: true });
  };
  expect(await send(room)).toMatchObject({ status: 0 });
  const refused = await send(room + 1);
  expect(refused.status).not.toBe(0);
  expect(refused.stdout + refused.stderr).toMatch(
    new RegExp(`(too big|Frag needed|too long).*mtu ?[=:] ?${room}`, 'i'),
  );
}

/** Waits until every pod reaches every other, in all families of the lab. */
export async function untilNoneIsSilent(net: OverlayLab): Promise<void> {
  for (const family of net.families) {
    await until(
      `every pod reaches every pod by ${family}`,
      async () => {
        const silent = await net.silentPairs(family);
        if (silent.length > 0) throw new Error(silent.join(', '));
        return true;
      },
      { timeoutSeconds: 60 },
    );
  }
}

export interface Loss {
  readonly packets: number;
  /** How long a pair heard nothing of each other, all in all. */
  readonly seconds: number;
}

/** Pods talk at 100 packets per second while `work` is done; what of it was lost, by pair. */
export async function lostDuring(net: OverlayLab, work: () => Promise<void>): Promise<Record<string, Loss>> {
  const pairs = net.families.flatMap((family) => [
    { from: 1, to: 2, family },
    { from: 1, to: 3, family },
    { from: 6, to: 1, family },
  ]);
  const flows = await Promise.all(
    pairs.map(async ({ from, to, family }) => ({
      name: `p${from} to p${to} (${family})`,
      flow: await Flow.start(net.lab, `p${from}`, podOf(to, family)),
    })),
  );
  await work();
  const losses: Record<string, Loss> = {};
  for (const { name, flow } of flows) {
    const { lost, perSecond } = await flow.stop();
    losses[name] = { packets: lost.length, seconds: lost.length / perSecond };
  }
  return losses;
}

/** A mode change under traffic, node by node; prints what was lost. At most 0.1 s of each pair for each node that changes. */
export async function changeUnderTraffic(net: OverlayLab, scenario: Scenario): Promise<void> {
  const losses = await lostDuring(net, async () => {
    for (const n of numbers) {
      await net.change(n, scenario);
      await net.untilSendsLike(n, scenario);
    }
  });
  const text = Object.entries(losses).map(([pair, { packets }]) => `${pair}: ${packets}`);
  console.log(`${scenario.backend} ${scenario.mode}: packets lost: ${text.join(', ')}`);
  for (const [pair, { seconds }] of Object.entries(losses))
    expect(seconds, pair).toBeLessThanOrEqual(0.1 * numbers.length);
  for (const family of net.families) expect(await net.silentPairs(family)).toEqual([]);
}
