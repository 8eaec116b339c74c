/** A collector that does not read, while a large table comes and goes: what it costs, and what it is told in the end. */
import { afterEach, describe, expect, it } from 'vitest';
import { Lab, Tartan, tartanConfig, until } from '../../interop/index.js';
import type { CollectorRow } from '../../src/control/api.js';
import type { TableKind } from '../support/bmp.js';
import { Station, stopStations } from './support/bmp-collector.js';
import { announce, startTester, stopTesters, untilHeld } from './support/feeder.js';

const labs: Lab[] = [];
afterEach(async () => {
  await stopTesters();
  await stopStations();
  for (const lab of labs.splice(0)) await lab.down();
});

const count = 200_000;
const routes = { received: true, accepted: true, locRib: true };

/** feeder — t — sink, and the collectors `slow` (port 11019) and `good` (11021) in t's own namespace. */
async function scene(stallTime: number): Promise<{ lab: Lab; t: Tartan }> {
  const collector = { address: '127.0.0.1', connectRetry: 1, statistics: 1, routes };
  const peer = (name: string, n: number) => ({ name, address: `10.0.${n}.2`, asn: 65000 + n, passive: true });
  const lab = await Lab.up(
    {
      name: 'bmp-slow',
      topology: {
        nodes: {
          t: {
            image: 'tartan',
            'startup-config': 't.yaml',
            exec: ['ip addr add 10.0.1.1/24 dev eth1', 'ip addr add 10.0.2.1/24 dev eth2'],
          },
          feeder: { image: 'alpine', exec: ['ip addr add 10.0.1.2/24 dev eth1'] },
          sink: { image: 'alpine', exec: ['ip addr add 10.0.2.2/24 dev eth1'] },
        },
        links: [{ endpoints: ['t:eth1', 'feeder:eth1'] }, { endpoints: ['t:eth2', 'sink:eth1'] }],
      },
    },
    {
      files: {
        't.yaml': tartanConfig({
          name: 't',
          asn: 65000,
          routerId: '10.0.1.1',
          spec: {
            kernel: { install: false },
            peers: [peer('feeder', 1), peer('sink', 2)],
            bmp: [
              { ...collector, name: 'slow', stallTime },
              { ...collector, name: 'good', port: 11021 },
            ],
          },
        }),
      },
    },
  );
  labs.push(lab);
  return { lab, t: new Tartan(lab.node('t')) };
}

const collectorOf = async (t: Tartan, name: string): Promise<CollectorRow> => {
  const row = (await t.client.collectors()).find((each) => each.name === name);
  if (row === undefined) throw new Error(`no collector ${name}`);
  return row;
};

/** The prefixes that are shown. */
async function shown(t: Tartan): Promise<Set<string>> {
  return new Set((await t.routes()).map(({ prefix }) => prefix));
}

/** What a collector has too much or too little of them. IPv4 alone: both write it alike. */
function differences(station: Station, peer: string, kind: TableKind, wanted: ReadonlySet<string>): string[] {
  const held = station.model().table(peer, kind).routes;
  return [
    ...[...wanted].filter((prefix) => !held.has(prefix)),
    ...[...held.keys()].filter((prefix) => !wanted.has(prefix)),
  ];
}

const tables = [
  ['10.0.1.2', 'received'],
  ['10.0.1.2', 'accepted'],
  ['loc-rib', 'locRib'],
] as const;

describe('a collector that never reads', () => {
  it('costs little, holds up nobody, and is told what there is when it reads again', async () => {
    const { lab, t } = await scene(600);
    const slow = await Station.start(lab, 't', 0);
    slow.tell('deaf');
    await slow.listen();
    const good = await Station.start(lab, 't', 11021);
    await slow.untilConnected(1);
    await good.untilConnected(1);
    const options = { asn: 65001, address: '10.0.1.2', peer: '10.0.1.1', table: `generated:${count}` };
    const feeder = await startTester(lab, 'feeder', options);
    await feeder.next('established');
    const sink = await startTester(lab, 'sink', { asn: 65002, address: '10.0.2.2', peer: '10.0.2.1' });
    await sink.next('established');
    await announce(feeder);
    await untilHeld(sink, count);
    const before = await t.client.status();
    const since = (await t.client.peers()).map((peer) => peer.since);
    for (let round = 0; round < 4; round++) {
      await feeder.ask('withdraw', 'sent');
      await untilHeld(sink, 0);
      await announce(feeder);
      await untilHeld(sink, count);
      const { pending } = await collectorOf(t, 'slow');
      // Once a prefix is noted, it costs nothing more to change again; and TCP has what it had.
      expect(pending.prefixes).toBeLessThanOrEqual(count * tables.length);
      expect(pending.octets).toBeLessThan(1 << 20);
    }
    const after = await t.client.status();
    // Each round is some 20 MiB of messages where none is left out.
    expect(after.rss - before.rss).toBeLessThan(100 << 20);
    expect((await t.client.peers()).map((peer) => peer.since)).toEqual(since);
    const wanted = await shown(t);
    expect(wanted.size).toBe(count);
    const inSync = async (name: string) =>
      until(
        `${name} is told all`,
        async () => {
          const { state, pending } = await collectorOf(t, name);
          return state === 'connected' && pending.prefixes === 0 && pending.octets === 0;
        },
        { timeoutSeconds: 120 },
      );
    await inSync('good');
    for (const [peer, kind] of tables) expect(differences(good, peer, kind, wanted)).toEqual([]);
    // It never lost its connection, and reads on.
    slow.tell('hear');
    await inSync('slow');
    expect(slow.connections).toBe(1);
    await until(
      'what is on its way has come',
      () => slow.model().table('loc-rib', 'locRib').routes.size === count,
    );
    for (const [peer, kind] of tables) expect(differences(slow, peer, kind, wanted)).toEqual([]);
    console.info(
      `rss ${before.rss >> 20} → ${after.rss >> 20} MiB; sent to good ${(await collectorOf(t, 'good')).sent.octets >> 20} MiB, to slow ${(await collectorOf(t, 'slow')).sent.octets >> 20} MiB`,
    );
  }, 300_000);

  it('is given up after a while, and told everything anew when it is back', async () => {
    const { lab, t } = await scene(2);
    const slow = await Station.start(lab, 't', 0);
    slow.tell('deaf');
    await slow.listen();
    await slow.untilConnected(1);
    const options = { asn: 65001, address: '10.0.1.2', peer: '10.0.1.1', table: `generated:${count}` };
    const feeder = await startTester(lab, 'feeder', options);
    await feeder.next('established');
    await announce(feeder);
    const reason = 'the collector took nothing for 2 s';
    await until('it is given up', async () => (await collectorOf(t, 'slow')).lastError === reason, {
      timeoutSeconds: 60,
    });
    slow.tell('hear');
    await until(
      'it is told all',
      async () => {
        const { state, connections, pending } = await collectorOf(t, 'slow');
        return state === 'connected' && connections > 1 && pending.prefixes === 0 && pending.octets === 0;
      },
      { timeoutSeconds: 120 },
    );
    const wanted = await shown(t);
    expect(wanted.size).toBe(count);
    await until(
      'what is on its way has come',
      () => slow.model().table('loc-rib', 'locRib').routes.size === count,
    );
    for (const [peer, kind] of tables) expect(differences(slow, peer, kind, wanted)).toEqual([]);
    expect((await t.peer('feeder'))?.state).toBe('established');
  }, 300_000);
});
