/** What collectors are told, with FRR and BIRD as peers, and tshark and pmbmpd to say what it means. */
import { afterEach, describe, expect, it } from 'vitest';
import { Bird, birdConfig, Frr, frrConfig, Lab, Tartan, tartanConfig, until } from '../../interop/index.js';
import { formatPrefix, parsePrefix } from '../../src/address/index.js';
import type { RouteRow } from '../../src/control/api.js';
import type { CollectorModel, PlainRoute, TableKind } from '../support/bmp.js';
import { Pmbmpd, Station, stopStations, tshark } from './support/bmp-collector.js';

const labs: Lab[] = [];
afterEach(async () => {
  await stopStations();
  for (const lab of labs.splice(0)) await lab.down();
});

const collector = { name: 'c', address: '10.0.0.9', connectRetry: 1, statistics: 1 };
const real = { name: 'pmacct', address: '10.0.0.9', port: 11020, connectRetry: 1, statistics: 1 };
const addresses = { frr: '10.0.0.2', bird: '2001:db8:0:0:0:0:0:3' } as const;
type PeerName = keyof typeof addresses;
const all = { received: true, accepted: true, locRib: true };

function documentOf(spec: Record<string, unknown> = {}): string {
  return tartanConfig({
    name: 't',
    asn: 4200000001,
    routerId: '10.0.0.1',
    spec: {
      kernel: { install: false },
      networks: ['203.0.113.0/24', '2001:db8:113::/48'],
      filters: {
        some: [
          { match: { prefix: ['192.0.2.0/25'] }, action: 'reject' },
          { set: { localPref: 200, communities: { add: ['65001:1'] } }, action: 'accept' },
        ],
      },
      peers: [
        {
          name: 'frr',
          address: '10.0.0.2',
          asn: 65002,
          families: ['ipv4', 'ipv6'],
          connectRetry: 1,
          import: 'some',
        },
        { name: 'bird', address: '2001:db8::3', asn: 65003, families: ['ipv4', 'ipv6'], connectRetry: 1 },
      ],
      bmp: [{ ...collector, routes: all }],
      ...spec,
    },
  });
}

const frrNetworks = ['198.51.100.0/24', '192.0.2.0/25', '2001:db8:200::/48'];

/** What a row of `show routes` and a collector's route have in common, by prefix. */
type Facts = [
  prefix: string,
  nextHop: string,
  asPath: string,
  med: number | null,
  localPref: number | null,
  communities: string,
];

const text = (prefix: string): string => {
  const parsed = parsePrefix(prefix);
  return parsed === null ? prefix : formatPrefix(parsed);
};
const address = (nextHop: string): string =>
  text(`${nextHop}/${nextHop.includes(':') ? 128 : 32}`).replace(/\/.*/, '');

const shown = (rows: readonly RouteRow[]): Facts[] =>
  rows
    .map(({ prefix, nextHop, asPath, med, localPref, communities }): Facts => {
      // What this router originates has a next hop of zeros.
      const zeros = prefix.includes(':') ? '::' : '0.0.0.0';
      return [prefix, nextHop ?? zeros, asPath, med, localPref, communities.join(' ')];
    })
    .sort();

const collected = (routes: ReadonlyMap<string, PlainRoute>): Facts[] =>
  [...routes]
    .map(([prefix, { nextHop, asPath, med, localPref, communities }]): Facts => {
      return [text(prefix), address(nextHop), asPath, med, localPref, communities.join(' ')];
    })
    .sort();

/** Every table as the daemon shows it: by peer and kind. */
async function tablesOf(
  t: Tartan,
  peers: readonly PeerName[] = ['frr', 'bird'],
): Promise<Record<string, Facts[]>> {
  const tables: Record<string, Facts[]> = { 'loc-rib locRib': shown(await t.routes({ view: 'best' })) };
  for (const peer of peers) {
    for (const view of ['received', 'accepted'] as const) {
      tables[`${addresses[peer]} ${view}`] = shown(await t.routes({ peer, view }));
    }
  }
  return tables;
}

/** The same tables as a collector has them. */
function tablesIn(model: CollectorModel, tables: Record<string, unknown>): Record<string, Facts[]> {
  return Object.fromEntries(
    Object.keys(tables).map((key) => {
      const [peer, kind] = key.split(' ');
      return [key, collected(model.table(peer, kind as TableKind).routes)];
    }),
  );
}

