/**
 * Two route reflectors of ours and twelve clients on one LAN, four each of Tartan, FRR and BIRD: with a cluster each, and
 * with one that both share.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  Bird,
  birdConfig,
  Frr,
  frrConfig,
  Lab,
  type NodeProcess,
  Tartan,
  tartanConfig,
  until,
} from '../../interop/index.js';
import { Flow } from './support/flow.js';
import { interop } from './support/interop.js';

const reflectors = ['rr1', 'rr2'] as const;
const addressOf = { rr1: '10.0.0.1', rr2: '10.0.0.2' } as const;
const clients = Array.from({ length: 12 }, (_, i) => ({
  name: `c${i + 1}`,
  kind: (['tartan', 'frr', 'bird'] as const)[Math.floor(i / 4)],
  address: `10.0.0.${11 + i}`,
  network: `198.51.${i + 1}.0/24`,
  /** An address of its own within the network, so that it answers. */
  host: `198.51.${i + 1}.1`,
}));
const networks = clients.map(({ network }) => network);
const ofKind = (kind: (typeof clients)[number]['kind']) => clients.filter((each) => each.kind === kind);

function reflector(name: (typeof reflectors)[number], clusterId?: string): string {
  const other = name === 'rr1' ? 'rr2' : 'rr1';
  return tartanConfig({
    name,
    asn: 65001,
    routerId: addressOf[name],
    spec: {
      ...(clusterId === undefined ? {} : { clusterId }),
      peers: [
        { name: other, address: addressOf[other], asn: 65001, connectRetry: 1 },
        ...clients.map((client) => ({
          name: client.name,
          address: client.address,
          asn: 65001,
          connectRetry: 1,
          routeReflectorClient: true,
        })),
      ],
    },
  });
}

function client({ name, kind, address, network }: (typeof clients)[number]): string {
  const common = { asn: 65001, routerId: address, networks: [network] };
  const to = (each: (typeof reflectors)[number]) => ({ address: addressOf[each], remoteAsn: 65001 });
  if (kind === 'frr') {
    const settings = ['timers connect 1'];
    return frrConfig({ ...common, neighbors: reflectors.map((each) => ({ ...to(each), settings })) });
  }
  if (kind === 'bird') {
    const settings = [
      'direct;',
      'connect delay time 1;',
      'connect retry time 1;',
      'error wait time 1, 2;',
      'graceful restart on;',
    ];
    return birdConfig({
      ...common,
      neighbors: reflectors.map((each) => ({ name: each, ...to(each), settings })),
    });
  }
  return tartanConfig({
    name,
    asn: 65001,
    routerId: address,
    spec: {
      networks: [network],
      peers: reflectors.map((each) => ({
        name: each,
        address: addressOf[each],
        asn: 65001,
        connectRetry: 1,
      })),
    },
  });
}

let lab: Lab;
beforeAll(async () => {
  const hosts = [
    ...reflectors.map((name) => ({ name, image: 'tartan', address: addressOf[name], host: null })),
    ...clients.map(({ name, kind, address, host }) => ({ name, image: kind, address, host })),
  ];
  lab = await Lab.up(
    {
      name: 'reflectors',
      topology: {
        nodes: {
          lan: {
            image: 'shell',
            exec: [
              'ip link add br0 type bridge',
              'ip link set br0 up',
              ...hosts.map((_, i) => `ip link set eth${i + 1} master br0`),
            ],
          },
          ...Object.fromEntries(
            hosts.map(({ name, image, address, host }) => [
              name,
              {
                image,
                'startup-config': `${name}.conf`,
                exec: [
                  `ip addr add ${address}/24 dev eth1`,
                  ...(host === null ? [] : [`ip addr add ${host}/32 dev lo`]),
                ],
              },
            ]),
          ),
        },
        links: hosts.map(({ name }, i) => ({ endpoints: [`lan:eth${i + 1}`, `${name}:eth1`] })),
      },
    },
    {
      files: Object.fromEntries([
        ...reflectors.map((name) => [`${name}.conf`, reflector(name)]),
        ...clients.map((each) => [`${each.name}.conf`, client(each)]),
      ]),
    },
  );
}, 240_000);
afterAll(() => lab?.down());

