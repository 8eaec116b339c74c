import { afterEach, describe, expect, it } from 'vitest';
import {
  Bird,
  birdConfig,
  frrConfig,
  Lab,
  Tartan,
  tartanConfig,
  untilKernelRoute,
  untilPings,
} from '../../interop/index.js';
import { Flow } from './support/flow.js';
import { interop } from './support/interop.js';

const prefix = '198.51.100.0/24';
const anycast = '198.51.100.1';

const labs: Lab[] = [];
afterEach(async () => {
  for (const lab of labs.splice(0)) await lab.down();
});

/**
 * t (Tartan) reflects between a and b (BIRD), which both announce the prefix, and the client c. Packets go from c to a
 * and b over links of their own.
 */
async function reflector(image: 'frr' | 'tartan', config: string): Promise<Lab> {
  const client = (n: 1 | 2) =>
    birdConfig({
      asn: 65001,
      routerId: `10.0.${n}.2`,
      networks: [prefix],
      kernel: false,
      neighbors: [
        {
          name: 't',
          address: `10.0.${n}.1`,
          remoteAsn: 65001,
          settings: ['connect delay time 1;', 'connect retry time 1;', 'error wait time 1, 2;'],
        },
      ],
    });
  const other = (n: 1 | 2) => ({ 1: 2, 2: 1 })[n];
  const node = (n: 1 | 2) => ({
    image: 'bird',
    'startup-config': `${n}.conf`,
    exec: [
      `ip addr add 10.0.${n}.2/24 dev eth1`,
      `ip addr add 10.0.${n}3.1/24 dev eth2`,
      `ip addr add ${anycast}/32 dev lo`,
      `ip route add 10.0.${other(n)}3.0/24 via 10.0.${n}3.2`,
    ],
  });
  const lab = await Lab.up(
    {
      name: 'aprefl',
      topology: {
        nodes: {
          t: {
            image: 'tartan',
            'startup-config': 't.yaml',
            exec: [1, 2, 3].map((n) => `ip addr add 10.0.${n}.1/24 dev eth${n}`),
          },
          a: node(1),
          b: node(2),
          c: {
            image,
            'startup-config': 'c.conf',
            exec: [
              'ip addr add 10.0.3.2/24 dev eth1',
              'ip addr add 10.0.13.2/24 dev eth2',
              'ip addr add 10.0.23.2/24 dev eth3',
              'ip route add 10.0.1.0/24 via 10.0.13.1',
              'ip route add 10.0.2.0/24 via 10.0.23.1',
            ],
          },
        },
        links: [
          { endpoints: ['t:eth1', 'a:eth1'] },
          { endpoints: ['t:eth2', 'b:eth1'] },
          { endpoints: ['t:eth3', 'c:eth1'] },
          { endpoints: ['c:eth2', 'a:eth2'] },
          { endpoints: ['c:eth3', 'b:eth2'] },
        ],
      },
    },
    {
      files: {
        't.yaml': tartanConfig({
          name: 't',
          asn: 65001,
          routerId: '10.0.3.1',
          spec: {
            peers: ['a', 'b', 'c'].map((name, i) => ({
              name,
              address: `10.0.${i + 1}.2`,
              asn: 65001,
              routeReflectorClient: true,
              connectRetry: 1,
              ...(name === 'c' ? { addPath: { send: 2 } } : {}),
            })),
          },
        }),
        'c.conf': config,
        '1.conf': client(1),
        '2.conf': client(2),
      },
    },
  );
  labs.push(lab);
  return lab;
}

/** c forwards over a and b; that of a is withdrawn and comes back, and no packet is lost. */
async function staysReachable(lab: Lab): Promise<void> {
  const t = new Tartan(lab.node('t'));
  const [a, c] = [new Bird(lab.node('a')), lab.node('c')];
  const gateways = (wanted: readonly string[]) =>
    untilKernelRoute(c, prefix, ({ gateway, nexthops }) => {
      const found = nexthops?.map((hop) => hop.gateway) ?? [gateway];
      return String(found.sort()) === String(wanted);
    });
  const both = ['10.0.13.1', '10.0.23.1'];
  await gateways(both);
  const advertised = async () => {
    const rows = await t.routes({ prefix, peer: 'c', view: 'advertised' });
    return new Map(rows.map(({ peer, pathId }) => [peer, pathId]));
  };
  const before = await advertised();
  expect([...before.keys()].sort()).toEqual(['a', 'b']);
  await untilPings(c, anycast);
  const flow = await Flow.start(lab, 'c', anycast);
  await a.birdc('disable t');
  await gateways(['10.0.23.1']);
  expect([...(await advertised())]).toEqual([['b', before.get('b')]]);
  await flow.untilHeard();
  await a.birdc('enable t');
  await gateways(both);
  await flow.untilHeard();
  expect((await flow.stop()).lost).toEqual([]);
}

describe('a reflector that announces two paths', () => {
  interop(
    'add-path-send',
    'frr',
    'has FRR forward over both, and over the other when one is withdrawn',
    async () => {
      const config = frrConfig({
        asn: 65001,
        routerId: '10.0.3.2',
        settings: ['maximum-paths ibgp 2'],
        neighbors: [{ address: '10.0.3.1', remoteAsn: 65001, settings: ['timers connect 1'] }],
      });
      await staysReachable(await reflector('frr', config));
    },
  );
  it('has another Tartan forward over both, and over the other when one is withdrawn', async () => {
    const config = tartanConfig({
      name: 'c',
      asn: 65001,
      routerId: '10.0.3.2',
      spec: {
        maxPaths: 2,
        peers: [{ name: 't', address: '10.0.3.1', asn: 65001, connectRetry: 1, addPath: { receive: true } }],
      },
    });
    await staysReachable(await reflector('tartan', config));
  });
});
