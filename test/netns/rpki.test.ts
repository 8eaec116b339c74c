/** Origin validation with the data of StayRTR caches: what filters do by it, when the data changes, and when caches go. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  Frr,
  frrConfig,
  Lab,
  Stayrtr,
  stayrtrConfig,
  Tartan,
  tartanConfig,
  until,
  type Vrp,
} from '../../interop/index.js';
import type { CacheRow } from '../../src/control/api.js';

const right = '198.51.100.0/24';
const wrong = '198.51.101.0/24';
const unknown = '198.51.102.0/24';
const right6 = '2001:db8:1::/48';
const wrong6 = '2001:db8:2::/48';
const own = '203.0.113.0/24';

/** `p` is AS 65002. The VRP of `wrong` allows its /23 alone, that of `wrong6` another AS. */
const vrps: Vrp[] = [
  { prefix: right, maxLength: 24, asn: 65002 },
  { prefix: '198.51.100.0/23', maxLength: 23, asn: 65002 },
  { prefix: '2001:db8:1::/48', maxLength: 48, asn: 65002 },
  { prefix: '2001:db8:2::/47', maxLength: 64, asn: 65099 },
  { prefix: '203.0.113.0/24', maxLength: 24, asn: 65001 },
];

const document = (caches: object[]) =>
  tartanConfig({
    name: 't',
    asn: 65001,
    routerId: '10.0.0.1',
    spec: {
      networks: [own],
      rpki: { caches },
      filters: {
        checked: [
          { match: { rpki: 'invalid' }, action: 'reject' },
          { match: { rpki: ['valid'] }, set: { localPref: 150, validationState: true }, action: 'accept' },
          { action: 'accept' },
        ],
        known: [{ match: { rpki: 'valid' }, action: 'accept' }],
        all: [{ action: 'accept' }],
      },
      peers: [
        {
          name: 'p',
          address: '10.0.1.2',
          asn: 65002,
          families: ['ipv4', 'ipv6'],
          connectRetry: 1,
          import: 'checked',
          export: 'known',
        },
        { name: 'q', address: '10.0.4.2', asn: 65004, connectRetry: 1, import: 'all', export: 'known' },
      ],
    },
  });

const first = { name: 'r1', address: '10.0.2.2', preference: 1, retry: 1 };
const second = { name: 'r2', address: '10.0.3.2', preference: 2, retry: 1 };

let lab: Lab;
let t: Tartan;
let p: Frr;
let q: Frr;

const cache = async (name: string): Promise<CacheRow> => {
  const row = (await t.client.rpki()).find((each) => each.name === name);
  if (row === undefined) throw new Error(`no cache ${name}`);
  return row;
};
const untilCache = (name: string, what: string, accept: (row: CacheRow) => boolean) =>
  until(`cache ${name} ${what}`, async () => {
    const row = await cache(name);
    return accept(row) && row;
  });
const untilRejected = (prefix: string) =>
  until(`${prefix} is rejected`, async () => {
    const { paths } = await t.client.explain(prefix);
    return paths.length === 1 && paths[0].verdict === 'rejected' && paths[0];
  });
/** UPDATEs that both routers have had from us. */
const updates = () =>
  Promise.all(
    [p, q].map(async (router, i) => {
      const address = `10.0.${i === 0 ? 1 : 4}.1`;
      const states = await router.json<Record<string, { messageStats: { updatesRecv: number } }>>(
        `show bgp neighbors ${address}`,
      );
      return states[address].messageStats.updatesRecv;
    }),
  );
const reload = async (text: string) => {
  lab.node('t').write('/etc/tartan/router.yaml', text);
  expect(await t.client.reload()).toMatchObject({ applied: true, errors: [] });
};

