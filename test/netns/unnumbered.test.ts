/** Peers that are named by their interface: IPv4 between loopbacks over links that nobody gave an address. */
import { afterEach, describe, expect, it } from 'vitest';
import {
  Bird,
  birdConfig,
  checkout,
  frrConfig,
  Gobgp,
  gobgpAttribute,
  gobgpConfig,
  type KernelRoute,
  kernelRoutes,
  Lab,
  type LabNode,
  mustRun,
  Tartan,
  tartanConfig,
  tartanControl,
  until,
  untilKernelRoute,
  untilNoKernelRoute,
  untilPings,
} from '../../interop/index.js';
import { Flow } from './support/flow.js';
import { interop, unsupported } from './support/interop.js';

const labs: Lab[] = [];
afterEach(async () => {
  for (const lab of labs.splice(0)) await lab.down();
});

const tartan = `${checkout}/bin/tartan`;
const loopback = (n: number) => `ip addr add 10.255.0.${n}/32 dev lo`;

const tartanNode = (n: number, peers: Record<string, unknown>[], spec: Record<string, unknown> = {}) =>
  tartanConfig({
    name: 't',
    asn: 65000 + n,
    routerId: `10.255.0.${n}`,
    spec: {
      networks: [`10.255.0.${n}/32`],
      kernel: { source: { ipv4: `10.255.0.${n}` } },
      ...spec,
      peers: peers.map((peer) => ({ connectRetry: 1, asn: 'external', ...peer })),
    },
  });

const frrNode = (n: number, interfaces: string[], networks: string[] = []) =>
  frrConfig({
    asn: 65000 + n,
    routerId: `10.255.0.${n}`,
    networks: [`10.255.0.${n}/32`, ...networks],
    neighbors: interfaces.map((address) => ({
      address,
      remoteAsn: 'external',
      families: ['ipv4'],
      settings: ['timers connect 1'],
    })),
  });

/** `t` and `p` on one link, their eth1, without addresses but what the kernel makes. */
async function pair(
  theirs: { image: string; config: string },
  peer: Record<string, unknown> = {},
  exec: string[] = [],
) {
  const lab = await Lab.up(
    {
      name: 'unnumbered',
      topology: {
        nodes: {
          t: {
            image: 'tartan',
            'startup-config': 't.yaml',
            exec: [loopback(1), ...exec],
            // The kernel notes who is a router all the same.
            sysctls: { 'net.ipv6.conf.all.accept_ra': '0', 'net.ipv6.conf.default.accept_ra': '0' },
          },
          p: { image: theirs.image, 'startup-config': 'p.conf', exec: [loopback(2)] },
        },
        links: [{ endpoints: ['t:eth1', 'p:eth1'] }],
      },
    },
    {
      files: {
        't.yaml': tartanNode(1, [{ name: 'p', interface: 'eth1', ...peer }]),
        'p.conf': theirs.config,
      },
    },
  );
  labs.push(lab);
  return { lab, t: new Tartan(lab.node('t')), p: lab.node('p') };
}

const gobgpPair = () =>
  pair({ image: 'gobgp', config: gobgpConfig({ asn: 65002, routerId: '10.255.0.2', neighbors: [] }) });

/** GoBGP looks for its neighbour once, when it is told of it: our advertisements must have been there. */
const addNeighbour = (node: LabNode) =>
  until('GoBGP finds its neighbour', async () => {
    await new Gobgp(node).gobgp('neighbor', 'add', 'interface', 'eth1', 'as', '65001');
    return true;
  });

const patient = { timeoutSeconds: 90 };

