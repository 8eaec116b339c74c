import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Address,
  contains,
  type Prefix,
  parseAddress,
  parsePrefix,
  sameAddress,
} from '../../../src/address/index.js';
import {
  backends,
  decideEncapsulation,
  describeEncapsulation,
  type EncapsulationFacts,
  type EncapsulationNode,
  type EncapsulationRoute,
  type Pool,
  PoolTable,
} from '../../../src/policy/index.js';

const at = (text: string): Address => {
  const address = parseAddress(text);
  if (address === null) throw new Error(text);
  return address;
};
const prefix = (text: string): Prefix => {
  const parsed = parsePrefix(text);
  if (parsed === null) throw new Error(text);
  return parsed;
};
const pool = (backend: Pool['backend'], mode: Pool['mode'] = 'always', cidr = '10.0.0.0/8'): Pool => ({
  cidr: prefix(cidr),
  backend,
  mode,
  exported: true,
  natOutgoing: false,
});
const node = (
  name: string,
  address: string,
  more: Partial<EncapsulationNode> & { vtep?: string | null; mac?: string | null } = {},
): EncapsulationNode => ({
  name,
  families: [
    {
      address: at(address),
      vtep:
        more.vtep === null
          ? null
          : {
              address: at(more.vtep ?? '10.9.0.0'),
              mac: more.mac === undefined ? '66:00:00:00:00:01' : more.mac,
            },
    },
    null,
  ],
  receives: null,
  ...more,
});
const nodes: EncapsulationNode[] = [
  node('near', '192.0.2.2'),
  node('far', '198.51.100.2'),
  node('novtep', '198.51.100.3', { vtep: null }),
  node('nomac', '198.51.100.4', { mac: null }),
  node('old', '198.51.100.5', { receives: ['ipip', 'none'] }),
  node('oldNear', '192.0.2.5', { receives: ['none'] }),
  node('v6only', '198.51.100.6', { families: [null, { address: at('2001:db8::6'), vtep: null }] }),
  node('dual', '198.51.100.7', {
    families: [
      { address: at('198.51.100.7'), vtep: { address: at('10.9.7.0'), mac: '66:00:00:00:00:07' } },
      { address: at('2001:db8:1::7'), vtep: { address: at('fd00:7::'), mac: '66:00:00:00:06:07' } },
    ],
  }),
];
const known = (address: Address): EncapsulationNode | null =>
  nodes.find(({ families }) => families.some((each) => each && sameAddress(each.address, address))) ?? null;

const facts = (
  own: string | null = '192.0.2.1/24',
  sameSubnet: 'address' | 'route' = 'address',
): EncapsulationFacts => ({
  subnets: [own === null ? null : prefix(own), prefix('2001:db8::1/64')],
  sameSubnet,
  nodeAt: known,
});
const onLink = (nextHop: string) => [{ gateway: at(nextHop), ifindex: 2 }];
const byGateway = [{ gateway: at('192.0.2.254'), ifindex: 2 }];
const route = (
  used: Pool | null,
  nextHop: string,
  more: Partial<EncapsulationRoute> = {},
): EncapsulationRoute => ({
  family: 0,
  pool: used,
  nextHop: at(nextHop),
  source: 'bgp',
  ways: contains(prefix('192.0.2.0/24'), at(nextHop)) ? onLink(nextHop) : byGateway,
  ...more,
});

const inventory = { source: 'inventory' } as const;
const vxlan = pool('vxlan');
const ipip = pool('ipip');
const across = pool('vxlan', 'crossSubnet');
const ipipAcross = pool('ipip', 'crossSubnet');
const none = pool('none');