/** Waits until the collector's tables are what the daemon shows, and says in what they differ if they never are. */
async function untilSame(
  t: Tartan,
  station: Station,
  peers?: readonly PeerName[],
): Promise<Record<string, Facts[]>> {
  let last: { wanted: unknown; found: unknown } | null = null;
  try {
    return await until(
      'the collector has the tables that are shown',
      async () => {
        const wanted = await tablesOf(t, peers);
        const found = tablesIn(station.model(), wanted);
        last = { wanted, found };
        return JSON.stringify(wanted) === JSON.stringify(found) && wanted;
      },
      { timeoutSeconds: 60 },
    );
  } catch (error) {
    if (last !== null)
      expect((last as { found: unknown }).found).toEqual((last as { wanted: unknown }).wanted);
    throw error;
  }
}

async function scene(document: string): Promise<{ lab: Lab; t: Tartan; frr: Frr; bird: Bird }> {
  const addresses = (n: number) => [
    `ip addr add 10.0.0.${n}/24 dev eth1`,
    `ip -6 addr add 2001:db8::${n}/64 dev eth1 nodad`,
  ];
  const lab = await Lab.up(
    {
      name: 'bmp',
      topology: {
        nodes: {
          t: { image: 'tartan', 'startup-config': 't.yaml', exec: addresses(1) },
          frr: { image: 'frr', 'startup-config': 'frr.conf', exec: addresses(2) },
          bird: { image: 'bird', 'startup-config': 'bird.conf', exec: addresses(3) },
          c: { kind: 'linux', exec: addresses(9) },
          sw: { kind: 'bridge' },
        },
        links: ['t', 'frr', 'bird', 'c'].map((node, i) => ({ endpoints: [`${node}:eth1`, `sw:p${i}`] })),
      },
    },
    {
      files: {
        't.yaml': document,
        'frr.conf': frrConfig({
          asn: 65002,
          routerId: '10.0.0.2',
          networks: frrNetworks,
          neighbors: [
            {
              address: '10.0.0.1',
              remoteAsn: 4200000001,
              families: ['ipv4', 'ipv6'],
              settings: ['timers connect 1'],
            },
          ],
        }),
        'bird.conf': birdConfig({
          asn: 65003,
          routerId: '10.0.0.3',
          networks: ['198.51.101.0/24', '2001:db8:300::/48'],
          neighbors: [
            {
              name: 't',
              address: '2001:db8::1',
              remoteAsn: 4200000001,
              families: ['ipv4', 'ipv6'],
              settings: ['graceful restart on;'],
            },
          ],
        }),
      },
    },
  );
  labs.push(lab);
  return {
    lab,
    t: new Tartan(lab.node('t')),
    frr: new Frr(lab.node('frr')),
    bird: new Bird(lab.node('bird')),
  };
}

/** The scene with both sessions up, their tables delivered, and a station that listens. */
async function monitored(
  spec: Record<string, unknown> = {},
): Promise<Awaited<ReturnType<typeof scene>> & { station: Station }> {
  const up = await scene(documentOf(spec));
  await up.t.untilRoute('2001:db8:200::/48');
  await up.t.untilRoute('2001:db8:300::/48');
  const station = await Station.start(up.lab, 'c');
  await station.until('is in sync', (model) => model.table('loc-rib', 'locRib').endOfRib.size === 2);
  return { ...up, station };
}

async function reload(lab: Lab, t: Tartan, document: string): Promise<string[]> {
  lab.node('t').write('/etc/tartan/router.yaml', document);
  const { applied, errors, changes } = await t.client.reload();
  expect(errors).toEqual([]);
  expect(applied).toBe(true);
  return changes;
}

/** Code, subcode and data of a NOTIFICATION, the one within where it is a Hard Reset (RFC 8538 §3). */
const ceaseOf = (message: Buffer) => message.subarray(message[19] === 6 && message[20] === 9 ? 21 : 19);

const octet = (bytes: Buffer, at: number) => bytes[at];

