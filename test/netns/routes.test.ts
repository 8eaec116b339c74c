import { afterEach, describe, expect, it } from 'vitest';
import {
  checkout,
  Frr,
  type FrrBgp,
  frrConfig,
  kernelRoutes,
  Lab,
  Tartan,
  tartanConfig,
  until,
  untilKernelRoute,
  untilNoKernelRoute,
} from '../../interop/index.js';

const labs: Lab[] = [];
afterEach(async () => {
  for (const lab of labs.splice(0)) await lab.down();
});

const both: ('ipv4' | 'ipv6')[] = ['ipv4', 'ipv6'];

/** What the Tartan of these labs is told, besides its name. */
type Spec = Record<string, unknown>;

function document(spec: Spec): string {
  return tartanConfig({ name: 't', asn: 65001, routerId: '10.0.0.1', spec });
}

interface Neighbour {
  asn: number;
  networks: string[];
  settings?: string[];
  familySettings?: string[];
  lines?: string[];
  bgp?: string[];
}

/**
 * t (Tartan, AS 65001) in the middle; the n-th neighbour (FRR) is reached over ethN with 10.0.N.0/24 and
 * 2001:db8:N::/64, t is .1 and the neighbour .2.
 */
async function star(spec: Spec, neighbours: Readonly<Record<string, Neighbour>>, exec: string[] = []) {
  const names = Object.keys(neighbours);
  const files: Record<string, string> = { 't.yaml': document(spec) };
  const nodes: Record<string, object> = {
    t: {
      image: 'tartan',
      'startup-config': 't.yaml',
      exec: [
        ...names.flatMap((_, i) => [
          `ip addr add 10.0.${i + 1}.1/24 dev eth${i + 1}`,
          `ip -6 addr add 2001:db8:${i + 1}::1/64 dev eth${i + 1} nodad`,
        ]),
        ...exec,
      ],
    },
  };
  for (const [i, name] of names.entries()) {
    const n = i + 1;
    const { asn, networks, settings, familySettings, lines, bgp } = neighbours[name] as Neighbour;
    const conf: FrrBgp = {
      asn,
      routerId: `10.0.${n}.2`,
      networks,
      lines: lines ?? [],
      settings: bgp ?? [],
      neighbors: [
        {
          address: `10.0.${n}.1`,
          remoteAsn: 65001,
          families: both,
          settings: ['timers connect 1', ...(settings ?? [])],
          familySettings: familySettings ?? [],
        },
      ],
    };
    files[`${name}.conf`] = frrConfig(conf);
    nodes[name] = {
      image: 'frr',
      'startup-config': `${name}.conf`,
      exec: [`ip addr add 10.0.${n}.2/24 dev eth1`, `ip -6 addr add 2001:db8:${n}::2/64 dev eth1 nodad`],
    };
  }
  const links = names.map((name, i) => ({ endpoints: [`t:eth${i + 1}`, `${name}:eth1`] }));
  const lab = await Lab.up({ name: 'routes', topology: { nodes, links } }, { files });
  labs.push(lab);
  return { lab, node: lab.node('t'), t: new Tartan(lab.node('t')) };
}

/** The n-th neighbour, as a peer of t. */
const peer = (name: string, n: number, asn: number, more: Spec = {}) => ({
  name,
  address: `10.0.${n}.2`,
  asn,
  families: both,
  connectRetry: 1,
  ...more,
});

const P4 = '198.51.100.0/24';
const P6 = '2001:db8:100::/48';

