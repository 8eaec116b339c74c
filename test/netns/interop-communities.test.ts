/**
 * Well-known communities that ask Tartan `t` for something, from each of the daemons. `stays` (FRR) announces over a longer
 * AS_PATH what the daemons that are about to leave announce, too.
 */
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { untilKernelRoute } from '../../interop/index.js';
import { interop } from './support/interop.js';
import { type Neighbour, type Peering, peering, theirs } from './support/peering.js';

const leavers = ['bird', 'gobgp', 'openbgpd', 'exabgp'] as const;
const leaving = (index: number): string => `198.51.${100 + index}.0/24`;
const blackholers = ['frr', 'gobgp', 'openbgpd', 'exabgp'] as const;
const blackholed = (daemon: (typeof blackholers)[number]): string =>
  `192.0.2.${blackholers.indexOf(daemon)}/32`;

const frrMap = (name: string, ...sets: string[]): string[] => [
  `route-map ${name} permit 10`,
  ...sets.map((set) => ` ${set}`),
  'exit',
];

const neighbours: readonly Neighbour[] = [
  {
    name: 'bird',
    image: 'bird',
    asn: 65010,
    networks: [leaving(0)],
    bird: { channel: ['import all;', 'export filter { bgp_community.add((65535, 0)); accept; };'] },
  },
  {
    name: 'gobgp',
    image: 'gobgp',
    asn: 65011,
    networks: [`${leaving(1)} community 65535:0`, `${blackholed('gobgp')} community 65535:666`],
    peer: { acceptBlackhole: true },
  },
  {
    name: 'openbgpd',
    image: 'openbgpd',
    asn: 65012,
    networks: [
      `${leaving(2)} set { community GRACEFUL_SHUTDOWN }`,
      `${blackholed('openbgpd')} set { community BLACKHOLE }`,
    ],
    peer: { acceptBlackhole: true },
  },
  {
    name: 'exabgp',
    image: 'exabgp',
    asn: 65013,
    networks: [`${leaving(3)} community [ 65535:0 ]`, `${blackholed('exabgp')} community [ 65535:666 ]`],
    peer: { acceptBlackhole: true },
  },
  {
    name: 'frr',
    image: 'frr',
    asn: 65014,
    networks: [`${blackholed('frr')} route-map drop`],
    peer: { acceptBlackhole: true },
    frr: { lines: frrMap('drop', 'set community blackhole') },
  },
  {
    name: 'stays',
    image: 'frr',
    asn: 65015,
    networks: leavers.map((_, i) => leaving(i)),
    frr: {
      lines: frrMap('out', 'set as-path prepend 65015 65015'),
      familySettings: ['route-map out out'],
    },
  },
  { name: 'other', image: 'frr', asn: 65016 },
  { name: 'inside', image: 'frr', asn: 65001 },
];
const addressOf = (name: string): string =>
  theirs(neighbours.findIndex((neighbour) => neighbour.name === name));

let scene: Peering;
beforeAll(async () => {
  scene = await peering('asked', neighbours);
  for (const { name } of neighbours) await scene.t.untilEstablished(name);
});
afterAll(() => scene?.lab.down());

describe.each(leavers)('GRACEFUL_SHUTDOWN (RFC 8326) from %s', (daemon) => {
  interop('graceful-shutdown', daemon, 'moves traffic to a peer that stays', async () => {
    const { t, lab } = scene;
    const prefix = leaving(leavers.indexOf(daemon));
    await untilKernelRoute(lab.node('t'), prefix, ({ gateway }) => gateway === addressOf('stays'));
    await t.untilPeer(daemon, (row) => (row.families.ipv4?.received ?? 0) > 0, 'has announced');
    const { paths } = await t.client.explain(prefix);
    expect(paths.find((path) => path.peer === daemon)).toMatchObject({
      verdict: 'lost',
      reason: 'step 3: lower LOCAL_PREF (RFC 4271 §9.1.1)',
      attributes: { localPref: 0, communities: ['graceful-shutdown'] },
    });
    // What nobody else has still goes there.
    await scene.frr('stays').configure('router bgp 65015', 'address-family ipv4', `no network ${prefix}`);
    await untilKernelRoute(lab.node('t'), prefix, ({ gateway }) => gateway === addressOf(daemon));
  });
});

describe.each(blackholers)('BLACKHOLE (RFC 7999) from %s', (daemon) => {
  interop('blackhole', daemon, 'drops what it asks for, and tells no other AS', async () => {
    const { t, lab } = scene;
    const prefix = blackholed(daemon);
    const [address = ''] = prefix.split('/');
    await untilKernelRoute(lab.node('t'), address, ({ type }) => type === 'blackhole');
    const { paths, kernel, advertised } = await t.client.explain(prefix);
    expect(paths).toMatchObject([
      {
        peer: daemon,
        verdict: 'best',
        nextHop: null,
        attributes: { communities: ['blackhole', 'no-export'] },
      },
    ]);
    expect(kernel).toMatchObject({ told: 'blackhole' });
    expect(advertised.find(({ peer }) => peer === 'other')).toMatchObject({
      announced: false,
      reason: 'it carries NO_EXPORT and the peer is external (RFC 1997)',
    });
    // Another AS hears of what is announced later, and never of this.
    const sentinel = `203.0.113.${blackholers.indexOf(daemon)}/32`;
    await scene.exabgp('exabgp').announce(sentinel);
    await scene.frr('other').untilPath(sentinel);
    expect(await scene.frr('other').paths(prefix)).toEqual([]);
    // Within the AS it is known, and leads here, where it is dropped.
    const inside = await scene.frr('inside').untilPath(prefix);
    expect(inside.community?.string).toContain('blackhole');
  });
});
