/** What a collector is told of each daemon as our peer: its OPEN, its routes, its end; read by test/support/bmp.ts and by pmbmpd. */
import { afterEach, describe, expect, it } from 'vitest';
import { type Lab, until } from '../../interop/index.js';
import { Pmbmpd, Station, stopStations } from './support/bmp-collector.js';
import { interop } from './support/interop.js';
import { peering } from './support/peering.js';

const labs: Lab[] = [];
afterEach(async () => {
  await stopStations();
  for (const lab of labs.splice(0)) await lab.down();
});

const networks = ['198.51.100.0/24', '203.0.113.0/24'];
const there = '10.0.0.2';

describe.each(['frr', 'bird', 'gobgp', 'openbgpd', 'exabgp'] as const)('%s', (image) => {
  interop(
    'bmp',
    image,
    'its OPEN, its routes and its end are what collectors are told',
    async () => {
      // Statistics go on, so that pmbmpd writes its log out, which it does with what follows.
      const routes = { received: true, accepted: true, locRib: true };
      const collector = { address: '127.0.0.1', connectRetry: 1, statistics: 1, routes };
      const { lab, t } = await peering('bmp-peers', [{ name: 'peer', image, asn: 65002, networks }], {
        kernel: { install: false },
        bmp: [
          { ...collector, name: 'own' },
          { ...collector, name: 'pmacct', port: 11020 },
        ],
      });
      labs.push(lab);
      const station = await Station.start(lab, 't');
      const pmbmpd = await Pmbmpd.start(lab, 't');
      for (const prefix of networks) await t.untilRoute(prefix);
      for (const kind of ['received', 'accepted'] as const) {
        const shown = async () =>
          (await t.routes({ peer: 'peer', view: kind })).map(({ prefix }) => prefix).sort();
        await until(`the collectors have the ${kind} routes`, async () => {
          const wanted = (await shown()).join();
          const theirs = [...pmbmpd.table(there, kind).keys()].sort().join();
          return station.model().prefixes(there, kind).join() === wanted && theirs === wanted;
        });
        expect(station.model().prefixes(there, kind)).toEqual(expect.arrayContaining(networks));
      }
      const up = station.model().peers.get(there);
      expect(up?.peer).toMatchObject({ asn: 65002, routerId: there, type: 0, flags: 0 });
      // Version, AS number and identifier of the peer's OPEN, which pmbmpd reads as well.
      expect([...(up?.receivedOpen.subarray(18, 22) ?? [])]).toEqual([1, 4, 65002 >> 8, 65002 & 255]);
      expect([...(up?.receivedOpen.subarray(24, 28) ?? [])]).toEqual(there.split('.').map(Number));
      const line = pmbmpd
        .lines()
        .find(({ bmp_msg_type, peer_ip }) => bmp_msg_type === 'peer_up' && peer_ip === there);
      expect(line).toMatchObject({
        peer_asn: 65002,
        bgp_id: there,
        local_ip: '10.0.0.1',
        local_port: up?.localPort,
      });

      await lab.node('peer').process.kill('SIGKILL');
      const down = await station.until('Peer Down', (model) => model.downs[0]);
      // TCP ended without a word (RFC 7854 §4.9, reason 4), but for OpenBGPD, of which a process is left that says Cease.
      expect(down).toMatchObject({ peer: there, reason: image === 'openbgpd' ? 3 : 4 });
      // Loc-RIB has no Peer Down: its routes are withdrawn one by one.
      await until('pmbmpd has no routes any more', () => pmbmpd.table('0.0.0.0', 'locRib').size === 0);
      const last = pmbmpd.lines().find(({ bmp_msg_type }) => bmp_msg_type === 'peer_down');
      expect(last).toMatchObject({ peer_ip: there, peer_asn: 65002, reason_type: down.reason });
    },
    120_000,
  );
});

it('tells of several paths of a prefix by their identifiers (RFC 7911), and of the withdrawal of one', async () => {
  const routes = { received: true, accepted: true, locRib: true };
  const channel = ['import none;', 'export where source = RTS_STATIC;', 'add paths tx;'];
  const lines = ['protocol static second { ipv4; route 198.51.100.0/24 unreachable; }'];
  const { lab, t, bird } = await peering(
    'bmp-paths',
    [
      {
        name: 'peer',
        image: 'bird',
        asn: 65002,
        networks,
        peer: { addPath: { receive: true } },
        bird: { channel, lines },
      },
    ],
    { kernel: { install: false }, bmp: [{ name: 'own', address: '127.0.0.1', connectRetry: 1, routes }] },
  );
  labs.push(lab);
  await until('both paths', async () => (await t.routes({ peer: 'peer', view: 'received' })).length === 3);
  const station = await Station.start(lab, 't');
  station.addPath = true;
  const untilShown = async (count: number) => {
    for (const kind of ['received', 'accepted'] as const) {
      await until(`the ${kind} paths`, async () => {
        const rows = await t.routes({ peer: 'peer', view: kind });
        const wanted = rows.map(({ prefix, pathId }) => `${pathId} ${prefix}`).sort();
        return wanted.length === count && station.model().prefixes(there, kind).join() === wanted.join();
      });
    }
    await until('Loc-RIB', () => station.model().prefixes('loc-rib', 'locRib').join() === networks.join());
  };
  await untilShown(3);
  await bird('peer').birdc('disable second');
  await untilShown(2);
}, 120_000);