describe('a collector that comes late', () => {
  it('has the tables that are shown, in the eyes of tshark and of pmbmpd too', async () => {
    const { lab, t } = await scene(
      documentOf({
        bmp: [
          { ...collector, routes: all },
          { ...real, routes: all },
        ],
      }),
    );
    await t.untilRoute('2001:db8:200::/48');
    await t.untilRoute('2001:db8:300::/48');
    const pmbmpd = await Pmbmpd.start(lab, 'c');
    const station = await Station.start(lab, 'c');
    await station.until('has statistics of all', (model) => model.statistics.size === 3);
    const tables = await untilSame(t, station);
    // Pre-policy has what the filter rejects, and what came back to us; post-policy what the filter made of the rest.
    expect(tables['10.0.0.2 received'].map(([prefix]) => prefix)).toContain('192.0.2.0/25');
    expect(tables['10.0.0.2 accepted']).toEqual([
      ['198.51.100.0/24', '10.0.0.2', '65002', 0, 200, '65001:1'],
      ['2001:db8:200::/48', '2001:db8::2', '65002', 0, 200, '65001:1'],
    ]);

    const model = station.model();
    expect(model.sysName).toBe('t');
    for (const key of Object.keys(tables)) {
      const [peer, kind] = key.split(' ');
      expect(model.table(peer, kind as TableKind).endOfRib).toEqual(new Set(['ipv4', 'ipv6']));
    }
    const up = model.peers.get(addresses.frr);
    if (up === undefined) throw new Error('no Peer Up');
    const row = await t.peer('frr');
    expect(up).toMatchObject({ localAddress: '10.0.0.1', tlvs: [] });
    expect(up.peer).toMatchObject({
      type: 0,
      flags: 0,
      asn: 65002,
      routerId: '10.0.0.2',
      distinguisher: '0'.repeat(16),
    });
    expect([up.localPort, up.remotePort]).toContain(179);
    expect(row?.state).toBe('established');
    // OPEN: version, AS (ours has AS_TRANS), and the identifier.
    expect([octet(up.sentOpen, 18), octet(up.sentOpen, 19), up.sentOpen.readUInt16BE(20)]).toEqual([
      1, 4, 23456,
    ]);
    expect([octet(up.receivedOpen, 18), up.receivedOpen.readUInt16BE(20)]).toEqual([1, 65002]);
    expect(up.receivedOpen.subarray(24, 28)).toEqual(Buffer.from([10, 0, 0, 2]));
    expect(model.peers.get(addresses.bird)?.peer.flags).toBe(0x80);
    expect(model.peers.get('loc-rib')?.peer).toMatchObject({
      type: 3,
      flags: 0,
      asn: 4200000001,
      routerId: '10.0.0.1',
    });

    const frames = tshark(station.bytes(), [
      'bmp.peer.type',
      'bmp.peer.flags.post_policy',
      'bmp.peer.ip.addr',
      'bmp.peer.ipv6.addr',
      'bmp.peer.up.port.local',
      'bmp.stats.data.routes_adj_rib_in',
      'bmp.stats.data.routes_loc_rib',
      'bgp.open.identifier',
      'bgp.update.path_attribute.as_path_segment.as4',
      'bgp.nlri_prefix',
      'bgp.mp_reach_nlri_ipv6_prefix',
    ]);
    expect(frames[0]['bmp.type']).toEqual(['4']);
    const ups = frames.filter((frame) => frame['bmp.type'][0] === '3');
    expect(ups.map((frame) => frame['bgp.open.identifier'])).toEqual(
      expect.arrayContaining([
        ['10.0.0.1', '10.0.0.1'],
        ['10.0.0.1', '10.0.0.2'],
        ['10.0.0.1', '10.0.0.3'],
      ]),
    );
    /** What tshark sees announced in one table, all along. */
    const announced = (accept: (frame: Record<string, string[]>) => boolean) =>
      frames
        .filter((frame) => frame['bmp.type'][0] === '0' && accept(frame))
        .flatMap((frame) => [...frame['bgp.nlri_prefix'], ...frame['bgp.mp_reach_nlri_ipv6_prefix']])
        .sort();
    const networks = (key: string) => tables[key].map(([prefix]) => prefix.replace(/\/.*/, '')).sort();
    const isPeer = (frame: Record<string, string[]>, post: string) =>
      frame['bmp.peer.ip.addr'][0] === '10.0.0.2' && frame['bmp.peer.flags.post_policy'][0] === post;
    expect(announced((frame) => isPeer(frame, '0'))).toEqual(networks('10.0.0.2 received'));
    expect(announced((frame) => isPeer(frame, '1'))).toEqual(networks('10.0.0.2 accepted'));
    expect(announced((frame) => frame['bmp.peer.type'][0] === '3')).toEqual(networks('loc-rib locRib'));
    const statistics = frames.filter((frame) => frame['bmp.type'][0] === '1');
    expect(statistics.flatMap((frame) => frame['bmp.stats.data.routes_loc_rib'])).toContain('6');
    expect(statistics.flatMap((frame) => frame['bmp.stats.data.routes_adj_rib_in'])).toContain('7');

    const wanted: Record<string, Facts[]> = {
      '10.0.0.2 received': tables['10.0.0.2 received'],
      '10.0.0.2 accepted': tables['10.0.0.2 accepted'],
      '2001:db8::3 received': tables[`${addresses.bird} received`],
      '0.0.0.0 locRib': tables['loc-rib locRib'],
    };
    const theirs = () =>
      Object.fromEntries(
        Object.keys(wanted).map((key) => {
          const [peer, kind] = key.split(' ');
          const facts = [...pmbmpd.table(peer, kind as TableKind)].map(([prefix, line]): Facts => {
            const { bgp_nexthop = '', as_path = '', med = null, local_pref = null, comms = '' } = line;
            return [prefix, bgp_nexthop, as_path, med, local_pref, comms];
          });
          return [key, facts.sort()];
        }),
      );
    await until('pmbmpd has the same', () => JSON.stringify(theirs()) === JSON.stringify(wanted), {
      timeoutSeconds: 20,
    }).catch(() => expect(theirs()).toEqual(wanted));
    expect(pmbmpd.lines()).toContainEqual(
      expect.objectContaining({ bmp_msg_type: 'init', bmp_init_info_sysname: 't' }),
    );

    expect(await t.client.collectors()).toMatchObject([
      { name: 'c', state: 'connected', peersUp: 2, pending: { prefixes: 0 }, connections: 1 },
      { name: 'pmacct', state: 'connected', peersUp: 2, pending: { prefixes: 0 } },
    ]);
  }, 180_000);
});

