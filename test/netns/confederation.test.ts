import { afterAll, beforeAll, describe, expect } from 'vitest';
import { until } from '../../interop/index.js';
import { interop, unsupported } from './support/interop.js';
import { type Peering, peering, theirs } from './support/peering.js';

/**
 * Confederation 65000. `t` is in its member AS 65001 together with the FRR router `inner`; `east` (FRR) is member AS
 * 65002, `west` (BIRD) is 65003. Outside, AS 65100 (FRR) and AS 65200 (BIRD) see AS 65000.
 */
let scene: Peering;

const confederation = (...others: number[]) => [
  'bgp confederation identifier 65000',
  `bgp confederation peers ${others.join(' ')}`,
];
const community = (name: string) => ({
  lines: ['route-map out permit 10', ` set community ${name}`, 'exit'],
  familySettings: ['route-map out out'],
});

beforeAll(async () => {
  scene = await peering(
    'confederation',
    [
      {
        name: 'east',
        image: 'frr',
        asn: 65002,
        networks: ['198.51.1.0/24', '198.51.11.0/24'],
        frr: {
          bgp: confederation(65001, 65003),
          lines: [
            'ip prefix-list kept permit 198.51.11.0/24',
            'route-map out permit 10',
            ' match ip address prefix-list kept',
            ' set community no-export',
            'exit',
            'route-map out permit 20',
            ' set local-preference 250',
            ' set metric 33',
            'exit',
          ],
          familySettings: ['route-map out out'],
        },
      },
      {
        name: 'west',
        image: 'bird',
        asn: 65003,
        networks: ['198.51.2.0/24'],
        bird: {
          settings: ['confederation 65000;', 'confederation member yes;'],
          // Next hops lie behind us.
          lines: ['protocol static { ipv4; route 10.0.0.0/16 via 10.0.1.1; }'],
          channel: [
            'import all;',
            'export where source = RTS_BGP || net ~ 198.51.2.0/24;',
            'gateway recursive;',
          ],
        },
      },
      {
        name: 'inner',
        image: 'frr',
        asn: 65001,
        networks: ['198.51.3.0/24'],
        frr: { bgp: confederation(65002, 65003), ...community('local-AS') },
      },
      { name: 'out', image: 'frr', asn: 65100, networks: ['198.51.4.0/24'], frr: { remoteAsn: 65000 } },
      {
        name: 'north',
        image: 'gobgp',
        asn: 65006,
        networks: ['198.51.6.0/24'],
        gobgp: {
          global: {
            confederation: {
              config: { enabled: true, identifier: 65000, 'member-as-list': [65001, 65002, 65003] },
            },
          },
        },
      },
      {
        name: 'open',
        image: 'openbgpd',
        asn: 65300,
        networks: ['198.51.7.0/24'],
        openbgpd: { remoteAsn: 65000 },
      },
      { name: 'exa', image: 'exabgp', asn: 65400, networks: ['198.51.8.0/24'], exabgp: { remoteAsn: 65000 } },
      { name: 'far', image: 'bird', asn: 65200, networks: ['198.51.5.0/24'], bird: { remoteAsn: 65000 } },
    ],
    { confederation: { id: 65000, members: [65002, 65003, 65006] }, networks: ['203.0.113.0/24'] },
  );
  for (const name of ['east', 'west', 'inner', 'out', 'north', 'open', 'exa', 'far'])
    await scene.t.untilEstablished(name);
});
afterAll(() => scene?.lab.down());

const asPath = /BGP\.as_path: ([\d ()]*)/;
const seenByBird = async (name: string, prefix: string) => {
  const text = await scene.bird(name).untilRoute(prefix, asPath);
  return asPath.exec(text)?.[1].trim();
};
const seenByFrr = async (name: string, prefix: string) =>
  (await scene.frr(name).untilPath(prefix)).aspath?.string.trim();

