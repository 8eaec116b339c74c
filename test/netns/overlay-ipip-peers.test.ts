/** With an IP-in-IP peer that plain `ip` commands made, as Flannel and Calico leave it on a node. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Lab, Tartan, tartanConfig, untilPings } from '../../interop/index.js';
import { suiteWithDevices } from './support/machine.js';
import { expectRepaired } from './support/overlay-repair.js';

const profiles = {
  calico: {
    device: 'tunl0',
    // Calico asks for it, too, and goes on when the kernel has its fallback device already.
    add: 'sh -c "ip tunnel add tunl0 mode ipip || ip link show dev tunl0"',
    breaks: [],
  },
  flannel: {
    device: 'flannel.ipip',
    add: 'ip link add flannel.ipip type ipip local 192.0.2.2 remote any ttl inherit nopmtudisc',
    breaks: ['ip link del flannel.ipip', 'ip link set flannel.ipip type ipip local 192.0.2.9 ttl 9 pmtudisc'],
  },
} as const;
type Profile = keyof typeof profiles;

/** What others have on our node. */
const foreign = [
  'ip link add other type ipip local 192.0.2.1 remote 192.0.2.99',
  'ip link set other up',
  'ip address add 10.77.0.0/32 dev other',
  'ip route add 10.77.2.0/24 via 192.0.2.99 dev other onlink',
  'ip route add 10.244.99.0/24 via 192.0.2.2 proto static',
];

async function up(profile: Profile): Promise<Lab> {
  const { device, add } = profiles[profile];
  const node = (name: string, n: number) => ({
    ...{ name, addresses: [`192.0.2.${n}/24`], podCIDRs: [`10.244.${n}.0/24`] },
  });
  const document = tartanConfig({
    name: 't',
    asn: 65001,
    routerId: '192.0.2.1',
    spec: {
      listen: [],
      overlay: { profile },
      pools: [{ cidr: '10.244.0.0/16', backend: 'ipip' }],
      nodes: [node('t', 1), node('peer', 2)],
    },
  });
  const addresses = (n: number) => [
    `ip address add 192.0.2.${n}/24 dev eth1`,
    `ip address add 10.244.${n}.1/32 dev lo`,
  ];
  const peer = [
    add,
    `ip address add 10.244.2.0/32 dev ${device}`,
    `ip link set ${device} up mtu 1480`,
    `ip route add 10.244.1.0/24 via 192.0.2.1 dev ${device} onlink`,
  ];
  return Lab.up(
    {
      name: `ipip-${profile}`,
      topology: {
        nodes: {
          t: { image: 'tartan', binds: ['t.yaml:/etc/tartan/t.yaml'], exec: addresses(1) },
          peer: { image: 'alpine', exec: [...addresses(2), ...peer] },
        },
        links: [{ endpoints: ['t:eth1', 'peer:eth1'] }],
      },
    },
    { files: { 't.yaml': document } },
  );
}

const suite = await suiteWithDevices('ipip', import.meta.url);
suite('with IP-in-IP', () => {
  describe.each(Object.keys(profiles) as Profile[])('a peer as %s leaves it', (profile) => {
    const { device, breaks } = profiles[profile];
    let lab: Lab;
    let t: Tartan;
    beforeAll(async () => {
      lab = await up(profile);
      t = new Tartan(lab.node('t'));
    });
    afterAll(() => lab?.down());

    const json = async (node: 't' | 'peer', command: string) =>
      JSON.parse((await lab.exec(node, command)).stdout || '[]');

    it('reaches our pods, and we its', async () => {
      await t.untilInstalled('10.244.2.0/24');
      await untilPings(t.node, '10.244.2.1');
      const ping = ['ping', '-n', '-c', '1', '-W', '5', '-I'];
      await lab.exec('t', [...ping, '10.244.1.1', '10.244.2.1']);
      await lab.exec('peer', [...ping, '10.244.2.1', '10.244.1.1']);
    });

    it('finds our device attribute by attribute as its own', async () => {
      const [[ours], [theirs]] = await Promise.all(
        (['t', 'peer'] as const).map((node) => json(node, `ip -d -j link show dev ${device}`)),
      );
      const ends = profile === 'flannel' ? ['192.0.2.1', '192.0.2.2'] : ['any', 'any'];
      expect([ours, theirs].map((link) => link.linkinfo.info_data.local)).toEqual(ends);
      const shape = ({ linkinfo, mtu, flags }: typeof ours) => ({
        ...{ kind: linkinfo.info_kind, mtu, up: flags.includes('UP') },
        ...{ ...linkinfo.info_data, local: null },
      });
      expect(shape(ours)).toMatchObject({ kind: 'ipip', mtu: 1480, up: true });
      expect(shape(ours)).toEqual(shape(theirs));
    });

    it('finds our address and route as it has its own', async () => {
      const [{ addr_info: all }] = await json('t', `ip -j address show dev ${device}`);
      const global = (all as { local: string; prefixlen: number; scope: string }[])
        .filter(({ scope }) => scope === 'global')
        .map(({ local, prefixlen }) => `${local}/${prefixlen}`);
      expect(global).toEqual(['10.244.1.0/32']);
      expect(await json('t', 'ip -j route show exact 10.244.2.0/24')).toMatchObject([
        { gateway: '192.0.2.2', dev: device, flags: ['onlink'] },
      ]);
    });

    describe('beside a tunnel and routes of others', () => {
      beforeAll(async () => {
        for (const command of foreign) await lab.exec('t', command);
      });

      it.each([
        'ip route del 10.244.2.0/24',
        `ip address del 10.244.1.0/32 dev ${device}`,
        `ip address add 10.99.0.1/32 dev ${device}`,
        `ip link set ${device} mtu 1300`,
        `ip link set ${device} down`,
        ...breaks,
      ])('hears of us within a second of `%s`', async (command) => {
        const flows = [['peer', '10.244.1.1']] as const;
        await expectRepaired({ lab, node: 't', devices: [device, 'other'], flows }, [command]);
      });
    });
  });
});
