import { afterEach, describe, expect, it } from 'vitest';
import { type Peering, peering } from './support/peering.js';

let scene: Peering | undefined;
afterEach(async () => {
  await scene?.lab.down();
  scene = undefined;
});

const prefix = '198.51.100.0/24';

/** BIRD in AS 65002, which announces the prefix without a MED, and FRR in AS 65003, which does with 10. */
async function announced(med: Record<string, boolean>): Promise<Peering> {
  const lines = ['route-map out permit 10', ' set metric 10', 'exit'];
  scene = await peering(
    'med',
    [
      { name: 'bird', image: 'bird', asn: 65002, networks: [prefix] },
      {
        name: 'frr',
        image: 'frr',
        asn: 65003,
        networks: [prefix],
        frr: { lines, familySettings: ['route-map out out'] },
      },
    ],
    { med },
  );
  const { t } = scene;
  await t.untilPeer('bird', (peer) => (peer.families.ipv4?.accepted ?? 0) > 0, 'has announced its route');
  await t.untilPeer('frr', (peer) => (peer.families.ipv4?.accepted ?? 0) > 0, 'has announced its route');
  return scene;
}

describe('with FRR and BIRD as peers, in two ASes', () => {
  it('lets the MED of one AS decide against that of another only where the document says so', async () => {
    const { t } = await announced({ alwaysCompare: true });
    await t.untilRoute(prefix, (route) => route.peer === 'bird');
    const { paths } = await t.client.explain(prefix);
    expect(paths.find((path) => path.peer === 'frr')).toMatchObject({
      verdict: 'lost',
      reason: 'step 7: higher MULTI_EXIT_DISC (med.alwaysCompare, RFC 4271 §9.1.2.2 c)',
    });
  });

  it('takes a missing MED for the worst where the document says so', async () => {
    const { t } = await announced({ alwaysCompare: true, missingAsWorst: true });
    const best = await t.untilRoute(prefix, (route) => route.peer === 'frr');
    expect(best.med).toBe(10);
    const { paths } = await t.client.explain(prefix);
    expect(paths.find((path) => path.peer === 'bird')?.reason).toMatch(/^step 7/);
  });

  it('compares nothing between ASes otherwise, so that the BGP Identifier decides', async () => {
    const { t } = await announced({ missingAsWorst: true });
    await t.untilRoute(prefix, (route) => route.peer === 'bird');
    const { paths } = await t.client.explain(prefix);
    expect(paths.find((path) => path.peer === 'frr')?.reason).toMatch(/^step 10/);
  });
});