beforeAll(async () => {
  const link = (n: number, host: number) => `ip addr add 10.0.${n}.${host}/24 dev eth${host === 1 ? n : 1}`;
  lab = await Lab.up(
    {
      name: 'rpki',
      topology: {
        nodes: {
          t: {
            image: 'tartan',
            'startup-config': 't.yaml',
            exec: [...[1, 2, 3, 4].map((n) => link(n, 1)), 'ip -6 addr add 2001:db8::1/64 dev eth1 nodad'],
          },
          p: {
            image: 'frr',
            'startup-config': 'p.conf',
            exec: [link(1, 2), 'ip -6 addr add 2001:db8::2/64 dev eth1 nodad'],
          },
          r1: { image: 'stayrtr', 'startup-config': 'vrps.json', exec: [link(2, 2)] },
          r2: { image: 'stayrtr', 'startup-config': 'vrps.json', exec: [link(3, 2)] },
          q: { image: 'frr', 'startup-config': 'q.conf', exec: [link(4, 2)] },
        },
        links: ['p', 'r1', 'r2', 'q'].map((name, i) => ({ endpoints: [`t:eth${i + 1}`, `${name}:eth1`] })),
      },
    },
    {
      files: {
        't.yaml': document([first, second]),
        'vrps.json': stayrtrConfig(vrps),
        'p.conf': frrConfig({
          asn: 65002,
          routerId: '10.0.1.2',
          networks: [right, wrong, unknown, right6, wrong6],
          neighbors: [
            {
              address: '10.0.1.1',
              remoteAsn: 65001,
              families: ['ipv4', 'ipv6'],
              settings: ['timers connect 1'],
            },
          ],
        }),
        'q.conf': frrConfig({
          asn: 65004,
          routerId: '10.0.4.2',
          neighbors: [{ address: '10.0.4.1', remoteAsn: 65001, settings: ['timers connect 1'] }],
        }),
      },
    },
  );
  t = new Tartan(lab.node('t'));
  p = new Frr(lab.node('p'));
  q = new Frr(lab.node('q'));
  await t.untilEstablished('p');
  await t.untilEstablished('q');
  await untilCache('r1', 'is in step', (row) => row.state === 'synced');
});
afterAll(() => lab?.down());

describe('with a cache', () => {
  it('speaks the newest version that both know, and leaves the second cache alone', async () => {
    expect(await cache('r1')).toMatchObject({
      version: 2,
      records: vrps.length,
      inForce: true,
      lastError: null,
    });
    expect(await cache('r2')).toMatchObject({ state: 'standby', records: 0, inForce: false, version: null });
  });

  it('import filters refuse what is invalid, and tell which VRPs decide', async () => {
    const route = await t.untilRoute(right, ({ validity }) => validity === 'valid');
    expect(route).toMatchObject({ localPref: 150, communities: ['4300000000000000'] });
    await t.untilRoute(unknown, ({ validity, localPref }) => validity === 'notFound' && localPref === null);
    await t.untilRoute(right6, ({ validity }) => validity === 'valid');
    expect((await untilRejected(wrong)).validity).toEqual({
      state: 'invalid',
      originAsn: 65002,
      vrps: [vrps[1]],
      reason: '/24 is too long; allowed: 198.51.100.0/23 up to /23 by AS 65002',
    });
    expect((await untilRejected(wrong6)).validity?.reason).toBe(
      'AS 65002 may not originate it; allowed: 2001:db8:2::/47 up to /64 by AS 65099',
    );
    expect((await t.client.explain(right)).paths[0].validity?.vrps).toEqual([vrps[0]]);
  });

  it('export filters announce what is valid alone, our own network with our own number among it', async () => {
    await q.untilPath(right);
    await q.untilPath(own);
    await q.untilNoPath(unknown);
    expect(await t.client.explain(unknown)).toMatchObject({
      advertised: [
        { peer: 'p', announced: false },
        { peer: 'q', announced: false, reason: 'filter known has no rule that accepts it' },
      ],
    });
  });

  it('judges again what its changes concern, in both directions, without a session that ends', async () => {
    const since = async () => (await t.client.peers()).map((peer) => peer.since);
    const before = await since();
    await new Stayrtr(lab.node('r1')).serve([
      ...vrps.filter(({ prefix }) => prefix !== right),
      { prefix: wrong, maxLength: 24, asn: 65002 },
      { prefix: unknown, maxLength: 24, asn: 65002 },
      { prefix: '2001:db8:2::/47', maxLength: 48, asn: 65002 },
    ]);
    await t.untilRoute(wrong, ({ validity }) => validity === 'valid');
    await t.untilRoute(wrong6, ({ validity }) => validity === 'valid');
    await t.untilRoute(unknown, ({ validity, localPref }) => validity === 'valid' && localPref === 150);
    await untilRejected(right);
    await q.untilPath(wrong);
    await q.untilPath(unknown);
    await q.untilNoPath(right);
    expect(await since()).toEqual(before);
    await new Stayrtr(lab.node('r1')).serve(vrps);
    await t.untilRoute(right);
    await untilRejected(wrong);
    await q.untilNoPath(wrong);
    expect(await since()).toEqual(before);
  });
});

