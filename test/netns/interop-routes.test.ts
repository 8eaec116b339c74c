/**
 * Routes between Tartan `t` (AS 65001) and each of the daemons, `d`, whose AS number has four octets. A session for each
 * family on one link. A third node, an ExaBGP `x`, tells what arrives at the other side of Tartan, and announces
 * what only it can; it has a session with `d`, too.
 */
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { type DaemonId, daemons } from '../../interop/features.js';
import {
  Bird,
  Exabgp,
  exabgpConfig,
  Frr,
  kernelRoutes,
  Lab,
  Tartan,
  tartanConfig,
  until,
  untilKernelRoute,
} from '../../interop/index.js';
import { interop, unsupported } from './support/interop.js';
import {
  exabgpPath,
  type Remote,
  type RemotePath,
  remoteOf,
  untilNoRemotePath,
  untilRemotePath,
} from './support/remote.js';
import { type Announcement, type RemoteOptions, remoteConfig } from './support/remote-config.js';

const asn = 4200000002;
const far = 65003;

/** What `d` announces. */
const plain4 = '198.51.100.0/24';
const plain6 = '2001:db8:100::/48';
const marked = '198.51.101.0/24';
const kept = '198.51.102.0/24';
const announcements: Announcement[] = [
  { prefix: plain4 },
  { prefix: plain6 },
  {
    prefix: marked,
    med: 5,
    communities: ['65002:7', '65002:8'],
    largeCommunities: ['4200000002:1:2'],
    routeTargets: ['65002:9'],
  },
  { prefix: kept, communities: ['no-export'] },
];
/** What Tartan originates. */
const ours4 = '203.0.113.0/24';
const ours6 = '2001:db8:113::/48';

interface Scene {
  lab: Lab;
  t: Tartan;
  d: Remote;
  x: Exabgp;
  /** Has `x` announce something to `t` alone. */
  announce(prefix: string, words?: string): Promise<void>;
  withdraw(prefix: string, words?: string): Promise<void>;
  /** What `t` told `x` of that prefix. */
  arrived(prefix: string): RemotePath | undefined;
}

async function up(daemon: DaemonId): Promise<Scene> {
  const options: RemoteOptions = {
    asn,
    routerId: '10.0.0.2',
    announcements,
    sessions: [
      {
        address: '10.0.0.1',
        localAddress: '10.0.0.2',
        remoteAsn: 65001,
        passive: true,
        // IPv4 routes alone go this way, IPv6 routes the other.
        families: ['ipv4'],
      },
      { address: '2001:db8::1', localAddress: '2001:db8::2', remoteAsn: 65001, passive: true },
      ...(daemon === 'exabgp'
        ? []
        : [{ address: '10.0.2.2', localAddress: '10.0.2.1', remoteAsn: 65099, families: ['ipv4' as const] }]),
    ],
  };
  const peer = (name: string, address: string, rest: object = {}) => ({
    name,
    address,
    asn: name === 'x' ? far : asn,
    connectRetry: 1,
    ...rest,
  });
  const document = tartanConfig({
    name: 't',
    asn: 65001,
    routerId: '10.0.0.1',
    spec: {
      networks: [{ prefix: ours4 }, { prefix: ours6 }],
      filters: { toDaemon: [{ match: { prefix: ours4 }, set: { med: 7 } }, { action: 'accept' }] },
      peers: [
        peer('d4', '10.0.0.2', { export: 'toDaemon' }),
        peer('d6', '2001:db8::2'),
        peer('x', '10.0.1.2', { families: ['ipv4', 'ipv6'] }),
      ],
    },
  });
  const witness = exabgpConfig({
    asn: far,
    routerId: '10.0.1.2',
    neighbors: [
      { address: '10.0.1.1', localAddress: '10.0.1.2', remoteAsn: 65001, families: ['ipv4', 'ipv6'] },
      { address: '10.0.2.1', localAddress: '10.0.2.2', asn: 65099, remoteAsn: asn, families: ['ipv4'] },
    ],
  });
  const both = (link: string, n: number, device: string): string[] => [
    `ip addr add 10.0.${link}.${n}/24 dev ${device}`,
    `ip -6 addr add 2001:db8:${link === '0' ? '' : link}:${link === '0' ? '' : ':'}${n}/64 dev ${device} nodad`,
  ];
  const lab = await Lab.up(
    {
      name: 'routes',
      topology: {
        nodes: {
          t: {
            image: 'tartan',
            'startup-config': 't.yaml',
            exec: [...both('0', 1, 'eth1'), ...both('1', 1, 'eth2')],
          },
          d: {
            image: daemon,
            'startup-config': 'd.conf',
            exec: [...both('0', 2, 'eth1'), ...both('2', 1, 'eth2')],
          },
          x: {
            image: 'exabgp',
            'startup-config': 'x.conf',
            exec: [...both('1', 2, 'eth1'), ...both('2', 2, 'eth2')],
          },
        },
        links: [
          { endpoints: ['t:eth1', 'd:eth1'] },
          { endpoints: ['t:eth2', 'x:eth1'] },
          { endpoints: ['d:eth2', 'x:eth2'] },
        ],
      },
    },
    { files: { 't.yaml': document, 'd.conf': remoteConfig(daemon, options), 'x.conf': witness } },
  );
  const t = new Tartan(lab.node('t'));
  const x = new Exabgp(lab.node('x'));
  for (const name of ['d4', 'd6', 'x']) await t.untilEstablished(name);
  const nextHop = (prefix: string): string => (prefix.includes(':') ? '2001:db8:1::2' : '10.0.1.2');
  const order =
    (verb: string) =>
    async (prefix: string, words = '') => {
      await x.command(
        `neighbor 10.0.1.1 ${verb} route ${prefix} next-hop ${nextHop(prefix)} ${words}`.trim(),
      );
    };
  return {
    lab,
    t,
    x,
    d: remoteOf(daemon, lab.node('d'), options),
    announce: order('announce'),
    withdraw: order('withdraw'),
    arrived(prefix) {
      const route = x.routes().find((found) => found.peer === '10.0.1.1' && found.prefix === prefix);
      return route === undefined ? undefined : exabgpPath(route);
    },
  };
}