describe('a peer by its interface', () => {
  interop('unnumbered', 'frr', 'both learn each other by router advertisements', async () => {
    const { lab, t } = await pair({ image: 'frr', config: frrNode(2, ['eth1']) });
    const peer = await t.untilEstablished('p');
    expect(peer).toMatchObject({ interface: 'eth1', device: 'eth1', asn: 65002, extendedNextHop: true });
    expect(peer.address).toMatch(/^fe80::/);
    const route = await untilKernelRoute(lab.node('t'), '10.255.0.2', ({ dev }) => dev === 'eth1');
    expect(route.via).toEqual({ family: 'inet6', host: peer.address });
    await untilPings(lab.node('t'), '10.255.0.2');
  });

  interop('unnumbered', 'frr', 'is found again when its interface goes, and comes as another', async () => {
    const { lab, t, p } = await pair({ image: 'frr', config: frrNode(2, ['eth1']) });
    const before = await t.untilEstablished('p');
    const node = lab.node('t');
    await node.exec('ip link del eth1');
    await t.untilPeer('p', ({ waitsFor }) => waitsFor === 'there is no interface eth1', 'has no interface');
    expect(await t.peer('p')).toMatchObject({
      state: 'idle',
      address: null,
      // On its way out it is down first.
      lastError: expect.stringContaining('eth1'),
    });
    await untilNoKernelRoute(node, '10.255.0.2');
    const veth = ['ip', 'link', 'add', 'eth1', 'netns', node.netns];
    await mustRun([...veth, 'type', 'veth', 'peer', 'name', 'eth1', 'netns', p.netns]);
    await t.untilPeer(
      'p',
      ({ waitsFor }) => waitsFor === 'eth1 is down or has no carrier',
      'waits for carrier',
    );
    for (const each of [node, p]) await each.exec('ip link set eth1 up');
    const after = await t.untilEstablished('p', patient);
    expect(after.address).not.toBe(before.address);
    await untilPings(node, '10.255.0.2', patient);
  });

  interop('unnumbered', 'frr', 'is found again when it has another address', async () => {
    const { t, p, lab } = await pair({ image: 'frr', config: frrNode(2, ['eth1']) }, { holdTime: 6 });
    const { address } = await t.untilEstablished('p');
    await p.exec('ip -6 addr add fe80::99/64 dev eth1 nodad');
    await p.exec(`ip -6 addr del ${address}/64 dev eth1`);
    await t.untilPeer(
      'p',
      (peer) => peer.address === 'fe80::99' && peer.state === 'established',
      'moved',
      patient,
    );
    await untilPings(lab.node('t'), '10.255.0.2', patient);
  });

  interop('unnumbered', 'frr', 'loses no packet when we are killed and started again', async () => {
    const { lab, t } = await pair({ image: 'frr', config: frrNode(2, ['eth1']) });
    const { address } = await t.untilEstablished('p');
    await untilPings(lab.node('t'), '10.255.0.2', patient);
    const flow = await Flow.start(lab, 't', '10.255.0.2');
    await lab.node('t').process.kill('SIGKILL');
    await lab.node('t').process.start();
    // The kernel's table has the neighbour still: nobody waits for an advertisement.
    expect((await t.untilEstablished('p', patient)).address).toBe(address);
    await lab.node('t').process.untilOutput(/"type":"restartComplete"/);
    await flow.untilHeard();
    expect((await flow.stop()).lost).toEqual([]);
  });

  interop(
    'unnumbered',
    'frr',
    'keeps its session and its address over a reload that asks for neither',
    async () => {
      const { lab, t } = await pair({ image: 'frr', config: frrNode(2, ['eth1']) });
      const before = await t.untilEstablished('p');
      const reload = async (peer: Record<string, unknown>) => {
        lab
          .node('t')
          .write('/etc/tartan/router.yaml', tartanNode(1, [{ name: 'p', interface: 'eth1', ...peer }]));
        return (await t.client.reload()).changes;
      };
      expect(await reload({ raInterval: 3, description: 'a spine' })).toHaveLength(2);
      expect(await t.peer('p')).toMatchObject({
        state: 'established',
        address: before.address,
        asn: 65002,
        since: before.since,
      });
      expect(await reload({ raInterval: 3, holdTime: 30 })).toContainEqual(
        expect.stringContaining('session is reset'),
      );
      await t.untilPeer(
        'p',
        ({ state, since }) => state === 'established' && since !== before.since,
        'is back',
        patient,
      );
      expect(await t.peer('p')).toMatchObject({ address: before.address, asn: 65002, holdTimeSeconds: 9 });
    },
  );

  // BIRD's advertisements lack its link-layer address: by themselves they make no neighbour entry of it.
  interop(
    'unnumbered',
    'bird',
    'that dials, and is marked as a router by its radv protocol then',
    async () => {
      const config = birdConfig({
        asn: 65002,
        routerId: '10.255.0.2',
        lines: ['protocol radv { interface "eth1" { min ra interval 3; max ra interval 4; }; }'],
        neighbors: [
          {
            name: 't',
            address: 'fe80::1%eth1',
            remoteAsn: 65001,
            families: ['ipv4', 'ipv6'],
            settings: ['connect delay time 1;', 'connect retry time 1;', 'error wait time 1, 2;'],
            channel: [
              'import all;',
              'export where source ~ [ RTS_STATIC, RTS_BGP, RTS_DEVICE ];',
              'extended next hop on;',
            ],
          },
        ],
      });
      const ours = ['ip -6 addr flush dev eth1 scope link', 'ip -6 addr add fe80::1/64 dev eth1 nodad'];
      const { lab, t, p } = await pair({ image: 'bird', config }, {}, ours);
      expect(await t.untilEstablished('p', patient)).toMatchObject({ asn: 65002, localAddress: 'fe80::1' });
      await new Bird(p).untilRoute('10.255.0.1/32', /via fe80::1 on eth1/);
      await until('the neighbour is marked as a router', async () =>
        / router /.test((await lab.node('t').exec('ip -6 neigh show dev eth1')).stdout),
      );
      await untilPings(lab.node('t'), '10.255.0.2', patient);
    },
  );

  interop('unnumbered', 'gobgp', 'that does not advertise itself, and dials', async () => {
    const { lab, t, p } = await gobgpPair();
    const waits = /^no router seen on eth1 yet/;
    await t.untilPeer('p', ({ waitsFor }) => waits.test(waitsFor ?? ''), 'says why it waits', patient);
    expect((await lab.exec('t', [tartan, '--control', tartanControl, 'show', 'peers'])).stdout).toMatch(
      /p +\? on eth1 +external[\s\S]*waits: no router seen on eth1 yet/,
    );
    await addNeighbour(p);
    expect(await t.untilEstablished('p', patient)).toMatchObject({ asn: 65002, interface: 'eth1' });
    await new Gobgp(p).untilPath('10.255.0.1/32', () => true, patient);
  });

  // It has the capability for neighbours by interface alone.
  interop('extended-next-hop', 'gobgp', 'between neighbours by interface', async () => {
    const { lab, t, p } = await gobgpPair();
    await addNeighbour(p);
    const { address } = await t.untilPeer(
      'p',
      ({ extendedNextHop }) => extendedNextHop === true,
      'agrees',
      patient,
    );
    await new Gobgp(p).announce('10.99.0.0/16');
    const route = await untilKernelRoute(lab.node('t'), '10.99.0.0/16', () => true, patient);
    expect(route).toMatchObject({ dev: 'eth1', via: { family: 'inet6', host: address } });
    const path = await new Gobgp(p).untilPath('10.255.0.1/32', () => true, patient);
    expect(JSON.stringify(gobgpAttribute(path, 14))).toContain('fe80::');
  });

  unsupported('unnumbered', 'openbgpd', 'an interface is no neighbour in its configuration', async () => {
    await using lab = await Lab.up({ name: 'unnumbered', topology: { nodes: { p: { image: 'alpine' } } } });
    const config = 'AS 65002\nrouter-id 10.255.0.2\nneighbor eth1 { remote-as 65001 }\n';
    const write = 'umask 077; printf %b "$1" > /run/p.conf; bgpd -n -f /run/p.conf';
    const said = await lab.node('p').exec(['sh', '-c', write, 'sh', config], { allowFailure: true });
    expect(said.stderr).toContain('could not parse address spec "eth1"');
  });

  unsupported('unnumbered', 'exabgp', 'an interface is no neighbour in its configuration', async () => {
    await using lab = await Lab.up({ name: 'unnumbered', topology: { nodes: { p: { image: 'alpine' } } } });
    const config = 'neighbor eth1 {\n  router-id 10.255.0.2;\n  local-as 65002;\n  peer-as 65001;\n}\n';
    const write = 'printf %b "$1" > /run/p.conf; exabgp --validate /run/p.conf 2>&1';
    const said = await lab.node('p').exec(['sh', '-c', write, 'sh', config], { allowFailure: true });
    expect(said.stdout).toContain('"eth1" is an invalid IP address');
  });
});