describe('with two caches', () => {
  it('asks the second one when the first dies, and none of it is seen in the routes; the first one returns', async () => {
    const before = await updates();
    await lab.node('r1').process.kill('SIGKILL');
    await untilCache('r2', 'decides', (row) => row.inForce && row.state === 'synced');
    expect(await cache('r1')).toMatchObject({ inForce: false });
    await untilRejected(wrong);
    expect((await t.untilRoute(right)).validity).toBe('valid');
    expect(await q.paths(right)).toHaveLength(1);

    await lab.node('r1').process.start();
    await untilCache('r1', 'decides again', (row) => row.inForce && row.state === 'synced');
    await untilCache('r2', 'is left alone', (row) => row.state === 'standby' && row.records === 0);
    await untilRejected(wrong);
    expect(await updates()).toEqual(before);
  });
});

describe('without its only cache', () => {
  it('keeps the data until it expires; then nothing is found, and what was refused comes in', async () => {
    await reload(document([{ ...first, expire: 15 }]));
    // The next answer begins the new interval.
    await new Stayrtr(lab.node('r1')).serve([...vrps, { prefix: '192.0.2.0/24', maxLength: 24, asn: 1 }]);
    await untilCache('r1', 'has the new interval', (row) => row.records === vrps.length + 1);
    await lab.node('r1').process.kill('SIGKILL');
    const row = await untilCache('r1', 'is down', ({ lastError }) => lastError !== null);
    expect(row).toMatchObject({ inForce: true, records: vrps.length + 1, expireSeconds: 15 });
    await untilRejected(wrong);
    await t.untilRoute(wrong, ({ validity }) => validity === 'notFound');
    expect(await cache('r1')).toMatchObject({ inForce: false, records: 0, expiresAt: null });
    await q.untilNoPath(right);

    await lab.node('r1').process.start();
    await untilCache('r1', 'is back', ({ state }) => state === 'synced');
    await untilRejected(wrong);
    await q.untilPath(right);
  });

  it('says nothing of routes when the document names none any more', async () => {
    await reload(document([]));
    await t.untilRoute(wrong, (route) => !('validity' in route));
    expect(await t.client.rpki()).toEqual([]);
    await reload(document([first]));
    await untilRejected(wrong);
  });
});

describe('a cache of an older version', () => {
  it.each([0, 1])('is spoken to in version %i', async (version) => {
    const { process } = lab.node('r1');
    await process.kill();
    const old = await lab.spawn('r1', [
      '/usr/bin/stayrtr',
      ...['-bind', ':323', '-metrics.addr', '', '-cache', '/etc/stayrtr/vrps.json', '-checktime=false'],
      ...['-protocol', String(version)],
    ]);
    await untilCache('r1', 'is in step', (row) => row.state === 'synced' && row.version === version);
    await untilRejected(wrong);
    await old.kill();
    await process.start();
  });
});
