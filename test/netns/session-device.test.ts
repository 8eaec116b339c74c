/** Sessions bound to a device, and between link-local addresses. */
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
} from '../../interop/index.js';

const labs: Lab[] = [];
afterEach(async () => {
  for (const lab of labs.splice(0)) await lab.down();
});

/** `t` with two links, on both of which its address is fe80::1 and its peer's fe80::2: `p` on eth1, `q` on eth2. */
async function links(image: 'frr' | 'bird', passive: boolean) {
  const address = (n: number, devices: string[]) =>
    devices.flatMap((device) => [
      `ip -6 addr flush dev ${device} scope link`,
      `ip -6 addr add fe80::${n}/64 dev ${device} nodad`,
    ]);
  const peer = (network: string, routerId: string) =>
    image === 'frr'
      ? frrConfig({
          asn: 65002,
          routerId,
          networks: [network],
          neighbors: [
            {
              address: 'fe80::1',
              remoteAsn: 65001,
              passive: !passive,
              settings: ['interface eth1', 'timers connect 1'],
            },
          ],
        })
      : birdConfig({
          asn: 65002,
          routerId,
          networks: [network],
          neighbors: [
            {
              name: 't',
              address: 'fe80::1%eth1',
              remoteAsn: 65001,
              passive: !passive,
              families: ['ipv6'],
              settings: ['connect delay time 1;', 'connect retry time 1;', 'error wait time 1, 2;'],
            },
          ],
        });
  const ours = (name: string, device: string) => ({
    name,
    address: 'fe80::2',
    device,
    asn: 65002,
    passive,
    connectRetry: 1,
  });
  const lab = await Lab.up(
    {
      name: 'device',
      topology: {
        nodes: {
          t: { image: 'tartan', 'startup-config': 't.yaml', exec: address(1, ['eth1', 'eth2']) },
          p: { image, 'startup-config': 'p.conf', exec: address(2, ['eth1']) },
          q: { image, 'startup-config': 'q.conf', exec: address(2, ['eth1']) },
        },
        links: [{ endpoints: ['t:eth1', 'p:eth1'] }, { endpoints: ['t:eth2', 'q:eth1'] }],
      },
    },
    {
      files: {
        't.yaml': tartanConfig({
          name: 't',
          asn: 65001,
          routerId: '10.0.0.1',
          spec: {
            networks: [{ prefix: '2001:db8:113::/48' }],
            peers: [ours('p', 'eth1'), ours('q', 'eth2')],
          },
        }),
        'p.conf': peer('2001:db8:1::/48', '10.0.0.2'),
        'q.conf': peer('2001:db8:2::/48', '10.0.0.3'),
      },
    },
  );
  labs.push(lab);
  return { lab, t: new Tartan(lab.node('t')) };
}

describe('two link-local peers with one address', () => {
  // FRR 8.4 does not dial such a neighbour: it waits for a next hop that it tracks without the interface.
  it.each([
    ['frr', 'we dial', false],
    ['bird', 'we dial', false],
    ['bird', 'they dial', true],
  ] as const)(
    'are told apart by their links, and so are their next hops: %s, %s',
    async (image, _, passive) => {
      const { lab, t } = await links(image, passive);
      for (const [name, device, prefix] of [
        ['p', 'eth1', '2001:db8:1::/48'],
        ['q', 'eth2', '2001:db8:2::/48'],
      ] as const) {
        expect(await t.untilEstablished(name)).toMatchObject({
          address: 'fe80::2',
          device,
          localAddress: 'fe80::1',
        });
        await untilKernelRoute(
          lab.node('t'),
          prefix,
          (route) => route.gateway === 'fe80::2' && route.dev === device,
        );
        const peer = lab.node(name);
        if (image === 'frr')
          await new Frr(peer).untilPath('2001:db8:113::/48', ({ valid }) => valid === true);
        else await new Bird(peer).untilRoute('2001:db8:113::/48', /via fe80::1 on eth1/);
      }
    },
  );
});