const patient = { timeoutSeconds: 90 };

/** Which of the networks a client's kernel has routes to. */
async function kernelRoutes(name: string): Promise<string[]> {
  const { stdout } = await lab.node(name).exec(['ip', '-4', 'route', 'show']);
  return networks.filter((network) => stdout.includes(`${network} `));
}

/** All others' networks are in the kernel of every client. */
async function untilAllEverywhere(): Promise<void> {
  for (const { name, network } of clients) {
    const others = networks.filter((each) => each !== network);
    await until(
      `${name} has a route to every other client`,
      async () => {
        const held = await kernelRoutes(name);
        return others.every((each) => held.includes(each));
      },
      patient,
    );
  }
}

async function untilSessions(): Promise<void> {
  for (const name of reflectors) {
    const t = new Tartan(lab.node(name));
    for (const each of clients) await t.untilEstablished(each.name, patient);
    await t.untilEstablished(name === 'rr1' ? 'rr2' : 'rr1', patient);
  }
}

/** UPDATEs that an FRR client had from both reflectors. */
async function updatesAt(name: string): Promise<number> {
  const shown = await new Frr(lab.node(name)).json<Record<string, { messageStats: { updatesRecv: number } }>>(
    'show bgp neighbors',
  );
  return Object.values(shown).reduce((sum, each) => sum + (each.messageStats?.updatesRecv ?? 0), 0);
}

/** A client announces another network and takes it back; every client has seen both when this resolves. */
async function sentinel(): Promise<void> {
  const frr = new Frr(lab.node('c5'));
  const change = (line: string) => frr.configure('router bgp 65001', 'address-family ipv4 unicast', line);
  const prefix = '192.0.2.0/24';
  const seen = async (name: string) =>
    (await lab.node(name).exec(['ip', '-4', 'route', 'show', prefix])).stdout !== '';
  for (const [line, expected] of [
    [`network ${prefix}`, true],
    [`no network ${prefix}`, false],
  ] as const) {
    await change(line);
    for (const { name } of clients) {
      if (name === 'c5') continue;
      await until(`${name} sees "${line}"`, async () => (await seen(name)) === expected, patient);
    }
  }
}

/** What the kernel of every client says of routes that go, and pings between clients of all kinds, at 100 a second. */
async function watch(): Promise<() => Promise<{ deleted: string[]; lost: string[] }>> {
  const monitors: NodeProcess[] = [];
  for (const { name } of clients) monitors.push(await lab.node(name).spawn(['ip', '-o', 'monitor', 'route']));
  const flows: { title: string; flow: Flow }[] = [];
  for (const [from, to] of [
    ['c1', 'c5'],
    ['c5', 'c9'],
    ['c9', 'c1'],
    ['c2', 'c12'],
    ['c10', 'c6'],
    ['c6', 'c3'],
  ]) {
    const host = clients.find(({ name }) => name === to)?.host ?? '';
    flows.push({ title: `${from} to ${to}`, flow: await Flow.start(lab, from, host) });
  }
  // A monitor listens when it tells of a route made for that.
  const probe = async (mark: string) => {
    for (const [i, { name }] of clients.entries()) {
      await until(`the monitor of ${name} is up to date`, async () => {
        const node = lab.node(name);
        await node.exec(['ip', 'route', 'add', 'blackhole', mark]);
        await node.exec(['ip', 'route', 'del', 'blackhole', mark]);
        return monitors[i].output().includes(`Deleted blackhole ${mark}`);
      });
    }
  };
  await probe('203.0.113.1');
  return async () => {
    await probe('203.0.113.2');
    const deleted = monitors.flatMap((monitor, i) =>
      monitor
        .output()
        .split('\n')
        .filter((line) => line.startsWith('Deleted 198.51.'))
        .map((line) => `${clients[i].name}: ${line.trim()}`),
    );
    for (const monitor of monitors) await monitor.kill('SIGTERM');
    const lost: string[] = [];
    for (const { title, flow } of flows) {
      await flow.untilHeard();
      const packets = (await flow.stop()).lost;
      if (packets.length > 0) lost.push(`${title}: ${packets}`);
    }
    return { deleted, lost };
  };
}

