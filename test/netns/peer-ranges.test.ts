import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Lab, until } from '../../interop/index.js';
import { interop } from './support/interop.js';
import { type Neighbour, type Peering, peering, theirs } from './support/peering.js';

const labs: Lab[] = [];
afterEach(async () => {
  for (const lab of labs.splice(0)) await lab.down();
});

const network = (index: number) => `198.51.${index}.0/24`;
const nameOf = (index: number) => `r:${theirs(index)}`;

/** Neighbours that dial Tartan, which has this range, or these. */
async function up(neighbours: readonly Omit<Neighbour, 'asn' | 'networks'>[], ...ranges: object[]) {
  const scene = await peering(
    'ranges',
    neighbours.map((neighbour, i) => ({
      asn: 65002 + i,
      networks: [network(i)],
      unnamed: true,
      ...neighbour,
    })),
    { networks: ['203.0.113.0/24'], peerRanges: ranges },
  );
  return scene;
}

async function own(...args: Parameters<typeof up>): Promise<Peering> {
  const scene = await up(...args);
  labs.push(scene.lab);
  return scene;
}

async function rangeOf({ t }: Peering) {
  return (await t.client.status()).peerRanges?.[0];
}

describe('whoever dials from a range', () => {
  let scene: Peering;
  beforeAll(async () => {
    scene = await up(
      [
        { name: 'f', image: 'frr' },
        { name: 'b', image: 'bird' },
        { name: 'g', image: 'gobgp' },
        { name: 'o', image: 'openbgpd' },
        { name: 'e', image: 'exabgp', exabgp: { passive: false } },
      ],
      { name: 'r', prefix: '10.0.0.0/16', asn: 'external' },
    );
  });
  afterAll(() => scene?.lab.down());

  for (const [i, [daemon, node]] of (
    [
      ['frr', 'f'],
      ['bird', 'b'],
      ['gobgp', 'g'],
      ['openbgpd', 'o'],
      ['exabgp', 'e'],
    ] as const
  ).entries()) {
    interop('dynamic-neighbour', daemon, 'is a peer as long as its session lasts', async () => {
      const { t, lab } = scene;
      const row = await t.untilEstablished(nameOf(i));
      expect(row).toMatchObject({ range: 'r', address: theirs(i), asn: 65002 + i });
      await t.untilRoute(network(i), ({ peer }) => peer === nameOf(i));
      await lab.node(node).process.kill('SIGTERM');
      await t.untilNoRoute(network(i));
      await until('the peer is gone', async () => (await t.peer(nameOf(i))) === undefined);
    });
  }
});

