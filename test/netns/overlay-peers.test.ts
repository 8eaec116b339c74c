/** With VXLAN peers that plain `ip` and `bridge` commands made, as Flannel and Calico leave them on a node. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Lab, Tartan, tartanConfig, untilPings } from '../../interop/index.js';

/** Facts of both worlds: what they name and number things, and which MACs they give. */
const profiles = {
  flannel: {
    devices: { ipv4: 'flannel.1', ipv6: 'flannel-v6.1' },
    vni: 1,
    port: 8472,
    own: { ipv4: '72:08:00:00:04:01', ipv6: '72:08:00:00:06:01' },
    theirs: { ipv4: 'b6:63:32:89:02:2b', ipv6: 'b6:63:32:89:06:2b' },
    given: true,
  },
  calico: {
    devices: { ipv4: 'vxlan.calico', ipv6: 'vxlan-v6.calico' },
    vni: 4096,
    port: 4789,
    // Of Calico's own tests: the nodes are called localhostname, which is us, and remotehostname.
    own: { ipv4: '66:48:f6:56:dc:f1', ipv6: undefined },
    theirs: { ipv4: '66:3e:ca:a4:db:65', ipv6: '66:a0:68:c9:4c:79' },
    given: false,
  },
} as const;
type Profile = keyof typeof profiles;

const names = { local: 'localhostname', remote: 'remotehostname' };
const families = [
  { family: 'ipv4', block: 24, own: '10.244.1', their: '10.244.2', mtu: 1450, host: 32 },
  { family: 'ipv6', block: 64, own: 'fd10:1:', their: 'fd10:2:', mtu: 1430, host: 128 },
] as const;
const vtep = ({ family }: { family: 'ipv4' | 'ipv6' }, n: number) =>
  family === 'ipv4' ? `10.244.${n}.0` : `fd10:${n}::`;
const pod = ({ family }: { family: 'ipv4' | 'ipv6' }, n: number) =>
  family === 'ipv4' ? `10.244.${n}.1` : `fd10:${n}::1`;
const under = ({ family }: { family: 'ipv4' | 'ipv6' }, n: number) =>
  family === 'ipv4' ? `192.0.2.${n}` : `2001:db8::${n}`;