describe('equally good paths', () => {
  it('are installed together, shrink to the one that is left, and come back', async () => {
    const peers = [peer('a', 1, 65002), peer('b', 2, 65002)];
    const { lab, t, node } = await star(
      { maxPaths: 2, peers },
      { a: { asn: 65002, networks: [P4, P6] }, b: { asn: 65002, networks: [P4, P6] } },
    );
    const [a4, b4] = ['10.0.1.2', '10.0.2.2'];
    const untilGateways = async (prefix: string, expected: string[]): Promise<void> => {
      await untilKernelRoute(node, prefix, (route) => {
        const hops = route.nexthops?.map((hop) => hop.gateway) ?? [route.gateway];
        return hops.length === expected.length && expected.every((hop) => hops.includes(hop));
      });
      // One route, not one per path.
      expect(await kernelRoutes(node, { prefix })).toHaveLength(1);
    };
    // Of IPv6, FRR announces link-local next hops beside the global ones; the number of paths is what counts.
    const untilPaths = async (prefix: string, count: number): Promise<void> => {
      await untilKernelRoute(node, prefix, (route) => (route.nexthops?.length ?? 1) === count);
      expect((await t.routes({ prefix })).filter((route) => route.multipath)).toHaveLength(count);
    };
    await untilGateways(P4, [a4, b4]);
    await untilPaths(P6, 2);

    await new Frr(lab.node('b')).configure(
      'router bgp 65002',
      'address-family ipv4 unicast',
      `no network ${P4}`,
      'exit-address-family',
      'address-family ipv6 unicast',
      `no network ${P6}`,
    );
    await untilGateways(P4, [a4]);
    await untilPaths(P6, 1);
    await new Frr(lab.node('b')).configure(
      'router bgp 65002',
      'address-family ipv4 unicast',
      `network ${P4}`,
      'exit-address-family',
      'address-family ipv6 unicast',
      `network ${P6}`,
    );
    await untilGateways(P4, [a4, b4]);
    await untilPaths(P6, 2);

    await lab.node('a').process.kill('SIGTERM');
    await untilGateways(P4, [b4]);
    await untilPaths(P6, 1);
    await lab.node('a').process.start();
    await untilGateways(P4, [a4, b4]);

    // Fewer are allowed from now on.
    node.write('/etc/tartan/router.yaml', document({ maxPaths: 1, peers }));
    expect(await t.client.reload()).toMatchObject({ applied: true });
    await untilKernelRoute(node, P4, (route) => route.nexthops === undefined);
    await untilPaths(P6, 1);
  });
});

describe('a next hop that is not on a link', () => {
  it('is followed through a static route, then another, then one of the kernel', async () => {
    const spec = (via: string | null) => ({
      static: via === null ? [] : [{ prefix: '192.0.2.1/32', via }],
      peers: [peer('a', 1, 65001), peer('b', 2, 65003)],
    });
    const { t, node } = await star(spec('10.0.1.2'), {
      a: {
        asn: 65001,
        networks: [P4],
        familySettings: ['route-map far out'],
        lines: ['route-map far permit 10', ' set ip next-hop 192.0.2.1', 'exit'],
      },
      b: { asn: 65003, networks: [] },
    });
    const reload = async (via: string | null): Promise<void> => {
      node.write('/etc/tartan/router.yaml', document(spec(via)));
      expect(await t.client.reload()).toMatchObject({ applied: true });
    };
    await untilKernelRoute(node, P4, (route) => route.gateway === '10.0.1.2' && route.dev === 'eth1');
    expect(await t.untilRoute(P4)).toMatchObject({ nextHop: '192.0.2.1' });
    await reload('10.0.2.2');
    await untilKernelRoute(node, P4, (route) => route.gateway === '10.0.2.2' && route.dev === 'eth2');

    await reload(null);
    await untilNoKernelRoute(node, P4);
    const told = await t.client.explain(P4);
    expect(told.paths[0]).toMatchObject({ verdict: 'unresolved' });
    expect(told.paths[0]?.nextHopResolution).toContain('no route leads to 192.0.2.1');

    await node.exec('ip route add 192.0.2.0/24 via 10.0.1.2 proto static');
    await untilKernelRoute(node, P4, (route) => route.gateway === '10.0.1.2');
    await node.exec('ip route change 192.0.2.0/24 via 10.0.2.2 proto static');
    await untilKernelRoute(node, P4, (route) => route.gateway === '10.0.2.2');
    await node.exec('ip route del 192.0.2.0/24');
    await untilNoKernelRoute(node, P4);
  });
});

