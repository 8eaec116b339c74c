import { afterEach, describe, expect, it } from 'vitest';
import { type Lab, until } from '../../interop/index.js';
import type { DaemonEvent, PeerRow } from '../../src/control/index.js';
import { interop, unsupported } from './support/interop.js';
import { type Neighbour, ours, type Peering, peering } from './support/peering.js';

const labs: Lab[] = [];
const watchers: AsyncGenerator<DaemonEvent>[] = [];
afterEach(async () => {
  for (const watcher of watchers.splice(0)) void watcher.return(undefined);
  for (const lab of labs.splice(0)) await lab.down();
});

const theirNetwork = '198.51.100.0/24';
const ourNetwork = '203.0.113.0/24';

/** Tartan and one peer that have each other's routes, and what happens from then on. */
async function up(neighbour: Partial<Neighbour> & Pick<Neighbour, 'image'>) {
  const scene = await peering(
    'refresh',
    [{ name: 'p', asn: 65002, networks: [theirNetwork], ...neighbour }],
    { networks: [ourNetwork] },
  );
  labs.push(scene.lab);
  const { t } = scene;
  await t.untilRoute(theirNetwork);
  const row = await t.untilPeer('p', ({ families }) => families.ipv4?.announced === 1, 'is told our route');
  const watcher = t.client.events();
  watchers.push(watcher);
  const types: string[] = [];
  const first = watcher.next();
  void (async () => {
    let next = await first;
    while (!next.done) {
      types.push(String(next.value.type));
      next = await watcher.next();
    }
  })().catch(() => {});
  // Who asks after this is answered after the watcher is known.
  for (let turn = 0; turn < 2; turn++) await t.client.status();
  /** Waits until this happened since the last one that was waited for. */
  const happened = async (type: string): Promise<void> => {
    await until(`${type} in ${types}`, () => types.includes(type));
    types.splice(0, types.indexOf(type) + 1);
  };
  return { ...scene, row, happened };
}

/** Both keep the other's route, and the session is the one from before. */
async function untouched({ t }: Peering, { since }: PeerRow): Promise<void> {
  expect(await t.peer('p')).toMatchObject({
    state: 'established',
    since,
    families: { ipv4: { accepted: 1 } },
  });
}

/** Asks the peer, and waits until it has said more. */
async function asked({ t }: Peering): Promise<void> {
  const before = (await t.peer('p'))?.messages?.received ?? 0;
  expect(await t.client.refreshPeer('p')).toEqual({ peer: 'p', in: 'requested', out: 'announced' });
  await t.untilPeer('p', ({ messages }) => (messages?.received ?? 0) > before, 'sends its routes again');
}

