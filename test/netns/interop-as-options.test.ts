/**
 * What FRR and BIRD show in as-options.test.ts, with the other daemons. Each is there twice: as a second place of AS 65002,
 * whose first is `east`, and as a peer of AS 65003 that knows Tartan as AS 64999.
 */
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { until } from '../../interop/index.js';
import { interop } from './support/interop.js';
import { type Neighbour, type Peering, peering } from './support/peering.js';
import { remoteOf, untilRemotePath } from './support/remote.js';

const others = ['gobgp', 'openbgpd', 'exabgp'] as const;
type Other = (typeof others)[number];

/** Our AS is once in the AS_PATH of the first, twice in that of the second. */
const once = (daemon: Other): string => `198.51.${10 + others.indexOf(daemon)}.0/24`;
const twice = (daemon: Other): string => `198.51.${20 + others.indexOf(daemon)}.0/24`;

/** GoBGP keeps back what has its peer's AS in its path, so it announces them to AS 64999. */
const announces: Record<Other, Partial<Record<'place' | 'alias', Partial<Neighbour>>>> = {
  gobgp: {
    alias: {
      networks: [`${once('gobgp')} aspath 65001`, `${twice('gobgp')} aspath 65001,65001`],
    },
  },
  openbgpd: {},
  exabgp: {
    alias: {
      networks: [
        `${once('exabgp')} as-path [ 65003 65001 ]`,
        `${twice('exabgp')} as-path [ 65003 65001 65001 ]`,
      ],
    },
  },
};

let scene: Peering;
beforeAll(async () => {
  const neighbours: Neighbour[] = [
    { name: 'east', image: 'frr', asn: 65002, networks: ['198.51.1.0/24'] },
    ...others.flatMap((image): Neighbour[] => [
      {
        name: `${image}Place`,
        image,
        asn: 65002,
        peer: { asOverride: true, allowOwnAs: 1 },
        ...announces[image].place,
      },
      {
        name: `${image}Alias`,
        image,
        asn: 65003,
        peer: { localAs: { asn: 64999 }, allowOwnAs: 1 },
        [image]: { remoteAsn: 64999 },
        ...announces[image].alias,
      },
    ]),
  ];
  scene = await peering('as-wishes', neighbours, { networks: [{ prefix: '203.0.113.0/24' }] });
  for (const { name } of neighbours) await scene.t.untilEstablished(name);
});
afterAll(() => scene?.lab.down());

describe.each(others)('with %s', (daemon) => {
  const seen = async (name: string, prefix: string): Promise<number[]> => {
    const remote = remoteOf(daemon, scene.lab.node(name), { asn: 65002, routerId: '', sessions: [] });
    return (await untilRemotePath(remote, prefix)).asPath;
  };

  interop('as-path-options', daemon, 'as override: two places of one AS hear of each other', async () => {
    expect(await seen(`${daemon}Place`, '198.51.1.0/24')).toEqual([65001, 65001]);
  });

  interop(
    'as-path-options',
    daemon,
    'local AS: we are another AS to a peer that knows us as one',
    async () => {
      expect(await seen(`${daemon}Alias`, '203.0.113.0/24')).toEqual([64999, 65001]);
    },
  );

  // OpenBGPD can put its own AS alone in front of its own routes.
  if (daemon === 'openbgpd') return;

  interop('as-path-options', daemon, 'our own AS is taken as often as allowed, and no more', async () => {
    const { t } = scene;
    expect((await t.untilRoute(once(daemon))).asPath).toBe('64999 65003 65001');
    const paths = await until('the other path is known', async () => {
      const { paths } = await t.client.explain(twice(daemon));
      return paths.length > 0 && paths;
    });
    expect(paths).toMatchObject([
      { verdict: 'rejected', reason: 'our own AS is in its AS_PATH (RFC 4271 §9.1.2)' },
    ]);
  });
});
