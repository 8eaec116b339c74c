import { afterEach, describe, expect, it } from 'vitest';
import {
  Bird,
  birdConfig,
  Exabgp,
  exabgpConfig,
  Frr,
  frrConfig,
  Gobgp,
  gobgpAttribute,
  gobgpConfig,
  Openbgpd,
  openbgpdConfig,
  until,
} from '../../interop/index.js';
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

const bird = (direction: 'tx' | 'rx'): Speaker => ({
  image: 'bird',
  config: ({ asn, routerId, sessions }) =>
    birdConfig({
      asn,
      routerId,
      kernel: false,
      neighbors: sessions.map(({ name, address, asn: remoteAsn, addPath }) => ({
        name,
        address,
        remoteAsn,
        families: ['ipv4', 'ipv6'],
        settings: ['connect delay time 1;', 'connect retry time 1;', 'error wait time 1, 2;'],
        channel: ['import all;', 'export all;', ...(addPath ? [`add paths ${direction};`] : [])],
      })),
    }),
});

const gobgp: Speaker = {
  image: 'gobgp',
  config: ({ asn, routerId, sessions }) =>
    gobgpConfig({
      asn,
      routerId,
      neighbors: sessions.map(({ address, asn: remoteAsn, addPath }) => ({
        address,
        remoteAsn,
        families: ['ipv4', 'ipv6'],
        familySettings: addPath ? { 'add-paths': { config: { receive: true, 'send-max': 8 } } } : {},
      })),
    }),
};

const openbgpd: Speaker = {
  image: 'openbgpd',
  config: ({ asn, routerId, sessions }) =>
    openbgpdConfig({
      asn,
      routerId,
      neighbors: sessions.map(({ address, asn: remoteAsn, addPath }) => ({
        address,
        remoteAsn,
        families: ['ipv4', 'ipv6'],
        settings: addPath ? ['announce add-path recv yes', 'announce add-path send all'] : [],
      })),
    }),
};

/** It says what it is told to: as m it has no use for a and b. */
const exabgp = (networks: string[]): Speaker => ({
  image: 'exabgp',
  config: ({ asn, routerId, sessions }) =>
    exabgpConfig({
      asn,
      routerId,
      networks,
      neighbors: sessions
        .filter(({ addPath }) => addPath)
        .map(({ address, localAddress, asn: remoteAsn }) => ({
          address,
          localAddress,
          remoteAsn,
          families: ['ipv4', 'ipv6'],
          capabilities: ['add-path send/receive;'],
        })),
    }),
});

/** The paths that e, which is Tartan, holds of a prefix: AS_PATH by path identifier. */
async function received({ t }: Chain, prefix: string): Promise<Map<number | undefined, string>> {
  const rows = await t.routes({ prefix, peer: 'm', view: 'received' });
  return new Map(rows.map(({ pathId, asPath }) => [pathId, asPath]));
}

/** What makes m announce the path through a, and withdraw it. */
interface Switch {
  off(): Promise<unknown>;
  on(): Promise<unknown>;
}

async function takesSeveralPaths(
  made: Chain,
  { viaA, prefixes = [prefix4, prefix6] }: { viaA?: Switch; prefixes?: readonly string[] } = {},
): Promise<void> {
  const { t, a } = made;
  const path = viaA ?? { off: () => a.birdc('disable m'), on: () => a.birdc('enable m') };
  await t.untilEstablished('m');
  for (const prefix of prefixes) {
    await until(`both paths of ${prefix} are there`, async () => (await received(made, prefix)).size === 2);
  }
  const before = await received(made, prefix4);
  expect([...before.values()].sort()).toEqual(['65001 65011', '65001 65012']);
  expect((await t.peer('m'))?.addPath).toMatchObject({
    ipv4: { receive: 32, discarded: 0 },
    ipv6: { receive: 32, discarded: 0 },
  });
  await path.off();
  for (const prefix of prefixes) {
    await until(`one path of ${prefix} is left`, async () => (await received(made, prefix)).size === 1);
  }
  const left = await received(made, prefix4);
  expect([...left.values()]).toEqual(['65001 65012']);
  for (const [id, asPath] of left) expect(before.get(id)).toBe(asPath);
  await t.untilRoute(prefix4, ({ asPath }) => asPath === '65001 65012');
  await path.on();
  await until('the path is back', async () => (await received(made, prefix4)).size === 2);
}

const takes = tartan({ receive: true });