describe('route refresh', () => {
  interop('enhanced-route-refresh', 'frr', 'both sides tell the beginning and the end', async () => {
    const scene = await up({ image: 'frr' });
    const { t, row, happened } = scene;
    expect(row.routeRefresh).toBe('enhanced');
    const counts = async () => {
      const shown = await scene
        .frr('p')
        .json<Record<string, { messageStats: { routeRefreshRecv: number } }>>(
          `show bgp neighbors ${ours(0)}`,
        );
      return shown[ours(0)].messageStats.routeRefreshRecv;
    };
    expect(await t.client.refreshPeer('p', 'in')).toEqual({ peer: 'p', in: 'requested' });
    await happened('peer.refreshBegun');
    await happened('peer.refreshEnded');
    const before = await counts();
    await scene.frr('p').vtysh(`clear bgp ipv4 unicast ${ours(0)} soft in`);
    await happened('peer.refreshAsked');
    await happened('peer.refreshSent');
    await until('FRR has our BoRR and EoRR', async () => (await counts()) === before + 2);
    expect(await t.client.refreshPeer('p', 'out')).toEqual({ peer: 'p', out: 'announced' });
    await until('FRR has both again', async () => (await counts()) === before + 4);
    expect(await scene.frr('p').paths(ourNetwork)).toHaveLength(1);
    await untouched(scene, row);
  });

  interop('enhanced-route-refresh', 'bird', 'both sides tell the beginning and the end', async () => {
    const scene = await up({ image: 'bird' });
    const { t, row, happened } = scene;
    expect(row.routeRefresh).toBe('enhanced');
    await t.client.refreshPeer('p', 'in');
    await happened('peer.refreshBegun');
    await happened('peer.refreshEnded');
    await scene.bird('p').birdc('reload in t');
    await happened('peer.refreshAsked');
    await happened('peer.refreshSent');
    await scene.bird('p').untilRoute(ourNetwork);
    await untouched(scene, row);
  });

  interop(
    'enhanced-route-refresh',
    'openbgpd',
    'it asks, and is told the beginning and the end',
    async () => {
      const scene = await up({
        image: 'openbgpd',
        openbgpd: { settings: ['announce enhanced refresh yes'] },
      });
      const { row, happened } = scene;
      expect(row.routeRefresh).toBe('enhanced');
      const openbgpd = scene.openbgpd('p');
      await openbgpd.bgpctl('neighbor', ours(0), 'refresh');
      await happened('peer.refreshAsked');
      await happened('peer.refreshSent');
      await until('OpenBGPD has our BoRR and EoRR', async () =>
        /Begin-of-RR +0 +1\n +End-of-RR +0 +1\n/.test(await openbgpd.bgpctl('show', 'neighbor', ours(0))),
      );
      await openbgpd.untilPath(ourNetwork);
      await untouched(scene, row);
    },
  );

  for (const feature of ['route-refresh-asked', 'enhanced-route-refresh'] as const) {
    unsupported(feature, 'exabgp', 'asked for its routes, 4.2.21 closes the connection', async () => {
      const scene = await up({ image: 'exabgp' });
      const { t, row } = scene;
      expect(row.routeRefresh).toBe('enhanced');
      await t.client.refreshPeer('p', 'in');
      const after = await t.untilPeer('p', ({ since }) => since !== row.since, 'is up again');
      expect(after.lastError).toBe('connection closed by the peer');
    });
  }

  for (const image of ['frr', 'bird'] as const) {
    interop('route-refresh-asked', image, 'either side asks, and gets the routes again', async () => {
      const scene = await up({ image });
      const { row, happened } = scene;
      await asked(scene);
      if (image === 'frr') await scene.frr('p').vtysh(`clear bgp ipv4 unicast ${ours(0)} soft in`);
      else await scene.bird('p').birdc('reload in t');
      await happened('peer.refreshAsked');
      await untouched(scene, row);
    });
  }

  interop('route-refresh-asked', 'gobgp', 'asked, it sends its routes again', async () => {
    const scene = await up({ image: 'gobgp' });
    await asked(scene);
    await untouched(scene, scene.row);
  });

  unsupported(
    'route-refresh-asked',
    'openbgpd',
    'asked, 7.7 does nothing; it asks, and gets our routes again',
    async () => {
      const scene = await up({ image: 'openbgpd' });
      const { t, lab, row, happened } = scene;
      const updates = async () => {
        const shown = await scene.openbgpd('p').bgpctl('show', 'neighbor', ours(0));
        return Number(/Updates +\d+ +(\d+)/.exec(shown)?.[1]);
      };
      const before = await updates();
      await scene.openbgpd('p').bgpctl('neighbor', ours(0), 'refresh');
      await happened('peer.refreshAsked');
      await until('OpenBGPD has our route again', async () => (await updates()) > before);
      // Asked itself, 7.7 takes the family for one that was not agreed on, and the session goes on.
      await t.client.refreshPeer('p', 'in');
      await lab.node('p').process.untilOutput(/route refresh: AID IPv4 unicast not negotiated/);
      await untouched(scene, row);
    },
  );

  unsupported('enhanced-route-refresh', 'gobgp', 'its OPEN lacks the capability', async () => {
    const { row } = await up({ image: 'gobgp' });
    expect(row.routeRefresh).toBe('plain');
  });

  it('is not asked of a peer that lacks it: what it announced is judged again', async () => {
    const scene = await up({ image: 'exabgp', exabgp: { capabilities: ['route-refresh disable;'] } });
    expect(scene.row.routeRefresh).toBe('none');
    expect(await scene.t.client.refreshPeer('p', 'in')).toEqual({ peer: 'p', in: 'reevaluated' });
    await untouched(scene, scene.row);
  });
});
