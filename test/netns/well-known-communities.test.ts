import { afterEach, describe, expect } from 'vitest';
import { untilKernelRoute } from '../../interop/index.js';
import { interop } from './support/interop.js';
import { type Peering, peering } from './support/peering.js';

let scene: Peering | undefined;
afterEach(async () => {
  await scene?.lab.down();
  scene = undefined;
});

describe('GRACEFUL_SHUTDOWN (RFC 8326)', () => {
  interop(
    'graceful-shutdown',
    'frr',
    'moves traffic away from a peer that is about to leave, where the document lets it',
    async () => {
      const prefix = '198.51.100.0/24';
      scene = await peering('leaving', [
        { name: 'one', image: 'frr', asn: 65002, networks: [prefix, '198.51.101.0/24'] },
        { name: 'two', image: 'frr', asn: 65003, networks: [prefix] },
        {
          name: 'deaf',
          image: 'frr',
          asn: 65004,
          networks: ['198.51.102.0/24'],
          peer: { gracefulShutdown: false },
        },
      ]);
      const { t } = scene;
      await untilKernelRoute(scene.lab.node('t'), prefix, (route) => route.gateway === '10.0.0.2');
      await scene.frr('one').configure('router bgp 65002', 'bgp graceful-shutdown');
      await untilKernelRoute(scene.lab.node('t'), prefix, (route) => route.gateway === '10.0.1.2');
      const { paths } = await t.client.explain(prefix);
      expect(paths.find((path) => path.peer === 'one')).toMatchObject({
        verdict: 'lost',
        reason: 'step 3: lower LOCAL_PREF (RFC 4271 §9.1.1)',
        attributes: { localPref: 0, communities: ['graceful-shutdown'] },
      });
      // What nobody else has still goes there.
      await t.untilRoute('198.51.101.0/24', (route) => route.localPref === 0);

      await scene.frr('deaf').configure('router bgp 65004', 'bgp graceful-shutdown');
      const kept = await t.untilRoute('198.51.102.0/24', (route) =>
        route.communities.includes('graceful-shutdown'),
      );
      expect(kept.localPref).toBeNull();
      await scene.frr('one').configure('router bgp 65002', 'no bgp graceful-shutdown');
      await untilKernelRoute(scene.lab.node('t'), prefix, (route) => route.gateway === '10.0.0.2');
    },
  );
});

describe('BLACKHOLE (RFC 7999)', () => {
  interop(
    'blackhole',
    'bird',
    'drops what a peer that may ask for it asks for, and tells no other AS',
    async () => {
      const blackhole = ['import all;', 'export filter { bgp_community.add((65535, 666)); accept; };'];
      scene = await peering('blackhole', [
        {
          name: 'may',
          image: 'bird',
          asn: 65002,
          networks: ['198.51.100.7/32'],
          peer: { acceptBlackhole: true },
          bird: { channel: blackhole },
        },
        {
          name: 'maynot',
          image: 'bird',
          asn: 65003,
          networks: ['198.51.101.7/32'],
          bird: { channel: blackhole },
        },
        { name: 'other', image: 'frr', asn: 65004 },
        { name: 'inside', image: 'frr', asn: 65001 },
      ]);
      const { t, lab } = scene;
      const route = await untilKernelRoute(
        lab.node('t'),
        '198.51.100.7',
        (found) => found.type === 'blackhole',
      );
      expect(route.protocol).toBe('84');
      await untilKernelRoute(lab.node('t'), '198.51.101.7', (found) => found.gateway === '10.0.1.2');
      expect(await t.client.explain('198.51.100.7/32')).toMatchObject({
        paths: [
          {
            verdict: 'best',
            nextHop: null,
            nextHopResolution:
              'none: its BLACKHOLE community asks this router to drop what goes there (RFC 7999)',
            attributes: { communities: ['blackhole', 'no-export'] },
          },
        ],
        kernel: { told: 'blackhole' },
      });
      // Another AS hears of the one that is no blackhole here, and never of the other.
      await scene.frr('other').untilPath('198.51.101.7/32');
      expect(await scene.frr('other').paths('198.51.100.7/32')).toEqual([]);
      const { advertised } = await t.client.explain('198.51.100.7/32');
      expect(advertised.find(({ peer }) => peer === 'other')).toMatchObject({
        announced: false,
        reason: 'it carries NO_EXPORT and the peer is external (RFC 1997)',
      });
      // Within the AS it is known, and leads here, where it is dropped.
      const inside = await scene.frr('inside').untilPath('198.51.100.7/32');
      expect(inside.nexthops).toMatchObject([{ ip: '10.0.3.1' }]);
      expect(inside.community?.string).toContain('blackhole');
    },
  );
});