describe('in a confederation', () => {
  interop(
    'confederation',
    'frr',
    'puts the member AS in front, keeps LOCAL_PREF, MED and next hop',
    async () => {
      expect(await seenByFrr('east', '203.0.113.0/24')).toBe('(65001)');
      expect(await seenByFrr('east', '198.51.2.0/24')).toBe('(65001 65003)');
      expect(await seenByFrr('east', '198.51.5.0/24')).toBe('(65001) 65200');
      const [path] = await scene.frr('east').paths('198.51.2.0/24');
      expect(path).toMatchObject({ nexthops: [{ ip: theirs(1) }], locPrf: 100 });
      expect(await scene.t.untilRoute('198.51.1.0/24')).toMatchObject({
        asPath: '(65002)',
        localPref: 250,
        med: 33,
      });
      expect(await seenByFrr('inner', '198.51.1.0/24')).toBe('(65002)');
      expect((await scene.t.peer('east'))?.relation).toBe('confed');
    },
  );

  interop(
    'confederation',
    'bird',
    'puts the member AS in front, keeps LOCAL_PREF, MED and next hop',
    async () => {
      expect(await seenByBird('west', '203.0.113.0/24')).toBe('(65001)');
      expect(await seenByBird('west', '198.51.1.0/24')).toBe('(65001 65002)');
      expect(await seenByBird('west', '198.51.4.0/24')).toBe('(65001) 65100');
      const route = await scene.bird('west').route('198.51.1.0/24');
      expect(route).toMatch(/BGP\.next_hop: 10\.0\.0\.2/);
      expect(route).toMatch(/BGP\.local_pref: 250/);
      expect(route).toMatch(/BGP\.med: 33/);
      expect((await scene.t.untilRoute('198.51.2.0/24')).asPath).toBe('(65003)');
    },
  );

  interop('confederation', 'gobgp', 'puts the member AS in front, and reads its', async () => {
    const segmentsOf = async (prefix: string) => {
      const { attrs } = await scene.gobgp('north').untilPath(prefix);
      return (attrs as unknown as { type: number; as_paths?: unknown }[]).find(({ type }) => type === 2)
        ?.as_paths;
    };
    // 3: AS_CONFED_SEQUENCE, 2: AS_SEQUENCE.
    expect(await segmentsOf('198.51.1.0/24')).toEqual([{ segment_type: 3, num: 2, asns: [65001, 65002] }]);
    expect(await segmentsOf('198.51.4.0/24')).toEqual([
      { segment_type: 3, num: 1, asns: [65001] },
      { segment_type: 2, num: 1, asns: [65100] },
    ]);
    expect((await scene.t.untilRoute('198.51.6.0/24')).asPath).toBe('(65006)');
    expect((await scene.t.peer('north'))?.relation).toBe('confed');
  });

  interop('confederation', 'frr', 'shows the outside its number alone', async () => {
    for (const prefix of ['203.0.113.0/24', '198.51.1.0/24', '198.51.2.0/24']) {
      expect(await seenByFrr('out', prefix)).toBe('65000');
    }
    expect(await seenByFrr('out', '198.51.5.0/24')).toBe('65000 65200');
  });

  interop('confederation', 'bird', 'shows the outside its number alone', async () => {
    for (const prefix of ['203.0.113.0/24', '198.51.1.0/24', '198.51.2.0/24']) {
      expect(await seenByBird('far', prefix)).toBe('65000');
    }
    expect(await seenByBird('far', '198.51.4.0/24')).toBe('65000 65100');
  });

  unsupported(
    'confederation',
    'openbgpd',
    'has no word for one; from outside, it sees our number alone',
    async () => {
      const { t } = scene;
      expect((await t.untilRoute('198.51.7.0/24')).asPath).toBe('65300');
      const node = scene.lab.node('open');
      node.write('/etc/confed.conf', 'AS 65300\nconfederation identifier 65000\n');
      const tried = await node.exec(['bgpd', '-n', '-f', '/etc/confed.conf'], { allowFailure: true });
      expect(tried.stdout + tried.stderr).toMatch(/confed\.conf:2: syntax error/);
      expect((await scene.openbgpd('open').untilPath('198.51.1.0/24')).aspath).toBe('65000');
    },
  );

  unsupported(
    'confederation',
    'exabgp',
    'has no word for one; from outside, it peers with our number',
    async () => {
      expect((await scene.t.untilRoute('198.51.8.0/24')).asPath).toBe('65400');
      const node = scene.lab.node('exa');
      node.write('/etc/confed.conf', 'confederation {\n  identifier 65000;\n}\n');
      const tried = await node.exec(['exabgp', '--validate', '/etc/confed.conf'], { allowFailure: true });
      expect(tried.stdout + tried.stderr).toMatch(/section confederation is invalid in root/);
    },
  );

  interop(
    'confederation',
    'frr',
    'lets NO_EXPORT as far as its edge and NO_EXPORT_SUBCONFED no further than the member AS',
    async () => {
      const { t } = scene;
      // What came by then, came after these.
      await scene.bird('west').untilRoute('198.51.11.0/24');
      await t.untilRoute('198.51.3.0/24');
      const told = async (prefix: string) => {
        const { advertised } = await t.client.explain(prefix);
        return Object.fromEntries(
          advertised.map(({ peer, announced, reason }) => [peer, announced || reason]),
        );
      };
      expect(await told('198.51.11.0/24')).toMatchObject({
        west: true,
        inner: true,
        out: expect.stringContaining('NO_EXPORT'),
        far: expect.stringContaining('NO_EXPORT'),
      });
      expect(await told('198.51.3.0/24')).toMatchObject({
        west: expect.stringContaining('NO_EXPORT_SUBCONFED'),
        east: expect.stringContaining('NO_EXPORT_SUBCONFED'),
        out: expect.stringContaining('NO_EXPORT_SUBCONFED'),
      });
      expect(await scene.frr('out').paths('198.51.11.0/24')).toHaveLength(0);
      expect(await scene.bird('west').route('198.51.3.0/24')).toBe('');
    },
  );

  interop('confederation', 'frr', 'keeps its sessions when another member AS joins it', async () => {
    const { t } = scene;
    const before = (await t.peer('east'))?.since;
    const file = '/etc/tartan/router.yaml';
    const document = (await t.node.exec(['cat', file])).stdout;
    const grown = document.replace(/"members": \[/, '$&65009,');
    await t.node.exec(['sh', '-c', `printf %s "$1" > ${file}`, 'write', grown]);
    const { applied, changes } = await t.client.reload();
    expect({ applied, changes }).toEqual({
      applied: true,
      changes: ['confederation.members: [65002, 65003, 65006] → [65009, 65002, 65003, 65006]'],
    });
    await until('east still stands', async () => (await t.peer('east'))?.since === before);
  });
});
