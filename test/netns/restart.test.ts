import { afterEach, describe, expect, it } from 'vitest';
import {
  Bird,
  birdConfig,
  Frr,
  frrConfig,
  kernelRoutes,
  Lab,
  Tartan,
  tartanConfig,
  until,
  untilKernelRoute,
  untilNoKernelRoute,
  untilPings,
} from '../../interop/index.js';
import { Flow } from './support/flow.js';
import { interop } from './support/interop.js';

const labs: Lab[] = [];
afterEach(async () => {
  for (const lab of labs.splice(0)) await lab.down();
});

/** h1 — t (Tartan) — p (a peer) — h2, routed end to end by BGP in both families. */
async function line(
  image: 'frr' | 'bird',
  spec: Record<string, unknown> = {},
  peerLines: string[] = [],
): Promise<Lab> {
  const tartan = tartanConfig({
    name: 't',
    asn: 65001,
    routerId: '10.0.0.1',
    spec: {
      networks: [{ prefix: '10.1.0.0/24' }, { prefix: '2001:db8:1::/64' }],
      peers: [{ name: 'p', address: '10.0.0.2', asn: 65002, families: ['ipv4', 'ipv6'], connectRetry: 1 }],
      ...spec,
    },
  });
  const networks = ['10.2.0.0/24', '2001:db8:2::/64'];
  const families: ('ipv4' | 'ipv6')[] = ['ipv4', 'ipv6'];
  const peer =
    image === 'frr'
      ? frrConfig({
          asn: 65002,
          routerId: '10.0.0.2',
          networks,
          settings: peerLines,
          lines: ['route-map global permit 10', ' set ipv6 next-hop prefer-global', 'exit'],
          neighbors: [
            {
              address: '10.0.0.1',
              remoteAsn: 65001,
              families,
              settings: ['timers connect 1'],
              familySettings: ['route-map global in'],
            },
            // Nobody answers there, but bgpd asks zebra for the way to it as soon as it starts. It would else ask when the
            // first IPv6 route comes, have no answer yet when End-of-RIB follows, tell zebra that the restart is
            // over, and zebra would take the route out until the answer is there. So it is with link-local next hops,
            // which it prefers (RFC 2545 §3) unless a route map says otherwise.
            { address: '2001:db8:ffff::1', remoteAsn: 65001, settings: ['timers connect 1'] },
          ],
        })
      : birdConfig({
          asn: 65002,
          routerId: '10.0.0.2',
          networks,
          // A restarted BIRD takes over what the one before it left in the kernel.
          kernelSettings: ['persist;', 'graceful restart on;'],
          neighbors: [
            {
              name: 't',
              address: '10.0.0.1',
              remoteAsn: 65001,
              families,
              settings: ['connect delay time 1;', ...peerLines],
              // The pods' networks are connected, so BIRD knows them as such and not as static routes.
              channel: ['import all;', 'export all;'],
            },
          ],
        });
  const host = (n: number) => ({
    image: 'alpine',
    exec: [
      `ip addr add 10.${n}.0.2/24 dev eth1`,
      `ip route add default via 10.${n}.0.1`,
      `ip -6 addr add 2001:db8:${n}::2/64 dev eth1 nodad`,
      `ip -6 route add default via 2001:db8:${n}::1`,
    ],
  });
  const router = (n: number) => [
    `ip addr add 10.0.0.${n}/24 dev eth1`,
    `ip -6 addr add 2001:db8:ffff::${n}/64 dev eth1 nodad`,
    `ip addr add 10.${n}.0.1/24 dev eth2`,
    `ip -6 addr add 2001:db8:${n}::1/64 dev eth2 nodad`,
  ];
  const lab = await Lab.up(
    {
      name: 'line',
      topology: {
        nodes: {
          t: { image: 'tartan', 'startup-config': 't.yaml', exec: router(1) },
          p: { image, 'startup-config': 'p.conf', exec: router(2) },
          h1: host(1),
          h2: host(2),
        },
        links: [
          { endpoints: ['t:eth1', 'p:eth1'] },
          { endpoints: ['t:eth2', 'h1:eth1'] },
          { endpoints: ['p:eth2', 'h2:eth1'] },
        ],
      },
    },
    { files: { 't.yaml': tartan, 'p.conf': peer } },
  );
  labs.push(lab);
  return lab;
}