describe('our router advertisements', () => {
  it('are three quick ones, and then answer solicitations between two of them', async () => {
    const lab = await Lab.up(
      {
        name: 'advertised',
        topology: {
          nodes: {
            t: { image: 'tartan', 'startup-config': 't.yaml' },
            h: { image: 'alpine' },
          },
          links: [{ endpoints: ['t:eth1', 'h:eth1'] }],
        },
      },
      { files: { 't.yaml': tartanNode(1, [{ name: 'h', interface: 'eth1', raInterval: 1800 }]) } },
    );
    labs.push(lab);
    const [t, h] = [lab.node('t'), lab.node('h')];
    const counted = async (node: LabNode, what: 'In' | 'Out') => {
      const { stdout } = await node.exec('cat /proc/net/dev_snmp6/eth1');
      return Number(new RegExp(`^Icmp6${what}RouterAdvertisements\\s+(\\d+)`, 'm').exec(stdout)?.[1] ?? 0);
    };
    const heard = () => counted(h, 'In');
    // We start sooner than a link that is new delivers; the first one may be lost.
    await until('three advertisements have gone out', async () => (await counted(t, 'Out')) === 3, patient);
    const before = await until('some have come', heard, patient);
    expect(before).toBeGreaterThanOrEqual(2);
    expect((await h.exec('ip -6 neigh show dev eth1')).stdout).toMatch(/^fe80::\S+ lladdr \S+ router /m);
    // None takes us for a default router.
    expect((await h.exec('ip -6 route show default')).stdout).toBe('');
    const solicit = `
      const { openIcmp6Socket, sendIcmp6 } = await import('${checkout}/dist/src/sockopt/index.js');
      const { parseAddress } = await import('${checkout}/dist/src/address/index.js');
      const { readFileSync } = await import('node:fs');
      const ifindex = Number(readFileSync('/proc/net/dev_snmp6/eth1', 'utf8').match(/^ifIndex\\s+(\\d+)/m)[1]);
      const group = parseAddress('ff02::2');
      const fd = openIcmp6Socket({ device: 'eth1', ifindex, receives: 134, group });
      sendIcmp6(fd, Buffer.from([133, 0, 0, 0, 0, 0, 0, 0]), group, ifindex);`;
    await until(
      'an answer is there',
      async () => {
        await h.exec([process.execPath, '--input-type=module', '-e', solicit]);
        return (await heard()) > before;
      },
      { ...patient, intervalMilliseconds: 500 },
    );
  });
});