describe('a collector that stays', () => {
  it('follows what peers announce and withdraw, and filters that change', async () => {
    const { lab, t, frr, station } = await monitored();
    await untilSame(t, station);
    await frr.configure(
      'router bgp 65002',
      'address-family ipv4 unicast',
      'network 198.51.102.0/24',
      'no network 198.51.100.0/24',
    );
    await t.untilRoute('198.51.102.0/24');
    await t.untilNoRoute('198.51.100.0/24');
    const tables = await untilSame(t, station);
    const of = (key: string) => tables[key].map(([prefix]) => prefix);
    for (const key of ['10.0.0.2 received', '10.0.0.2 accepted', 'loc-rib locRib']) {
      expect(of(key)).toContain('198.51.102.0/24');
      expect(of(key)).not.toContain('198.51.100.0/24');
    }
    // What changes while the collector is there has a time; what was there before has none (RFC 7854 §4.2).
    const times = station
      .model()
      .messages.flatMap((message) => (message.type === 'routeMonitoring' ? [message] : []));
    expect(times[0].peer.seconds).toBe(0);
    expect(Math.abs((times.at(-1)?.peer.seconds ?? 0) - Date.now() / 1000)).toBeLessThan(120);

    const before = station.model().messages.length;
    const since = (await t.peer('frr'))?.since;
    const filters = { some: [{ set: { localPref: 300 }, action: 'accept' }] };
    const changes = await reload(lab, t, documentOf({ filters }));
    expect(changes).toEqual(['filter some changed']);
    await t.untilRoute('192.0.2.0/25', (route) => route.localPref === 300);
    const after = await untilSame(t, station);
    expect(after['10.0.0.2 accepted'].every(([, , , , localPref]) => localPref === 300)).toBe(true);
    expect(after['10.0.0.2 accepted'].map(([prefix]) => prefix)).toContain('192.0.2.0/25');
    // What the peer announced is as it was, so nothing is said of it; and no session was touched.
    const said = station
      .model()
      .messages.slice(before)
      .filter((message) => message.type === 'routeMonitoring');
    expect(said.filter(({ peer }) => peer.type === 0 && (peer.flags & 0x40) === 0)).toEqual([]);
    expect((await t.peer('frr'))?.since).toBe(since);
  }, 180_000);

  it('is told how sessions end, and when they are back', async () => {
    const { lab, t, frr, bird, station } = await monitored();
    await t.client.peerAction('frr', 'shutdown', 'maintenance');
    const down = (reason: number) =>
      station.until(`Peer Down for reason ${reason}`, (model) =>
        model.downs.find((each) => each.reason === reason),
      );
    // The NOTIFICATION that we sent: Cease, Administrative Shutdown, with its words.
    const ours = await down(1);
    expect(ours.peer).toBe('10.0.0.2');
    expect(ours.data[18]).toBe(3);
    expect([...ceaseOf(ours.data).subarray(0, 2)]).toEqual([6, 2]);
    expect(ceaseOf(ours.data).subarray(3).toString()).toBe('maintenance');
    expect(station.model().peers.has('10.0.0.2')).toBe(false);
    await untilSame(t, station, ['bird']);
    await t.client.peerAction('frr', 'enable');
    await station.until('Peer Up again', (model) => model.peers.has('10.0.0.2'));
    await t.untilRoute('2001:db8:200::/48');
    await untilSame(t, station);

    await frr.configure('router bgp 65002', 'neighbor 10.0.0.1 shutdown');
    const theirs = await down(3);
    expect([...ceaseOf(theirs.data).subarray(0, 2)]).toEqual([6, 2]);
    await frr.configure('router bgp 65002', 'no neighbor 10.0.0.1 shutdown');
    await station.until('Peer Up again', (model) => model.peers.has('10.0.0.2'));

    await lab.node('bird').process.kill('SIGKILL');
    const gone = await down(4);
    expect(gone).toMatchObject({ peer: addresses.bird, data: Buffer.alloc(0) });
    await lab.node('bird').process.start();
    await bird.untilEstablished('t');
    await t.untilRoute('2001:db8:300::/48');
    await station.until('Peer Up again', (model) => model.peers.has(addresses.bird));
    await untilSame(t, station);
    const reasons = tshark(station.bytes(), ['bmp.peer.down.reason', 'bgp.notify.minor_error_cease']).filter(
      (frame) => frame['bmp.type'][0] === '2',
    );
    expect(reasons.map((frame) => frame['bmp.peer.down.reason'][0])).toEqual(['1', '3', '4']);
    expect(['2', '9']).toContain(reasons[0]['bgp.notify.minor_error_cease'][0]);
  }, 180_000);

  it('sees routes that are kept for a peer in the Loc-RIB alone until they are announced again', async () => {
    const graceful = { gracefulRestart: { restartTime: 100 } };
    const { lab, t, bird, station } = await monitored(graceful);
    await lab.node('bird').process.kill('SIGKILL');
    await t.untilPeer('bird', (peer) => peer.stale === true, 'is away and its routes are kept');
    await station.until('Peer Down', (model) => !model.peers.has(addresses.bird));
    const model = station.model();
    expect(model.prefixes('loc-rib', 'locRib')).toContain('2001:db8:300:0:0:0:0:0/48');
    // Another collector that comes meanwhile is told the same.
    station.tell('close');
    await station.untilConnected(2);
    await station.until('is in sync', (each) => each.table('loc-rib', 'locRib').endOfRib.size === 2);
    expect([...station.model().peers.keys()].sort()).toEqual(['10.0.0.2', 'loc-rib']);
    expect(station.model().prefixes('loc-rib', 'locRib')).toContain('2001:db8:300:0:0:0:0:0/48');
    await lab.node('bird').process.start();
    await bird.untilEstablished('t');
    await t.untilPeer('bird', (peer) => peer.stale !== true, 'has no stale routes any more');
    await untilSame(t, station);
  }, 180_000);
});