describe('the encapsulation decision', () => {
  it.each<[string, EncapsulationRoute, EncapsulationFacts, string]>([
    ['in no pool', route(null, '198.51.100.2'), facts(), 'direct: no pool contains it'],
    [
      'in no pool, from the inventory, across a router',
      route(null, '198.51.100.2', inventory),
      facts(),
      'no way: 198.51.100.2 (node far) is on no connected network, and no router in between is known to know the route',
    ],
    ['without a backend', route(none, '198.51.100.2'), facts(), 'direct: pool 10.0.0.0/8 has no backend'],
    [
      'without a backend, from the inventory',
      route(none, '192.0.2.2', inventory),
      facts(),
      'direct: pool 10.0.0.0/8 has no backend',
    ],
    [
      'without a backend, from the inventory, across a router',
      route(none, '198.51.100.2', inventory),
      facts(),
      'no way: 198.51.100.2 (node far) is on no connected network, and no router in between is known to know the route',
    ],
    [
      'VXLAN always, in our subnet',
      route(vxlan, '192.0.2.2'),
      facts(),
      'through VXLAN to node near (192.0.2.2): pool 10.0.0.0/8 asks for VXLAN always',
    ],
    [
      'VXLAN always, from the inventory',
      route(vxlan, '198.51.100.2', inventory),
      facts(),
      'through VXLAN to node far (198.51.100.2): pool 10.0.0.0/8 asks for VXLAN always',
    ],
    [
      'VXLAN across subnets, in ours',
      route(across, '192.0.2.2'),
      facts(),
      'direct: pool 10.0.0.0/8 asks for VXLAN across subnets, and 192.0.2.2 is in our subnet 192.0.2.1/24',
    ],
    [
      'VXLAN across subnets, in ours, but by a gateway',
      route(across, '192.0.2.2', { ...inventory, ways: byGateway }),
      facts(),
      'no way: 192.0.2.2 (node near) is on no connected network, and no router in between is known to know the route',
    ],
    [
      'VXLAN across subnets, in another',
      route(across, '198.51.100.2'),
      facts(),
      'through VXLAN to node far (198.51.100.2): pool 10.0.0.0/8 asks for VXLAN across subnets, and 198.51.100.2 is not in our subnet 192.0.2.1/24',
    ],
    [
      'IP-in-IP across subnets, in another',
      route(ipipAcross, '198.51.100.2'),
      facts(),
      'through IP-in-IP to node far (198.51.100.2): pool 10.0.0.0/8 asks for IP-in-IP across subnets, and 198.51.100.2 is not in our subnet 192.0.2.1/24',
    ],
    [
      'across subnets, ours a host address',
      route(across, '192.0.2.2'),
      facts('192.0.2.1/32'),
      'through VXLAN to node near (192.0.2.2): pool 10.0.0.0/8 asks for VXLAN across subnets, and our own address 192.0.2.1/32 has no subnet',
    ],
    [
      'across subnets, ours not known',
      route(across, '192.0.2.2'),
      facts(null),
      'through VXLAN to node near (192.0.2.2): pool 10.0.0.0/8 asks for VXLAN across subnets, and our own ipv4 subnet is not known',
    ],
    [
      'by the kernel’s route, without a gateway',
      route(across, '198.51.100.2', { ways: onLink('198.51.100.2') }),
      facts('192.0.2.1/24', 'route'),
      "direct: pool 10.0.0.0/8 asks for VXLAN across subnets, and the kernel's route to 198.51.100.2 has no gateway",
    ],
    [
      'by the kernel’s route, with a gateway',
      route(across, '192.0.2.2', { ways: byGateway }),
      facts('192.0.2.1/24', 'route'),
      "through VXLAN to node near (192.0.2.2): pool 10.0.0.0/8 asks for VXLAN across subnets, and the kernel's route to 192.0.2.2 has a gateway",
    ],
    [
      'by the kernel’s route, with several ways',
      route(across, '192.0.2.2', { ways: [...onLink('192.0.2.2'), ...onLink('192.0.2.2')] }),
      facts('192.0.2.1/24', 'route'),
      "through VXLAN to node near (192.0.2.2): pool 10.0.0.0/8 asks for VXLAN across subnets, and the kernel's route to 192.0.2.2 has a gateway",
    ],
    [
      'VXLAN to no known node',
      route(vxlan, '198.51.100.99'),
      facts(),
      'no way: pool 10.0.0.0/8 asks for VXLAN, and the next hop 198.51.100.99 is no node of the inventory',
    ],
    [
      'IP-in-IP to no known node',
      route(ipip, '198.51.100.99'),
      facts(),
      'through IP-in-IP to 198.51.100.99, which is no known node: pool 10.0.0.0/8 asks for IP-in-IP always',
    ],
    [
      'VXLAN to a node without a VTEP',
      route(vxlan, '198.51.100.3'),
      facts(),
      'no way: node novtep has no ipv4 VTEP in the inventory',
    ],
    [
      'VXLAN to a node whose MAC is not known',
      route(vxlan, '198.51.100.4'),
      facts(),
      "no way: the MAC of node nomac's ipv4 VTEP is not in the inventory",
    ],
    [
      'VXLAN to a node that does not receive it yet',
      route(vxlan, '198.51.100.5'),
      facts(),
      'through IP-in-IP to node old (198.51.100.5): pool 10.0.0.0/8 asks for VXLAN, but node old does not receive it; it receives IP-in-IP, no encapsulation',
    ],
    [
      'VXLAN to a node that receives plain packets alone',
      route(vxlan, '192.0.2.5', inventory),
      facts(),
      'direct: pool 10.0.0.0/8 asks for VXLAN, but node oldNear does not receive it; it receives no encapsulation',
    ],
    [
      'no backend, to a node that receives plain packets',
      route(none, '198.51.100.5'),
      facts(),
      'direct: pool 10.0.0.0/8 has no backend',
    ],
    [
      'IPv4 by a node’s IPv6 address',
      route(vxlan, '2001:db8:1::7', { ways: [] }),
      facts(),
      'through VXLAN to node dual (198.51.100.7): pool 10.0.0.0/8 asks for VXLAN always',
    ],
    [
      'IPv4 to a node that has none',
      route(vxlan, '2001:db8::6', { ways: [] }),
      facts(),
      'no way: node v6only has no ipv4 address in the inventory',
    ],
    [
      'IPv4 in IP-in-IP to a stranger’s IPv6 address',
      route(ipip, '2001:db8::99', { ways: [] }),
      facts(),
      'no way: pool 10.0.0.0/8 asks for IP-in-IP, and the next hop 2001:db8::99 is no node of the inventory',
    ],
    [
      'IPv6',
      route(pool('vxlan', 'always', 'fd00::/16'), '2001:db8:1::7', { family: 1, ways: [] }),
      facts(),
      'through VXLAN to node dual (2001:db8:1::7): pool fd00::/16 asks for VXLAN always',
    ],
    [
      'IPv6 to a node that receives IP-in-IP alone',
      route(pool('vxlan', 'always', 'fd00::/16'), '2001:db8:1::7', { family: 1, ways: [] }),
      { ...facts(), nodeAt: () => ({ ...nodes[7], receives: ['ipip'] }) },
      'no way: node dual receives nothing',
    ],
  ])('%s', (_, of, by, text) => {
    expect(describeEncapsulation(of, by, decideEncapsulation(of, by))).toBe(text);
  });

  it('sends VXLAN to the VTEP and IP-in-IP to the node', () => {
    expect(decideEncapsulation(route(vxlan, '198.51.100.7'), facts())).toMatchObject({
      gateway: at('10.9.7.0'),
      endpoint: at('198.51.100.7'),
    });
    expect(decideEncapsulation(route(ipip, '198.51.100.7'), facts())).toMatchObject({
      gateway: at('198.51.100.7'),
      endpoint: at('198.51.100.7'),
    });
  });

  it('is made by the most specific pool that contains the whole prefix', () => {
    const table = new PoolTable([
      none,
      pool('vxlan', 'always', '10.1.0.0/16'),
      pool('ipip', 'always', '10.1.2.0/24'),
    ]);
    const backendOf = (text: string) => table.of(prefix(text))?.backend ?? null;
    expect(
      [
        '10.1.2.0/24',
        '10.1.2.64/26',
        '10.1.0.0/16',
        '10.0.0.0/8',
        '0.0.0.0/0',
        '192.0.2.0/24',
        'fd00::/8',
      ].map(backendOf),
    ).toEqual(['ipip', 'ipip', 'vxlan', 'none', null, null, null]);
  });
});

