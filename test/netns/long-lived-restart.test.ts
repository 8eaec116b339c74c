/** Long-lived graceful restart (RFC 9494) with daemons that are not ours. */
import { afterEach, describe, expect, it } from 'vitest';
import {
  gobgpAttribute,
  kernelRoutes,
  until,
  untilKernelRoute,
  untilNoKernelRoute,
} from '../../interop/index.js';
import { interop, unsupported } from './support/interop.js';
import { type Neighbour, type Peering, peering } from './support/peering.js';

let scene: Peering | undefined;
afterEach(async () => {
  await scene?.lab.down();
  scene = undefined;
});

const network = '198.51.100.0/24';
/** Carries NO_LLGR. */
const unwilling = '198.51.101.0/24';
const longLived = { longLived: { enabled: true, staleTime: 600 } };

const frr: Neighbour = {
  name: 'p',
  image: 'frr',
  asn: 65002,
  frr: {
    bgp: [
      'bgp graceful-restart',
      'bgp graceful-restart preserve-fw-state',
      'bgp graceful-restart restart-time 1',
      'bgp long-lived-graceful-restart stale-time 600',
      'address-family ipv4 unicast',
      `network ${network}`,
      `network ${unwilling} route-map unwilling`,
      'exit-address-family',
    ],
    lines: ['route-map unwilling permit 10', ' set community no-llgr', 'exit'],
  },
};
const bird: Neighbour = {
  name: 'p',
  image: 'bird',
  asn: 65002,
  networks: [network, unwilling],
  bird: {
    settings: [
      'graceful restart on;',
      'graceful restart time 1;',
      'long lived graceful restart on;',
      'long lived stale time 600;',
    ],
    channel: [
      'import all;',
      `export filter { if net = ${unwilling} then bgp_community.add((65535, 7)); if source ~ [ RTS_STATIC, RTS_BGP ] then accept; reject; };`,
    ],
  },
};
const gobgp: Neighbour = {
  name: 'p',
  image: 'gobgp',
  asn: 65002,
  networks: [network, `${unwilling} community no-llgr`],
  gobgp: {
    settings: {
      'graceful-restart': { config: { enabled: true, 'restart-time': 1, 'long-lived-enabled': true } },
    },
    familySettings: {
      'mp-graceful-restart': { config: { enabled: true } },
      'long-lived-graceful-restart': { config: { enabled: true, 'restart-time': 600 } },
    },
  },
};

/** The peer goes for longer than its restart time, and comes back. */
async function keepsForLong(neighbour: Neighbour, startAgain: readonly string[]): Promise<void> {
  scene = await peering('llgr', [{ ...neighbour, peer: { gracefulRestart: longLived } }]);
  const { lab, t } = scene;
  await t.untilRoute(network);
  await t.untilRoute(unwilling);
  expect((await t.peer('p'))?.gracefulRestart?.longLived).toEqual({ ipv4: 600 });
  await lab.node('p').process.kill('SIGKILL');
  await t.untilPeer('p', (row) => row.retained?.ipv4?.longLived === true, 'is kept as long-lived stale');
  const route = await t.untilRoute(network, ({ communities }) => communities.includes('llgr-stale'));
  expect(route.stale).toBe(true);
  await t.untilNoRoute(unwilling);
  await untilNoKernelRoute(lab.node('t'), unwilling);
  expect(await kernelRoutes(lab.node('t'), { prefix: network })).toHaveLength(1);
  // GoBGP does not come up where one that was killed has left its socket.
  if (neighbour.image === 'gobgp') await lab.exec('p', ['rm', '-f', '/run/gobgp/gobgp.sock']);
  await lab.node('p').process.start(startAgain);
  await t.untilPeer('p', (row) => row.state === 'established' && row.retained === undefined, 'has delivered');
  await t.untilRoute(network, ({ communities }) => !communities.includes('llgr-stale'));
  await t.untilRoute(unwilling);
}

describe('the routes of a peer that stays away for longer than its restart time', () => {
  for (const [image, neighbour, startAgain] of [
    ['frr', frr, []],
    ['bird', bird, ['-R']],
    ['gobgp', gobgp, ['-r']],
  ] as const) {
    interop(
      'long-lived-graceful-restart',
      image,
      'stay as the last choice, those with NO_LLGR go, and all are as before when it is back',
      () => keepsForLong(neighbour, startAgain),
    );
  }

  for (const image of ['openbgpd', 'exabgp'] as const) {
    const networks = [network];
    const capabilities = image === 'exabgp' ? { exabgp: { capabilities: ['graceful-restart 1;'] } } : {};
    unsupported(
      'long-lived-graceful-restart',
      image,
      'go when the restart time is over: its OPEN has no capability of RFC 9494',
      async () => {
        scene = await peering('llgr', [
          { name: 'p', image, asn: 65002, networks, peer: { gracefulRestart: longLived }, ...capabilities },
        ]);
        const { t, lab } = scene;
        await t.untilRoute(network);
        expect((await t.peer('p'))?.gracefulRestart).not.toHaveProperty('longLived');
        await lab.node('p').process.kill('SIGKILL');
        await t.untilNoRoute(network, { timeoutSeconds: 120 });
      },
    );
  }
});

