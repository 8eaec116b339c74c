/** NOTIFICATIONs that are restarts, and Hard Reset (RFC 8538), with daemons that are not ours. */
import { afterEach, describe, expect } from 'vitest';
import { kernelRoutes, untilNoKernelRoute } from '../../interop/index.js';
import { interop, unsupported } from './support/interop.js';
import { type Neighbour, ours, type Peering, peering } from './support/peering.js';

let scene: Peering | undefined;
afterEach(async () => {
  await scene?.lab.down();
  scene = undefined;
});

const theirNetwork = '198.51.100.0/24';
const ourNetwork = '203.0.113.0/24';

const capable: Record<'frr' | 'gobgp', Neighbour> = {
  frr: {
    name: 'p',
    image: 'frr',
    asn: 65002,
    networks: [theirNetwork],
    frr: {
      bgp: [
        'bgp graceful-restart',
        'bgp graceful-restart preserve-fw-state',
        'bgp graceful-restart notification',
      ],
    },
  },
  gobgp: {
    name: 'p',
    image: 'gobgp',
    asn: 65002,
    networks: [theirNetwork],
    gobgp: {
      settings: {
        'graceful-restart': {
          config: { enabled: true, 'restart-time': 60, 'notification-enabled': true },
        },
      },
      familySettings: { 'mp-graceful-restart': { config: { enabled: true } } },
    },
  },
};

async function meet(neighbour: Neighbour): Promise<Peering> {
  scene = await peering('notified', [neighbour], { networks: [{ prefix: ourNetwork }] });
  await scene.t.untilRoute(theirNetwork);
  return scene;
}

/** Packets of the session are dropped until its hold time is over at our end. */
async function cut({ lab, t }: Peering): Promise<void> {
  await lab.exec('t', [
    'nft',
    'add table inet cut; add chain inet cut in { type filter hook input priority 0; }; add rule inet cut in tcp dport 179 drop; add rule inet cut in tcp sport 179 drop',
  ]);
  await t.untilPeer('p', (row) => row.state !== 'established', 'is down', { timeoutSeconds: 60 });
}

describe('a session that ends with a NOTIFICATION', () => {
  for (const image of ['frr', 'gobgp'] as const) {
    interop(
      'notification-restart',
      image,
      image === 'frr'
        ? 'keeps the routes when the hold timer expired, and loses them at once after a Hard Reset, whose reason is told'
        : 'keeps the routes when the hold timer expired',
      async () => {
        const neighbour = capable[image];
        const met = await meet({ ...neighbour, peer: { ...neighbour.peer, holdTime: 3 } });
        const { lab, t } = met;
        expect((await t.peer('p'))?.gracefulRestart?.notification).toBe(true);
        await cut(met);
        const peer = await t.untilPeer('p', (row) => row.retained?.ipv4 !== undefined, 'is kept');
        expect(peer.lastError).toMatch(/hold timer/i);
        expect(await kernelRoutes(lab.node('t'), { prefix: theirNetwork })).toHaveLength(1);
        await lab.exec('t', ['nft', 'delete table inet cut']);
        await t.untilPeer(
          'p',
          (row) => row.state === 'established' && row.retained === undefined,
          'is back and has delivered',
          { timeoutSeconds: 60 },
        );
        expect(await kernelRoutes(lab.node('t'), { prefix: theirNetwork })).toHaveLength(1);
        // GoBGP 3.10 ends a session with a plain Cease even where its operator has deleted the neighbour.
        if (image === 'gobgp') return;
        await met.frr('p').configure('router bgp 65002', `neighbor ${ours(0)} shutdown message moving house`);
        const down = await t.untilPeer('p', (row) => row.state !== 'established', 'is down');
        expect(down.retained).toBeUndefined();
        expect(down.lastError).toMatch(/Hard Reset/);
        await t.untilNoRoute(theirNetwork);
        await untilNoKernelRoute(lab.node('t'), theirNetwork);
      },
    );
  }

  for (const image of ['frr', 'gobgp'] as const) {
    interop(
      'notification-restart',
      image,
      'takes our routes out at once when an operator of ours shuts it down',
      async () => {
        const { t, ...met } = await meet(capable[image]);
        const has = () =>
          image === 'frr' ? met.frr('p').untilPath(ourNetwork) : met.gobgp('p').untilPath(ourNetwork);
        const hasNot = () =>
          image === 'frr' ? met.frr('p').untilNoPath(ourNetwork) : met.gobgp('p').untilNoPath(ourNetwork);
        await has();
        await t.client.peerAction('p', 'shutdown', 'moving house');
        await hasNot();
        expect((await t.peer('p'))?.retained).toBeUndefined();
      },
    );
  }

  for (const image of ['bird', 'openbgpd', 'exabgp'] as const) {
    const settings =
      image === 'bird'
        ? { bird: { settings: ['graceful restart on;'] } }
        : image === 'exabgp'
          ? { exabgp: { capabilities: ['graceful-restart 60;'] } }
          : {};
    unsupported(
      'notification-restart',
      image,
      'is not agreed on: the capability in its OPEN has no N bit',
      async () => {
        const { t } = await meet({ name: 'p', image, asn: 65002, networks: [theirNetwork], ...settings });
        expect((await t.peer('p'))?.gracefulRestart?.notification).toBe(false);
      },
    );
  }
});