describe('a leaf under two spines', () => {
  interop(
    'unnumbered',
    'frr',
    'reaches another over both, and over one while a link is lost',
    async () => {
      const networks = Array.from({ length: 80 }, (_, i) => `10.99.${i}.0/24`);
      const lab = await Lab.up(
        {
          name: 'clos',
          topology: {
            nodes: {
              t: { image: 'tartan', 'startup-config': 't.yaml', exec: [loopback(1)] },
              s1: { image: 'frr', 'startup-config': 's1.conf', exec: [loopback(11)] },
              s2: { image: 'frr', 'startup-config': 's2.conf', exec: [loopback(12)] },
              f: {
                image: 'frr',
                'startup-config': 'f.conf',
                exec: [loopback(2)],
              },
            },
            links: [
              { endpoints: ['t:eth1', 's1:eth1'] },
              { endpoints: ['t:eth2', 's2:eth1'] },
              { endpoints: ['f:eth1', 's1:eth2'] },
              { endpoints: ['f:eth2', 's2:eth2'] },
            ],
          },
        },
        {
          files: {
            't.yaml': tartanNode(
              1,
              [
                { name: 's1', interface: 'eth1' },
                { name: 's2', interface: 'eth2' },
              ],
              { maxPaths: 2 },
            ),
            's1.conf': frrNode(11, ['eth1', 'eth2']),
            's2.conf': frrNode(12, ['eth1', 'eth2']),
            'f.conf': frrNode(2, ['eth1', 'eth2'], networks),
          },
        },
      );
      labs.push(lab);
      const t = new Tartan(lab.node('t'));
      const node = lab.node('t');
      for (const name of ['s1', 's2']) await t.untilEstablished(name);
      const devices = ({ dev, nexthops = [] }: KernelRoute) =>
        dev === undefined ? nexthops.map((hop) => hop.dev).sort() : [dev];
      const overBoth = (route: KernelRoute) => devices(route).join() === 'eth1,eth2';
      const far = await untilKernelRoute(node, '10.255.0.2', overBoth, patient);
      expect(far.nexthops?.every(({ via }) => via?.family === 'inet6' && /^fe80::/.test(via.host))).toBe(
        true,
      );
      await untilPings(node, '10.255.0.2', patient);
      // So many routes alike share a nexthop object, at least those that came when there were many: IPv6 under IPv4.
      const shared = await until(
        'some route refers to a nexthop object',
        async () =>
          (await kernelRoutes(node, { protocol: 84 })).find((r) => r.nhid !== undefined && overBoth(r)),
        patient,
      );
      const host = shared.dst.replace('0/24', '1');
      await lab.node('f').exec(`ip addr add ${host}/32 dev lo`);
      await untilPings(node, host, patient);

      await lab.node('s1').exec('ip link set eth1 down');
      await untilKernelRoute(node, '10.255.0.2', (route) => devices(route).join() === 'eth2', patient);
      expect(await t.peer('s1')).toMatchObject({ address: null, waitsFor: 'eth1 is down or has no carrier' });
      await untilPings(node, '10.255.0.2', patient);
      await untilPings(node, host, patient);

      await lab.node('s1').exec('ip link set eth1 up');
      await t.untilEstablished('s1', patient);
      await untilKernelRoute(node, '10.255.0.2', overBoth, patient);
      await untilKernelRoute(node, shared.dst, overBoth, patient);
      await untilPings(node, host, patient);
    },
    240_000,
  );
});
