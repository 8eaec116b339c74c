/** Tartan and other daemons with one RPKI cache: do they judge the same routes alike? */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stayrtrConfig, until, type Vrp } from '../../interop/index.js';
import { interop, unsupported } from './support/interop.js';
import { ours, type Peering, peering } from './support/peering.js';

const vrps: Vrp[] = [
  { prefix: '192.0.2.0/24', maxLength: 24, asn: 64500 },
  { prefix: '198.51.100.0/22', maxLength: 24, asn: 64501 },
  { prefix: '198.51.100.0/24', maxLength: 24, asn: 64502 },
  { prefix: '203.0.112.0/22', maxLength: 23, asn: 64503 },
  { prefix: '198.18.0.0/15', maxLength: 15, asn: 0 },
  { prefix: '198.18.4.0/24', maxLength: 24, asn: 64504 },
  { prefix: '100.64.0.0/16', maxLength: 20, asn: 4200000001 },
];

type State = 'valid' | 'invalid' | 'notFound';

/** Prefix, the AS_PATH behind Tartan's own number, and what RFC 6811 §2 makes of it. */
const sample: readonly (readonly [prefix: string, asPath: string, state: State])[] = [
  ['192.0.2.0/24', '65010 64500', 'valid'],
  ['192.0.2.128/25', '65010 64500', 'invalid'],
  ['198.51.100.0/24', '65010 64501', 'valid'],
  ['198.51.101.0/24', '65010 64502', 'invalid'],
  ['198.51.102.0/24', '65010 64999', 'invalid'],
  ['203.0.112.0/23', '65010 64503', 'valid'],
  ['203.0.113.0/24', '65010 64503', 'invalid'],
  ['203.0.112.0/21', '65010 64503', 'notFound'],
  ['198.18.5.0/24', '65010 64504', 'invalid'],
  ['198.18.4.0/24', '65010 64504', 'valid'],
  ['100.64.16.0/20', '65010 4200000001', 'valid'],
  ['100.64.16.0/21', '65010 4200000001', 'invalid'],
  ['100.65.0.0/16', '65010', 'notFound'],
];
/** Ends in a set, so that it has no origin. */
const aggregate = '192.0.2.0/26';

const states = (): Record<string, State> =>
  Object.fromEntries(sample.map(([prefix, , state]) => [prefix, state]));
const daemons = '/etc/frr/daemons';

let scene: Peering;

/** Where the neighbour with that index finds the cache: it runs on Tartan's node. */
const cacheOf = (index: number) => ours(index);

beforeAll(async () => {
  scene = await peering(
    'validation',
    [
      {
        name: 'x',
        image: 'exabgp',
        asn: 65010,
        networks: [
          ...sample.map(([prefix, path]) => `${prefix} as-path [ ${path} ]`),
          `${aggregate} as-path [ 65010 [ 64500 64501 ] ]`,
        ],
      },
      {
        name: 'f',
        image: 'frr',
        asn: 65011,
        node: { binds: [`daemons:${daemons}`] },
        files: { daemons: 'bgpd=yes\nbgpd_options="-A 127.0.0.1 -M rpki"\n' },
      },
      {
        name: 'b',
        image: 'bird',
        asn: 65012,
        bird: {
          lines: [
            'roa4 table r4;',
            `protocol rpki cache { roa4 { table r4; }; remote ${cacheOf(2)} port 323; retry keep 1; }`,
          ],
          channel: [
            'import table on;',
            'import filter {',
            '  if roa_check(r4) = ROA_VALID then bgp_large_community.add((65012, 0, 0));',
            '  if roa_check(r4) = ROA_UNKNOWN then bgp_large_community.add((65012, 0, 1));',
            '  if roa_check(r4) = ROA_INVALID then bgp_large_community.add((65012, 0, 2));',
            '  accept; };',
            'export none;',
          ],
        },
      },
      {
        name: 'g',
        image: 'gobgp',
        asn: 65013,
        gobgp: { sections: { 'rpki-servers': [{ config: { address: cacheOf(3), port: 323 } }] } },
      },
      { name: 'o', image: 'openbgpd', asn: 65014 },
    ],
    { rpki: { caches: [{ address: '127.0.0.1', retry: 1 }] } },
  );
  const node = scene.lab.node('t');
  node.write('/etc/vrps.json', stayrtrConfig(vrps));
  await scene.lab.spawn('t', [
    '/usr/bin/stayrtr',
    ...['-bind', ':323', '-metrics.addr', '', '-cache', '/etc/vrps.json', '-checktime=false'],
  ]);
  await scene.t.untilRoute('192.0.2.0/24', ({ validity }) => validity === 'valid');
  const routes = async () => (await scene.t.routes()).length === sample.length + 1;
  await until('Tartan has the whole sample', routes);
});
afterAll(() => scene?.lab.down());