async function up(profile: Profile): Promise<Lab> {
  const { devices, vni, port, own, theirs, given } = profiles[profile];
  const node = (
    name: string,
    n: number,
    macs: { readonly ipv4?: string; readonly ipv6?: string | undefined },
  ) => ({
    name,
    addresses: [`192.0.2.${n}/24`, `2001:db8::${n}/64`],
    podCIDRs: families.map((each) => `${vtep(each, n)}/${each.block}`),
    ...(given ? { vtep: { ipv4: { mac: macs.ipv4 }, ipv6: { mac: macs.ipv6 } } } : {}),
  });
  const document = tartanConfig({
    name: names.local,
    asn: 65001,
    routerId: '192.0.2.1',
    spec: {
      listen: [],
      overlay: { profile },
      pools: ['10.244.0.0/16', 'fd10::/16'].map((cidr) => ({ cidr, backend: 'vxlan' })),
      nodes: [node(names.local, 1, own), node(names.remote, 2, theirs)],
    },
  });
  const addresses = (n: number) => [
    `ip address add 192.0.2.${n}/24 dev eth1`,
    `ip address add 2001:db8::${n}/64 dev eth1`,
    `ip address add 10.244.${n}.1/32 dev lo`,
    `ip address add fd10:${n}::1/128 dev lo`,
  ];
  const ours = (family: 'ipv4' | 'ipv6') => own[family] ?? macOfLocalV6;
  const peer = families.flatMap((each) => {
    const { family, block, host } = each;
    const device = devices[family];
    return [
      `ip link add ${device} address ${theirs[family]} txqueuelen 0 type vxlan id ${vni} dev eth1 local ${under(each, 2)} dstport ${port} nolearning`,
      `ip address add ${vtep(each, 2)}/${host} dev ${device}`,
      `ip link set ${device} up`,
      `ip neigh replace ${vtep(each, 1)} lladdr ${ours(family)} dev ${device} nud permanent`,
      `bridge fdb replace ${ours(family)} dev ${device} dst ${under(each, 1)} self permanent`,
      `ip -${family === 'ipv4' ? 4 : 6} route replace ${vtep(each, 1)}/${block} via ${vtep(each, 1)} dev ${device} onlink`,
    ];
  });
  return Lab.up(
    {
      name: `peer-${profile}`,
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

/** SHA-1 of `localhostname-v6`, as `printf %s localhostname-v6 | sha1sum` says it. */
const macOfLocalV6 = '66:e7:df:bb:1a:68';

describe.each(Object.keys(profiles) as Profile[])('a peer as %s leaves it', (profile) => {
  const { devices, vni, port, own, theirs } = profiles[profile];
  let lab: Lab;
  let t: Tartan;
  beforeAll(async () => {
    lab = await up(profile);
    t = new Tartan(lab.node('t'));
  });
  afterAll(() => lab?.down());

  const json = async (command: string) => JSON.parse((await lab.exec('t', command)).stdout || '[]');

  describe.each(families)('$family', (each) => {
    const { family, block, host, mtu } = each;
    const device = devices[family];

    it('reaches our pods, and we its', async () => {
      await t.untilInstalled(`${vtep(each, 2)}/${block}`);
      const { node: local } = t;
      await untilPings(local, pod(each, 2));
      const from = ['ping', '-n', '-c', '1', '-W', '5', '-I'];
      await local.exec([...from, pod(each, 1), pod(each, 2)]);
      await lab.exec('peer', [...from, pod(each, 2), pod(each, 1)]);
    });

    it('finds our device attribute by attribute as its own', async () => {
      const [ours] = await json(`ip -d -j link show ${device}`);
      const peer = JSON.parse((await lab.exec('peer', `ip -d -j link show ${device}`)).stdout)[0];
      expect(ours.linkinfo.info_data).toMatchObject({ id: vni, port, link: 'eth1', learning: false });
      const { local, local6, ...rest } = ours.linkinfo.info_data;
      const { local: theirLocal, local6: theirLocal6, ...theirRest } = peer.linkinfo.info_data;
      expect(local ?? local6).toBe(under(each, 1));
      expect(theirLocal ?? theirLocal6).toBe(under(each, 2));
      expect(rest).toEqual(theirRest);
      expect(ours).toMatchObject({
        mtu,
        address: own[family] ?? macOfLocalV6,
        flags: expect.arrayContaining(['UP']),
      });
      expect({ mtu: ours.mtu, txqlen: ours.txqlen ?? 0 }).toEqual({
        mtu: peer.mtu,
        txqlen: peer.txqlen ?? 0,
      });
    });

    it('finds our address, neighbour, FDB entry and route as it has its own', async () => {
      const [{ addr_info: all }] = await json(`ip -j address show dev ${device}`);
      const mine = (all as { local: string; prefixlen: number; scope: string }[]).filter(
        ({ scope, local }) => scope === 'global' && (family === 'ipv4') === local.includes('.'),
      );
      expect(mine.map(({ local, prefixlen }) => `${local}/${prefixlen}`)).toEqual([
        `${vtep(each, 1)}/${host}`,
      ]);
      expect(await json(`ip -j neigh show dev ${device} nud permanent`)).toEqual([
        { dst: vtep(each, 2), lladdr: theirs[family], state: ['PERMANENT'] },
      ]);
      const fdb = (await json(`bridge -j fdb show dev ${device}`)) as {
        mac: string;
        dst?: string;
        flags: string[];
      }[];
      expect(fdb.filter(({ dst }) => dst !== undefined)).toMatchObject([
        { mac: theirs[family], dst: under(each, 2), flags: ['self'], state: 'permanent' },
      ]);
      const inet = family === 'ipv4' ? 4 : 6;
      expect(await json(`ip -${inet} -j route show exact ${vtep(each, 2)}/${block}`)).toMatchObject([
        { gateway: vtep(each, 2), dev: device, flags: ['onlink'] },
      ]);
    });
  });
});
