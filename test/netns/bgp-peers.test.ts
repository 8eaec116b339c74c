import { afterEach, describe, expect, it } from 'vitest';
import {
  Bird,
  birdConfig,
  Frr,
  frrConfig,
  Lab,
  Tartan,
  tartanConfig,
  untilKernelRoute,
  untilNoKernelRoute,
} from '../../interop/index.js';

const labs: Lab[] = [];
afterEach(async () => {
  for (const lab of labs.splice(0)) await lab.down();
});

type Dialing = 'we dial' | 'they dial' | 'both dial';

/** One Tartan `t` (AS 65001) and one peer `p` (AS 65002, or 65001 for iBGP) on a link with both families. */
async function pair(
  image: 'frr' | 'bird',
  dialing: Dialing,
  options: { ibgp?: boolean; transport?: 4 | 6 } = {},
) {
  const peerAsn = options.ibgp ? 65001 : 65002;
  const [local, remote] = options.transport === 6 ? ['2001:db8::1', '2001:db8::2'] : ['10.0.0.1', '10.0.0.2'];
  const tartan = tartanConfig({
    name: 't',
    asn: 65001,
    routerId: '10.0.0.1',
    spec: {
      networks: [{ prefix: '203.0.113.0/24' }, { prefix: '2001:db8:113::/48' }],
      peers: [
        {
          name: 'p',
          address: remote,
          asn: peerAsn,
          passive: dialing === 'they dial',
          families: ['ipv4', 'ipv6'],
          connectRetry: 1,
        },
      ],
    },
  });
  const networks = ['198.51.100.0/24', '2001:db8:100::/48'];
  const passive = dialing === 'we dial';
  const families: ('ipv4' | 'ipv6')[] = ['ipv4', 'ipv6'];
  const peer =
    image === 'frr'
      ? frrConfig({
          asn: peerAsn,
          routerId: '10.0.0.2',
          networks,
          neighbors: [
            {
              address: local,
              remoteAsn: 65001,
              families,
              settings: ['timers connect 1', ...(passive ? ['passive'] : [])],
            },
          ],
        })
      : birdConfig({
          asn: peerAsn,
          routerId: '10.0.0.2',
          networks,
          neighbors: [
            {
              name: 't',
              address: local,
              remoteAsn: 65001,
              families,
              passive,
              settings: ['connect delay time 1;', 'connect retry time 1;', 'graceful restart off;'],
            },
          ],
        });
  const addresses = (n: number) => [
    `ip addr add 10.0.0.${n}/24 dev eth1`,
    `ip -6 addr add 2001:db8::${n}/64 dev eth1 nodad`,
  ];
  const lab = await Lab.up(
    {
      name: 'pair',
      topology: {
        nodes: {
          t: { image: 'tartan', 'startup-config': 't.yaml', exec: addresses(1) },
          p: { image, 'startup-config': 'p.conf', exec: addresses(2) },
        },
        links: [{ endpoints: ['t:eth1', 'p:eth1'] }],
      },
    },
    { files: { 't.yaml': tartan, 'p.conf': peer } },
  );
  labs.push(lab);
  return { lab, t: new Tartan(lab.node('t')) };
}

describe.each(['frr', 'bird'] as const)('with %s', (image) => {
  const announced = async (lab: Lab): Promise<void> => {
    if (image === 'frr') {
      const frr = new Frr(lab.node('p'));
      await frr.untilPath('203.0.113.0/24');
      await frr.untilPath('2001:db8:113::/48');
    } else {
      const bird = new Bird(lab.node('p'));
      await bird.untilRoute('203.0.113.0/24');
      await bird.untilRoute('2001:db8:113::/48');
    }
  };

  it.each(['we dial', 'they dial', 'both dial'] as const)(
    'exchanges routes of both families when %s',
    async (dialing) => {
      const { lab, t } = await pair(image, dialing);
      await t.untilEstablished('p');
      const route = await untilKernelRoute(lab.node('t'), '198.51.100.0/24', (r) => r.gateway === '10.0.0.2');
      expect(route.protocol).toBe('84');
      await untilKernelRoute(lab.node('t'), '2001:db8:100::/48');
      await announced(lab);
    },
  );

  it('exchanges routes of both families over IPv6', async () => {
    const { lab } = await pair(image, 'both dial', { transport: 6 });
    await untilKernelRoute(lab.node('t'), '198.51.100.0/24', (r) => r.gateway === '10.0.0.2');
    await untilKernelRoute(lab.node('t'), '2001:db8:100::/48');
    await announced(lab);
  });

  it('exchanges routes inside an AS', async () => {
    const { lab, t } = await pair(image, 'both dial', { ibgp: true });
    await untilKernelRoute(lab.node('t'), '198.51.100.0/24');
    await announced(lab);
    const [row] = await t.routes({ peer: 'p', view: 'received', prefix: '198.51.100.0/24' });
    expect(row.localPref).toBe(100);
    expect(row.asPath).toBe('');
  });

  it('takes a withdrawn prefix out of the kernel', async () => {
    const { lab, t } = await pair(image, 'we dial');
    await untilKernelRoute(lab.node('t'), '198.51.100.0/24');
    if (image === 'frr') {
      await new Frr(lab.node('p')).configure(
        'router bgp 65002',
        'address-family ipv4 unicast',
        'no network 198.51.100.0/24',
      );
    } else {
      await new Bird(lab.node('p')).birdc('disable originated_ipv4');
    }
    await untilNoKernelRoute(lab.node('t'), '198.51.100.0/24');
    await t.untilNoRoute('198.51.100.0/24');
    expect(await t.peer('p')).toMatchObject({ state: 'established', families: { ipv4: { accepted: 0 } } });
    await untilKernelRoute(lab.node('t'), '2001:db8:100::/48');
  });
});