/** Waits until the daemon judges the sample as it should; its last word where it never does. */
async function untilAlike(judge: () => Promise<Record<string, string | undefined>>): Promise<void> {
  let last: Record<string, string | undefined> = {};
  const isAlike = async () => {
    last = await judge();
    return sample.every(([prefix, , state]) => last[prefix] === state);
  };
  await until('it judges the sample alike', isAlike).catch(() => {});
  expect(last).toMatchObject(states());
  const own = Object.fromEntries((await scene.t.routes()).map(({ prefix, validity }) => [prefix, validity]));
  expect(own).toMatchObject(states());
}

describe('the same cache and the same routes', () => {
  interop('origin-validation', 'frr', 'leads to the same states', async () => {
    const frr = scene.frr('f');
    await frr.untilEstablished(ours(1));
    await frr.configure('rpki', `rpki cache ${cacheOf(1)} 323 preference 1`, 'exit');
    await frr.vtysh('rpki start');
    // It keeps the states of routes that it is asked for before it has the data.
    await until('FRR has the data', async () =>
      (await frr.vtysh('show rpki prefix-table')).includes(`Number of IPv4 Prefixes: ${vrps.length}`),
    );
    await untilAlike(async () => {
      const found: Record<string, string> = {};
      for (const [prefix] of sample) {
        const [path] = await frr.paths(prefix);
        const state = (path as { rpkiValidationState?: string } | undefined)?.rpkiValidationState;
        found[prefix] = state === 'not found' ? 'notFound' : `${state}`;
      }
      return found;
    });
  });

  interop('origin-validation', 'bird', 'leads to the same states', async () => {
    const bird = scene.bird('b');
    await bird.untilEstablished('t');
    await untilAlike(async () => {
      const text = await bird.birdc('show route all protocol t');
      const found: Record<string, string> = {};
      let prefix = '';
      for (const line of text.split('\n')) {
        prefix = /^(\d\S+\/\d+)/.exec(line)?.[1] ?? prefix;
        const state = /\(65012, 0, (\d)\)/.exec(line)?.[1];
        if (state !== undefined) found[prefix] = ['valid', 'notFound', 'invalid'][Number(state)] as string;
      }
      return found;
    });
  });

  interop('origin-validation', 'openbgpd', 'leads to the same states', async () => {
    const openbgpd = scene.openbgpd('o');
    await openbgpd.untilEstablished(ours(4));
    const { node } = openbgpd;
    node.write('/etc/bgpd.conf', `rtr ${cacheOf(4)} { port 323 }\n${node.read('/etc/bgpd.conf')}`);
    await openbgpd.reload();
    await untilAlike(async () => {
      const { rib } = await openbgpd.json<{ rib?: { prefix: string; ovs?: string }[] }>(
        'show',
        'rib',
        'detail',
      );
      return Object.fromEntries(
        (rib ?? []).map(({ prefix, ovs }) => [prefix, ovs === 'not-found' ? 'notFound' : ovs]),
      );
    });
  });

  interop('origin-validation', 'gobgp', 'leads to the same states', async () => {
    const gobgp = scene.gobgp('g');
    // It does not come back to a cache that was not there at its start.
    await gobgp.node.process.restart();
    await gobgp.untilEstablished(ours(3));
    await untilAlike(async () => {
      const rows = (await gobgp.gobgp('global', 'rib')).matchAll(/^([VIN])\*>\s*(\S+)/gm);
      const words: Record<string, State> = { V: 'valid', I: 'invalid', N: 'notFound' };
      return Object.fromEntries([...rows].map(([, letter, prefix]) => [prefix, words[letter]]));
    });
  });

  it('leaves a route without an origin invalid where a VRP covers it (RFC 6811 §2)', async () => {
    const { validity } = (await scene.t.client.explain(aggregate)).paths[0];
    expect(validity).toMatchObject({ state: 'invalid', originAsn: null });
  });

  unsupported('origin-validation', 'exabgp', 'is nothing that its configuration has a word for', async () => {
    const node = scene.lab.node('x');
    node.write('/etc/rpki.conf', 'rpki {\n  server 10.0.0.1;\n}\n');
    const tried = await node.exec(['exabgp', '--validate', '/etc/rpki.conf'], { allowFailure: true });
    expect(tried.stdout + tried.stderr).toMatch(/section rpki is invalid in root/);
    expect(tried.status).not.toBe(0);
  });
});
