/** The way to one prefix, as far as its accumulated metric says (RFC 7311), through `t` and to those behind it. */
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { until } from '../../interop/index.js';
import { interop, unsupported } from './support/interop.js';
import { type Peering, peering, theirs } from './support/peering.js';

const prefix = '198.51.100.0/24';
const beyond = '10.255.9.1';
let scene: Peering;

beforeAll(async () => {
  scene = await peering(
    'aigp',
    [
      { name: 'exa', image: 'exabgp', asn: 65001 },
      {
        name: 'inner',
        image: 'bird',
        asn: 65001,
        bird: {
          lines: [
            'protocol static origin { ipv4; route 198.51.100.0/24 unreachable { igp_metric = 100; }; }',
          ],
          channel: [
            'next hop self;',
            'aigp originate;',
            'import all;',
            'export filter { if source != RTS_STATIC then reject; accept; };',
          ],
        },
      },
      { name: 'gobgp', image: 'gobgp', asn: 65003, peer: { aigp: true } },
      {
        name: 'bird',
        image: 'bird',
        asn: 65004,
        peer: { aigp: true },
        bird: { channel: ['aigp on;', 'import all;', 'export none;'] },
      },
      { name: 'frr', image: 'frr', asn: 65001 },
      { name: 'open', image: 'openbgpd', asn: 65001 },
    ],
    { networks: [{ prefix: '203.0.113.0/24', aigp: 4000 }, '192.0.2.0/24'] },
  );
  for (const name of ['exa', 'inner', 'gobgp', 'bird', 'frr', 'open']) await scene.t.untilEstablished(name);
  await reachBeyondBy(20);
  await scene.exabgp('exa').announce(prefix, `next-hop ${beyond} aigp 50`);
});
afterAll(() => scene?.lab.down());

let metricBefore: number | null = null;
/** What the kernel of `t` says of the way to the next hop that ExaBGP tells of. */
async function reachBeyondBy(metric: number): Promise<void> {
  const t = scene.lab.node('t');
  const route = (of: number) => [beyond, 'via', theirs(0), 'metric', String(of), 'proto', 'static'];
  await t.exec(['ip', 'route', 'add', ...route(metric)]);
  if (metricBefore !== null) await t.exec(['ip', 'route', 'del', ...route(metricBefore)]);
  metricBefore = metric;
}

async function atGobgp(of = prefix): Promise<unknown> {
  const [path] = await scene.gobgp('gobgp').paths(of);
  return path?.attrs.find(({ type }) => type === 26)?.value;
}
async function atBird(of = prefix): Promise<string | undefined> {
  return /BGP\.aigp: (\d+)/.exec(await scene.bird('bird').route(of))?.[1];
}
const untilBirdSees = (metric: string | undefined, of = prefix) =>
  until(`BIRD has the metric ${metric}`, async () => {
    const seen = (await scene.bird('bird').route(of)) !== '';
    return seen && (await atBird(of)) === metric;
  });

