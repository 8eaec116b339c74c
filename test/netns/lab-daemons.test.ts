/** The lab's other daemons, each steered and asked through its own class, against Tartan. */
import { afterEach, describe, expect, it } from 'vitest';
import { gobgpAttribute, Lab, Stayrtr } from '../../interop/index.js';
import { type Neighbour, ours, type Peering, peering, theirs } from './support/peering.js';

let scene: Peering | undefined;
afterEach(async () => {
  await scene?.lab.down();
  scene = undefined;
});

const theirNetwork = '198.51.100.0/24';
const ourNetwork = '203.0.113.0/24';

async function withPeer(image: Neighbour['image']): Promise<Peering> {
  scene = await peering('daemon', [{ name: 'p', image, asn: 65002, networks: [theirNetwork] }], {
    networks: [{ prefix: ourNetwork }],
  });
  await scene.t.untilEstablished('p');
  await scene.t.untilRoute(theirNetwork, ({ nextHop }) => nextHop === theirs(0));
  return scene;
}

describe('GoBGP', () => {
  it('is asked for sessions and routes, announces and withdraws, and announces again after a restart', async () => {
    const { t, lab, ...scene } = await withPeer('gobgp');
    const gobgp = scene.gobgp('p');
    await gobgp.untilEstablished(ours(0));
    const path = await gobgp.untilPath(ourNetwork);
    expect(gobgpAttribute(path, 3)?.nexthop).toBe(ours(0));
    expect(gobgpAttribute(path, 2)?.as_paths?.[0]?.asns).toEqual([65001]);
    await gobgp.announce('192.0.2.0/24', 'med 5 community 65002:7');
    await t.untilRoute(
      '192.0.2.0/24',
      ({ med, communities }) => med === 5 && communities.includes('65002:7'),
    );
    await gobgp.withdraw('192.0.2.0/24');
    await t.untilNoRoute('192.0.2.0/24');
    await lab.node('p').process.kill();
    await t.untilNoRoute(theirNetwork);
    await lab.node('p').process.start();
    await t.untilRoute(theirNetwork);
  });
});

describe('OpenBGPD', () => {
  it('is asked for sessions and routes, announces and withdraws, and reads its file again', async () => {
    const { t, lab, ...scene } = await withPeer('openbgpd');
    const openbgpd = scene.openbgpd('p');
    await openbgpd.untilEstablished(ours(0));
    // Its route decision engine asks for the way to the next hop only then.
    const path = await openbgpd.untilPath(ourNetwork, ({ valid }) => valid === true);
    expect(path).toMatchObject({ aspath: '65001', exit_nexthop: ours(0), source: 'external' });
    await openbgpd.announce('192.0.2.0/24', 'metric 5 community 65002:7');
    await t.untilRoute(
      '192.0.2.0/24',
      ({ med, communities }) => med === 5 && communities.includes('65002:7'),
    );
    await openbgpd.withdraw('192.0.2.0/24');
    await t.untilNoRoute('192.0.2.0/24');
    const file = '/etc/bgpd.conf';
    const node = lab.node('p');
    node.write(file, node.read(file).replaceAll(theirNetwork, '198.51.101.0/24'));
    await openbgpd.reload();
    await t.untilRoute('198.51.101.0/24');
    await t.untilNoRoute(theirNetwork);
    await node.process.restart();
    await openbgpd.untilEstablished(ours(0));
    await t.untilRoute('198.51.101.0/24');
  });
});

describe('ExaBGP', () => {
  it('announces what it is told to, and tells what it hears', async () => {
    const { t, ...scene } = await withPeer('exabgp');
    const exabgp = scene.exabgp('p');
    await exabgp.untilEstablished(ours(0));
    expect(exabgp.open(ours(0))).toMatchObject({ asn: 65001, router_id: '10.255.0.1' });
    const route = await exabgp.untilRoute(ourNetwork);
    expect(route).toMatchObject({ nextHop: ours(0), attributes: { 'as-path': [65001], origin: 'igp' } });
    await exabgp.announce('192.0.2.0/24', 'med 5 community [65002:7] attribute [ 0x63 0xc0 0x0102 ]');
    await t.untilRoute(
      '192.0.2.0/24',
      ({ med, communities }) => med === 5 && communities.includes('65002:7'),
    );
    await exabgp.withdraw('192.0.2.0/24');
    await t.untilNoRoute('192.0.2.0/24');
    await expect(exabgp.command('announce nonsense')).rejects.toThrow(/p: announce nonsense: refused/);
    // It forgets with the session.
    await t.client.peerAction('p', 'shutdown', 'enough');
    await exabgp.untilNotEstablished(ours(0));
    expect(exabgp.routes()).toEqual([]);
    await exabgp.untilHeard('the NOTIFICATION', ({ type }) => type === 'notification');
  });

  it('dials where it is told to', async () => {
    scene = await peering('daemon', [
      {
        name: 'p',
        image: 'exabgp',
        asn: 65002,
        networks: [theirNetwork],
        peer: { passive: true },
        exabgp: { passive: false },
      },
    ]);
    await scene.t.untilRoute(theirNetwork);
    await scene.lab.node('p').process.restart('SIGKILL');
    await scene.exabgp('p').untilEstablished(ours(0));
  });
});

describe('StayRTR', () => {
  it('serves the VRPs of its file, and others when told to', async () => {
    const topology = { nodes: { r: { image: 'stayrtr' } } };
    await using lab = await Lab.up({ name: 'rtr', topology });
    const cache = new Stayrtr(lab.node('r'));
    expect(await cache.served()).toEqual([]);
    const vrps = [
      { prefix: '192.0.2.0/24', maxLength: 25, asn: 65001 },
      { prefix: '2001:db8::/32', maxLength: 48, asn: 4200000000 },
    ];
    await cache.serve(vrps);
    const byPrefix = (a: { prefix: string }, b: { prefix: string }): number => (a.prefix < b.prefix ? -1 : 1);
    expect((await cache.served()).sort(byPrefix)).toEqual(vrps);
    await cache.serve([]);
    expect(await cache.served()).toEqual([]);
  });
});