describe('a long-lived stale route', () => {
  const source: Neighbour = { ...bird, peer: { gracefulRestart: longLived } };
  const knows: Neighbour = {
    ...gobgp,
    name: 'knows',
    asn: 65003,
    networks: [],
    peer: { gracefulRestart: longLived },
  };
  // FRR 8.4 says that it knows such routes wherever it is not told otherwise; OpenBGPD does not.
  const ignorant: Neighbour = { name: 'ignorant', image: 'openbgpd', asn: 65001 };
  const told: Neighbour = {
    name: 'told',
    image: 'bird',
    asn: 65001,
    peer: { gracefulRestart: { longLived: { announceToOthers: true } } },
    bird: { settings: ['long lived graceful restart off;'] },
  };
  const external: Neighbour = { name: 'external', image: 'openbgpd', asn: 65004 };

  it('goes to peers that know what it is, to internal ones as configured, and to no others', async () => {
    scene = await peering('llgr-out', [source, knows, ignorant, told, external]);
    const { lab, t } = scene;
    await scene.gobgp('knows').untilPath(network);
    await scene.openbgpd('ignorant').untilPath(network);
    await scene.openbgpd('external').untilPath(network);
    await scene.bird('told').untilRoute(network);
    await lab.node('p').process.kill('SIGKILL');
    await scene
      .gobgp('knows')
      .untilPath(network, (path) => gobgpAttribute(path, 8)?.communities?.includes(0xffff0006) === true);
    await scene.openbgpd('ignorant').untilNoPath(network);
    await scene.openbgpd('external').untilNoPath(network);
    const lowest = await scene.bird('told').untilRoute(network, /local_pref: 0/);
    expect(lowest).toMatch(/community: .*\(65535,6\).*\(65535,65281\)/);
    const { advertised } = await t.client.explain(network);
    expect(advertised.find(({ peer }) => peer === 'external')).toMatchObject({
      announced: false,
      reason: expect.stringContaining('RFC 9494'),
    });
  });

  it('is behind any other, whatever its LOCAL_PREF', async () => {
    const other: Neighbour = {
      name: 'other',
      image: 'frr',
      asn: 65003,
      networks: [network],
      peer: { import: ['worse'] },
    };
    const filters = { worse: [{ set: { localPref: 1, prepend: 5 }, action: 'accept' }] };
    scene = await peering('llgr-last', [source, other], { filters });
    const { lab, t } = scene;
    await t.untilRoute(network, ({ peer }) => peer === 'p');
    await until('both paths', async () => (await t.client.explain(network)).paths.length === 2 || undefined);
    await lab.node('p').process.kill('SIGKILL');
    await t.untilRoute(network, ({ peer }) => peer === 'other');
    const { paths } = await t.client.explain(network);
    expect(paths.find(({ peer }) => peer === 'p')).toMatchObject({
      verdict: 'lost',
      reason: 'step 2: long-lived stale, the last choice (RFC 9494 §4.3)',
    });
    await untilKernelRoute(lab.node('t'), network, ({ gateway }) => gateway === '10.0.1.2');
    await lab.node('other').process.kill('SIGKILL');
    await t.untilRoute(network, ({ peer }) => peer === 'p', { timeoutSeconds: 200 });
  });
});

describe("our own routes' stale time", () => {
  it('is what BIRD keeps them for after our restart time, marked as long-lived stale', async () => {
    const neighbour: Neighbour = {
      ...bird,
      networks: [],
      peer: { gracefulRestart: { restartTime: 1, ...longLived } },
    };
    scene = await peering('llgr-ours', [neighbour], { networks: [{ prefix: network }] });
    const { lab } = scene;
    await scene.bird('p').untilRoute(network);
    await lab.node('t').process.kill('SIGKILL');
    await scene.bird('p').untilRoute(network, /\(65535,6\)/);
    await lab.node('t').process.start();
    await scene.bird('p').untilRoute(network, /^(?![\s\S]*\(65535,6\))/);
    expect(await scene.bird('p').bgpState('t')).toBe('Established');
  });
});