describe("the node's own routes", () => {
  it('static ones and blackholes are installed; learnt ones are announced and withdrawn as they come and go', async () => {
    const { lab, node } = await star(
      {
        networks: [
          { prefix: '10.1.0.0/26', blackhole: true },
          { prefix: '2001:db8:f00::/64', blackhole: true },
          { prefix: '10.1.9.0/24' },
        ],
        static: [
          { prefix: '10.2.0.0/16', via: '10.0.1.2' },
          { prefix: '2001:db8:f02::/48', via: '2001:db8:1::2' },
          { prefix: '10.3.0.0/16', blackhole: true },
        ],
        learn: { connected: ['pod*'], kernel: [{ protocols: ['static', 99], interfaces: ['*'] }] },
        peers: [peer('a', 1, 65002)],
      },
      { a: { asn: 65002, networks: [] } },
    );
    const frr = new Frr(lab.node('a'));
    const metric = 4_294_967_294;
    await untilKernelRoute(
      node,
      '10.1.0.0/26',
      (route) => route.type === 'blackhole' && route.metric === metric,
    );
    await untilKernelRoute(
      node,
      '2001:db8:f00::/64',
      (route) => route.type === 'blackhole' && route.metric === metric,
    );
    await untilKernelRoute(node, '10.2.0.0/16', (route) => route.gateway === '10.0.1.2');
    await untilKernelRoute(node, '2001:db8:f02::/48', (route) => route.gateway === '2001:db8:1::2');
    await untilKernelRoute(node, '10.3.0.0/16', (route) => route.type === 'blackhole');
    for (const prefix of ['10.1.0.0/26', '2001:db8:f00::/64', '10.1.9.0/24', '10.2.0.0/16', '10.3.0.0/16']) {
      const path = await frr.untilPath(prefix);
      expect(path.aspath?.string).toBe('65001');
      if (!prefix.includes(':')) expect(path.nexthops[0]?.ip).toBe('10.0.1.1');
    }
    expect(await kernelRoutes(node, { prefix: '10.1.9.0/24' })).toEqual([]);

    // A bridge of pods appears, is addressed, loses its address.
    await node.exec('ip link add pod0 type bridge');
    await node.exec('ip link add podv type veth peer name podw');
    await node.exec('ip link set podv master pod0 up');
    await node.exec('ip link set podw up');
    await node.exec('ip addr add 10.1.0.1/26 dev pod0');
    await node.exec('ip addr add 10.4.0.1/24 dev pod0');
    await node.exec('ip -6 addr add 2001:db8:f04::1/64 dev pod0 nodad');
    await node.exec('ip link set pod0 up');
    await frr.untilPath('10.4.0.0/24');
    await frr.untilPath('2001:db8:f04::/64');
    // The bridge's route wins over the blackhole of the same block.
    const { stdout } = await node.exec('ip route get 10.1.0.7');
    expect(stdout).toContain('dev pod0');
    await node.exec('ip addr del 10.4.0.1/24 dev pod0');
    await frr.untilNoPath('10.4.0.0/24');
    await node.exec('ip link set pod0 down');
    await frr.untilNoPath('2001:db8:f04::/64');

    // Routes that others write: those of the protocols asked for, no others.
    await node.exec('ip route add 10.5.0.0/24 via 10.0.1.2 proto 99');
    await node.exec('ip route add 10.6.0.0/24 via 10.0.1.2 proto 98');
    await node.exec('ip -6 route add 2001:db8:f05::/48 via 2001:db8:1::2 proto static');
    await frr.untilPath('10.5.0.0/24');
    await frr.untilPath('2001:db8:f05::/48');
    await node.exec('ip route del 10.5.0.0/24');
    await frr.untilNoPath('10.5.0.0/24');
    expect(await frr.paths('10.6.0.0/24')).toEqual([]);
    expect(await kernelRoutes(node, { prefix: '2001:db8:f05::/48' })).toMatchObject([{ protocol: 'static' }]);
  });
});