async function flows(lab: Lab): Promise<Flow[]> {
  const ends: [string, string][] = [
    ['h1', '10.2.0.2'],
    ['h2', '10.1.0.2'],
    ['h1', '2001:db8:2::2'],
    ['h2', '2001:db8:1::2'],
  ];
  for (const [from, to] of ends) await untilPings(lab.node(from), to);
  return Promise.all(ends.map(([from, to]) => Flow.start(lab, from, to)));
}

async function expectNoLoss(running: readonly Flow[]): Promise<void> {
  await Promise.all(running.map((flow) => flow.untilHeard()));
  for (const { lost } of await Promise.all(running.map((flow) => flow.stop()))) expect(lost).toEqual([]);
}

describe('our restart', () => {
  for (const image of ['frr', 'bird'] as const) {
    interop(
      'graceful-restart-restarting',
      image,
      'loses no packet when we are killed and started again',
      async () => {
        const lab = await line(image, {}, image === 'bird' ? ['graceful restart aware;'] : []);
        const t = new Tartan(lab.node('t'));
        await t.untilEstablished('p');
        const running = await flows(lab);
        await lab.node('t').process.kill('SIGKILL');
        await untilKernelRoute(lab.node('t'), '10.2.0.0/24');
        await untilKernelRoute(lab.node('p'), '10.1.0.0/24');
        await lab.node('t').process.start();
        await t.untilEstablished('p');
        await t.untilPeer('p', (peer) => (peer.families.ipv4?.accepted ?? 0) > 0, 'has delivered');
        await lab.node('t').process.untilOutput(/"type":"restartComplete"/);
        if (image === 'frr') await new Frr(lab.node('p')).untilPath('10.1.0.0/24');
        else await new Bird(lab.node('p')).untilRoute('10.1.0.0/24');
        await expectNoLoss(running);
        expect((await t.fib({ prefix: '10.2.0.0/24' }))[0]).toMatchObject({ state: 'installed' });
      },
    );
  }

  it('takes out what no peer announces any more, once the peers have delivered', async () => {
    const lab = await line('frr');
    const t = new Tartan(lab.node('t'));
    await t.untilInstalled('10.2.0.0/24');
    await lab.node('t').process.kill('SIGKILL');
    await new Frr(lab.node('p')).configure(
      'router bgp 65002',
      'address-family ipv4 unicast',
      'no network 10.2.0.0/24',
    );
    expect(await kernelRoutes(lab.node('t'), { prefix: '10.2.0.0/24' })).toHaveLength(1);
    await lab.node('t').process.start();
    await untilNoKernelRoute(lab.node('t'), '10.2.0.0/24');
    await untilKernelRoute(lab.node('t'), '2001:db8:2::/64');
  });

  it('announces at once to a peer without graceful restart, though another one never comes', async () => {
    const peer = { asn: 65002, families: ['ipv4', 'ipv6'], connectRetry: 1 };
    const peers = [
      { ...peer, name: 'p', address: '10.0.0.2' },
      { ...peer, name: 'never', address: '10.0.0.9' },
    ];
    const lab = await line('bird', { peers, gracefulRestart: { deferral: 600 } }, ['graceful restart off;']);
    const bird = new Bird(lab.node('p'));
    await bird.untilRoute('10.1.0.0/24');
    await lab.node('t').process.kill('SIGKILL');
    await bird.untilNoRoute('10.1.0.0/24');
    await lab.node('t').process.start();
    await bird.untilRoute('10.1.0.0/24');
    expect((await new Tartan(lab.node('t')).client.status()).phase).toBe('restarting');
  });

  it('announces to the peers that are back without one that does not come, and says who is missing', async () => {
    const peer = { asn: 65002, families: ['ipv4', 'ipv6'], connectRetry: 1 };
    const peers = [
      { ...peer, name: 'p', address: '10.0.0.2' },
      { ...peer, name: 'never', address: '10.0.0.9' },
    ];
    const lab = await line('frr', { peers, gracefulRestart: { deferral: 600, absence: 5 } });
    const t = new Tartan(lab.node('t'));
    const frr = new Frr(lab.node('p'));
    await frr.untilPath('10.1.0.0/24');
    await lab.node('t').process.kill('SIGKILL');
    await frr.untilPath('10.1.0.0/24', (path) => path.stale === true);
    await lab.node('t').process.start();
    await t.untilEstablished('p');
    const said = await lab.node('t').process.untilOutput(/"type":"restartAnnounces".*/);
    expect(said[0]).toContain('"missing":["never"]');
    await frr.untilPath('10.1.0.0/24', (path) => path.stale !== true);
    const { phase, restart } = await t.client.status();
    expect(phase).toBe('restarting');
    expect(restart).toMatchObject({
      announcing: true,
      waitingFor: [{ peer: 'never', missing: 'session' }],
    });
  });

  it('keeps routes on SIGTERM and removes them when the document says so', async () => {
    const keeping = await line('frr');
    await new Tartan(keeping.node('t')).untilInstalled('10.2.0.0/24');
    const running = await flows(keeping);
    await keeping.node('t').process.kill('SIGTERM');
    expect(await kernelRoutes(keeping.node('t'), { prefix: '10.2.0.0/24' })).toHaveLength(1);
    await keeping.node('t').process.start();
    await keeping.node('t').process.untilOutput(/"type":"restartComplete"/);
    await expectNoLoss(running);

    const removing = await line('frr', { onStop: { routes: 'remove', sessions: 'cease' } });
    const t = new Tartan(removing.node('t'));
    await t.untilInstalled('10.2.0.0/24');
    await t.untilInstalled('2001:db8:2::/64');
    await removing.node('t').process.kill('SIGTERM');
    expect(await kernelRoutes(removing.node('t'), { prefix: '10.2.0.0/24' })).toEqual([]);
    expect(await kernelRoutes(removing.node('t'), { prefix: '2001:db8:2::/64', family: 6 })).toEqual([]);
    // A Cease voids graceful restart: the peer drops our routes at once.
    await untilNoKernelRoute(removing.node('p'), '10.1.0.0/24');
  });
});

