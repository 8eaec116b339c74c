import { afterEach, describe, expect } from 'vitest';
import { Frr, frrConfig, until } from '../../interop/index.js';
import { type Chain, chain, prefix4, prefix6, type Speaker, tartan } from './support/add-path.js';
import { interop } from './support/interop.js';

const scenes: Chain[] = [];
afterEach(async () => {
  for (const { lab } of scenes.splice(0)) await lab.down();
});

async function scene(name: string, m: Speaker, e: Speaker): Promise<Chain> {
  const made = await chain(name, m, e);
  scenes.push(made);
  return made;
}

const frr: Speaker = {
  image: 'frr',
  config: ({ asn, routerId, sessions }) =>
    frrConfig({
      asn,
      routerId,
      // A neighbour without it would get no second path of an AS that it is not the best of.
      settings: ['bgp bestpath as-path multipath-relax'],
      neighbors: sessions.map(({ address, asn: remoteAsn, addPath }) => ({
        address,
        remoteAsn,
        families: ['ipv4', 'ipv6'],
        settings: ['timers connect 1'],
        familySettings: addPath ? ['addpath-tx-all-paths'] : [],
      })),
    }),
};

/** The paths that e, which is Tartan, holds of a prefix: AS_PATH by path identifier. */
async function received({ t }: Chain, prefix: string): Promise<Map<number | undefined, string>> {
  const rows = await t.routes({ prefix, peer: 'm', view: 'received' });
  return new Map(rows.map(({ pathId, asPath }) => [pathId, asPath]));
}

async function takesSeveralPaths(made: Chain): Promise<void> {
  const { t, a } = made;
  await t.untilEstablished('m');
  for (const prefix of [prefix4, prefix6]) {
    await until(`both paths of ${prefix} are there`, async () => (await received(made, prefix)).size === 2);
  }
  const before = await received(made, prefix4);
  expect([...before.values()].sort()).toEqual(['65001 65011', '65001 65012']);
  expect((await t.peer('m'))?.addPath).toMatchObject({
    ipv4: { receive: 32, discarded: 0 },
    ipv6: { receive: 32, discarded: 0 },
  });
  await a.birdc('disable m');
  for (const prefix of [prefix4, prefix6]) {
    await until(`one path of ${prefix} is left`, async () => (await received(made, prefix)).size === 1);
  }
  const left = await received(made, prefix4);
  expect([...left.values()]).toEqual(['65001 65012']);
  for (const [id, asPath] of left) expect(before.get(id)).toBe(asPath);
  await t.untilRoute(prefix4, ({ asPath }) => asPath === '65001 65012');
  await a.birdc('enable m');
  await until('the path is back', async () => (await received(made, prefix4)).size === 2);
}

describe('several paths per prefix from a peer', () => {
  interop('add-path-receive', 'frr', 'takes all that FRR announces, and loses one alone', async () => {
    await takesSeveralPaths(await scene('apfrr', frr, tartan({ receive: true })));
  });
});

/** What e, which is not Tartan, holds of a prefix; the AS_PATH of each path. */
type Paths = (prefix: string) => Promise<string[]>;

async function announcesSeveralPaths(made: Chain, paths: Paths): Promise<void> {
  const { t, a, b } = made;
  await t.untilEstablished('e');
  const both = ['65001 65011', '65001 65012'];
  for (const prefix of [prefix4, prefix6]) {
    await until(`both paths of ${prefix} are there`, async () => {
      return String((await paths(prefix)).sort()) === String(both);
    });
  }
  expect((await t.peer('e'))?.addPath).toMatchObject({ ipv4: { send: 'all' }, ipv6: { send: 'all' } });
  const advertised = () => t.routes({ prefix: prefix4, peer: 'e', view: 'advertised' });
  const before = await advertised();
  expect(before.map(({ peer }) => peer).sort()).toEqual(['a', 'b']);
  expect(before.map(({ pathId }) => pathId).sort()).toEqual([1, 2]);
  const { paths: explained } = await t.client.explain(prefix4);
  for (const { peer, announcedTo } of explained) {
    const pathId = before.find((row) => row.peer === peer)?.pathId;
    expect(announcedTo).toEqual([{ peer: 'e', pathId }]);
  }
  // The best one goes, and the other stays with the identifier that it has.
  await a.birdc('disable m');
  for (const prefix of [prefix4, prefix6]) {
    await until(`one path of ${prefix} is left`, async () => {
      return String(await paths(prefix)) === '65001 65012';
    });
  }
  const left = before.filter(({ peer }) => peer === 'b').map(({ pathId }) => pathId);
  expect((await advertised()).map(({ pathId }) => pathId)).toEqual(left);
  await a.birdc('enable m');
  await until('the path is back', async () => (await paths(prefix4)).length === 2);
  await a.birdc('disable m');
  await b.birdc('disable m');
  for (const prefix of [prefix4, prefix6]) {
    await until(`no path of ${prefix} is left`, async () => (await paths(prefix)).length === 0);
  }
}

const sends = tartan({ send: 'all' });

describe('several paths per prefix to a peer', () => {
  interop('add-path-send', 'frr', 'announces all to FRR, and withdraws one alone', async () => {
    const made = await scene('apfrr', sends, frr);
    const e = new Frr(made.lab.node('e'));
    await announcesSeveralPaths(made, async (prefix) => {
      return (await e.paths(prefix)).map(({ aspath }) => aspath?.string ?? '');
    });
  });
});