describe('for any route', () => {
  const anyRoute = fc.record({
    family: fc.constantFrom<0 | 1>(0, 0, 1),
    pool: fc.option(
      fc.record({
        backend: fc.constantFrom(...backends),
        mode: fc.constantFrom('always' as const, 'crossSubnet' as const),
      }),
    ),
    nextHop: fc.constantFrom(
      '192.0.2.2',
      '192.0.2.5',
      '198.51.100.2',
      '198.51.100.3',
      '198.51.100.4',
      '198.51.100.5',
      '198.51.100.7',
      '198.51.100.99',
      '2001:db8::6',
      '2001:db8:1::7',
      '2001:db8::99',
    ),
    source: fc.constantFrom('bgp' as const, 'inventory' as const),
    connected: fc.boolean(),
    own: fc.constantFrom('192.0.2.1/24', '192.0.2.1/32', '0.0.0.0/0', null),
    sameSubnet: fc.constantFrom('address' as const, 'route' as const),
  });

  it('says the same twice, says it in words, and never tunnels what asks for no tunnel or sends across a router what nobody carries', () => {
    fc.assert(
      fc.property(anyRoute, ({ family, pool: chosen, nextHop, source, connected, own, sameSubnet }) => {
        // IP-in-IP in an IPv6 pool is refused when the document is read.
        fc.pre(family === 0 || chosen?.backend !== 'ipip');
        const used =
          chosen === null
            ? null
            : pool(chosen.backend, chosen.mode, family === 0 ? '10.0.0.0/8' : 'fd00::/8');
        const of = route(used, nextHop, { family, source, ways: connected ? onLink(nextHop) : byGateway });
        const by = facts(own, sameSubnet);
        const result = decideEncapsulation(of, by);
        expect(decideEncapsulation(of, by)).toEqual(result);
        expect(describeEncapsulation(of, by, result)).toMatch(
          /^(direct|no way|through (VXLAN|IP-in-IP) to .+): .+/,
        );
        const receives = known(of.nextHop)?.receives ?? null;
        switch (result.kind) {
          case 'tunnel':
            expect(used).not.toBeNull();
            expect(result.endpoint.family).toBe(family);
            expect(result.backend === 'ipip' && family === 1).toBe(false);
            if (receives === null) expect(result.backend).toBe(used?.backend);
            else expect(receives).toContain(result.backend);
            break;
          case 'direct':
            if (source === 'inventory') expect(connected).toBe(true);
            if (used !== null && used.backend !== 'none' && used.mode === 'always')
              expect(receives).not.toBeNull();
            break;
          case 'unresolved':
            if (used === null || used.backend === 'none')
              expect([source, connected]).toEqual(['inventory', false]);
        }
      }),
    );
  });
});
