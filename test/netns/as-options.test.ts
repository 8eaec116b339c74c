import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../../interop/index.js';
import { interop } from './support/interop.js';
import { type Peering, peering } from './support/peering.js';

/** `t`, AS 65001, with FRR and BIRD around it, each with a wish of its own about AS_PATH. */
let scene: Peering;

/** FRR puts these in front of what it announces to us. */
const prepending = (...numbers: number[]) => ({
  lines: ['route-map out permit 10', ` set as-path prepend ${numbers.join(' ')}`, 'exit'],
  familySettings: ['route-map out out'],
});
const birdSettings = { remoteAsn: 64999 };

beforeAll(async () => {
  scene = await peering(
    'as-options',
    [
      { name: 'east', image: 'frr', asn: 65002, networks: ['198.51.1.0/24'] },
      { name: 'west', image: 'frr', asn: 65002, peer: { asOverride: true } },
      {
        name: 'back',
        image: 'frr',
        asn: 65003,
        networks: ['198.51.3.0/24'],
        peer: { allowOwnAs: 1, removePrivateAs: 'all' },
        frr: prepending(65003, 65001),
      },
      { name: 'loop', image: 'frr', asn: 65004, networks: ['198.51.4.0/24'], frr: prepending(65004, 65001) },
      {
        name: 'other',
        image: 'bird',
        asn: 65005,
        networks: ['198.51.5.0/24'],
        peer: { localAs: { asn: 64999 }, removePrivateAs: 'replace' },
        bird: birdSettings,
      },
      {
        name: 'hidden',
        image: 'bird',
        asn: 65006,
        networks: ['198.51.6.0/24'],
        peer: { localAs: { asn: 64999, noPrepend: true, replaceAs: true } },
        bird: birdSettings,
      },
    ],
    { networks: [{ prefix: '203.0.113.0/24' }] },
  );
  for (const name of ['east', 'west', 'back', 'loop', 'other', 'hidden'])
    await scene.t.untilEstablished(name);
});
afterAll(() => scene?.lab.down());

const seen = async (name: string, prefix: string) =>
  (await scene.frr(name).untilPath(prefix)).aspath?.string.trim();
const asPath = /BGP\.as_path: ([\d ]*)/;
const seenByBird = async (name: string, prefix: string) =>
  asPath.exec(await scene.bird(name).untilRoute(prefix, asPath))?.[1].trim();

describe('with FRR and BIRD as peers', () => {
  interop('as-path-options', 'frr', 'as override: two places of one AS hear of each other', async () => {
    expect(await seen('west', '198.51.1.0/24')).toBe('65001 65001');
  });

  interop('as-path-options', 'frr', 'our own AS is taken as often as allowed, and no more', async () => {
    expect((await scene.t.untilRoute('198.51.3.0/24')).asPath).toBe('65003 65003 65001');
    const paths = await until('the path of loop is known', async () => {
      const { paths } = await scene.t.client.explain('198.51.4.0/24');
      return paths.length > 0 && paths;
    });
    expect(paths).toMatchObject([
      { verdict: 'rejected', reason: 'our own AS is in its AS_PATH (RFC 4271 §9.1.2)' },
    ]);
  });

  it('takes private numbers out, or puts its own in their place', async () => {
    expect(await seen('back', '198.51.1.0/24')).toBe('65001');
    expect(await seenByBird('other', '198.51.1.0/24')).toBe('64999 65001 64999');
  });

  interop(
    'as-path-options',
    'bird',
    'local AS: we are another AS to a peer that knows us as one',
    async () => {
      expect(await seenByBird('other', '203.0.113.0/24')).toBe('64999 65001');
      expect((await scene.t.untilRoute('198.51.5.0/24')).asPath).toBe('64999 65005');
      expect(await seenByBird('hidden', '203.0.113.0/24')).toBe('64999');
      expect((await scene.t.untilRoute('198.51.6.0/24')).asPath).toBe('65006');
    },
  );
});
