import { afterEach, describe, expect, it } from 'vitest';
import {
  Frr,
  frrConfig,
  kernelRoutes,
  Lab,
  type NodeProcess,
  Tartan,
  tartanConfig,
  until,
  untilKernelRoute,
} from '../../interop/index.js';

const labs: Lab[] = [];
afterEach(async () => {
  for (const lab of labs.splice(0)) await lab.down();
});

interface Story {
  /** What FRR announces. */
  networks: string[];
  /** The daemon's `spec.kernel`. */
  kernel?: Record<string, unknown>;
  /** Run in t before the daemon sees it. */
  prepare: string[];
  /** Further keys of the daemon's `spec`. */
  spec?: Record<string, unknown>;
}

/** t (Tartan) — p (FRR) on eth1 with both families; eth2 of t leads to a network that only t is on. */
async function pair({ networks, kernel, prepare, spec }: Story) {
  const lab = await Lab.up(
    {
      name: 'foreign',
      topology: {
        nodes: {
          t: {
            image: 'tartan',
            'startup-config': 't.yaml',
            exec: [
              'ip addr add 10.0.0.1/24 dev eth1',
              'ip -6 addr add 2001:db8::1/64 dev eth1 nodad',
              'ip addr add 10.5.0.1/24 dev eth2',
              'ip -6 addr add 2001:db8:5::1/64 dev eth2 nodad',
              ...prepare,
            ],
          },
          p: {
            image: 'frr',
            'startup-config': 'p.conf',
            exec: ['ip addr add 10.0.0.2/24 dev eth1', 'ip -6 addr add 2001:db8::2/64 dev eth1 nodad'],
          },
          quiet: { image: 'alpine' },
        },
        links: [{ endpoints: ['t:eth1', 'p:eth1'] }, { endpoints: ['t:eth2', 'quiet:eth1'] }],
      },
    },
    {
      files: {
        't.yaml': tartanConfig({
          name: 't',
          asn: 65001,
          routerId: '10.0.0.1',
          spec: {
            onStop: { routes: 'remove', sessions: 'cease' },
            networks: [{ prefix: '203.0.113.0/24' }],
            peers: [
              { name: 'p', address: '10.0.0.2', asn: 65002, families: ['ipv4', 'ipv6'], connectRetry: 1 },
            ],
            ...(kernel ? { kernel } : {}),
            ...spec,
          },
        }),
        'p.conf': frrConfig({
          asn: 65002,
          routerId: '10.0.0.2',
          networks: ['198.51.100.0/24', '2001:db8:100::/48', ...networks],
          neighbors: [
            {
              address: '10.0.0.1',
              remoteAsn: 65001,
              families: ['ipv4', 'ipv6'],
              settings: ['timers connect 1'],
            },
          ],
        }),
      },
    },
  );
  labs.push(lab);
  return { lab, t: new Tartan(lab.node('t')), frr: new Frr(lab.node('p')) };
}

/** Follows what happens to someone's routes, so that not even a short absence goes unseen. */
class Watch {
  private constructor(
    private readonly lab: Lab,
    private readonly prefixes: readonly string[],
    private readonly monitor: NodeProcess,
    private readonly before: string,
  ) {}

  static async start(lab: Lab, prefixes: readonly string[]): Promise<Watch> {
    const monitor = await lab.spawn('t', ['ip', '-o', 'monitor', 'route']);
    const watch = new Watch(lab, prefixes, monitor, await Watch.shown(lab, prefixes));
    await watch.caughtUp();
    return watch;
  }

  /** The routes of these prefixes that are not Tartan's. */
  private static async shown(lab: Lab, prefixes: readonly string[]): Promise<string> {
    const routes = await Promise.all(prefixes.map((prefix) => kernelRoutes(lab.node('t'), { prefix })));
    return JSON.stringify(routes.flat().filter((route) => route.protocol !== '84'));
  }

  /** Waits until the monitor has told of a route made now, and so of all that happened before. */
  private async caughtUp(): Promise<void> {
    const { length } = this.monitor.output();
    await until('ip monitor is up to date', async () => {
      await this.lab.exec('t', 'ip route add blackhole 192.0.2.255 table 9');
      await this.lab.exec('t', 'ip route del blackhole 192.0.2.255 table 9');
      return this.monitor.output().indexOf('Deleted blackhole 192.0.2.255', length) >= 0;
    });
  }

  /** They are as they were, and were never gone or changed in between. */
  async expectUntouched(): Promise<void> {
    expect(JSON.parse(await Watch.shown(this.lab, this.prefixes))).toEqual(JSON.parse(this.before));
    await this.caughtUp();
    const about = this.monitor
      .output()
      .split('\n')
      .filter((line) => this.prefixes.some((prefix) => line.split(' ').includes(prefix)))
      .filter((line) => !line.includes('proto 84'));
    expect(about).toEqual([]);
  }
}

