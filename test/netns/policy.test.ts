/** What filters set, as FRR sees it, and what they let in of what FRR announces. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Frr, frrConfig, Lab, Tartan, tartanConfig } from '../../interop/index.js';

/** Tartan `t` (AS 65001) and FRR `p` (AS 65002), which puts another path before each of its networks. */
const tartan = tartanConfig({
  name: 't',
  asn: 65001,
  routerId: '10.0.0.1',
  spec: {
    networks: [{ prefix: '203.0.113.0/24', communities: ['65001:1', '65001:2', 'no-peer'] }, '192.0.2.0/24'],
    prefixSets: { tagged: ['203.0.113.0/24'] },
    filters: {
      // Only what came through one AS after FRR's, which is not 65009.
      paths: [
        { match: { asPath: { regex: '_65009_' } }, action: 'reject' },
        {
          match: {
            asPath: { regex: '^65002(_65002)*_[0-9]+$', length: { le: 3 } },
            peer: 'p*',
            source: 'bgp',
          },
          set: { localPref: '+50', largeCommunities: { add: ['65001:7:7'] } },
          action: 'accept',
        },
      ],
      out: [
        {
          match: { prefixSet: 'tagged', source: 'originated' },
          set: {
            prepend: 2,
            med: 77,
            origin: 'incomplete',
            communities: { remove: ['65001:*'], add: ['65001:100', '65001:200'] },
            largeCommunities: { add: ['65001:1:2', '4200000000:3:4'] },
            extendedCommunities: { add: ['rt:65001:5', 'ro:192.0.2.1:6'] },
          },
        },
        { match: { med: { ge: 77 } }, set: { prepend: { asn: 65100 }, med: -7 }, action: 'accept' },
        { match: { source: 'originated' }, action: 'accept' },
      ],
    },
    peers: [{ name: 'p1', address: '10.0.0.2', asn: 65002, import: 'paths', export: 'out', connectRetry: 1 }],
  },
});

const paths = { '198.51.100.0/24': '65003', '198.51.101.0/24': '65009', '198.51.102.0/24': '65003 65004' };
const routeMap = Object.entries(paths).flatMap(([prefix, path], i) => [
  `ip prefix-list net${i} seq 5 permit ${prefix}`,
  `route-map out permit ${10 + i}`,
  ` match ip address prefix-list net${i}`,
  ` set as-path prepend ${path}`,
  'exit',
]);
const frr = frrConfig({
  asn: 65002,
  routerId: '10.0.0.2',
  networks: Object.keys(paths),
  lines: routeMap,
  neighbors: [
    {
      address: '10.0.0.1',
      remoteAsn: 65001,
      settings: ['timers connect 1'],
      familySettings: ['route-map out out'],
    },
  ],
});

let lab: Lab;
let t: Tartan;
let peer: Frr;

beforeAll(async () => {
  const node = (n: number) => [`ip addr add 10.0.0.${n}/24 dev eth1`];
  lab = await Lab.up(
    {
      name: 'policy',
      topology: {
        nodes: {
          t: { image: 'tartan', 'startup-config': 't.yaml', exec: node(1) },
          p: { image: 'frr', 'startup-config': 'p.conf', exec: node(2) },
        },
        links: [{ endpoints: ['t:eth1', 'p:eth1'] }],
      },
    },
    { files: { 't.yaml': tartan, 'p.conf': frr } },
  );
  t = new Tartan(lab.node('t'));
  peer = new Frr(lab.node('p'));
  await t.untilEstablished('p1');
});
afterAll(() => lab?.down());

describe('filters with FRR as peer', () => {
  it('prepend, and set MED, ORIGIN and communities of all three kinds', async () => {
    const path = await peer.untilPath('203.0.113.0/24');
    expect(path.aspath?.string).toBe('65001 65100 65001 65001');
    expect(path.metric).toBe(70);
    expect(path.origin).toBe('incomplete');
    expect(path.community?.string.split(' ').sort()).toEqual(['65001:100', '65001:200', 'no-peer']);
    expect(path.largeCommunity?.string.split(' ').sort()).toEqual(['4200000000:3:4', '65001:1:2']);
    expect(path.extendedCommunity?.string.split(' ').sort()).toEqual(['RT:65001:5', 'SoO:192.0.2.1:6']);
  });

  it('leave alone what they do not match', async () => {
    const path = await peer.untilPath('192.0.2.0/24');
    expect(path.aspath?.string).toBe('65001');
    expect(path.origin).toBe('IGP');
    expect(path).not.toHaveProperty('community');
    expect(path).not.toHaveProperty('largeCommunity');
  });

  it('let in by AS_PATH, and tell which rule decided', async () => {
    await t.untilPeer('p1', (row) => row.families.ipv4?.received === 3, 'has announced all');
    const route = await t.untilRoute('198.51.100.0/24');
    expect(route).toMatchObject({ asPath: '65002 65003', localPref: 150 });
    const [path] = (await t.client.explain('198.51.100.0/24')).paths;
    expect(path.attributes).toMatchObject({ largeCommunities: ['65001:7:7'] });
    const best = (await t.routes()).filter((row) => row.peer === 'p1').map((row) => row.prefix);
    expect(best).toEqual(['198.51.100.0/24']);
    const reason = async (prefix: string) =>
      (await t.client.explain(prefix)).paths.map((path) => path.reason);
    expect(await reason('198.51.101.0/24')).toEqual(['filter paths rule 1 rejects it']);
    expect(await reason('198.51.102.0/24')).toEqual(['filter paths has no rule that accepts it']);
  });
});
