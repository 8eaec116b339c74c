/** A reload among hundreds of sessions: what it does not concern does not notice it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Bird, birdConfig, Lab, Tartan, tartanConfig, until } from '../../interop/index.js';
import type { PeerRow } from '../../src/control/api.js';

/** One BIRD plays all peers, each at an address of its own and, as it has one session per neighbour, with one of ours. */
const addressOf = (n: number) => `10.20.${n >> 7}.${(n & 127) + 1}`;
const ourAddressOf = (n: number) => `10.21.${n >> 7}.${(n & 127) + 1}`;
const nameOf = (n: number) => `p${n}`;
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

const untouched = range(0, 60);
const changed = range(60, 160);
const removed = range(160, 260);
const added = range(260, 360);
const all = range(0, 360);

const networks = ['203.0.113.0/24', '203.0.112.0/24', '192.0.2.0/24'];

/** `more`: further keys by peer. */
function document(
  peers: readonly number[],
  med: number,
  more: Readonly<Record<number, Record<string, unknown>>> = {},
): string {
  const own = { source: 'originated' };
  return tartanConfig({
    name: 't',
    asn: 65001,
    routerId: '10.20.255.1',
    spec: {
      networks,
      kernel: { install: false },
      filters: {
        in: [{ action: 'accept' }],
        out: [{ match: own, action: 'accept' }],
        ...Object.fromEntries(
          changed.map((n) => [`out${n}`, [{ match: own, set: { med: med + n }, action: 'accept' }]]),
        ),
      },
      peers: peers.map((n) => ({
        name: nameOf(n),
        address: addressOf(n),
        localAddress: ourAddressOf(n),
        asn: 65002,
        connectRetry: 1,
        import: 'in',
        export: changed.includes(n) ? `out${n}` : 'out',
        ...more[n],
      })),
    },
  });
}

const bird = birdConfig({
  asn: 65002,
  routerId: '10.20.0.1',
  kernel: false,
  networks: ['198.51.100.0/24'],
  neighbors: all.map((n) => ({
    name: nameOf(n),
    address: ourAddressOf(n),
    remoteAsn: 65001,
    passive: true,
    settings: [`source address ${addressOf(n)};`, 'graceful restart off;'],
    channel: ['import keep filtered;', 'import all;', 'export where source = RTS_STATIC;'],
  })),
});

const addAll = (address: (n: number) => string) =>
  `sh -c 'for a in ${all.map(address).join(' ')}; do ip addr add $a/15 dev eth1; done'`;

let lab: Lab;
let t: Tartan;
let b: Bird;

beforeAll(async () => {
  lab = await Lab.up(
    {
      name: 'many',
      topology: {
        nodes: {
          t: { image: 'tartan', 'startup-config': 't.yaml', exec: [addAll(ourAddressOf)] },
          b: {
            image: 'bird',
            'startup-config': 'b.conf',
            exec: [addAll(addressOf)],
          },
        },
        links: [{ endpoints: ['t:eth1', 'b:eth1'] }],
      },
    },
    { files: { 't.yaml': document([...untouched, ...changed, ...removed], 0), 'b.conf': bird } },
  );
  t = new Tartan(lab.node('t'));
  b = new Bird(lab.node('b'));
  await untilUp([...untouched, ...changed, ...removed]);
}, 240_000);
afterAll(() => lab?.down());

async function rows(): Promise<Map<string, PeerRow>> {
  return new Map((await t.client.peers()).map((peer) => [peer.name, peer]));
}

/** Exactly these peers are there, established, and have all routes. */
async function untilUp(peers: readonly number[]): Promise<void> {
  const isUp = (peer: PeerRow | undefined) =>
    peer?.state === 'established' &&
    peer.families.ipv4.announced === networks.length &&
    peer.families.ipv4.received === 1;
  await until(
    `${peers.length} sessions are up`,
    async () => {
      const found = await rows();
      const missing = peers.map((n) => found.get(nameOf(n))).filter((peer) => !isUp(peer));
      if (missing.length > 0) throw new Error(`${missing.length}, ${JSON.stringify(missing[0])}`);
      return found.size === peers.length;
    },
    { timeoutSeconds: 120 },
  );
  await until('BIRD has all their routes', async () => {
    const seen = await heard();
    return peers.every((n) => (seen.get(nameOf(n))?.updates ?? 0) >= networks.length);
  });
}

/** What BIRD has heard on each session since that began: announced prefixes and withdrawn ones. */
async function heard(): Promise<Map<string, { updates: number; withdrawals: number }>> {
  const found = new Map<string, { updates: number; withdrawals: number }>();
  for (const text of (await b.birdc('show protocols all')).split(/\n(?=p\d+ )/).slice(1)) {
    const [name] = text.split(/\s+/);
    const count = (what: string) => Number(new RegExp(`Import ${what}:\\s+(\\d+)`).exec(text)?.[1] ?? 0);
    found.set(name, { updates: count('updates'), withdrawals: count('withdraws') });
  }
  return found;
}

const pick = <T>(from: ReadonlyMap<string, T>, peers: readonly number[]) =>
  peers.map((n) => from.get(nameOf(n)));
const sinceOf = async (peers: readonly number[]) => pick(await rows(), peers).map((peer) => peer?.since);

async function reload(text: string) {
  lab.node('t').write('/etc/tartan/router.yaml', text);
  const plan = await t.client.reload(true);
  const done = await t.client.reload();
  return { plan, done };
}