describe('filters', () => {
  it('change, accept and reject what is announced, as the peer sees it', async () => {
    const { lab } = await star(
      {
        networks: [
          { prefix: '10.1.0.0/16', communities: ['65001:1', '65001:2'] },
          { prefix: '10.2.0.0/16', communities: ['65001:9'] },
          { prefix: '10.3.7.0/24' },
          { prefix: '10.3.7.128/25' },
          { prefix: '10.4.0.0/16', communities: ['65001:1'] },
          { prefix: '2001:db8:f00::/48' },
        ],
        filters: {
          first: [
            { match: { communities: ['65001:9'] }, action: 'reject' },
            { match: { prefix: { prefix: '10.3.0.0/16', ge: 17, le: 24 } }, set: { med: 77 } },
            { match: { prefix: '10.3.7.128/25' }, action: 'reject' },
            {
              match: { prefix: ['10.1.0.0/16', '10.9.0.0/16'] },
              set: { communities: { remove: ['65001:1'], add: ['65001:3', 'no-export'] } },
            },
            {
              match: { prefix: '10.4.0.0/16' },
              set: { nextHop: '10.0.1.99', communities: { set: ['65001:4'] } },
            },
            { match: { family: 'ipv6' }, set: { med: 6 } },
            { action: 'accept' },
          ],
          second: [
            { match: { prefix: { prefix: '0.0.0.0/0', ge: 0 } }, action: 'accept' },
            { action: 'accept' },
          ],
        },
        peers: [peer('a', 1, 65002, { export: ['first', 'second'] })],
      },
      { a: { asn: 65002, networks: [] } },
    );
    const frr = new Frr(lab.node('a'));
    const one = await frr.untilPath('10.1.0.0/16');
    expect(one.community?.string.split(' ').sort()).toEqual(['65001:2', '65001:3', 'no-export']);
    const three = await frr.untilPath('10.3.7.0/24');
    expect(three).toMatchObject({ metric: 77 });
    const four = await frr.untilPath('10.4.0.0/16');
    expect(four.community?.string).toBe('65001:4');
    expect(four.nexthops[0]?.ip).toBe('10.0.1.99');
    expect(await frr.untilPath('2001:db8:f00::/48')).toMatchObject({ metric: 6 });
    expect(await frr.paths('10.2.0.0/16')).toEqual([]);
    expect(await frr.paths('10.3.7.128/25')).toEqual([]);
  });

  it('change, accept and reject what is received, as another router of our AS sees it', async () => {
    const { lab, t, node } = await star(
      {
        filters: {
          in: [
            { match: { prefix: { prefix: '0.0.0.0/0', ge: 25 } }, action: 'reject' },
            { match: { communities: ['65002:666'] }, set: { localPref: 50, med: 'remove' } },
            { match: { communities: ['65002:100', '65002:200'] }, set: { localPref: 300 } },
            {
              match: { family: 'ipv6' },
              set: { med: 5, communities: { add: ['65001:6'] } },
              action: 'accept',
            },
            { match: { prefix: '203.0.113.0/24' }, set: { nextHop: '10.0.2.2' } },
            { action: 'accept' },
          ],
          out: [{ set: { nextHop: 'self' }, action: 'accept' }],
        },
        peers: [peer('a', 1, 65002, { import: 'in' }), peer('g', 2, 65001, { export: 'out' })],
      },
      {
        a: {
          asn: 65002,
          networks: ['198.51.100.0/24', '198.51.100.128/25', '192.0.2.0/24', '203.0.113.0/24', P6],
          familySettings: ['route-map mark out'],
          lines: [
            'ip prefix-list bad permit 198.51.100.0/24',
            'ip prefix-list good permit 192.0.2.0/24',
            'route-map mark permit 10',
            ' match ip address prefix-list bad',
            ' set community 65002:666',
            ' set metric 9',
            'exit',
            'route-map mark permit 20',
            ' match ip address prefix-list good',
            ' set community 65002:100 65002:200 65002:300',
            'exit',
            'route-map mark permit 30',
            'exit',
          ],
        },
        g: { asn: 65001, networks: [] },
      },
    );
    const g = new Frr(lab.node('g'));
    const bad = await g.untilPath('198.51.100.0/24');
    expect(bad).toMatchObject({ locPrf: 50, aspath: { string: '65002' } });
    expect(bad.metric ?? 0).toBe(0);
    expect(bad.nexthops[0]?.ip).toBe('10.0.2.1');
    expect(await g.untilPath('192.0.2.0/24')).toMatchObject({ locPrf: 300 });
    expect(await g.untilPath(P6)).toMatchObject({ metric: 5, community: { string: '65001:6' } });
    // Announced with ourselves as next hop, though the import filter had chosen another for forwarding.
    expect((await g.untilPath('203.0.113.0/24')).nexthops[0]?.ip).toBe('10.0.2.1');
    await untilKernelRoute(node, '203.0.113.0/24', (route) => route.gateway === '10.0.2.2');
    expect(await g.paths('198.51.100.128/25')).toEqual([]);
    expect(await kernelRoutes(node, { prefix: '198.51.100.128/25' })).toEqual([]);
    expect(await t.peer('a')).toMatchObject({ families: { ipv4: { received: 4, accepted: 3 } } });
    const received = await t.routes({ peer: 'a', view: 'received', prefix: '198.51.100.0/24' });
    expect(received[0]).toMatchObject({ med: 9, localPref: null });
    const accepted = await t.routes({ peer: 'a', view: 'accepted', prefix: '198.51.100.0/24' });
    expect(accepted[0]).toMatchObject({ med: null, localPref: 50 });
    const [rejected] = (await t.client.explain('198.51.100.128/25')).paths;
    expect(rejected).toMatchObject({ verdict: 'rejected' });
    expect(rejected?.reason).toMatch(/\bin\b/);
  });
});

