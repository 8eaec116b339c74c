/** `t` reflects between clients of several clusters (RFC 4456): its own, and one each for FRR and GoBGP. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Exabgp, until } from '../../interop/index.js';
import { interop } from './support/interop.js';
import { type Peering, peering } from './support/peering.js';

let scene: Peering;
const prefix = '198.51.100.0/24';
const client = (clusterId?: string) => ({
  routeReflectorClient: true,
  ...(clusterId === undefined ? {} : { clusterId }),
});

beforeAll(async () => {
  scene = await peering(
    'clusters',
    [
      { name: 'exa', image: 'exabgp', asn: 65001, peer: client() },
      { name: 'frr', image: 'frr', asn: 65001, peer: client('10.9.0.1') },
      { name: 'gobgp', image: 'gobgp', asn: 65001, peer: client('10.9.0.2') },
      { name: 'open', image: 'openbgpd', asn: 65001, peer: client() },
    ],
    { clusterId: '10.9.0.9' },
  );
  for (const name of ['exa', 'frr', 'gobgp', 'open']) await scene.t.untilEstablished(name);
  await new Exabgp(scene.lab.node('exa')).announce(prefix);
});
afterAll(() => scene?.lab.down());

/** Of a path in FRR. */
async function clusterListAtFrr(): Promise<string> {
  const [path] = (await scene.frr('frr').paths(prefix)) as unknown as { clusterList?: { list: string[] } }[];
  return path?.clusterList?.list.join(' ') ?? '';
}

describe('a reflector of several clusters', () => {
  interop('reflection', 'frr', 'tells a client of another cluster both', async () => {
    await until('FRR has both clusters', async () => (await clusterListAtFrr()) === '10.9.0.1 10.9.0.9');
  });

  interop('reflection', 'gobgp', 'tells a client of another cluster both', async () => {
    const { attrs } = await scene.gobgp('gobgp').untilPath(prefix);
    const of = (type: number) =>
      (attrs as unknown as { type: number; value?: unknown }[]).find((a) => a.type === type);
    expect(of(10)?.value).toEqual(['10.9.0.2', '10.9.0.9']);
    expect(of(9)?.value).toBe('10.0.0.2');
  });

  interop('reflection', 'openbgpd', 'tells a client of the same cluster that one', async () => {
    await scene.openbgpd('open').untilPath(prefix);
    const shown = await scene.openbgpd('open').bgpctl('show', 'rib', 'detail', prefix);
    expect(shown).toMatch(/Originator Id: 10\.0\.0\.2/);
    expect(shown).toMatch(/Cluster Id List: +10\.9\.0\.9\s/);
  });

  interop(
    'reflection',
    'exabgp',
    'takes what went through none of its clusters, and drops what went through any',
    async () => {
      const exa = new Exabgp(scene.lab.node('exa'));
      await exa.announce('192.0.2.0/24', 'originator-id 10.0.9.9 cluster-list [ 10.9.0.7 10.9.0.1 ]');
      await exa.announce('203.0.113.0/24', 'originator-id 10.0.9.9 cluster-list [ 10.9.0.7 ]');
      await scene.t.untilRoute('203.0.113.0/24');
      const { paths } = await scene.t.client.explain('192.0.2.0/24');
      expect(paths).toMatchObject([
        { verdict: 'rejected', reason: 'a cluster of ours is in its CLUSTER_LIST (RFC 4456 §8)' },
      ]);
    },
  );

  it('is another one after a reload, with no session reset', async () => {
    const { t } = scene;
    const file = '/etc/tartan/router.yaml';
    const document = (await t.node.exec(['cat', file])).stdout;
    const changed = document.replaceAll('10.9.0.1', '10.9.0.3');
    await t.node.exec(['sh', '-c', `printf %s "$1" > ${file}`, 'write', changed]);
    expect(await t.client.reload()).toMatchObject({
      applied: true,
      resets: [],
      changes: ['peer frr: clusterId 10.9.0.1 → 10.9.0.3; its routes are evaluated again'],
    });
    await until('FRR has the other cluster', async () => (await clusterListAtFrr()) === '10.9.0.3 10.9.0.9');
    // What was a loop is none any more.
    await t.untilRoute('192.0.2.0/24');
  });
});