/** What the daemon is put through while somebody else holds routes to `prefixes`, which FRR announces, too. */
async function putThrough(
  { lab, t, frr }: Awaited<ReturnType<typeof pair>>,
  prefixes: readonly string[],
): Promise<void> {
  const process = lab.node('t').process;
  const watch = await Watch.start(lab, prefixes);
  const untilConflict = async (): Promise<void> => {
    for (const prefix of prefixes) {
      const row = await until(`${prefix} is in conflict`, async () =>
        (await t.fib({ prefix })).find(({ state }) => state === 'conflict'),
      );
      expect(row.error).toMatch(/route of protocol (static|kernel) .*holds the prefix/);
    }
    await t.untilInstalled('198.51.100.0/24');
    await t.untilInstalled('2001:db8:100::/48');
  };
  // Our start and FRR's announcement.
  await untilConflict();
  await watch.expectUntouched();
  expect((await t.client.explain(prefixes[0] as string)).kernel?.said).toMatch(/not installed: protocol/);

  // Withdrawn and announced again.
  const network = (verb: string) => (prefix: string) => [
    `address-family ${prefix.includes(':') ? 'ipv6' : 'ipv4'} unicast`,
    `${verb}network ${prefix}`,
    'exit-address-family',
  ];
  await frr.configure('router bgp 65002', ...prefixes.flatMap(network('no ')));
  for (const prefix of prefixes) await t.untilNoRoute(prefix);
  await until(
    'the withdrawal has reached the kernel thread',
    async () => (await t.fib({ state: 'conflict' })).length === 0,
  );
  await watch.expectUntouched();
  await frr.configure('router bgp 65002', ...prefixes.flatMap(network('')));
  await untilConflict();

  // Killed, and started again.
  await process.kill('SIGKILL');
  await watch.expectUntouched();
  await process.start();
  await untilConflict();
  await process.untilOutput(/"type":"restartComplete"/);
  await watch.expectUntouched();

  // Stopped, with the order to remove what is ours.
  await process.kill('SIGTERM');
  await watch.expectUntouched();
  expect(await kernelRoutes(lab.node('t'), { protocol: 84 })).toEqual([]);
  expect(await kernelRoutes(lab.node('t'), { protocol: 84, family: 6 })).toEqual([]);
  await process.start();
  await untilConflict();
  await watch.expectUntouched();
}

describe("somebody's route at our prefix and metric", () => {
  it('survives whatever we do, and ours takes the place when it goes', async () => {
    const prefixes = ['10.9.0.0/16', '2001:db8:9::/48'];
    const story = await pair({
      networks: prefixes,
      prepare: [
        'ip route add 10.9.0.0/16 via 10.5.0.9 metric 1024 proto static',
        'ip -6 route add 2001:db8:9::/48 via 2001:db8:5::9 metric 1024 proto static',
      ],
    });
    const { lab, t } = story;
    await putThrough(story, prefixes);
    await lab.exec('t', 'ip route del 10.9.0.0/16 metric 1024 proto static');
    await lab.exec('t', 'ip -6 route del 2001:db8:9::/48 metric 1024 proto static');
    await t.untilInstalled('10.9.0.0/16');
    await t.untilInstalled('2001:db8:9::/48');
    const route = await untilKernelRoute(lab.node('t'), '10.9.0.0/16');
    expect(route).toMatchObject({ protocol: '84', gateway: '10.0.0.2', metric: 1024 });
  });

  it('keeps its place beside ours at another metric', async () => {
    const { lab, t } = await pair({
      networks: ['10.9.0.0/16', '2001:db8:9::/48'],
      prepare: [
        'ip route add 10.9.0.0/16 via 10.5.0.9 metric 50 proto static',
        'ip -6 route add 2001:db8:9::/48 via 2001:db8:5::9 metric 50 proto static',
      ],
    });
    const watch = await Watch.start(lab, ['10.9.0.0/16', '2001:db8:9::/48']);
    for (const prefix of ['10.9.0.0/16', '2001:db8:9::/48']) {
      await t.untilInstalled(prefix);
      const both = await kernelRoutes(lab.node('t'), { prefix });
      expect(both.map((route) => [route.protocol, route.metric])).toEqual([
        ['static', 50],
        ['84', 1024],
      ]);
    }
    await lab.node('t').process.kill('SIGTERM');
    for (const prefix of ['10.9.0.0/16', '2001:db8:9::/48'])
      expect(await kernelRoutes(lab.node('t'), { prefix })).toHaveLength(1);
    await watch.expectUntouched();
  });
});

describe('the connected route, at our metric', () => {
  it.each([
    { family: 'IPv4', metric: 0, link: '10.0.0.0/24', other: '10.5.0.0/24', address: '10.5.0.1/24' },
    {
      family: 'IPv6',
      metric: 256,
      link: '2001:db8::/64',
      other: '2001:db8:5::/64',
      address: '2001:db8:5::1/64',
    },
  ])(
    'survives whatever we do, and comes before ours when its address returns ($family)',
    async ({ metric, link, other, address }) => {
      // A peer announces the very link that it is reached by, and another network of ours.
      const story = await pair({ networks: [link, other], kernel: { metric }, prepare: [] });
      const { lab, t } = story;
      await putThrough(story, [link, other]);

      await lab.exec('t', `ip addr del ${address} dev eth2`);
      await t.untilInstalled(other);
      const ours = await untilKernelRoute(lab.node('t'), other);
      expect(ours).toMatchObject({ protocol: '84', dev: 'eth1' });
      await lab.exec('t', `ip addr add ${address} dev eth2${address.includes(':') ? ' nodad' : ''}`);
      await until('the connected route stands alone', async () => {
        const routes = await kernelRoutes(lab.node('t'), { prefix: other });
        return routes.length === 1 && routes[0]?.protocol === 'kernel' && routes[0].dev === 'eth2';
      });
      await until('the daemon knows', async () => (await t.fib({ prefix: other }))[0]?.state === 'conflict');
    },
  );
});
