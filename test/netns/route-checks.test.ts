import { afterEach, describe, expect, it } from 'vitest';
import { until } from '../../interop/index.js';
import { type Peering, peering } from './support/peering.js';

let scene: Peering | undefined;
afterEach(async () => {
  await scene?.lab.down();
  scene = undefined;
});

const prefix = '198.51.100.0/24';

/** What is said about the only path to the prefix. */
async function verdict(of: Peering): Promise<{ verdict: string; reason: string }> {
  const { paths } = await of.t.client.explain(prefix);
  const { verdict, reason } = paths[0] ?? { verdict: 'none', reason: '' };
  return { verdict, reason };
}

/** BIRD changes what it announces, and Tartan has heard of it. */
async function announced(peer: Record<string, unknown>, change: string): Promise<Peering> {
  scene = await peering('checks', [
    {
      name: 'b',
      image: 'bird',
      asn: 65002,
      networks: [prefix],
      peer,
      bird: {
        channel: ['import all;', `export filter { if source != RTS_STATIC then reject; ${change} accept; };`],
      },
    },
  ]);
  await scene.t.untilPeer('b', (row) => row.families.ipv4?.received === 1, 'has announced its route');
  return scene;
}

describe('with BIRD as peer', () => {
  it('rejects what does not begin with its AS, until the document says otherwise', async () => {
    // Away goes the AS that BIRD has put in front, as a route server does.
    const lines = [
      'protocol static s1 { ipv4; route 198.51.100.0/24 unreachable { bgp_path.prepend(65009); }; }',
    ];
    scene = await peering('checks', [
      {
        name: 'b',
        image: 'bird',
        asn: 65002,
        bird: { lines, settings: ['rs client;'] },
      },
      {
        name: 'open',
        image: 'bird',
        asn: 65003,
        peer: { enforceFirstAs: false },
        bird: {
          lines: [
            'protocol static s1 { ipv4; route 203.0.113.0/24 unreachable { bgp_path.prepend(65009); }; }',
          ],
          settings: ['rs client;'],
        },
      },
    ]);
    const { t } = scene;
    await t.untilPeer('b', (row) => row.families.ipv4?.received === 1, 'has announced its route');
    expect(await verdict(scene)).toEqual({
      verdict: 'rejected',
      reason: "its AS_PATH does not begin with the peer's AS (enforceFirstAs, RFC 4271 §6.3)",
    });
    const route = await t.untilRoute('203.0.113.0/24');
    expect(route.asPath).toBe('65009');
    expect((await t.peer('b'))?.state).toBe('established');
  });

  it('rejects an AS_PATH that is longer than the document allows', async () => {
    const of = await announced({ maxAsPathLength: 2 }, 'bgp_path.prepend(65010); bgp_path.prepend(65002);');
    expect(await verdict(of)).toEqual({
      verdict: 'rejected',
      reason: 'its AS_PATH is longer than maxAsPathLength',
    });
    await of.t.untilPeer('b', (row) => row.families.ipv4?.accepted === 0, 'has nothing accepted');
  });

  it('uses no route that leads to itself, and says that it does', async () => {
    const of = await announced({}, 'bgp_next_hop = 192.0.2.1;');
    await of.t.node.exec(['ip', 'addr', 'add', '192.0.2.1/32', 'dev', 'lo']);
    await until('the address is known', async () => (await verdict(of)).reason.includes('itself'));
    expect(await verdict(of)).toEqual({
      verdict: 'unresolved',
      reason: 'its next hop is an address of this router itself (RFC 4271 §6.3)',
    });
    expect(await of.t.fib({ prefix })).toEqual([]);
  });
});
