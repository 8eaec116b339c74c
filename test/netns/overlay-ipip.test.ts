/** Pods reach pods over three subnets in IP-in-IP, which is IPv4's alone; a cluster changes to it and from it while pods talk. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { insideMachine, until } from '../../interop/index.js';
import { suiteWithDevices } from './support/machine.js';
import { OverlayLab } from './support/overlay-lab.js';
import { expectRepaired, stateOf } from './support/overlay-repair.js';
import { numbers, podOf, type Scenario } from './support/overlay-scenario.js';
import {
  changeUnderTraffic,
  expectRoom,
  itSendsAsTheScenarioSays,
  untilNoneIsSilent,
} from './support/overlay-traffic.js';

const suite = await suiteWithDevices('ipip', import.meta.url);
suite('six nodes with IP-in-IP', () => {
  const first: Scenario = { backend: 'ipip', mode: 'always', routes: 'inventory' };
  let net: OverlayLab;

  beforeAll(async () => {
    net = await OverlayLab.up('ipip', first, { families: ['ipv4'], routers: 'bird' });
  });
  afterAll(() => net?.lab.down());

  describe.each<Scenario>([
    first,
    { backend: 'ipip', mode: 'crossSubnet', routes: 'inventory' },
    { backend: 'ipip', mode: 'crossSubnet', routes: 'bgp' },
    { backend: 'ipip', mode: 'always', routes: 'bgp' },
  ])('$mode, routes by $routes', (scenario) => {
    beforeAll(() => net.changeAll(scenario));

    itSendsAsTheScenarioSays(() => net, scenario, 'ipv4');

    it('a packet of exactly the MTU passes, one byte more does not', () => expectRoom(net, scenario, 'ipv4'));

    it('no node has a problem', async () => {
      for (const n of numbers) expect((await net.tartan(n).client.status()).problems ?? []).toEqual([]);
    });
  });

  describe('that take whatever they are sent', () => {
    const receives = ['none', 'ipip', 'vxlan'];
    const change = (backend: Scenario['backend'], mode: Scenario['mode']): Scenario => ({
      ...{ backend, mode, routes: 'bgp', receives },
    });
    beforeAll(async () => {
      await net.changeAll(change('ipip', 'always'));
      await untilNoneIsSilent(net);
    });

    it.each([
      change('ipip', 'crossSubnet'),
      change('none', 'always'),
      change('ipip', 'always'),
      change('vxlan', 'always'),
      change('ipip', 'crossSubnet'),
      change('ipip', 'always'),
    ])('change to $backend $mode and lose next to nothing', (scenario) => changeUnderTraffic(net, scenario));
  });

  describe('with somebody who changes things', () => {
    const repair = () =>
      ({ lab: net.lab, node: 'n1', devices: ['tunl0'], flows: [['p1', podOf(3, 'ipv4')]] }) as const;
    beforeAll(async () => {
      await net.changeAll(first);
      for (const n of numbers) await net.untilSendsLike(n, first);
    });

    it.each(['ip address del 10.244.1.0/32 dev tunl0', 'ip link set tunl0 down', 'ip link del tunl0'])(
      'hear of each other within a second of `%s`',
      // The kernel says yes to the last one, and keeps its fallback device.
      (command) => expectRepaired(repair(), [command]),
    );

    // Every device of the kind goes from all of its namespaces: not on a host that others use.
    it.runIf(insideMachine())('come back when the module was unloaded', async () => {
      const states = () => Promise.all(numbers.map((n) => stateOf(net.lab, `n${n}`, ['tunl0'])));
      const before = await states();
      await net.lab.exec('n1', 'rmmod ipip');
      await until('all is as it was', async () => {
        expect(await states()).toEqual(before);
        return true;
      });
      expect(await net.silentPairs('ipv4')).toEqual([]);
    });

    it("follow their underlay's MTU, there and back", async () => {
      for (const mtu of [1400, 1500]) {
        await net.lab.exec('n1', `ip link set eth1 mtu ${mtu}`);
        await until('the tunnel follows', async () => {
          const { devices } = await net.tartan(1).client.overlay();
          return devices.find(({ name }) => name === 'tunl0')?.mtu === mtu - 20;
        });
      }
    });
  });
});
