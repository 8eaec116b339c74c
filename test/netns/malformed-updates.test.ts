import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Tester } from '../../bench/stage.js';
import { Frr, frrConfig, Lab, Tartan, tartanConfig, until } from '../../interop/index.js';
import type { PlainPrefix } from '../oracle/update-codec.js';
import { type DamageRow, damagedUpdate, damageRows, mendedUpdate, nameOf } from '../support/rfc7606.js';
import { startTester, stopTester, stopTesters } from './support/feeder.js';

/** A whole UPDATE in hex. */
function message(body: Buffer): string {
  const header = Buffer.alloc(19, 0xff);
  header.writeUInt16BE(19 + body.length, 16);
  header[18] = 2;
  return Buffer.concat([header, body]).toString('hex');
}

const sides = {
  ebgp: { node: 'e', asn: 65003, address: '10.0.2.2', peer: '10.0.2.1', second: 100 },
  ibgp: { node: 'i', asn: 65001, address: '10.0.3.2', peer: '10.0.3.1', second: 101 },
} as const;
type Side = keyof typeof sides;

const octetsOf = (side: Side, index: number) => [10, sides[side].second, index];
const textOf = (side: Side, index: number) => `${octetsOf(side, index).join('.')}.0/24`;
const prefixOf = (side: Side, index: number): PlainPrefix => ({
  length: 24,
  octets: Buffer.from(octetsOf(side, index)),
});
const around = (nlri: PlainPrefix) => ({ withdrawn: [], nlri: [nlri], withIpv6: false });

/** Prefixes of the side that FRR has learnt through Tartan. */
async function atFrr(frr: Frr, side: Side): Promise<string[]> {
  const table = await frr.json<{ routes: Record<string, unknown> }>('show bgp ipv4 unicast');
  return Object.keys(table.routes).filter((prefix) => prefix.startsWith(`10.${sides[side].second}.`));
}