describe('connections', () => {
  it('come again by themselves, with everything told anew', async () => {
    const { t, frr, station } = await monitored();
    const first = await untilSame(t, station);
    station.tell('unlisten');
    station.tell('close');
    await station.untilClosed(1);
    const [row] = await t.client.collectors();
    expect(row.state).not.toBe('connected');
    await frr.configure('router bgp 65002', 'address-family ipv4 unicast', 'network 198.51.103.0/24');
    await t.untilRoute('198.51.103.0/24');
    await station.listen();
    await station.untilConnected(2);
    await station.until('is in sync', (model) => model.table('loc-rib', 'locRib').endOfRib.size === 2);
    const second = await untilSame(t, station);
    expect(second['10.0.0.2 received'].length).toBe(first['10.0.0.2 received'].length + 1);
    expect((await t.client.collectors())[0]).toMatchObject({ connections: 2, peersUp: 2 });
  }, 180_000);

  it('begin, end and change with the document, and sessions do not notice', async () => {
    const { lab, t, station } = await monitored();
    const since = async () => (await t.client.peers()).map((peer) => peer.since);
    const before = await since();
    expect(await reload(lab, t, documentOf({ bmp: [{ ...collector, routes: { locRib: true } }] }))).toEqual([
      'collector c: routes.accepted true → false',
    ]);
    await station.untilConnected(2);
    expect(station.model(1).terminated).toBe(0);
    const downs = (connection: number) =>
      station
        .model(connection)
        .downs.map(({ peer, reason }) => [peer, reason])
        .sort();
    const both = (reason: number) => [
      ['10.0.0.2', reason],
      [addresses.bird, reason],
    ];
    expect(downs(1)).toEqual([...both(5), ['loc-rib', 6]]);
    await station.until('is in sync', (model) => model.table('loc-rib', 'locRib').endOfRib.size === 2);
    const other = { ...collector, name: 'd' };
    await reload(lab, t, documentOf({ bmp: [{ ...collector, routes: { locRib: true } }, other] }));
    await station.untilConnected(3);
    await station.until('has FRR', (model) => model.table('10.0.0.2', 'received').endOfRib.size === 2);
    // Another name is another collector, and it is told of what it is to be told, alone.
    expect([...station.model(3).peers.keys()].sort()).toEqual(['10.0.0.2', addresses.bird].sort());
    expect(station.model(3).prefixes('10.0.0.2', 'accepted')).toEqual([]);
    await reload(lab, t, documentOf({ bmp: [other] }));
    await station.untilClosed(2);
    expect(station.model(2).terminated).toBe(4);
    expect((await t.client.collectors()).map(({ name }) => name)).toEqual(['d']);
    expect(await since()).toEqual(before);
    await lab.node('t').process.kill('SIGTERM');
    await station.untilClosed(3);
    expect(station.model(3).terminated).toBe(0);
    // Sessions end without a NOTIFICATION, so that peers keep our routes.
    expect(downs(3)).toEqual(both(2));
    const frames = tshark(station.bytes(3), ['bmp.term.reason', 'bmp.term.info', 'bmp.peer.down.reason']);
    const reasons = frames.filter((frame) => frame['bmp.type'][0] === '2');
    expect(reasons.map((frame) => frame['bmp.peer.down.reason'][0])).toEqual(['2', '2']);
    const given = tshark(station.bytes(1), ['bmp.peer.down.reason']).filter(
      (frame) => frame['bmp.type'][0] === '2',
    );
    expect(given.map((frame) => frame['bmp.peer.down.reason'][0])).toEqual(['5', '5', '6']);
    expect(frames.at(-1)).toMatchObject({ 'bmp.type': ['5'], 'bmp.term.reason': ['0'] });
  }, 180_000);
});

