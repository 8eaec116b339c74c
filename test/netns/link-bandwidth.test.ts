import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../../interop/index.js';
import { interop } from './support/interop.js';
import { type Peering, peering, theirs } from './support/peering.js';

/** The way to 198.51.100.0/24 leads over three neighbours, with links of 100, 300 and 200 Mbit/s. */
const prefix = '198.51.100.0/24';
let scene: Peering;

const bandwidth = (mbits: number) => ({
  lines: ['route-map out permit 10', ` set extcommunity bandwidth ${mbits}`, 'exit'],
  familySettings: ['route-map out out'],
});

beforeAll(async () => {
  scene = await peering(
    'link-bandwidth',
    [
      { name: 'slow', image: 'frr', asn: 65002, networks: [prefix], frr: bandwidth(100) },
      { name: 'fast', image: 'frr', asn: 65003, networks: [prefix], frr: bandwidth(300) },
      {
        name: 'middle',
        image: 'bird',
        asn: 65004,
        networks: [prefix],
        // 0x4bbebc20 is 25,000,000 as a float.
        bird: {
          channel: [
            'import all;',
            'export filter { bgp_ext_community.add((generic, 0x0004fdec, 0x4bbebc20)); accept; };',
          ],
        },
      },
      { name: 'inner', image: 'frr', asn: 65001, peer: { export: 'told' } },
      { name: 'outer', image: 'frr', asn: 65005, peer: { export: 'told' } },
    ],
    {
      maxPaths: 4,
      networks: ['203.0.113.0/24'],
      filters: {
        told: [
          {
            set: { extendedCommunities: { add: ['bandwidth:65001:125000000', 'rt:65001:7'] } },
            action: 'accept',
          },
        ],
      },
    },
  );
  for (const name of ['slow', 'fast', 'middle', 'inner', 'outer']) await scene.t.untilEstablished(name);
});
afterAll(() => scene?.lab.down());

interface KernelHop {
  gateway: string;
  weight: number;
}
/** Weights that the kernel has, by gateway. */
async function weights(): Promise<Record<string, number>> {
  const { stdout } = await scene.lab.node('t').exec(['ip', '-j', '-4', 'route', 'show', prefix]);
  const routes = JSON.parse(stdout || '[]') as { nexthops?: KernelHop[] }[];
  return Object.fromEntries((routes[0]?.nexthops ?? []).map(({ gateway, weight }) => [gateway, weight]));
}
const untilWeights = (wanted: Record<string, number>) =>
  until(
    `the kernel has the weights ${JSON.stringify(wanted)}`,
    async () => {
      const found = await weights();
      const sorted = (of: Record<string, number>) => JSON.stringify(Object.entries(of).sort());
      if (sorted(found) !== sorted(wanted)) throw new Error(JSON.stringify(found));
      return true;
    },
    { timeoutSeconds: 60 },
  );

describe('paths that tell the bandwidth of their links', () => {
  const proportional = { [theirs(0)]: 1, [theirs(1)]: 3, [theirs(2)]: 2 };

  interop('link-bandwidth', 'frr', 'share traffic in proportion', async () => {
    await untilWeights(proportional);
    const [row] = await scene.t.fib({ prefix });
    expect(Object.fromEntries(row.nextHops.map(({ gateway, weight }) => [gateway, weight]))).toEqual(
      proportional,
    );
    const { kernel } = await scene.t.client.explain(prefix);
    expect(kernel?.told).toContain(`via ${theirs(1)} dev eth2 weight 3`);
  });

  it('carry flows in that proportion, as the kernel says of 1,200 of them', async () => {
    await untilWeights(proportional);
    const t = scene.lab.node('t');
    await t.exec(['sysctl', '-q', '-w', 'net.ipv4.fib_multipath_hash_policy=1']);
    const flows = Array.from(
      { length: 1200 },
      (_, i) => `route get 198.51.100.${1 + (i % 200)} ipproto udp sport ${20000 + i} dport ${1000 + 7 * i}`,
    );
    const { stdout } = await t.exec(['sh', '-c', 'printf %s "$1" | ip -batch -', 'flows', flows.join('\n')]);
    const over = (device: string) => stdout.split(`dev ${device} `).length - 1;
    const counts = [over('eth1'), over('eth2'), over('eth3')];
    expect(counts.reduce((sum, each) => sum + each)).toBe(1200);
    // 200, 600 and 400, and what chance adds.
    for (const [i, expected] of [200, 600, 400].entries()) {
      expect(counts[i], String(counts)).toBeGreaterThan(expected * 0.75);
      expect(counts[i], String(counts)).toBeLessThan(expected * 1.25);
    }
  });

  interop('link-bandwidth', 'bird', 'follow when a bandwidth changes or is no longer told', async () => {
    await untilWeights(proportional);
    const bird = scene.bird('middle');
    const file = '/etc/bird/bird.conf';
    const text = (await bird.node.exec(['cat', file])).stdout;
    const write = async (changed: string) => {
      await bird.node.exec(['sh', '-c', `printf %s "$1" > ${file}`, 'write', changed]);
      await bird.configure();
      await bird.birdc('reload out t');
    };
    // 50,000,000.
    await write(text.replace('0x4bbebc20', '0x4c3ebc20'));
    await untilWeights({ ...proportional, [theirs(2)]: 4 });
    // One that says nothing, and all are alike.
    await write(text.replace(/bgp_ext_community\.add\(.*?\)\);/, ''));
    await untilWeights({ [theirs(0)]: 1, [theirs(1)]: 1, [theirs(2)]: 1 });
    await write(text);
    await untilWeights(proportional);
  });

  interop('link-bandwidth', 'frr', 'are told within the AS, and not beyond it', async () => {
    const communities = async (name: string) =>
      (await scene.frr(name).untilPath('203.0.113.0/24')).extendedCommunity?.string;
    expect(await communities('inner')).toMatch(/LB:65001:125000000/);
    expect(await communities('outer')).toBe('RT:65001:7');
  });

  it('are taken for alike where the document says so, until it does no more', async () => {
    const { t } = scene;
    const file = '/etc/tartan/router.yaml';
    const document = (await t.node.exec(['cat', file])).stdout;
    const apply = async (text: string) => {
      await t.node.exec(['sh', '-c', `printf %s "$1" > ${file}`, 'write', text]);
      expect(await t.client.reload()).toMatchObject({ applied: true, resets: [] });
    };
    await apply(document.replace('"maxPaths"', '"linkBandwidth": "ignore", "maxPaths"'));
    await untilWeights({ [theirs(0)]: 1, [theirs(1)]: 1, [theirs(2)]: 1 });
    await apply(document);
    await untilWeights(proportional);
  });
});