describe('several paths per prefix from a peer', () => {
  interop('add-path-receive', 'frr', 'takes all that FRR announces, and loses one alone', async () => {
    await takesSeveralPaths(await scene('apfrr', frr, takes));
  });
  interop('add-path-receive', 'bird', 'takes all that BIRD announces, and loses one alone', async () => {
    await takesSeveralPaths(await scene('apbird', bird('tx'), takes));
  });
  interop('add-path-receive', 'gobgp', 'takes all that GoBGP announces, and loses one alone', async () => {
    await takesSeveralPaths(await scene('apgobgp', gobgp, takes));
  });
  interop(
    'add-path-receive',
    'openbgpd',
    'takes all that OpenBGPD announces, and loses one alone',
    async () => {
      // It announces no IPv6 over a session of IPv4 addresses.
      await takesSeveralPaths(await scene('apopen', openbgpd, takes), { prefixes: [prefix4] });
    },
  );
  interop('add-path-receive', 'exabgp', 'takes all that ExaBGP announces, and loses one alone', async () => {
    const words = (n: number) => `path-information 0.0.0.${n} as-path [ 65001 6501${n} ]`;
    const routes = (n: number) => [
      `${prefix4} next-hop 10.1.3.1 ${words(n)}`,
      `${prefix6} next-hop 2001:db8:3::1 ${words(n)}`,
    ];
    const made = await scene('apexa', exabgp([...routes(1), ...routes(2)]), takes);
    const m = new Exabgp(made.lab.node('m'));
    await takesSeveralPaths(made, {
      viaA: {
        off: () => Promise.all(routes(1).map((route) => m.command(`withdraw route ${route}`))),
        on: () => Promise.all(routes(1).map((route) => m.command(`announce route ${route}`))),
      },
    });
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
  for (const { peer, pathId } of before) {
    // What e itself announces for a moment is another path, and goes to nobody.
    const announcedTo = explained.find((path) => path.peer === peer)?.announcedTo;
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
  interop('add-path-send', 'bird', 'announces all to BIRD, and withdraws one alone', async () => {
    const made = await scene('apbird', sends, bird('rx'));
    const e = new Bird(made.lab.node('e'));
    await announcesSeveralPaths(made, async (prefix) => {
      return [...(await e.route(prefix)).matchAll(/BGP\.as_path: (.*)/g)].map(([, asPath]) => asPath);
    });
  });
  interop('add-path-send', 'gobgp', 'announces all to GoBGP, and withdraws one alone', async () => {
    const made = await scene('apgobgp', sends, gobgp);
    const e = new Gobgp(made.lab.node('e'));
    await announcesSeveralPaths(made, async (prefix) => {
      const paths = await e.paths(prefix, { neighbor: '10.1.3.1' });
      return paths.map((path) =>
        (gobgpAttribute(path, 2)?.as_paths ?? []).flatMap(({ asns }) => asns).join(' '),
      );
    });
  });
  interop('add-path-send', 'openbgpd', 'announces all to OpenBGPD, and withdraws one alone', async () => {
    const made = await scene('apopen', sends, openbgpd);
    const e = new Openbgpd(made.lab.node('e'));
    await announcesSeveralPaths(made, async (prefix) => (await e.paths(prefix)).map(({ aspath }) => aspath));
  });
  interop('add-path-send', 'exabgp', 'announces all to ExaBGP, and withdraws one alone', async () => {
    const made = await scene('apexa', sends, exabgp([]));
    const e = new Exabgp(made.lab.node('e'));
    await announcesSeveralPaths(made, async (prefix) => {
      const routes = e.routes().filter((route) => route.prefix === prefix);
      return routes.map(({ attributes }) => (attributes['as-path'] ?? []).join(' '));
    });
  });
});

describe('the numbers of paths', () => {
  it('bound what is taken, and what is beyond is discarded, counted and told', async () => {
    const route = (n: number) =>
      `${prefix4} next-hop 10.1.3.1 path-information 0.0.0.${n} as-path [ 6501${n} ]`;
    const made = await scene('aplimit', exabgp([1, 2].map(route)), tartan({ receive: true, maxReceived: 2 }));
    const { t } = made;
    const m = new Exabgp(made.lab.node('m'));
    await until('both paths are there', async () => (await received(made, prefix4)).size === 2);
    await m.command(`announce route ${route(3)}`);
    await made.lab.node('e').process.untilOutput(/"type":"peer.pathLimit".*"family":"ipv4","limit":2/);
    // One that is there already may change, whatever else is.
    await m.command(`announce route ${route(2)} med 7`);
    await until('it has changed', async () => {
      return (await t.routes({ prefix: prefix4, peer: 'm', view: 'received' })).some(({ med }) => med === 7);
    });
    expect([...(await received(made, prefix4)).keys()].sort()).toEqual([1, 2]);
    expect((await t.peer('m'))?.addPath).toEqual({
      ipv4: { receive: 2, discarded: 1, send: false },
      ipv6: { receive: 2, discarded: 0, send: false },
    });
    await m.command(`withdraw route ${route(1)}`);
    await until('there is room', async () => (await received(made, prefix4)).size === 1);
    await m.command(`announce route ${route(3)} med 8`);
    await until('it is taken', async () => (await received(made, prefix4)).has(3));
  });

  it('that are sent change with a reload, and the session stays', async () => {
    const made = await scene('apreload', tartan({ send: 1 }), frr);
    const { t } = made;
    const e = new Frr(made.lab.node('e'));
    const paths = async () => (await e.paths(prefix4)).map(({ aspath }) => aspath?.string ?? '');
    await until('a and b are there', async () => (await t.routes({ prefix: prefix4 })).length === 2);
    await until('the best path is there', async () => (await paths()).length === 1);
    const since = (await t.peer('e'))?.since;
    const { stdout: document } = await t.node.exec(['cat', '/etc/tartan/router.yaml']);
    const reloaded = async (send: string) => {
      const text = document.replace('"send": 1', `"send": ${send}`);
      await t.node.exec(['sh', '-c', 'printf %s "$1" > /etc/tartan/router.yaml', 'write', text]);
      expect(await t.client.reload()).toMatchObject({ applied: true, errors: [] });
    };
    await reloaded('2');
    await until('both are there', async () => (await paths()).length === 2);
    await reloaded('1');
    await until('the best path alone is there', async () => String(await paths()) === '65001 65011');
    expect(await t.peer('e')).toMatchObject({ since, addPath: { ipv4: { send: 1 } } });
  });
});