describe.each([
  ['a cluster each', [undefined, undefined], ['10.0.0.1', '10.0.0.2']],
  ['one cluster for both', ['10.0.0.99', '10.0.0.99'], ['10.0.0.99', '10.0.0.99']],
] as const)('two reflectors of twelve clients, %s', (_, configured, shown) => {
  beforeAll(async () => {
    for (const [i, name] of reflectors.entries()) {
      const t = new Tartan(lab.node(name));
      const text = reflector(name, configured[i]);
      await lab.node(name).exec(['sh', '-c', 'printf %s "$1" > /etc/tartan/router.yaml', 'write', text]);
      expect(await t.client.reload()).toMatchObject({ applied: true });
    }
    await untilSessions();
  }, 240_000);

  interop(
    'reflection',
    'frr',
    'reflect every route to every client, marked with where it came from',
    async () => {
      await untilAllEverywhere();
      for (const { name } of ofKind('frr')) {
        const frr = new Frr(lab.node(name));
        await until(
          `${name} has both reflectors' paths to c1`,
          async () => {
            const paths = (await frr.paths('198.51.1.0/24')) as unknown as {
              originatorId?: string;
              clusterList?: { list: string[] };
            }[];
            const lists = paths.map(
              ({ originatorId, clusterList }) => `${originatorId} ${clusterList?.list}`,
            );
            return lists.length === 2 && lists.sort().join() === shown.map((id) => `10.0.0.11 ${id}`).join();
          },
          patient,
        );
      }
    },
  );

  interop(
    'reflection',
    'bird',
    'reflect every route to every client, marked with where it came from',
    async () => {
      await untilAllEverywhere();
      for (const { name } of ofKind('bird')) {
        const text = await new Bird(lab.node(name)).untilRoute(
          '198.51.1.0/24',
          new RegExp(`BGP\\.cluster_list: ${shown[0].replaceAll('.', '\\.')}`),
          patient,
        );
        expect(text).toMatch(/BGP\.originator_id: 10\.0\.0\.11/);
      }
    },
  );

  it('take from each other what is no loop, and say why not what is one', async () => {
    const t = new Tartan(lab.node('rr1'));
    const { paths } = await t.client.explain('198.51.1.0/24');
    const fromOther = paths.find(({ peer }) => peer === 'rr2');
    if (configured[0] === undefined) {
      expect(fromOther).toMatchObject({ verdict: 'lost', attributes: { clusterList: ['10.0.0.2'] } });
    } else {
      expect(fromOther).toMatchObject({
        verdict: 'rejected',
        reason: 'a cluster of ours is in its CLUSTER_LIST (RFC 4456 §8)',
      });
    }
  });

  it('come to rest: a change costs each client a message or two, and no more follow', async () => {
    await sentinel();
    const before = await updatesAt('c6');
    await sentinel();
    const spent = (await updatesAt('c6')) - before;
    // Announced and withdrawn, by each reflector; the path by the other one may come between.
    expect(spent).toBeGreaterThanOrEqual(2);
    expect(spent).toBeLessThanOrEqual(8);
    const after = await updatesAt('c6');
    await sentinel();
    expect((await updatesAt('c6')) - after).toBeLessThanOrEqual(8);
  });

  it('lose no route and no packet when one of them is killed and comes back', async () => {
    await untilAllEverywhere();
    const settle = await watch();
    const daemon = lab.node('rr1').process;
    await daemon.kill('SIGKILL');
    for (const { name } of ofKind('frr')) {
      await new Frr(lab.node(name)).untilNotEstablished(addressOf.rr1, patient);
    }
    // What changes meanwhile goes by the other one.
    await sentinel();
    await daemon.start();
    await untilSessions();
    await sentinel();
    await untilAllEverywhere();
    expect(await settle()).toEqual({ deleted: [], lost: [] });
  });
});
