/** RFC 8950: IPv4 routes over links that have IPv6 addresses alone. */
import { afterEach, describe, expect } from 'vitest';
import {
  Bird,
  birdConfig,
  Exabgp,
  exabgpConfig,
  Frr,
  frrConfig,
  kernelRoutes,
  Lab,
  openbgpdConfig,
  Tartan,
  tartanConfig,
  untilKernelRoute,
  untilPings,
} from '../../interop/index.js';
import { interop, unsupported } from './support/interop.js';

const labs: Lab[] = [];
afterEach(async () => {
  for (const lab of labs.splice(0)) await lab.down();
});

const networks = ['10.255.0.2/32', '10.99.0.0/16'];

type Families = ('ipv4' | 'ipv6')[];
const families: Families = ['ipv4', 'ipv6'];
const end = { address: '2001:db8:1::1', remoteAsn: 65001, families };
const identity = { asn: 65002, routerId: '10.255.0.2' };

const frr = (extended: boolean) =>
  frrConfig({
    ...identity,
    networks,
    neighbors: [
      { ...end, settings: ['timers connect 1', ...(extended ? ['capability extended-nexthop'] : [])] },
    ],
  });

const bird = birdConfig({
  ...identity,
  networks,
  neighbors: [
    {
      ...end,
      name: 't',
      settings: ['connect delay time 1;', 'connect retry time 1;', 'error wait time 1, 2;'],
      channel: [
        'import all;',
        // The loopback's address is RTS_DEVICE.
        'export where source ~ [ RTS_STATIC, RTS_BGP, RTS_DEVICE ];',
        'extended next hop on;',
      ],
    },
  ],
});

/** `t`, with 10.255.0.1 on its loopback, and `p`, with 10.255.0.2, between 2001:db8:1::1 and ::2. */
async function link(image: string, config: string, ours: Record<string, unknown> = {}) {
  const loopback = (n: number) => `ip addr add 10.255.0.${n}/32 dev lo`;
  const global = (n: number) => `ip -6 addr add 2001:db8:1::${n}/64 dev eth1 nodad`;
  const lab = await Lab.up(
    {
      name: 'extended',
      topology: {
        nodes: {
          t: { image: 'tartan', 'startup-config': 't.yaml', exec: [loopback(1), global(1)] },
          p: { image, 'startup-config': 'p.conf', exec: [loopback(2), global(2)] },
        },
        links: [{ endpoints: ['t:eth1', 'p:eth1'] }],
      },
    },
    {
      files: {
        't.yaml': tartanConfig({
          name: 't',
          asn: 65001,
          routerId: '10.255.0.1',
          spec: {
            networks: ['10.255.0.1/32'],
            kernel: { source: { ipv4: '10.255.0.1' } },
            peers: [{ name: 'p', address: '2001:db8:1::2', asn: 65002, families, connectRetry: 1, ...ours }],
          },
        }),
        'p.conf': config,
      },
    },
  );
  labs.push(lab);
  const t = new Tartan(lab.node('t'));
  await t.untilEstablished('p');
  return { lab, t };
}

const isIpv6 = (host: string | undefined) => host?.includes(':') === true;

describe('IPv4 routes with IPv6 next hops', () => {
  for (const image of ['frr', 'bird'] as const) {
    interop('extended-next-hop', image, 'IPv4 between loopbacks over a link with IPv6 alone', async () => {
      const { lab, t } = await link(image, image === 'frr' ? frr(true) : bird);
      const { nextHop } = await t.untilRoute('10.255.0.2/32');
      expect(nextHop).toMatch(/^2001:db8:1::2|^fe80:/);
      const route = await untilKernelRoute(lab.node('t'), '10.255.0.2', ({ via }) => isIpv6(via?.host));
      expect(route).toMatchObject({ dev: 'eth1', protocol: '84', via: { family: 'inet6' } });
      const peer = lab.node('p');
      if (image === 'frr')
        await new Frr(peer).untilPath('10.255.0.1/32', ({ valid, nexthops }) => {
          return valid === true && nexthops.some(({ ip }) => ip === '2001:db8:1::1');
        });
      else await new Bird(peer).untilRoute('10.255.0.1/32', /via 2001:db8:1::1 on eth1/);
      await untilPings(lab.node('t'), '10.255.0.2');
      expect(await t.peer('p')).toMatchObject({ extendedNextHop: true });
    });
  }

  interop('extended-next-hop', 'frr', 'no IPv4 route without an agreement on it', async () => {
    const { lab, t } = await link('frr', frr(false));
    const theirs = new Frr(lab.node('p'));
    expect(await t.peer('p')).toMatchObject({ extendedNextHop: false });
    // FRR has no IPv4 address to announce its routes with, and neither have we.
    const { paths, advertised } = await t.client.explain('10.255.0.1/32');
    expect(paths.map(({ verdict }) => verdict)).toEqual(['best']);
    expect(advertised).toEqual([
      expect.objectContaining({ announced: false, reason: expect.stringContaining('no next hop') }),
    ]);
    expect(await theirs.paths('10.255.0.1/32')).toEqual([]);
    expect(await kernelRoutes(lab.node('t'), { prefix: '10.255.0.2' })).toEqual([]);
    await theirs.configure('router bgp 65002', 'neighbor 2001:db8:1::1 capability extended-nexthop');
    await theirs.untilPath('10.255.0.1/32', ({ valid }) => valid === true);
    await untilPings(lab.node('t'), '10.255.0.2');
  });

  interop('extended-next-hop', 'exabgp', 'what each announces to the other', async () => {
    const config = exabgpConfig({
      ...identity,
      networks: ['10.99.0.0/16 next-hop 2001:db8:1::2'],
      neighbors: [
        {
          ...end,
          localAddress: '2001:db8:1::2',
          settings: ['nexthop { ipv4 unicast ipv6; }'],
          capabilities: ['nexthop enable;'],
        },
      ],
    });
    const { lab, t } = await link('exabgp', config);
    expect(await t.peer('p')).toMatchObject({ extendedNextHop: true });
    await t.untilRoute('10.99.0.0/16', ({ nextHop }) => nextHop === '2001:db8:1::2');
    const route = await untilKernelRoute(lab.node('t'), '10.99.0.0/16', ({ via }) => isIpv6(via?.host));
    expect(route.via).toEqual({ family: 'inet6', host: '2001:db8:1::2' });
    const heard = await new Exabgp(lab.node('p')).untilRoute('10.255.0.1/32');
    expect(heard.nextHop).toBe('2001:db8:1::1');
  });

  unsupported('extended-next-hop', 'openbgpd', 'not in its OPEN, which has both families', async () => {
    const { t } = await link('openbgpd', openbgpdConfig({ ...identity, neighbors: [end] }));
    const peer = await t.peer('p');
    expect(Object.keys(peer?.families ?? {})).toEqual(families);
    expect(peer).toMatchObject({ state: 'established', extendedNextHop: false });
  });
});
