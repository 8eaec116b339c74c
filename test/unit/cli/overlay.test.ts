import { describe, expect, it } from 'vitest';
import type { NodeRow, OverlayReport, PoolRow } from '../../../src/control/index.js';
import { daemon, linesOf, tartan, temporaryFolder } from './harness.js';

const pools: PoolRow[] = [
  {
    cidr: '10.1.0.0/16',
    backend: 'vxlan',
    mode: 'crossSubnet',
    export: true,
    natOutgoing: true,
    blocks: { direct: 3, ipip: 1, vxlan: 4999, unresolved: 2 },
  },
  {
    cidr: 'fd00::/16',
    backend: 'none',
    mode: 'always',
    export: false,
    natOutgoing: false,
    blocks: { direct: 0, ipip: 0, vxlan: 0, unresolved: 0 },
  },
];
const nodes: NodeRow[] = [
  {
    name: 'a',
    own: true,
    addresses: ['192.0.2.1/24'],
    receives: null,
    vteps: [{ address: '10.1.0.0', mac: '66:00:00:00:00:01' }],
    blocks: [{ prefix: '10.1.0.0/24', by: 'local', why: 'this node itself', reachable: true }],
  },
  {
    name: 'b',
    own: false,
    addresses: ['198.51.100.2/24'],
    receives: ['ipip', 'none'],
    vteps: [{ address: '10.1.1.0', mac: null }],
    blocks: [{ prefix: '10.1.1.0/24', by: 'unresolved', why: 'no way: nobody knows', reachable: false }],
  },
  {
    name: 'c',
    own: false,
    addresses: ['203.0.113.3/24'],
    receives: null,
    vteps: [{ address: '10.1.2.0', mac: '66:00:00:00:00:03' }],
    blocks: [
      {
        prefix: '10.1.2.0/24',
        by: 'vxlan',
        why: 'across subnets; but no route leads there',
        reachable: false,
      },
      { prefix: '10.1.3.0/24', by: 'vxlan', why: 'across subnets', reachable: true },
    ],
  },
];
const overlay: OverlayReport = {
  profile: 'calico',
  underlay: { ipv4: '192.0.2.1/24 on eth0', ipv6: null },
  devices: [
    {
      name: 'vxlan.calico',
      kind: 'vxlan',
      state: 'ready',
      ifindex: 7,
      mac: '66:00:00:00:00:01',
      mtu: 1450,
      problem: null,
    },
    {
      name: 'tunl0',
      kind: 'ipip',
      state: 'unsupported',
      ifindex: null,
      mac: null,
      mtu: null,
      problem: 'this kernel has no ipip',
    },
  ],
  entries: { desired: 9998, installed: 9996 },
  problems: ['tunl0 is unsupported: this kernel has no ipip'],
};

describe('show', () => {
  it('pools: how packets travel, and to how many blocks there is a way', async () => {
    const { tartan } = await daemon({ pools });
    expect(linesOf((await tartan('show', 'pools')).out)).toEqual([
      'POOL         BACKEND  MODE         BGP       NAT       DIRECT  TUNNELLED  NO WAY',
      '10.1.0.0/16  vxlan    crossSubnet  exported  outgoing       3      5,000       2',
      'fd00::/16    none                  kept                     0          0       0',
    ]);
    expect(JSON.parse((await tartan('show', 'pools', '-o', 'json')).out)).toEqual(pools);
  });

  it('nodes: where their tunnels end, by what their pods are reached, and why not', async () => {
    const { tartan } = await daemon({ nodes });
    expect(linesOf((await tartan('show', 'nodes')).out).map((line) => line.trim())).toEqual([
      expect.stringMatching(/^NODE +ADDRESSES +VTEP +PODS +BY$/),
      expect.stringMatching(
        /^a \(this one\) +192\.0\.2\.1\/24 +10\.1\.0\.0 66:00:00:00:00:01 +10\.1\.0\.0\/24 +local$/,
      ),
      expect.stringMatching(/^b +198\.51\.100\.2\/24 +10\.1\.1\.0 without a MAC +10\.1\.1\.0\/24 +no way$/),
      'receives ipip, none',
      '10.1.1.0/24: no way: nobody knows',
      expect.stringMatching(
        /^c +203\.0\.113\.3\/24 +10\.1\.2\.0 66:00:00:00:00:03 +10\.1\.2\.0\/24 +vxlan, no route$/,
      ),
      expect.stringMatching(/^10\.1\.3\.0\/24 +vxlan$/),
      '10.1.2.0/24: across subnets; but no route leads there',
    ]);
    expect(JSON.parse((await tartan('show', 'nodes', '-o', 'json')).out)).toEqual(nodes);
  });

  it('overlay: devices, entries and what is wrong', async () => {
    const { tartan } = await daemon({ overlay });
    const lines = linesOf((await tartan('show', 'overlay')).out).map((line) => line.trim());
    expect(lines).toEqual([
      'profile calico, from 192.0.2.1/24 on eth0 and no IPv6 address',
      expect.stringMatching(/^DEVICE +KIND +STATE +INDEX +MTU +MAC$/),
      expect.stringMatching(/^vxlan\.calico +vxlan +ready +7 +1450 +66:00:00:00:00:01$/),
      expect.stringMatching(/^tunl0 +ipip +unsupported$/),
      'this kernel has no ipip',
      '9,996 of 9,998 neighbours and FDB entries are in the kernel',
      'tunl0 is unsupported: this kernel has no ipip',
    ]);
    expect(JSON.parse((await tartan('show', 'overlay', '-o', 'json')).out)).toEqual(overlay);
  });

  it('says so where nothing is configured', async () => {
    const { tartan } = await daemon({ pools: [], nodes: [] });
    expect((await tartan('show', 'pools')).out).toBe('no pools are configured\n');
    expect((await tartan('show', 'nodes')).out).toBe('no nodes are configured\n');
  });
});

describe('tartan cleanup', () => {
  it('takes a daemon that fails to answer for one that runs', async () => {
    const { tartan } = await daemon({});
    const outcome = await tartan('cleanup', '--config', '/nonexistent/tartan.yaml');
    expect(outcome).toMatchObject({ code: 1, err: expect.stringContaining('a daemon runs') });
  });

  it('goes on where nobody listens', async () => {
    const control = `${temporaryFolder()}/control.sock`;
    const outcome = await tartan('--control', control, 'cleanup', '--config', '/nonexistent/tartan.yaml');
    expect(outcome).toMatchObject({ code: 1, err: expect.stringContaining('/nonexistent/tartan.yaml') });
    expect(outcome.err).not.toContain('daemon');
  });
});
