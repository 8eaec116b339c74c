/** Pods reach pods over three subnets, plain or in VXLAN as the pools say, with routes by BGP or from the inventory. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OverlayLab } from './support/overlay-lab.js';
import { addressOf, blockOf, families, podOf, type Scenario } from './support/overlay-scenario.js';
import { expectRoom, itSendsAsTheScenarioSays } from './support/overlay-traffic.js';

const first: Scenario = { backend: 'vxlan', mode: 'always', routes: 'inventory' };
let net: OverlayLab;

beforeAll(async () => {
  net = await OverlayLab.up('overlay', first);
});
afterAll(() => net?.lab.down());

describe.each<Scenario>([
  first,
  { backend: 'vxlan', mode: 'crossSubnet', routes: 'inventory' },
  { backend: 'vxlan', mode: 'crossSubnet', routes: 'bgp' },
  { backend: 'vxlan', mode: 'always', routes: 'bgp' },
  { backend: 'none', mode: 'always', routes: 'bgp' },
])('$backend $mode, routes by $routes', (scenario) => {
  beforeAll(() => net.changeAll(scenario));

  describe.each(families)('%s', (family) => {
    itSendsAsTheScenarioSays(() => net, scenario, family);
  });
});

describe('vxlan always', () => {
  beforeAll(() => net.changeAll(first));

  it.each(families)('%s: a packet of exactly the MTU passes, one byte more does not', async (family) => {
    await net.untilRoutes(family, first);
    await expectRoom(net, first, family);
  });

  it('explains a pod’s address by node, backend and why', async () => {
    const { paths, kernel } = await net.tartan(1).client.explain(podOf(3, 'ipv4'));
    expect(paths[0].encapsulation).toBe(
      'through VXLAN to node n3 (10.0.2.3): pool 10.244.0.0/16 asks for VXLAN always',
    );
    expect(paths[0].objects).toEqual([
      'device vxlan.calico: ready, mtu 1450',
      expect.stringMatching(/^neighbour 10\.244\.3\.0 at 66:/),
      expect.stringMatching(/^FDB entry 66:[0-9a-f:]+ to 10\.0\.2\.3$/),
    ]);
    expect(kernel?.told).toBe('via 10.244.3.0 dev vxlan.calico');
  });
});

describe('no backend, routes by the inventory', () => {
  const scenario: Scenario = { backend: 'none', mode: 'always', routes: 'inventory' };
  beforeAll(() => net.changeAll(scenario));

  it.each(families)(
    '%s: goes to nodes of the subnet, and says aloud that there is no way to others',
    async (family) => {
      await net.untilRoutes(family, scenario);
      expect(
        await net.silentPairs(family, [
          [1, 2],
          [2, 1],
          [3, 4],
          [5, 6],
        ]),
      ).toEqual([]);
      const why = `${addressOf(3, family)} (node n3) is on no connected network`;
      const { problems } = await net.tartan(1).client.status();
      expect(problems).toContainEqual(
        expect.stringContaining(`node n3, ${blockOf(3, family)}: no way: ${why}`),
      );
      const log = net.tartan(1).node.process.output();
      expect(log.split(`node n3, ${blockOf(3, family)}: no way`).length - 1).toBe(1);
      expect((await net.tartan(1).client.explain(podOf(3, family))).summary).toContain(why);
    },
  );
});