describe('UPDATEs with every kind of damage, with FRR behind as the witness', () => {
  let lab: Lab;
  let t: Tartan;
  let frr: Frr;
  let since: string;

  beforeAll(async () => {
    const bad = (side: Side) => ({
      name: sides[side].node,
      address: sides[side].address,
      asn: sides[side].asn,
      passive: true,
      idleHold: 0,
    });
    lab = await Lab.up(
      {
        name: 'malformed',
        topology: {
          nodes: {
            t: {
              image: 'tartan',
              'startup-config': 't.yaml',
              exec: [1, 2, 3].map((n) => `ip addr add 10.0.${n}.1/24 dev eth${n}`),
            },
            good: { image: 'frr', 'startup-config': 'f.conf', exec: ['ip addr add 10.0.1.2/24 dev eth1'] },
            e: { image: 'alpine', exec: ['ip addr add 10.0.2.2/24 dev eth1'] },
            i: { image: 'alpine', exec: ['ip addr add 10.0.3.2/24 dev eth1'] },
          },
          links: ['good', 'e', 'i'].map((name, n) => ({ endpoints: [`t:eth${n + 1}`, `${name}:eth1`] })),
        },
      },
      {
        files: {
          't.yaml': tartanConfig({
            name: 't',
            asn: 65001,
            routerId: '10.0.1.1',
            spec: { peers: [{ name: 'good', address: '10.0.1.2', asn: 65002 }, bad('ebgp'), bad('ibgp')] },
          }),
          'f.conf': frrConfig({
            asn: 65002,
            routerId: '10.0.1.2',
            neighbors: [{ address: '10.0.1.1', remoteAsn: 65001, settings: ['timers connect 1'] }],
          }),
        },
      },
    );
    t = new Tartan(lab.node('t'));
    frr = new Frr(lab.node('good'));
    since = (await t.untilEstablished('good')).since;
  });
  afterAll(async () => {
    await stopTesters();
    await lab?.down();
  });

  async function connect(side: Side, twoOctetAs: boolean): Promise<Tester> {
    const tester = await startTester(lab, sides[side].node, { ...sides[side], twoOctetAs });
    await tester.next('established');
    return tester;
  }

  const say = (tester: Tester, body: Buffer) => tester.ask(`raw ${message(body)}`, 'sent');
  const survivor = (side: Side) => ({ text: textOf(side, 255), prefix: prefixOf(side, 255) });

  /** Announces a prefix for every row and one more, damages the announcement of each row, and looks who is left. */
  async function damageAll(side: Side, twoOctet: boolean): Promise<void> {
    const rows = damageRows.filter((row) => row[side] !== 'reset' && (row.twoOctet ?? false) === twoOctet);
    const tester = await connect(side, twoOctet);
    for (const [i, row] of rows.entries()) await say(tester, mendedUpdate(row, around(prefixOf(side, i))));
    const sound: DamageRow = { ...rows[0], damage: 'missing', code: 4, what: '' };
    await say(tester, mendedUpdate(sound, around(survivor(side).prefix)));
    const all = [...rows.map((_, i) => textOf(side, i)), survivor(side).text].sort();
    await until('FRR has them all', async () => (await atFrr(frr, side)).length === all.length);
    expect((await atFrr(frr, side)).sort()).toEqual(all);

    for (const [i, row] of rows.entries()) await say(tester, damagedUpdate(row, around(prefixOf(side, i))));
    const left = [
      ...rows.flatMap((row, i) => (row[side] === 'withdraw' ? [] : [textOf(side, i)])),
      survivor(side).text,
    ].sort();
    await until(`FRR has the ${left.length} that survive`, async () => {
      return (await atFrr(frr, side)).sort().join() === left.join();
    });
    // Every one is counted, by attribute and by what it cost, and told with its place.
    const peer = await t.peer(sides[side].node);
    expect(peer?.state).toBe('established');
    for (const severity of ['discard', 'treatAsWithdraw'] as const) {
      const outcome = severity === 'discard' ? 'discard' : 'withdraw';
      const told = (peer?.malformed ?? []).filter((each) => each.severity === severity);
      const expected = rows.filter((row) => row[side] === outcome);
      expect(told.reduce((sum, { count }) => sum + count, 0)).toBe(expected.length);
      for (const { last, attribute } of told) {
        expect(attribute).not.toBeNull();
        expect(last.error).not.toBe('');
      }
    }
    await stopTester(tester);
    await t.untilPeer(sides[side].node, ({ state }) => state !== 'established', 'is down');
  }

  it.each(['ebgp', 'ibgp'] as const)('cost a peer (%s) what RFC 7606 says and no more', async (side) => {
    await damageAll(side, false);
    expect(await t.peer('good')).toMatchObject({ state: 'established', since });
  });

  it('cost a peer with 2-octet AS numbers its AS4 attributes alone', async () => {
    const before = (await t.peer('e'))?.malformed?.reduce((sum, { count }) => sum + count, 0) ?? 0;
    const rows = damageRows.filter((row) => row.twoOctet);
    const tester = await connect('ebgp', true);
    for (const [i, row] of rows.entries()) await say(tester, damagedUpdate(row, around(prefixOf('ebgp', i))));
    const left = rows.flatMap((row, i) => (row.ebgp === 'withdraw' ? [] : [textOf('ebgp', i)])).sort();
    await until('FRR has those that survive', async () => {
      return (await atFrr(frr, 'ebgp')).sort().join() === left.join();
    });
    const after = (await t.peer('e'))?.malformed?.reduce((sum, { count }) => sum + count, 0) ?? 0;
    expect(after - before).toBe(rows.filter((row) => row.ebgp !== 'kept').length);
    await stopTester(tester);
  });

  const resets = (['ebgp', 'ibgp'] as const).flatMap((side) =>
    damageRows
      .filter((row) => row[side] === 'reset')
      .map((row) => [nameOf(row), side, row.clause, row] as const),
  );
  it('end the session where they must, with the NOTIFICATION that says why', async () => {
    for (const [name, side, clause, row] of resets) {
      const tester = await connect(side, false);
      await say(tester, damagedUpdate(row, around(prefixOf(side, 0))));
      const said = await tester.next('notification');
      expect(said, `${name} from ${side} (${clause})`).toMatchObject({ code: 3, subcode: row.subcode });
      await stopTester(tester);
      await t.untilPeer(sides[side].node, ({ state }) => state !== 'established', 'is down');
    }
    expect(resets.length).toBeGreaterThan(10);
    expect(await t.peer('good')).toMatchObject({ state: 'established', since });
  });
});
