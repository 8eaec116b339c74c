import { describe, expect, it } from 'vitest';
import { formatAddress } from '../../../src/address/index.js';
import {
  diffRouter,
  formatFewIssues,
  formatIssue,
  formatRouter,
  loadRouter,
} from '../../../src/config/index.js';
import { document, errorsOf, folder, load, minimal, warningsOf } from './documents.js';

const spec = (text: string) => document(`${minimal}\n${text}`);
const a = '{name: a, addresses: [192.0.2.1/24, "2001:db8::1/64"], podCIDRs: [10.1.0.0/24, "fd00:1::/64"]}';
const b = '{name: b, addresses: [192.0.2.2/24], podCIDRs: [10.1.1.0/24]}';

describe('pools, tunnels and nodes', () => {
  it('have the defaults of the profile', () => {
    const { overlay } = load(spec('overlay: {profile: flannel, vxlan: {ipv4: {vni: 7}}}'));
    expect(overlay).toEqual({
      profile: 'flannel',
      sameSubnet: 'route',
      mac: 'given',
      vxlan: [
        { device: 'flannel.7', vni: 7, port: 8472, mtu: null, checksumOffload: null },
        { device: 'flannel-v6.1', vni: 1, port: 8472, mtu: null, checksumOffload: null },
      ],
      ipip: { device: 'flannel.ipip', mtu: null, checksumOffload: null },
    });
  });

  it('give a node what it does not say itself: its VTEP from its pod CIDR, its MAC from its name', () => {
    const { nodes } = load(
      spec(`nodes: [{name: localhostname, addresses: [192.0.2.1, "2001:db8::1/64"],
  podCIDRs: [10.1.0.0/24], vtep: {ipv6: {address: "fd00::9"}}}, {name: c, addresses: [192.0.2.3]}]`),
    );
    expect(nodes[0].vteps.map((vtep) => vtep && [formatAddress(vtep.address), vtep.mac])).toEqual([
      // The vector of Calico's own tests.
      ['10.1.0.0', '66:48:f6:56:dc:f1'],
      ['fd00::9', expect.stringMatching(/^66:/)],
    ]);
    expect(nodes[0].addresses.map(({ length }) => length)).toEqual([null, 64]);
    expect(nodes[1].vteps).toEqual([null, null]);
  });

  it('say the same when they are written and read again', () => {
    const text = spec(`overlay: {profile: flannel, ipip: {mtu: 1400, checksumOffload: false}}
pools: [{cidr: 10.0.0.0/8, backend: ipip, mode: crossSubnet, export: false, natOutgoing: true}]
nodes: [${a}, {name: b, addresses: [192.0.2.2], receives: [vxlan, none], vtep: {ipv4: {address: 10.9.0.1, mac: 0E-2A-00-00-00-01}}}]`);
    const router = load(text);
    expect(load(formatRouter(router, 'yaml'))).toEqual(router);
  });

  it.each([
    [
      'pools: [{cidr: 10.0.0.1/8}]',
      '7:18: `spec.pools[0].cidr` is "10.0.0.1/8", which has bits set behind /8; expected `10.0.0.0/8`',
    ],
    [
      'pools: [{cidr: 10.0.0.0/8}, {cidr: 10.0.0.0/8}]',
      '7:38: pool 10.0.0.0/8 stands here a second time, first in line 7; expected it once',
    ],
    [
      'nodes: [{name: b, addresses: [192.0.2.1], podCIDRs: [0.0.0.0/0]}]',
      '7:56: `spec.nodes[0].podCIDRs[0]` is 0.0.0.0/0, whose first address no single host can have; expected a prefix of unicast addresses',
    ],
    [
      'nodes: [{name: b, addresses: [192.0.2.1], podCIDRs: ["ff00::/8"]}]',
      '7:56: `spec.nodes[0].podCIDRs[0]` is ff00::/8, whose first address no single host can have; expected a prefix of unicast addresses',
    ],
    [
      'pools: [{cidr: "fd00::/8", backend: ipip}]\nnodes: [{name: a, addresses: ["fd01::1/64"]}]',
      '7:39: `spec.pools[0].backend` is ipip, which carries IPv4 alone, but fd00::/8 is IPv6; expected `vxlan` or `none`',
    ],
    [
      'pools: [{cidr: 10.0.0.0/8, backend: vxlan}]',
      '7:39: `spec.pools[0].backend` is vxlan, whose tunnel begins at our own IPv4 address; expected a node `a` in `spec.nodes` with one',
    ],
    [
      'pools: [{cidr: 10.0.0.0/8, backend: vxlan}]\nnodes: [{name: a, addresses: [192.0.2.1/24]}]',
      '7:39: `spec.pools[0].backend` is vxlan, whose device needs an address; expected `spec.nodes[0].vtep.ipv4.address` or a pod CIDR of IPv4',
    ],
    [
      'pools: [{cidr: "fd00::/8", backend: vxlan}]\nnodes: [{name: a, addresses: [192.0.2.1/24]}]',
      '7:39: `spec.pools[0].backend` is vxlan, whose tunnel begins at our own IPv6 address; expected `spec.nodes[0]` with one',
    ],
    [
      `nodes: [${b}, ${b.replace('name: b', 'name: c').replace('10.1.1', '10.1.2')}]`,
      expect.stringContaining('address 192.0.2.2 of a node stands here a second time'),
    ],
    [
      `nodes: [${b}, ${b.replace('192.0.2.2', '192.0.2.3').replace('10.1.1', '10.1.2')}]`,
      expect.stringContaining('node `b` stands here a second time'),
    ],
    [
      'nodes: [{name: a, addresses: [192.0.2.1/33]}]',
      '7:33: `spec.nodes[0].addresses[0]` is "192.0.2.1/33", whose length is none of IPv4; expected /0 to /32',
    ],
    [
      'nodes: [{name: a, addresses: [192.0.2.1], vtep: {ipv4: {address: 10.0.0.1, mac: "01:00:00:00:00:01"}}}]',
      '7:83: `spec.nodes[0].vtep.ipv4.mac` is "01:00:00:00:00:01", which is no MAC that a device can have; expected one such as `66:48:f6:56:dc:f1`',
    ],
    [
      'overlay: {ipip: {device: vxlan.calico}}',
      '7:28: `spec.overlay.ipip.device` is vxlan.calico, which is `spec.overlay.vxlan.ipv4.device` too; expected a name for each device',
    ],
    ...['all', 'default', 'vx%d', '..'].map((name): [string, string] => [
      `overlay: {vxlan: {ipv4: {device: ${name}}}}`,
      `7:36: \`spec.overlay.vxlan.ipv4.device\` is "${name}"; expected the name of an interface: at most 15 characters, no \`/\`, \`:\`, \`%\` or space among them, and not \`all\` or \`default\``,
    ]),
    [
      'nodes: [{name: a, addresses: [192.0.2.1], receives: [vxlan, gre]}]',
      '7:63: `spec.nodes[0].receives[1]` is "gre"; expected `none`, `ipip` or `vxlan`',
    ],
  ])('%s is refused', (text, error) => {
    expect(errorsOf(spec(text))).toEqual([error]);
  });

  it('are warned about where nodes would be out of reach, or everything encapsulated', () => {
    expect(
      warningsOf(
        spec(`overlay: {profile: flannel, sameSubnet: address}
pools: [{cidr: 10.1.0.0/16, backend: vxlan, mode: crossSubnet}]
nodes: [{name: a, addresses: [192.0.2.1/32], podCIDRs: [10.1.0.0/24]}, ${b}, {name: c, addresses: [192.0.2.3], podCIDRs: [10.2.0.0/24]}]`),
      ),
    ).toEqual([
      expect.stringContaining(
        'our own address 192.0.2.1/32 has no subnet: under `crossSubnet` everything to 10.1.0.0/16',
      ),
      expect.stringContaining('10.1.1.0/24 is out of reach by VXLAN: the MAC of node `b` is not known'),
      expect.stringContaining('10.2.0.0/24 is in no pool'),
    ]);
  });

  it('are known in a diff by CIDR and by name, which concerns no session', () => {
    const before = load(spec(`pools: [{cidr: 10.1.0.0/16}, {cidr: 10.2.0.0/16}]\nnodes: [${a}, ${b}]`));
    const after = load(
      spec(
        `pools: [{cidr: 10.1.0.0/16, backend: vxlan}]\noverlay: {vxlan: {ipv4: {mtu: 1400}}}\nnodes: [{name: c, addresses: [192.0.2.2/24], podCIDRs: [10.1.1.0/24]}, ${a.replace('2.1/24', '2.9/24')}]`,
      ),
    );
    expect(diffRouter(before, after)).toMatchObject({
      peers: { added: [], removed: [], changed: [] },
      overlay: true,
      policies: null,
      lines: [
        'pool 10.2.0.0/16 removed',
        'pool 10.1.0.0/16: backend none → vxlan',
        'overlay.vxlan.ipv4.mtu: auto → 1400',
        'node b removed',
        'node c added',
        'node a: addresses [192.0.2.1/24, 2001:db8::1/64] → [192.0.2.9/24, 2001:db8::1/64]',
      ],
    });
    expect(diffRouter(before, before)).toMatchObject({ overlay: false, policies: null, lines: [] });
  });

  it('concern what all peers are told where a pool is exported out of one that is not, and nobody where no other holds it', () => {
    const router = (pools: string) => load(spec(`pools: [${pools}]`));
    const kept = router('{cidr: 10.0.0.0/8, export: false}');
    const within = router('{cidr: 10.0.0.0/8, export: false}, {cidr: 10.1.0.0/16}');
    const beside = router('{cidr: 10.0.0.0/8, export: false}, {cidr: 11.1.0.0/16}');
    expect(diffRouter(kept, within).policies).toBe('all');
    expect(diffRouter(within, kept).policies).toBe('all');
    expect(diffRouter(kept, beside).policies).toBeNull();
  });

  it('that are out of reach by the hundred fill no log with their warnings', () => {
    const others = Array.from(
      { length: 300 },
      (_, i) =>
        `{name: n${i}, addresses: [198.51.${i >> 8}.${i & 255}], podCIDRs: [10.9.${i >> 8}.${i & 255}/32]}`,
    );
    const text = spec(`pools: [{cidr: 10.1.0.0/16}]\nnodes: [${others.join(', ')}]`);
    const { warnings } = loadRouter([folder({ 'a.yaml': text })]);
    expect(warnings).toHaveLength(300);
    const lines = formatFewIssues(warnings);
    expect(lines).toHaveLength(21);
    expect(lines.at(-1)).toBe('280 more: `tartan check` tells them');
    expect(formatFewIssues(warnings.slice(0, 20))).toEqual(warnings.slice(0, 20).map(formatIssue));
  });
});
