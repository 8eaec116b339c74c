/** What somebody changes in the kernel's state of an overlay is put back while pods talk, and nothing else is touched. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../../interop/index.js';
import { OverlayLab } from './support/overlay-lab.js';
import { expectRepaired, stateOf } from './support/overlay-repair.js';
import { families, podOf, type Scenario } from './support/overlay-scenario.js';
import { documentOf } from './support/overlay-topology.js';

const scenario: Scenario = { backend: 'vxlan', mode: 'always', routes: 'inventory' };
let net: OverlayLab;

/** State of others on node 1, some of it as much like ours as can be. */
const foreign = [
  'ip link add other type vxlan id 77 local 10.0.1.1 dev eth1 dstport 4799 nolearning',
  'ip link set other up',
  'ip address add 10.77.0.0/32 dev other',
  'ip neigh add 10.77.2.0 lladdr 02:77:00:00:00:02 dev other nud permanent',
  'bridge fdb add 02:77:00:00:00:02 dev other dst 10.0.2.3 self permanent',
  'ip route add 10.77.2.0/24 via 10.77.2.0 dev other onlink',
  'ip route add 10.244.99.0/24 via 10.0.1.254 proto static',
  'ip neigh add 10.0.1.99 lladdr 02:77:00:00:00:99 dev eth1 nud permanent',
];

beforeAll(async () => {
  net = await OverlayLab.up('repair', scenario);
  for (const family of families) await net.untilRoutes(family, scenario);
  for (const command of foreign) await net.lab.exec('n1', command);
  for (const family of families) expect(await net.silentPairs(family, [[1, 3]])).toEqual([]);
});
afterAll(() => net?.lab.down());

const devices = ['vxlan.calico', 'vxlan-v6.calico', 'other'];
const state = () => stateOf(net.lab, 'n1', devices);

interface InventoryNode {
  readonly name: string;
  readonly vtep: { readonly ipv4: object };
}

interface Break {
  readonly what: string;
  readonly commands: readonly string[];
}

/** By the names of both families' device, and of what node 3 is reached by. */
const breaks: readonly Break[] = families.flatMap((family) => {
  const four = family === 'ipv4';
  const device = four ? 'vxlan.calico' : 'vxlan-v6.calico';
  const ip = four ? 'ip -4' : 'ip -6';
  const vtep = four ? '10.244.3.0' : 'fd10:3::';
  const own = four ? '10.244.1.0/32' : 'fd10:1::/128';
  const block = four ? '10.244.3.0/24' : 'fd10:3::/64';
  return [
    { what: `${family}: the route deleted`, commands: [`${ip} route del ${block}`] },
    { what: `${family}: the neighbour deleted`, commands: [`ip neigh del ${vtep} dev ${device}`] },
    {
      what: `${family}: the neighbour given another MAC`,
      commands: [`ip neigh replace ${vtep} lladdr 02:ff:ff:ff:ff:ff dev ${device} nud permanent`],
    },
    { what: `${family}: the FDB entry deleted`, commands: [`FDB del MAC dev ${device}`] },
    {
      what: `${family}: the FDB entry bent`,
      commands: [`FDB replace MAC dev ${device} dst ${four ? '10.0.1.99' : 'fd00:1::99'} self permanent`],
    },
    { what: `${family}: the address deleted`, commands: [`${ip} address del ${own} dev ${device}`] },
    { what: `${family}: the device brought down`, commands: [`ip link set ${device} down`] },
    { what: `${family}: the device deleted`, commands: [`ip link del ${device}`] },
    { what: `${family}: the MTU changed`, commands: [`ip link set ${device} mtu 1300`] },
    { what: `${family}: the MAC changed`, commands: [`ip link set ${device} address 02:99:99:99:99:99`] },
  ];
});

describe('an overlay under traffic', () => {
  it.each(breaks)('has $what put back within a second', async ({ commands }) => {
    const before = await state();
    const flows = families.map((family) => ['p1', podOf(3, family)] as const);
    const words = commands.map((command) => {
      const device = / dev (\S+)/.exec(command)?.[1] ?? '';
      const entry = before[`${device} neighbours`]?.find((line) => /^(10\.244\.3\.0|fd10:3::) /.test(line));
      const mac = /lladdr (\S+)/.exec(entry ?? '')?.[1] ?? '';
      const destination = before[`${device} fdb`]?.find((line) => line.startsWith(mac));
      const whole = command.replace('FDB', 'bridge fdb').replace('MAC', mac);
      return whole.includes('fdb del')
        ? `${whole} dst ${destination?.split(' dst ')[1]?.split(' ')[0]}`
        : whole;
    });
    await expectRepaired({ lab: net.lab, node: 'n1', devices, flows }, words);
  });

  it("follows its underlay's MTU, there and back", async () => {
    const mtuOf = async (device: string) =>
      Number(/ mtu (\d+)/.exec((await state())[`${device} link`][0] ?? '')?.[1]);
    for (const mtu of [1400, 1500]) {
      await net.lab.exec('n1', `ip link set eth1 mtu ${mtu}`);
      await until('the tunnels follow', async () => {
        const found = [await mtuOf('vxlan.calico'), await mtuOf('vxlan-v6.calico')];
        expect(found).toEqual([mtu - 50, mtu - 70]);
        return true;
      });
    }
  });

  /** Node 1 with other nodes in its inventory. */
  async function reload(change: (nodes: InventoryNode[]) => InventoryNode[]): Promise<void> {
    const document = JSON.parse(documentOf(1, scenario));
    document.spec.nodes = change(document.spec.nodes);
    const { node, client } = net.tartan(1);
    node.write('/etc/tartan/router.yaml', JSON.stringify(document));
    expect((await client.reload()).errors).toEqual([]);
  }

  it('leaves nothing of a node that left, and of one that has another MAC nothing old', async () => {
    const mentions = async (pattern: RegExp) =>
      Object.values(await state())
        .flat()
        .filter((line) => pattern.test(line));
    const ofSix = /\b10\.244\.6\.0\b|fd10:6::|\b10\.0\.3\.6\b|fd00:3::6/;
    const before = await state();
    expect((await mentions(ofSix)).length).toBeGreaterThanOrEqual(6);
    await reload((nodes) => nodes.filter(({ name }) => name !== 'n6'));
    await until('nothing of node 6 is left', async () => (await mentions(ofSix)).length === 0);
    const mac = '02:33:33:33:33:33';
    const old = /lladdr (\S+)/.exec((await mentions(/^10\.244\.3\.0 /))[0])?.[1] ?? '';
    expect(await mentions(new RegExp(old))).toHaveLength(2);
    await reload((nodes) =>
      nodes.map((node) =>
        node.name === 'n3' ? { ...node, vtep: { ...node.vtep, ipv4: { ...node.vtep.ipv4, mac } } } : node,
      ),
    );
    await until('node 3 has its new MAC alone', async () => (await mentions(new RegExp(old))).length === 0);
    expect(await mentions(new RegExp(mac))).toEqual([
      `10.244.3.0 lladdr ${mac} PERMANENT`,
      `${mac} dst 10.0.2.3 self permanent`,
    ]);
    await reload((nodes) => nodes);
    await until('all is as it was', async () => {
      expect(await state()).toEqual(before);
      return true;
    });
  });
});