describe("the peer's restart", () => {
  interop(
    'graceful-restart-helper',
    'frr',
    'loses no packet in either direction and either family when its bgpd is killed and started again',
    async () => {
      const lab = await line('frr', {}, ['bgp graceful-restart', 'bgp graceful-restart preserve-fw-state']);
      const t = new Tartan(lab.node('t'));
      const running = await flows(lab);
      await lab.node('p').process.kill('SIGKILL');
      await t.untilPeer('p', (row) => row.stale === true, 'is kept as stale');
      await lab.node('p').process.start();
      await t.untilPeer(
        'p',
        (row) => row.state === 'established' && row.stale !== true && (row.families.ipv6?.accepted ?? 0) > 0,
        'is back and has delivered',
      );
      await new Frr(lab.node('p')).untilPath('10.1.0.0/24');
      await new Frr(lab.node('p')).untilPath('2001:db8:1::/64');
      await expectNoLoss(running);
    },
  );

  interop(
    'graceful-restart-helper',
    'bird',
    'loses no packet in either direction and either family when it is told to restart, and when it is killed',
    async () => {
      const lab = await line('bird', {}, ['graceful restart on;']);
      const t = new Tartan(lab.node('t'));
      const bird = new Bird(lab.node('p'));
      const running = await flows(lab);
      for (const end of ['told', 'killed'] as const) {
        if (end === 'told') await bird.birdc('graceful restart');
        else await lab.node('p').process.kill('SIGKILL');
        await lab.node('p').process.exited;
        await t.untilPeer('p', (row) => row.stale === true, 'is kept as stale');
        await lab.node('p').process.start(['-R']);
        await t.untilPeer(
          'p',
          (row) =>
            row.state === 'established' && row.stale !== true && (row.families.ipv6?.accepted ?? 0) > 0,
          'is back and has delivered',
        );
        await bird.untilRoute('10.1.0.0/24');
        await bird.untilRoute('2001:db8:1::/64');
      }
      await expectNoLoss(running);
    },
  );

  it('keeps its routes while FRR restarts with preserved forwarding', async () => {
    const lab = await line('frr', {}, ['bgp graceful-restart', 'bgp graceful-restart preserve-fw-state']);
    const t = new Tartan(lab.node('t'));
    await t.untilInstalled('10.2.0.0/24');
    await lab.node('p').process.kill('SIGKILL');
    const peer = await t.untilPeer('p', (row) => row.stale === true, 'is kept as stale');
    expect(peer.state).not.toBe('established');
    await untilKernelRoute(lab.node('t'), '10.2.0.0/24');
    await lab.node('p').process.start();
    await t.untilPeer(
      'p',
      (row) => row.state === 'established' && row.stale !== true,
      'is back and has delivered',
    );
    await untilKernelRoute(lab.node('t'), '10.2.0.0/24');
    await untilKernelRoute(lab.node('t'), '2001:db8:2::/64');
  });

  it('forwards nothing over a link that goes down while its routes are kept', async () => {
    const lab = await line('frr', {}, ['bgp graceful-restart', 'bgp graceful-restart preserve-fw-state']);
    const t = new Tartan(lab.node('t'));
    await t.untilInstalled('10.2.0.0/24');
    await lab.node('p').process.kill('SIGKILL');
    await t.untilPeer('p', (row) => row.retained?.ipv4 !== undefined, 'is kept as stale');
    await lab.exec('t', ['ip', 'link', 'set', 'eth1', 'down']);
    await until('the stale path has no next hop', async () => {
      const { paths } = await t.client.explain('10.2.0.0/24');
      return paths[0]?.verdict === 'unresolved' || undefined;
    });
    await untilNoKernelRoute(lab.node('t'), '10.2.0.0/24');
    expect((await t.peer('p'))?.retained).toHaveProperty('ipv4');
    await lab.exec('t', ['ip', 'link', 'set', 'eth1', 'up']);
    await untilKernelRoute(lab.node('t'), '10.2.0.0/24');
  });

  it('drops its routes when it ends without graceful restart, and takes them again', async () => {
    const lab = await line('bird', {}, ['graceful restart off;']);
    const t = new Tartan(lab.node('t'));
    await t.untilInstalled('10.2.0.0/24');
    await lab.node('p').process.kill('SIGKILL');
    await untilNoKernelRoute(lab.node('t'), '10.2.0.0/24');
    await lab.node('p').process.start();
    await t.untilInstalled('10.2.0.0/24');
  });
});

describe('a session whose packets are dropped', () => {
  it('ends by the hold timer, with its NOTIFICATION, and its routes go', async () => {
    const lab = await line('bird', {}, ['graceful restart off;', 'hold time 3;', 'error wait time 1, 2;']);
    const t = new Tartan(lab.node('t'));
    await t.untilInstalled('10.2.0.0/24');
    expect((await t.peer('p'))?.holdTimeSeconds).toBe(3);
    await lab.exec('t', [
      'nft',
      'add table inet cut; add chain inet cut in { type filter hook input priority 0; }; add rule inet cut in tcp dport 179 drop; add rule inet cut in tcp sport 179 drop',
    ]);
    const peer = await t.untilPeer('p', (row) => row.state !== 'established', 'is down');
    expect(peer.lastError).toMatch(/hold timer/i);
    await untilNoKernelRoute(lab.node('t'), '10.2.0.0/24');
    await lab.exec('t', ['nft', 'delete table inet cut']);
    await t.untilInstalled('10.2.0.0/24', { timeoutSeconds: 60 });
  });
});
