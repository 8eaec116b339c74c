import { afterEach, describe, expect, it } from 'vitest';
import { until } from '../../interop/index.js';
import { type Peering, peering, theirs } from './support/peering.js';

let scene: Peering | undefined;
afterEach(async () => {
  await scene?.lab.down();
  scene = undefined;
});

const networks = (n: number) => Array.from({ length: n }, (_, i) => `198.51.${i}.0/24`);

describe('with FRR as peer', () => {
  it('ends a session that brings too many prefixes, says why, and comes back once there are fewer', async () => {
    const limit = { received: 4, warnAt: 50, restartAfter: 2 };
    scene = await peering('limit', [
      { name: 'f', image: 'frr', asn: 65002, networks: networks(4), peer: { maxPrefixes: limit } },
    ]);
    const { t } = scene;
    const frr = scene.frr('f');
    const full = await t.untilPeer('f', (peer) => peer.families.ipv4?.received === 4, 'brings 4 prefixes');
    expect(full).toMatchObject({
      state: 'established',
      maxPrefixes: { ipv4: { received: 4, discarded: 0 } },
      warnings: ['ipv4: 50% of the 4 prefixes that may be received are reached'],
    });
    await t.untilInstalled('198.51.0.0/24');

    const inUnicast = ['router bgp 65002', 'address-family ipv4 unicast'] as const;
    await frr.configure(...inUnicast, 'network 198.51.4.0/24');
    const held = await t.untilPeer('f', (peer) => peer.held !== undefined, 'is kept down');
    expect(held.lastError).toMatch(/^the peer announced more than 4 ipv4 prefixes \(maxPrefixes, RFC 4486\)/);
    await t.untilNoRoute('198.51.0.0/24');
    const told = await frr.untilNeighbor(
      '10.0.0.1',
      'told',
      (state) => state.lastNotificationReason !== undefined,
    );
    expect(told.lastNotificationReason).toBe('Cease/Maximum Number of Prefixes Reached');

    await frr.configure(...inUnicast, 'no network 198.51.4.0/24');
    const back = await t.untilEstablished('f');
    expect(back.held).toBeUndefined();
    await t.untilInstalled('198.51.3.0/24');
  });

  it('keeps the session down until it is enabled where the document says so', async () => {
    const limit = { ipv4: { received: 4, action: 'shutdown' } };
    scene = await peering('limit', [
      { name: 'f', image: 'frr', asn: 65002, networks: networks(5), peer: { maxPrefixes: limit } },
    ]);
    const { t } = scene;
    const held = await t.untilPeer('f', (peer) => peer.held !== undefined, 'is kept down');
    expect(held.held).toEqual({ until: null });
    await scene
      .frr('f')
      .configure('router bgp 65002', 'address-family ipv4 unicast', 'no network 198.51.4.0/24');
    await t.client.peerAction('f', 'enable');
    await t.untilEstablished('f');
    await t.untilInstalled('198.51.3.0/24');
  });

  it('waits for nothing when the daemon is told to stop meanwhile', async () => {
    const limit = { received: 4, restartAfter: 86400 };
    scene = await peering('limit', [
      { name: 'f', image: 'frr', asn: 65002, networks: networks(5), peer: { maxPrefixes: limit } },
    ]);
    const { t } = scene;
    await t.untilPeer('f', (peer) => peer.held !== undefined, 'is kept down');
    expect(await t.node.process.kill('SIGTERM')).toMatchObject({ code: 0 });
  });

  it('announces nothing beyond what may be sent, and ends the session instead', async () => {
    scene = await peering(
      'limit',
      [
        {
          name: 'f',
          image: 'frr',
          asn: 65002,
          peer: { maxPrefixes: { sent: 3, action: 'shutdown' } },
        },
        { name: 'g', image: 'frr', asn: 65003 },
      ],
      { networks: networks(4).map((prefix) => ({ prefix })) },
    );
    const { t } = scene;
    const held = await t.untilPeer('f', (peer) => peer.held !== undefined, 'is kept down');
    expect(held.lastError).toMatch(/^we would have announced more than 3 ipv4 prefixes/);
    expect(await scene.frr('f').prefixCount()).toBe(0);
    // Who shares the update group is none the worse.
    await until('g has all', async () => (await scene?.frr('g').prefixCount()) === 4);
    expect(await t.peer('g')).toMatchObject({ state: 'established', families: { ipv4: { announced: 4 } } });
  });
});

describe('with BIRD as peer', () => {
  it('takes no prefixes beyond the limit where the document says discard, and others once there is room', async () => {
    scene = await peering('limit', [
      {
        name: 'b',
        image: 'bird',
        asn: 65002,
        networks: networks(6),
        peer: { maxPrefixes: { received: 4, action: 'discard' } },
      },
    ]);
    const { t } = scene;
    const peer = await t.untilPeer(
      'b',
      (row) => row.maxPrefixes?.ipv4?.discarded === 2,
      'has two prefixes discarded',
    );
    expect(peer).toMatchObject({ state: 'established', families: { ipv4: { received: 4, accepted: 4 } } });
    expect(peer.held).toBeUndefined();
    const kept = await t.routes({ peer: 'b', view: 'received' });
    expect(kept).toHaveLength(4);
    // What is withdrawn makes room.
    await scene.bird('b').birdc('disable originated_ipv4');
    await t.untilPeer('b', (row) => row.families.ipv4?.received === 0, 'has withdrawn all');
    await scene.bird('b').birdc('enable originated_ipv4');
    await t.untilPeer('b', (row) => row.families.ipv4?.received === 4, 'brings them anew');
    expect(await t.peer('b')).toMatchObject({ state: 'established', address: theirs(0) });
  });
});