describe('a reload that adds 100 peers, removes 100 and changes 100 filters', () => {
  it('is foretold by a dry run, does exactly that, and is not noticed by the others', async () => {
    const next = document([...untouched, ...changed, ...added], 1000);
    const stays = [...untouched, ...changed];
    const since = await sinceOf(stays);
    const before = await heard();

    lab.node('t').write('/etc/tartan/router.yaml', next);
    const plan = await t.client.reload(true);
    expect(plan).toMatchObject({ applied: false, dryRun: true, errors: [], resets: [] });
    expect(plan.changes).toHaveLength(300);
    expect(plan.changes).toContain('peer p160 removed');
    expect(plan.changes).toContain('peer p260 added: 10.20.2.5, AS 65002');
    expect(plan.changes).toContain('filter out60 changed');
    // Nothing was done.
    expect([...(await rows()).keys()].sort()).toEqual([...stays, ...removed].map(nameOf).sort());
    expect(await heard()).toEqual(before);

    const done = await t.client.reload();
    const readMs: unknown = expect.any(Number);
    expect(done).toEqual({ applied: true, errors: [], changes: plan.changes, resets: [], readMs });
    await untilUp([...stays, ...added]);
    await until('BIRD has the other MED from all whose filters changed', async () => {
      const now = await heard();
      const missing = changed.filter((n) => {
        const [was, is] = [before, now].map((each) => each.get(nameOf(n))?.updates ?? 0);
        return is < was + networks.length;
      });
      if (missing.length > 0) throw new Error(missing.map((n) => JSON.stringify(now.get(nameOf(n)))).join());
      return true;
    });

    expect(await sinceOf(stays)).toEqual(since);
    const after = await heard();
    expect(pick(after, untouched)).toEqual(pick(before, untouched));
    for (const n of changed) {
      // What differs was announced once, over the old routes.
      const was = before.get(nameOf(n)) ?? { updates: 0, withdrawals: 0 };
      expect(after.get(nameOf(n))).toEqual({ ...was, updates: was.updates + networks.length });
    }
    expect(await b.birdc('show route 203.0.113.0/24 protocol p61 all')).toMatch(/BGP.med: 1061/);
    for (const n of removed) expect(await rows()).not.toContain(nameOf(n));

    const again = await t.client.reload(true);
    expect(again).toMatchObject({ errors: [], changes: [], resets: [] });
  });
});

describe('a key of a peer that changes', () => {
  const peers = [...untouched, ...changed, ...added];
  const live: Record<string, unknown>[] = [
    { description: 'another' },
    { shutdownMessage: 'gone for lunch' },
    { keepalive: 7 },
    { sendHoldTime: 300 },
    { connectRetry: 9 },
    { delayOpen: 3 },
    { idleHold: 9 },
    { passive: true },
    { nextHop: 'self' },
    { maxPrefixes: { received: 100 } },
    { gracefulRestart: { restartTime: 33 } },
    { enforceFirstAs: false },
    { maxAsPathLength: 50 },
    { allowOwnAs: 1 },
    { removePrivateAs: 'all' },
    { asOverride: true },
    { export: 'in' },
  ];

  it('ends no session where the session need not end, and only its own where it must', async () => {
    const since = await sinceOf(peers);
    const { plan, done } = await reload(document(peers, 1000, live));
    expect(plan).toMatchObject({ errors: [], resets: [] });
    const concerned = plan.changes.map((line) => /^peer (\w+): /.exec(line)?.[1]);
    expect([...new Set(concerned)].sort()).toEqual(live.map((_, n) => nameOf(n)).sort());
    const readMs: unknown = expect.any(Number);
    expect(done).toEqual({ applied: true, errors: [], changes: plan.changes, resets: [], readMs });
    expect(await sinceOf(peers)).toEqual(since);
    expect((await t.peer('p0'))?.description).toBe('another');

    const reset = [20, 21];
    const second = await reload(
      document(peers, 1000, { ...live, 20: { holdTime: 30 }, 21: { extendedMessages: false } }),
    );
    expect(second.plan).toMatchObject({
      resets: ['p20', 'p21'],
      changes: [
        'peer p20: holdTime 90 → 30; its session is reset',
        'peer p21: extendedMessages true → false; its session is reset',
      ],
    });
    expect(second.done).toMatchObject({
      applied: true,
      changes: second.plan.changes,
      resets: ['p20', 'p21'],
    });
    await t.untilPeer('p20', (peer) => peer.holdTimeSeconds === 30, 'has the new hold time');
    await t.untilPeer('p21', (peer) => peer.maxMessageLength === 4096, 'is back');
    const now = await sinceOf(peers);
    for (const [i, n] of peers.entries()) {
      if (reset.includes(n)) expect(now[i]).not.toBe(since[i]);
      else expect(now[i]).toBe(since[i]);
    }
  });

  it('is refused by a dry run as by a reload, where it takes a restart or is a mistake', async () => {
    const good = document(peers, 1000, live);
    const { plan, done } = await reload(
      good.replace('"routerId": "10.20.255.1"', '"routerId": "10.20.255.2"'),
    );
    expect(plan.errors).toEqual(["routerId can't change while the daemon runs; restart it (routes stay)"]);
    expect(done.errors).toEqual(plan.errors);
    const wrong = await reload(good.replace('"maxAsPathLength": 50', '"maxAsPathLength": -50'));
    expect(wrong.plan.errors[0]).toMatch(/router\.yaml:\d+:\d+: .*maxAsPathLength/);
    expect(wrong.done.errors).toEqual(wrong.plan.errors);
  });
});