/**
 * RFC 2545 §3: on a link that both are on, the link-local address goes along with the global one, as theirs does. FRR and
 * BIRD show both, and forward by one of them.
 */
async function showsLinkLocal(lab: Lab, daemon: DaemonId, prefix: string): Promise<void> {
  if (daemon !== 'frr' && daemon !== 'bird') return;
  const linkLocal = await until('t has a link-local address', async () => {
    const { stdout } = await lab.exec('t', [
      'ip',
      '-j',
      '-6',
      'addr',
      'show',
      'dev',
      'eth1',
      'scope',
      'link',
    ]);
    const links = JSON.parse(stdout) as { addr_info?: { local: string; tentative?: boolean }[] }[];
    return links
      .flatMap(({ addr_info = [] }) => addr_info)
      .find(({ local, tentative }) => local !== undefined && tentative !== true)?.local;
  });
  if (daemon === 'frr') {
    const { nexthops } = await new Frr(lab.node('d')).untilPath(prefix, (path) => path.nexthops.length === 2);
    expect(nexthops.map(({ ip, scope }) => [ip, scope])).toEqual([
      ['2001:db8::1', 'global'],
      [linkLocal, 'link-local'],
    ]);
  } else {
    const shown = new RegExp(`BGP\\.next_hop: 2001:db8::1 ${linkLocal}$`, 'm');
    await until('BIRD shows both', async () => shown.test(await new Bird(lab.node('d')).route(prefix)));
  }
  await untilKernelRoute(lab.node('d'), prefix);
  const [route] = await kernelRoutes(lab.node('d'), { prefix });
  expect(JSON.stringify(route)).toMatch(new RegExp(`"(${linkLocal}|2001:db8::1)"`));
}