describe('eBGP without a filter, and reloads', () => {
  it('accepts and announces nothing, and says why; filters come, change and go without touching a session', async () => {
    const networks = [{ prefix: '10.1.0.0/24' }, { prefix: '10.2.0.0/24' }];
    const spec = (filters: Spec, a: Spec, more: object[] = []): Spec => ({
      ebgpRequiresPolicy: true,
      networks,
      filters,
      peers: [peer('a', 1, 65002, a), ...more],
    });
    const { lab, t, node } = await star(spec({}, {}), {
      a: { asn: 65002, networks: [P4, '203.0.113.0/24'] },
      b: { asn: 65003, networks: ['192.0.2.0/24'] },
    });
    const frr = new Frr(lab.node('a'));
    const since = (
      await t.untilPeer('a', (row) => row.families.ipv4?.received === 2, 'has announced its routes')
    ).since;
    const sameSession = async (): Promise<void> => {
      expect(await t.peer('a')).toMatchObject({ state: 'established', since });
    };

    // RFC 8212, by default.
    expect(await t.peer('a')).toMatchObject({ families: { ipv4: { accepted: 0, announced: 0 } } });
    const [path] = (await t.client.explain(P4)).paths;
    expect(path).toMatchObject({ verdict: 'rejected' });
    expect(path?.reason).toMatch(/RFC 8212/);
    const [towards] = (await t.client.explain('10.1.0.0/24')).advertised;
    expect(towards).toMatchObject({ peer: 'a', announced: false });
    expect(towards?.reason).toMatch(/RFC 8212/);
    expect(await frr.paths('10.1.0.0/24')).toEqual([]);
    expect(await kernelRoutes(node, { prefix: P4 })).toEqual([]);

    // Filters come, by SIGHUP.
    const all = { all: [{ action: 'accept' }] };
    const write = (next: Spec): void => node.write('/etc/tartan/router.yaml', document(next));
    write(spec(all, { import: 'all', export: 'all' }));
    node.process.signal('SIGHUP');
    await t.untilInstalled(P4);
    await t.untilInstalled('203.0.113.0/24');
    await frr.untilPath('10.1.0.0/24');
    await frr.untilPath('10.2.0.0/24');
    await sameSession();

    // A filter's content changes, by `tartan reload` as a person would.
    const tartan = (...words: string[]) =>
      lab.exec('t', [process.execPath, `${checkout}/bin/tartan`, ...words], { allowFailure: true });
    const some = {
      all: [{ match: { prefix: [P4, '10.1.0.0/24'] }, set: { med: 3 }, action: 'accept' }],
    };
    write(spec(some, { import: 'all', export: 'all' }));
    const reloaded = await tartan('reload');
    expect(reloaded).toMatchObject({ status: 0 });
    expect(reloaded.stdout).toContain('filter all changed');
    await frr.untilNoPath('10.2.0.0/24');
    await frr.untilPath('10.1.0.0/24', (each) => each.metric === 3);
    await untilNoKernelRoute(node, '203.0.113.0/24');
    await t.untilRoute(P4, (route) => route.med === 3);
    await sameSession();

    // The peer's own lists change: other names, not other contents.
    const two = { ...all, ten2: [{ match: { prefix: '10.2.0.0/24' }, action: 'accept' }] };
    write(spec(two, { import: 'all', export: 'ten2' }));
    expect(await tartan('reload')).toMatchObject({ status: 0 });
    await frr.untilPath('10.2.0.0/24');
    await frr.untilNoPath('10.1.0.0/24');
    await t.untilInstalled('203.0.113.0/24');
    await sameSession();

    // A document with mistakes changes nothing.
    write(spec(two, { import: 'nowhere', export: 'ten2', holdTime: 1 }));
    const refused = await tartan('reload');
    expect(refused.status).toBe(1);
    const places = refused.stderr.match(/router\.yaml:\d+:\d+: /g) ?? [];
    expect(places.length).toBeGreaterThanOrEqual(2);
    expect(refused.stderr).toContain('nowhere');
    node.process.signal('SIGHUP');
    await node.process.untilOutput(
      /"type":"reload","applied":false[^\n]*\n[\s\S]*"type":"reload","applied":false/,
    );
    await t.untilInstalled('203.0.113.0/24');
    expect(await frr.paths('10.2.0.0/24')).toHaveLength(1);
    await sameSession();

    // Another peer comes and goes.
    write(
      spec(two, { import: 'all', export: 'ten2' }, [peer('b', 2, 65003, { import: 'all', export: 'all' })]),
    );
    expect((await tartan('reload')).stdout).toContain('peer b added');
    await t.untilInstalled('192.0.2.0/24');
    await new Frr(lab.node('b')).untilPath('10.1.0.0/24');
    await sameSession();
    write(spec(two, { import: 'all', export: 'ten2' }));
    expect((await tartan('reload')).stdout).toContain('peer b removed');
    await untilNoKernelRoute(node, '192.0.2.0/24');
    await new Frr(lab.node('b')).untilNotEstablished('10.0.2.1');
    expect((await t.client.peers()).map((row) => row.name)).toEqual(['a']);
    await sameSession();

    // What only a new session can have makes one, of this peer alone.
    write(spec(two, { import: 'all', export: 'ten2', holdTime: 30 }));
    expect((await tartan('reload')).stdout).toContain('its session is reset');
    await t.untilPeer('a', (row) => row.state === 'established' && row.since !== since, 'has a new session');
    await t.untilInstalled('203.0.113.0/24');
    await frr.untilPath('10.2.0.0/24');

    // The requirement is lifted.
    write({ ...spec({}, {}), ebgpRequiresPolicy: false });
    expect(await tartan('reload')).toMatchObject({ status: 0 });
    await frr.untilPath('10.1.0.0/24');
    await until('all is accepted', async () => (await t.peer('a'))?.families.ipv4?.accepted === 2);
  });
});
