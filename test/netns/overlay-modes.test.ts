/** A running cluster changes its backend and mode, node by node, while pods talk to pods. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../../interop/index.js';
import { OverlayLab } from './support/overlay-lab.js';
import { numbers, type Scenario } from './support/overlay-scenario.js';
import { changeUnderTraffic, lostDuring, untilNoneIsSilent } from './support/overlay-traffic.js';

const receives = ['none', 'vxlan'];
const first: Scenario = { backend: 'none', mode: 'always', routes: 'bgp', receives };
let net: OverlayLab;

beforeAll(async () => {
  net = await OverlayLab.up('modes', first);
  await untilNoneIsSilent(net);
});
afterAll(() => net?.lab.down());

describe('a running cluster', () => {
  it.each<Scenario>([
    { backend: 'vxlan', mode: 'crossSubnet', routes: 'bgp', receives },
    { backend: 'vxlan', mode: 'always', routes: 'bgp', receives },
    { backend: 'vxlan', mode: 'crossSubnet', routes: 'bgp', receives },
    { backend: 'none', mode: 'always', routes: 'bgp', receives },
  ])('changes to $backend $mode and loses next to nothing', (scenario) => changeUnderTraffic(net, scenario));

  it.each<Scenario>([
    { backend: 'vxlan', mode: 'crossSubnet', routes: 'inventory', receives },
    { backend: 'vxlan', mode: 'crossSubnet', routes: 'bgp', receives },
  ])('loses nothing when daemons are killed and start again, routes by $routes', async (scenario) => {
    await net.changeAll(scenario);
    for (const n of numbers) await net.untilSendsLike(n, scenario);
    for (const family of net.families) expect(await net.silentPairs(family)).toEqual([]);
    const losses = await lostDuring(net, async () => {
      for (const n of [1, 3]) {
        const { node, client } = net.tartan(n);
        await node.process.kill('SIGKILL');
        await node.process.start();
        await until(`n${n} is through with its start`, async () => {
          const { phase } = await client.status();
          const { devices } = await client.overlay();
          return phase === 'running' && devices.every(({ state }) => state === 'ready');
        });
        await net.untilSendsLike(n, scenario);
      }
    });
    console.log(`restarts: lost of each pair: ${JSON.stringify(losses)}`);
    for (const { packets } of Object.values(losses)) expect(packets).toBeLessThanOrEqual(1);
    for (const family of net.families) expect(await net.silentPairs(family)).toEqual([]);
  });
});