describe('a range of peers', () => {
  const frr = (name: string, more: Partial<Neighbour> = {}) => ({ name, image: 'frr' as const, ...more });

  it('has a limit, beyond which nobody is taken until there is room', async () => {
    const scene = await own([frr('x'), frr('y')], {
      name: 'r',
      prefix: '10.0.0.0/16',
      asn: 'external',
      limit: 1,
    });
    const { t, lab } = scene;
    await until('one is refused', async () => {
      const range = await rangeOf(scene);
      return range?.peers === 1 && range.refused > 0;
    });
    await lab.node('t').process.untilOutput(/"type":"rangeFull"/);
    const peers = await t.client.peers();
    expect(peers).toHaveLength(1);
    const first = peers[0].address === theirs(0) ? 0 : 1;
    await t.untilEstablished(nameOf(first));
    await lab.node('xy'[first]).process.kill('SIGTERM');
    await t.untilEstablished(nameOf(1 - first));
    expect(lab.node('t').process.output().split('"type":"rangeFull"')).toHaveLength(2);
  });

  it('takes the ASes that it lists, and tells others why not', async () => {
    const { t, ...scene } = await own([frr('x'), frr('y')], {
      name: 'r',
      prefix: '10.0.0.0/16',
      asns: [65002],
    });
    await t.untilEstablished(nameOf(0));
    await until('FRR is told', async () =>
      /OPEN Message Error\/Bad Peer AS/.test(await scene.frr('y').vtysh('show bgp neighbors')),
    );
    await until('what failed stands with the range', async () =>
      (await rangeOf({ t, ...scene }))?.lastError?.startsWith(`${theirs(1)}: peer says AS 65003`),
    );
    // Whoever dials again in vain is told of once.
    let attempts = 0;
    await t.nextEvent(({ type, state, reason }) => {
      if (type === 'peer.state' && state === 'idle' && String(reason).includes('AS 65003')) attempts++;
      return attempts === 2;
    });
    const failed = scene.lab
      .node('t')
      .process.output()
      .split('\n')
      .filter((line) => line.includes('"peer.failed"') && line.includes('peer says AS 65003'));
    expect(failed).toHaveLength(1);
    expect((await t.peer(nameOf(1)))?.state).not.toBe('established');
  });

  it('has one password for all of its prefix, and named peers go before it', async () => {
    const password = { passwordFile: 'secret' };
    const secret = { frr: { settings: ['password secret'] } };
    const scene = await own(
      [
        frr('x', { frr: { settings: ['password secret', 'ttl-security hops 1'] } }),
        frr('y'),
        frr('z', { ...secret, unnamed: false, peer: { ...password, passive: true } }),
      ],
      { name: 'r', prefix: '10.0.0.0/16', asn: 'external', ...password, ttlSecurity: 1 },
    );
    const { t, lab } = scene;
    // Before it can be read, nobody gets in unsigned.
    await lab.node('t').process.untilOutput(/"type":"rangePassword"/);
    lab.node('t').write('/etc/tartan/secret', 'secret');
    await t.client.reload();
    expect(await t.untilEstablished(nameOf(0))).toMatchObject({ authentication: 'tcp-md5', ttlSecurity: 1 });
    expect(await t.untilEstablished('z')).not.toHaveProperty('range');
    expect(await t.peer(nameOf(1))).toBeUndefined();
    expect(await t.peer(nameOf(2))).toBeUndefined();
  });

  it('keeps the routes of a peer that restarts, and forgets it when the time is over', async () => {
    const scene = await own(
      [frr('x', { frr: { bgp: ['bgp graceful-restart', 'bgp graceful-restart restart-time 5'] } })],
      { name: 'r', prefix: '10.0.0.0/16', asn: 'external' },
    );
    const { t, lab } = scene;
    await t.untilRoute(network(0));
    await lab.node('x').process.kill('SIGKILL');
    await t.untilPeer(nameOf(0), ({ stale }) => stale === true, 'has stale routes');
    expect(await t.routes({ prefix: network(0) })).toMatchObject([{ stale: true }]);
    await until('the peer is gone', async () => (await t.peer(nameOf(0))) === undefined);
    expect(await t.routes({ prefix: network(0) })).toEqual([]);
  });

  it('changes at a reload with its peers, and goes with them', async () => {
    const scene = await own([frr('x')], { name: 'r', prefix: '10.0.0.0/16', asn: 'external' });
    const { t, lab } = scene;
    const { since } = await t.untilEstablished(nameOf(0));
    const node = lab.node('t');
    const path = '/etc/tartan/router.yaml';
    const edit = async (change: (spec: Record<string, unknown>) => void) => {
      const document = JSON.parse(node.read(path));
      change(document.spec);
      node.write(path, JSON.stringify(document));
      return (await t.client.reload()).changes;
    };
    expect(
      await edit((spec) => {
        spec.filters = { none: [{ action: 'reject' }] };
        spec.peerRanges = [{ name: 'r', prefix: '10.0.0.0/16', asn: 'external', import: 'none' }];
      }),
    ).toContain('peer range r: import unset → [none]; its routes are evaluated again');
    await t.untilNoRoute(network(0));
    expect(await t.peer(nameOf(0))).toMatchObject({ state: 'established', since });
    await edit((spec) => {
      spec.peerRanges = [{ name: 'r', prefix: '10.0.0.0/16', asn: 'external', holdTime: 6 }];
    });
    await t.untilPeer(nameOf(0), (peer) => peer.holdTimeSeconds === 6, 'has the other hold time');
    expect(await edit((spec) => delete spec.peerRanges)).toEqual(['peer range r removed']);
    expect(await t.client.peers()).toEqual([]);
  });
});