describe('mirroring', () => {
  it('copies what peers say, octet by octet', async () => {
    const { t, frr, station } = await monitored({
      bmp: [{ ...collector, routes: { locRib: true }, mirror: true }],
    });
    await frr.configure('router bgp 65002', 'address-family ipv4 unicast', 'network 198.51.104.0/24');
    await t.untilRoute('198.51.104.0/24');
    await frr.configure('router bgp 65002', 'neighbor 10.0.0.1 shutdown');
    const mirrored = await station.until('has the NOTIFICATION', (model) => {
      const copies = model.messages.flatMap((message) =>
        message.type === 'routeMirroring' && message.peer.address === '10.0.0.2' ? message.tlvs : [],
      );
      return copies.some(({ value }) => value[18] === 3) && !model.peers.has('10.0.0.2') && copies;
    });
    expect(mirrored.every(({ type }) => type === 0)).toBe(true);
    const prefix = Buffer.from([24, 198, 51, 104]);
    expect(mirrored.some(({ value }) => value[18] === 2 && value.includes(prefix))).toBe(true);
    // The mirrored NOTIFICATION is the one that the Peer Down has.
    const last = mirrored.at(-1)?.value;
    expect(last).toEqual(station.model().downs.at(-1)?.data);
  }, 180_000);
});