describe('the accumulated IGP metric', () => {
  interop('aigp', 'exabgp', 'is taken, and counts with the way to the next hop', async () => {
    const { paths } = await until('both are there', async () => {
      const found = await scene.t.client.explain(prefix);
      return found.paths.length === 2 && found;
    });
    expect(paths).toMatchObject([
      { peer: 'exa', verdict: 'best', attributes: { aigp: 50 } },
      {
        peer: 'inner',
        verdict: 'lost',
        attributes: { aigp: 100 },
        reason: 'step 4: no AIGP, or a higher sum of AIGP and the distance to the next hop (RFC 7311 §4.1)',
      },
    ]);
    // What `t` originates with a metric, ExaBGP gets with it. It does not read the attribute; its octets do.
    const exa = scene.exabgp('exa');
    await until('ExaBGP gets AIGP of 4000', () =>
      exa.heard().some(({ neighbor }) => /801a0b01000b0000000000000fa0/i.test(neighbor.message?.body ?? '')),
    );
  });

  interop(
    'aigp',
    'gobgp',
    'is told with the way added, and follows it while the best path stays',
    async () => {
      const untilGobgpSees = (metric: number) =>
        until(`GoBGP has the metric ${metric}`, async () => {
          return JSON.stringify(await atGobgp()) === JSON.stringify([{ type: 1, metric }]);
        });
      await untilGobgpSees(70);
      await reachBeyondBy(30);
      await untilGobgpSees(80);
      const { paths } = await scene.t.client.explain(prefix);
      expect(paths[0]).toMatchObject({ peer: 'exa', verdict: 'best' });
      // Now the other one is nearer: 100, and a step of 1 over the link.
      await reachBeyondBy(60);
      await untilGobgpSees(101);
      await reachBeyondBy(20);
      await untilGobgpSees(70);

      await scene.gobgp('gobgp').announce('192.0.9.0/24', 'aigp metric 7');
      await scene.t.untilRoute('192.0.9.0/24');
      const own = await scene.t.client.explain('192.0.9.0/24');
      expect(own.paths).toMatchObject([{ peer: 'gobgp', attributes: { aigp: 7 } }]);
    },
  );

  interop('aigp', 'bird', 'is told with the way added, and as it was originated', async () => {
    await untilBirdSees('70');
    await untilBirdSees('4000', '203.0.113.0/24');
    // And nothing where there is none.
    await untilBirdSees(undefined, '192.0.2.0/24');
  });

  interop('aigp', 'bird', 'is not there on a session that is set so, with no session reset', async () => {
    const { t } = scene;
    await untilBirdSees('70');
    const file = '/etc/tartan/router.yaml';
    const document = (await t.node.exec(['cat', file])).stdout;
    const parsed = JSON.parse(document) as { spec: { peers: { name: string; aigp?: boolean }[] } };
    for (const peer of parsed.spec.peers) {
      if (peer.name === 'bird') delete peer.aigp;
      if (peer.name === 'inner') peer.aigp = false;
    }
    const apply = async (text: string, changes: string[]) => {
      await t.node.exec(['sh', '-c', `printf %s "$1" > ${file}`, 'write', text]);
      expect(await t.client.reload()).toMatchObject({ applied: true, resets: [], changes });
    };
    const after = '; its routes are evaluated again';
    await apply(JSON.stringify(parsed), [
      `peer inner: aigp unset → false${after}`,
      `peer bird: aigp true → unset${after}`,
    ]);
    await untilBirdSees(undefined);
    await until('what BIRD tells of 100 counts as nothing', async () => {
      const { paths } = await t.client.explain(prefix);
      const inner = paths.find(({ peer }) => peer === 'inner');
      return inner?.verdict === 'lost' && inner.attributes.aigp === undefined;
    });
    await apply(document, [`peer inner: aigp false → unset${after}`, `peer bird: aigp unset → true${after}`]);
    await untilBirdSees('70');
  });

  unsupported('aigp', 'frr', 'a route map has no word for it', async () => {
    const words = ['-c', 'configure terminal', '-c', 'route-map m permit 10', '-c', 'set aigp-metric 5'];
    const { stdout } = await scene.lab.node('frr').exec(['vtysh', ...words], { allowFailure: true });
    expect(stdout).toMatch(/Unknown command: set aigp-metric/);
    // And what it is told, it takes without.
    await scene.frr('frr').untilPath('203.0.113.0/24');
    const shown = JSON.stringify(await scene.frr('frr').paths('203.0.113.0/24'));
    expect(shown).not.toMatch(/aigp/i);
  });

  unsupported('aigp', 'openbgpd', 'a filter has no word for it', async () => {
    const node = scene.lab.node('open');
    const check = (rule: string) =>
      node.exec(['sh', '-c', '{ cat /etc/bgpd.conf; echo "$1"; } > /tmp/c; bgpd -nf /tmp/c', 'check', rule], {
        allowFailure: true,
      });
    expect((await check('match to any set metric 5')).status).toBe(0);
    expect(await check('match to any set aigp 5')).toMatchObject({
      stderr: expect.stringMatching(/syntax error/),
    });
    await scene.openbgpd('open').untilPath('203.0.113.0/24');
    const shown = await scene.openbgpd('open').bgpctl('show', 'rib', 'detail', '203.0.113.0/24');
    expect(shown).not.toMatch(/4000/);
  });
});