describe.each(Object.keys(daemons) as DaemonId[])('with %s', (daemon) => {
  let scene: Scene;
  beforeAll(async () => {
    scene = await up(daemon);
  });
  afterAll(() => scene?.lab.down());

  interop('ipv4-unicast', daemon, 'routes go both ways, and are withdrawn both ways', async () => {
    const { t, d, announce, withdraw } = scene;
    const route = await t.untilRoute(plain4);
    expect(route).toMatchObject({ asPath: String(asn), nextHop: '10.0.0.2', origin: expect.any(String) });
    expect(await untilRemotePath(d, ours4)).toMatchObject({ asPath: [65001], nextHop: '10.0.0.1' });
    await announce('192.0.2.0/24');
    expect(await untilRemotePath(d, '192.0.2.0/24')).toMatchObject({
      asPath: [65001, far],
      nextHop: '10.0.0.1',
    });
    await withdraw('192.0.2.0/24');
    await untilNoRemotePath(d, '192.0.2.0/24');
    await d.withdraw(plain4);
    await t.untilNoRoute(plain4);
    await d.announceAgain(plain4);
    await t.untilRoute(plain4);
  });

  interop('ipv6-unicast', daemon, 'routes go both ways, and are withdrawn both ways', async () => {
    const { t, d, announce, withdraw } = scene;
    const route = await t.untilRoute(plain6);
    expect(route).toMatchObject({ asPath: String(asn), nextHop: '2001:db8::2' });
    expect(await untilRemotePath(d, ours6)).toMatchObject({ asPath: [65001], nextHop: '2001:db8::1' });
    await announce('2001:db8:200::/48');
    expect(await untilRemotePath(d, '2001:db8:200::/48')).toMatchObject({ asPath: [65001, far] });
    await showsLinkLocal(scene.lab, daemon, ours6);
    await withdraw('2001:db8:200::/48');
    await untilNoRemotePath(d, '2001:db8:200::/48');
    await d.withdraw(plain6);
    await t.untilNoRoute(plain6);
    await d.announceAgain(plain6);
    await t.untilRoute(plain6);
  });

  interop('four-octet-as', daemon, 'AS numbers above 65535 stand in the paths of both sides', async () => {
    const { t, d, announce, arrived } = scene;
    expect((await t.untilRoute(plain4)).asPath).toBe(String(asn));
    await until('x hears of it', () => arrived(plain4));
    expect(arrived(plain4)?.asPath).toEqual([65001, asn]);
    await announce('192.0.3.0/24', `as-path [ ${far} 4294967294 70000 ]`);
    expect(await untilRemotePath(d, '192.0.3.0/24')).toMatchObject({
      asPath: [65001, far, 4294967294, 70000],
    });
  });

  interop('communities', daemon, 'communities of all three kinds are carried both ways', async () => {
    const { d, announce, arrived } = scene;
    const path = await until('x hears of it', () => arrived(marked));
    expect(path).toMatchObject({
      communities: ['65002:7', '65002:8'],
      largeCommunities: ['4200000002:1:2'],
      routeTargets: ['65002:9'],
    });
    await announce(
      '192.0.4.0/24',
      'community [ 65003:1 65003:2 ] large-community [ 4200000003:4:5 ] extended-community [ target:65003:6 ]',
    );
    expect(await untilRemotePath(d, '192.0.4.0/24')).toMatchObject({
      communities: ['65003:1', '65003:2'],
      largeCommunities: ['4200000003:4:5'],
      routeTargets: ['65003:6'],
    });
  });

  interop('med', daemon, 'MED goes to the neighbouring AS in both directions, and no further', async () => {
    const { t, d, announce, arrived } = scene;
    expect((await t.untilRoute(marked)).med).toBe(5);
    expect((await until('x hears of it', () => arrived(marked))).med).toBeNull();
    expect((await untilRemotePath(d, ours4)).med).toBe(7);
    await announce('192.0.5.0/24', 'med 11');
    await t.untilRoute('192.0.5.0/24', ({ med }) => med === 11);
    // What no MED stands for is shown as 0 by some.
    expect((await untilRemotePath(d, '192.0.5.0/24')).med ?? 0).toBe(0);
  });

  interop('no-export', daemon, 'what carries NO_EXPORT is taken, and told no other AS', async () => {
    const { t, d, announce, arrived } = scene;
    await announce('192.0.6.0/24', 'community [ no-export ]');
    await t.untilRoute('192.0.6.0/24');
    // A sentinel behind it.
    await announce('192.0.7.0/24');
    await untilRemotePath(d, '192.0.7.0/24');
    expect(await d.path('192.0.6.0/24')).toBeUndefined();
    // FRR and OpenBGPD tell another AS nothing with NO_EXPORT, not even of their own.
    if (daemon === 'frr' || daemon === 'openbgpd') return;
    await t.untilRoute(kept, ({ communities }) => communities.includes('no-export'));
    await d.withdraw(plain4);
    await until('x hears of the withdrawal', () => arrived(plain4) === undefined);
    expect(arrived(kept)).toBeUndefined();
    await d.announceAgain(plain4);
    await t.untilRoute(plain4);
  });

  if (daemon === 'gobgp')
    unsupported('route-refresh', daemon, 'a soft reset asks for nothing', async () => {
      const { t, d, announce } = scene;
      await untilRemotePath(d, ours4);
      const before = await d.updatesReceived('10.0.0.1');
      await d.askAgain('10.0.0.1', 'ipv4');
      await announce('192.0.9.0/24');
      await untilRemotePath(d, '192.0.9.0/24');
      // The sentinel alone.
      expect(await d.updatesReceived('10.0.0.1')).toBe(before + 1);
      expect((await t.peer('d4'))?.state).toBe('established');
    });
  else
    interop('route-refresh', daemon, 'the daemon asks, and is told everything again', async () => {
      const { t, d } = scene;
      await untilRemotePath(d, ours4);
      const before = await d.updatesReceived('10.0.0.1');
      await d.askAgain('10.0.0.1', 'ipv4');
      await until('more UPDATEs', async () => (await d.updatesReceived('10.0.0.1')) > before);
      expect(await d.path(ours4)).toMatchObject({ asPath: [65001] });
      expect((await t.peer('d4'))?.state).toBe('established');
    });

  interop(
    'unknown-attributes',
    daemon,
    'an unknown transitive attribute is passed on, marked partial',
    async () => {
      const { d, x, announce } = scene;
      const prefix = '192.0.8.0/24';
      await announce(prefix, 'attribute [ 0xf0 0xc0 0xdeadbeef ]');
      await untilRemotePath(d, prefix);
      if (daemon === 'exabgp') {
        const { attributes } = await new Exabgp(scene.lab.node('d')).untilRoute(prefix);
        expect(attributes).toMatchObject({ 'attribute-0xF0-0xE0': '0xdeadbeef' });
        return;
      }
      // The daemon passes it on in turn.
      const { attributes } = await x.untilRoute(prefix, ({ peer }) => peer === '10.0.2.1');
      expect(attributes).toMatchObject({ 'as-path': [asn, 65001, far], 'attribute-0xF0-0xE0': '0xdeadbeef' });
    },
  );
});
