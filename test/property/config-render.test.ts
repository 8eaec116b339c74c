/** What `render` writes is read back as the same Router, and as one that differs in nothing. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import {
  type Address,
  type FamilyIndex,
  formatAddress,
  networkOf,
  type Prefix,
} from '../../src/address/index.js';
import { diffRouter, formatIssue, formatRouter, loadRouter, type Router } from '../../src/config/index.js';
import type { OverlayConfig } from '../../src/config/router.js';
import type { RemovePrivateAs } from '../../src/policy/as-path-edits.js';
import { parseCommunityPattern, parseExtendedPattern, parseLargePattern } from '../../src/policy/index.js';
import type { Backend } from '../../src/policy/pools.js';
import type { Filter } from '../../src/policy/types.js';
import { macOfNode } from '../../src/vxlan/index.js';

const folder = mkdtempSync(join(tmpdir(), 'tartan-render-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function load(text: string, name: string): Router {
  const file = join(folder, name);
  writeFileSync(file, text);
  const { router, errors } = loadRouter([file]);
  if (router === null) throw new Error(`${errors.map(formatIssue).join('\n')}\n${text}`);
  return router;
}

const word = fc.integer({ min: 0, max: 0xffffffff });
const family = fc.constantFrom<FamilyIndex>(0, 1);
const seconds = (min: number, max: number) => fc.integer({ min, max });
const flag = fc.boolean();
/** Names that YAML would take for something else if they stood there bare are among them. */
const name = fc.oneof(
  fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.:-]{0,20}$/),
  fc.constantFrom(
    'null',
    'true',
    'no',
    '0x10',
    '1e3',
    '65000:100',
    '1.5',
    '2026-01-01',
    '12:30:45',
    '_',
    '0',
  ),
);
const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 200 }),
  fc.constantFrom('', ' ', '#', '- a', 'a: b', '\n', 'x\n\ny\n', '"', "'", '\t', '!tag', '&a *a', '<<', '~'),
);

const anyAddress = (of: FamilyIndex): fc.Arbitrary<Address> =>
  of === 0
    ? word.map((a) => ({ family: 0 as const, a, b: 0, c: 0, d: 0 }))
    : fc.tuple(word, word, word, word).map(([a, b, c, d]) => ({ family: 1 as const, a, b, c, d }));

/** Addresses of one host on no particular link. */
const unicast = (of: FamilyIndex): fc.Arbitrary<Address> =>
  of === 0
    ? fc.integer({ min: 0x01000000, max: 0xdfffffff }).map((a) => ({ family: 0, a, b: 0, c: 0, d: 0 }))
    : fc.tuple(fc.integer({ min: 0x20000000, max: 0x3fffffff }), word, word, word).map(([a, b, c, d]) => {
        return { family: 1, a, b, c, d };
      });

const prefixOf = (of: FamilyIndex): fc.Arbitrary<Prefix> =>
  fc
    .tuple(anyAddress(of), fc.integer({ min: 0, max: of === 0 ? 32 : 128 }))
    .map(([address, length]) => networkOf(address, length));
const prefix = family.chain(prefixOf);

const communities = fc.uniqueArray(word, { maxLength: 4 });
const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });

/** Without the keys that hold nothing, as Routers have them. */
function given<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}

const prefixMatch = prefix.chain((value) => {
  const longest = value.family === 0 ? 32 : 128;
  return fc
    .tuple(
      fc.integer({ min: value.length, max: longest }),
      fc.integer({ min: value.length, max: longest }),
      flag,
    )
    .map(([x, y, exact]) =>
      exact
        ? { prefix: value, ge: value.length, le: value.length }
        : { prefix: value, ge: Math.min(x, y), le: Math.max(x, y) },
    );
});

const part = (max: number) => fc.oneof(fc.integer({ min: 0, max }).map(String), fc.constant('*'));
/** Patterns as they read once they are read. */
const parsed = <T>(texts: fc.Arbitrary<string>, parse: (text: string) => T | null) =>
  fc.uniqueArray(
    texts.map((text) => {
      const value = parse(text);
      if (value === null) throw new Error(`${text} can't be read`);
      return value;
    }),
    { maxLength: 3, selector: (value) => JSON.stringify(value) },
  );
const standard = parsed(
  fc.tuple(part(0xffff), part(0xffff)).map((parts) => parts.join(':')),
  parseCommunityPattern,
);
const large = parsed(
  fc.tuple(part(0xffffffff), part(0xffffffff), part(0xffffffff)).map((parts) => parts.join(':')),
  parseLargePattern,
);
const kind = fc.constantFrom('rt', 'ro');
const extended = parsed(
  fc.oneof(
    fc.tuple(kind, part(0xffff), part(0xffffffff)).map((parts) => parts.join(':')),
    fc.tuple(kind, part(0xffffffff), part(0xffff)).map((parts) => parts.join(':')),
    fc
      .tuple(kind, anyAddress(0), part(0xffff))
      .map(([name, address, last]) => `${name}:${formatAddress(address)}:${last}`),
    fc.bigInt({ min: 0n, max: 0xffffffffffffffffn }).map((n) => n.toString(16).padStart(16, '0')),
    fc.nat(0xffff).map((n) => `02020000${n.toString(16).padStart(4, '0')}0001`),
  ),
  parseExtendedPattern,
);
const hex = (length: number) =>
  fc.uniqueArray(
    fc.uint8Array({ minLength: length, maxLength: length }).map((b) => Buffer.from(b).toString('hex')),
    { maxLength: 3 },
  );
const wanted = <T>(patterns: fc.Arbitrary<T>) =>
  optional(
    fc.oneof(
      fc.record({ all: patterns }),
      fc.record({ any: patterns }),
      fc.record({ all: patterns, any: patterns }),
    ),
  );
const change = <V, P>(values: fc.Arbitrary<V>, patterns: fc.Arbitrary<P>) =>
  optional(
    fc.record({ set: optional(values), add: optional(values), remove: optional(patterns) }).map(given),
  );
const range = optional(
  fc.oneof(
    word.map((n) => ({ ge: n, le: n })),
    word.map((ge) => ({ ge })),
    word.map((le) => ({ le })),
    fc.tuple(word, word).map(([x, y]) => ({ ge: Math.min(x, y), le: Math.max(x, y) })),
  ),
);
const some = <T>(value: fc.Arbitrary<T>) => optional(fc.uniqueArray(value, { minLength: 1, maxLength: 3 }));
const someAsns = some(fc.integer({ min: 1, max: 0xffffffff }));
const shift = fc.integer({ min: -0xffffffff, max: 0xffffffff }).map((n) => ({ shift: n }));

const asPathMatch = fc
  .record({
    contains: someAsns,
    startsWith: someAsns,
    endsWith: someAsns,
    length: range,
    regex: some(fc.constantFrom('_65001$', '^[0-9]+$', '^$', '~', '(_1|_2)*', ' ', 'null')),
  })
  .map(given);

const rule = fc.record({
  match: fc
    .record({
      prefixes: optional(fc.array(prefixMatch, { maxLength: 3 })),
      prefixSets: optional(fc.constant(['set'])),
      family: optional(fc.constantFrom('ipv4', 'ipv6')),
      sources: some(fc.constantFrom('originated', 'connected', 'static', 'inventory', 'bgp', 'kernel')),
      peers: some(fc.constantFrom('p*', '*', 'null', 'a:b')),
      nextHop: optional(
        fc.uniqueArray(prefix, { minLength: 1, maxLength: 3, selector: (value) => JSON.stringify(value) }),
      ),
      asPath: optional(asPathMatch),
      communities: wanted(standard),
      largeCommunities: wanted(large),
      extendedCommunities: wanted(extended),
      localPref: range,
      med: range,
      origins: some(fc.nat(2)),
      rpki: some(fc.constantFrom(0, 1, 2)),
    })
    .filter((match) => match.prefixes === undefined || match.family === undefined)
    .map(given),
  set: fc
    .record({
      nextHop: optional(fc.oneof(fc.constantFrom('self', 'unchanged'), family.chain(unicast))),
      localPref: optional(fc.oneof(word, shift)),
      med: optional(fc.oneof(word, shift, fc.constant('remove' as const))),
      aigp: optional(fc.oneof(fc.maxSafeNat(), fc.constant('remove' as const))),
      origin: optional(fc.nat(2)),
      prepend: optional(
        fc.record({
          asn: fc.option(fc.integer({ min: 1, max: 0xffffffff })),
          times: fc.integer({ min: 1, max: 64 }),
        }),
      ),
      communities: change(communities, standard),
      largeCommunities: change(hex(12), large),
      extendedCommunities: change(hex(8), extended),
      validationState: optional(fc.constant(true as const)),
    })
    .map(given),
  action: optional(fc.constantFrom('accept', 'reject')),
});

const prefixSets = fc.dictionary(name, fc.array(prefixMatch, { maxLength: 3 }), {
  maxKeys: 3,
  noNullPrototype: true,
});

const filters = fc
  .dictionary(name, fc.array(rule, { maxLength: 4 }), { maxKeys: 4, noNullPrototype: true })
  .map((dictionary) =>
    Object.fromEntries(
      Object.entries(dictionary).map(([key, rules]) => [key, { name: key, rules: rules.map(given) }]),
    ),
  ) as fc.Arbitrary<Record<string, Filter>>;

const staleSeconds = seconds(0, 0xffffff);
const gracefulRestart = fc.record({
  enabled: flag,
  restartTimeSeconds: seconds(0, 4095),
  notification: flag,
  stalePathTimeSeconds: seconds(1, 3600),
  deferralSeconds: seconds(1, 86400),
  absenceSeconds: seconds(0, 86400),
  longLived: fc.record({
    enabled: flag,
    staleTimeSeconds: fc.record({ ipv4: staleSeconds, ipv6: staleSeconds }),
    maxStaleTimeSeconds: staleSeconds,
    announceToOthers: flag,
  }),
});

const limit = fc
  .record({
    received: optional(seconds(1, 0xffffffff)),
    sent: optional(seconds(1, 0xffffffff)),
    warnAtPercent: seconds(1, 100),
    action: fc.constantFrom('restart', 'discard', 'shutdown'),
    restartAfterSeconds: seconds(1, 86400),
  })
  .filter(({ received, sent }) => received !== undefined || sent !== undefined)
  .map(given);

const addPath = fc
  .record({
    receive: fc.boolean(),
    send: fc.constantFrom(false, 'all', 1, 7),
    maxReceived: seconds(1, 4096),
  })
  .filter(({ receive, send }) => receive || send !== false);

const port = fc.integer({ min: 1, max: 65535 });
const asn = fc.integer({ min: 1, max: 0xffffffff });

const peersOf = (ours: number, filterNames: string[]) => {
  const list = optional(
    filterNames.length === 0
      ? fc.constant(undefined)
      : fc.array(fc.constantFrom(...filterNames), { minLength: 1, maxLength: 3 }),
  );
  const peer = family
    .chain((of) =>
      fc.record({
        name,
        description: optional(text),
        address: unicast(of),
        port,
        asn: fc.oneof(fc.constant(ours), asn),
        localAddress: optional(unicast(of)),
        password: optional(
          fc.constantFrom({ file: '/etc/tartan/password' }, { file: '/a b' }, { env: 'PASSWORD' }),
        ),
        passive: flag,
        fastFallover: flag,
        device: optional(fc.constantFrom('eth0', 'null', '0', 'lan.100')),
        shutdown: flag,
        shutdownMessage: optional(text.filter((value) => value !== '' && Buffer.byteLength(value) <= 255)),
        extendedMessages: flag,
        extendedNextHop: flag,
        multihop: fc.option(fc.integer({ min: 1, max: 255 })),
        ttlSecurity: optional(fc.integer({ min: 1, max: 254 })),
        families: fc.constantFrom(['ipv4'], ['ipv6'], ['ipv4', 'ipv6']),
        holdTimeSeconds: fc.oneof(fc.constant(0), seconds(3, 65535)),
        minHoldSeconds: optional(seconds(3, 90)),
        keepaliveSeconds: optional(seconds(1, 21845)),
        sendHoldSeconds: optional(seconds(0, 131070)),
        connectRetrySeconds: seconds(1, 65535),
        delayOpenSeconds: seconds(0, 65535),
        idleHoldSeconds: seconds(0, 65535),
        nextHop: fc.constantFrom('auto', 'self', 'unchanged'),
        import: list,
        export: list,
        gracefulRestart,
        routeReflectorClient: flag,
        clusterId: optional(unicast(0).map((address) => address.a)),
        aigp: optional(flag),
        maxPrefixes: fc.record({ ipv4: optional(limit), ipv6: optional(limit) }).map(given),
        addPath: optional(fc.record({ ipv4: optional(addPath), ipv6: optional(addPath) }).map(given)),
        enforceFirstAs: flag,
        maxAsPathLength: seconds(0, 4096),
        allowOwnAs: seconds(0, 255),
        gracefulShutdown: flag,
        acceptBlackhole: flag,
        asOverride: flag,
        removePrivateAs: fc.constantFrom<RemovePrivateAs>(false, true, 'all', 'replace'),
        localAs: optional(fc.record({ asn, noPrepend: flag, replaceAs: flag })),
        role: optional(fc.constantFrom('provider', 'customer', 'peer', 'routeServer', 'routeServerClient')),
        strictRole: flag,
      }),
    )
    .filter(
      ({ holdTimeSeconds, keepaliveSeconds = 0 }) =>
        holdTimeSeconds === 0 || keepaliveSeconds * 2 <= holdTimeSeconds,
    )
    .filter(({ holdTimeSeconds, minHoldSeconds = 0 }) => minHoldSeconds <= holdTimeSeconds)
    .filter(({ multihop, ttlSecurity }) => multihop === null || ttlSecurity === undefined)
    .filter((value) => value.asn === ours || (!value.routeReflectorClient && value.clusterId === undefined))
    .filter(({ asn, role, strictRole }) => (role === undefined ? !strictRole : asn !== ours))
    .filter(({ asn, localAs }) => localAs === undefined || new Set([ours, asn, localAs.asn]).size === 3)
    .map(({ addPath: stated = {}, ...rest }) => {
      const of = Object.entries(stated).filter(([name]) => rest.families.some((family) => family === name));
      return { ...rest, addPath: of.length === 0 ? undefined : Object.fromEntries(of) };
    })
    .map(given);
  return fc
    .uniqueArray(peer, { selector: (value) => value.name, maxLength: 4 })
    .filter((list) => new Set(list.map(({ address }) => JSON.stringify(address))).size === list.length)
    .map((list) => list.map((value, i) => ({ ...value, port: 1000 + i })));
};

const byPrefix = { selector: (value: { prefix: Prefix }) => JSON.stringify(value.prefix), maxLength: 4 };

const staticRoute = fc.oneof(
  fc.record({ prefix, via: fc.constant([]), blackhole: fc.constant(true) }),
  family.chain((of) =>
    fc
      .record({
        prefix: prefixOf(of),
        via: fc.array(unicast(of), { minLength: 1, maxLength: 3 }),
        device: optional(fc.constantFrom('eth0', 'null', '0', 'lan.100')),
        blackhole: fc.constant(false),
        aigp: optional(fc.maxSafeNat()),
      })
      .map(given),
  ),
  fc.record({
    prefix,
    via: fc.constant([]),
    device: fc.constantFrom('eth0', 'true'),
    blackhole: fc.constant(false),
  }),
);

const backend = fc.constantFrom<Backend>('none', 'ipip', 'vxlan');
const pools = fc.uniqueArray(
  fc
    .record({
      cidr: prefix,
      backend,
      mode: fc.constantFrom('always', 'crossSubnet'),
      exported: flag,
      natOutgoing: flag,
    })
    .filter((pool) => pool.backend !== 'ipip' || pool.cidr.family === 0),
  { selector: ({ cidr }) => JSON.stringify(cidr), maxLength: 4 },
);

const device = fc.oneof(
  fc.stringMatching(/^[a-z0-9.-]{1,15}$/).filter((value) => !['.', '..', 'all', 'default'].includes(value)),
  fc.constantFrom('null', '0', '1e3', 'tunl0'),
);
const tunnel = { mtu: fc.option(fc.integer({ min: 576, max: 65535 })), checksumOffload: fc.option(flag) };
const vxlan = fc.record({ vni: fc.integer({ min: 1, max: 0xffffff }), port, ...tunnel });
const overlay: fc.Arbitrary<OverlayConfig> = fc
  .record({
    profile: fc.constantFrom('calico', 'flannel'),
    sameSubnet: fc.constantFrom('address', 'route'),
    mac: fc.constantFrom('name', 'given'),
    devices: fc.uniqueArray(device, { minLength: 3, maxLength: 3 }),
    vxlan: fc.tuple(vxlan, vxlan),
    ipip: fc.record(tunnel),
  })
  .map(({ devices, vxlan: [ipv4, ipv6], ipip, ...rest }) => ({
    ...rest,
    vxlan: [
      { device: devices[0], ...ipv4 },
      { device: devices[1], ...ipv6 },
    ],
    ipip: { device: devices[2], ...ipip },
  }));

/** Of one host, as a device may have it. */
const mac = fc
  .uint8Array({ minLength: 6, maxLength: 6 })
  .map((bytes) =>
    [bytes[0] & 0xfe, ...bytes.subarray(1)].map((b) => b.toString(16).padStart(2, '0')).join(':'),
  )
  .filter((value) => value !== '00:00:00:00:00:00');
const nodeAddress = family.chain((of) =>
  fc.record({ address: unicast(of), length: fc.option(fc.integer({ min: 0, max: of === 0 ? 32 : 128 })) }),
);
/** Of which some host can have an address; of any length. */
const podCidr = family.chain((of) =>
  fc
    .tuple(unicast(of), fc.integer({ min: of === 0 ? 8 : 3, max: of === 0 ? 32 : 128 }))
    .map(([address, length]) => networkOf(address, length)),
);

/** With nothing in common that is only one's: `name` is there, with addresses and VTEPs wherever these pools ask for them. */
const nodesOf = (own: string, { mac: rule }: OverlayConfig) => {
  const node = fc
    .record({
      name: fc.oneof({ weight: 1, arbitrary: fc.constant(own) }, { weight: 2, arbitrary: name }),
      addresses: fc.uniqueArray(nodeAddress, { minLength: 1, maxLength: 4, selector: textOf }),
      podCidrs: fc.uniqueArray(podCidr, { maxLength: 3, selector: (value) => JSON.stringify(value) }),
      addressesOfVteps: fc.tuple(fc.option(unicast(0)), fc.option(unicast(1))),
      macs: fc.tuple(fc.option(mac), fc.option(mac)),
      ipipAddress: fc.option(unicast(0)),
      receives: fc.option(fc.uniqueArray(backend, { minLength: 1 })),
    })
    .map(({ addressesOfVteps, macs, ...rest }) => {
      const first = (of: FamilyIndex): Address | null => {
        const cidr = rest.podCidrs.find((each) => each.family === of);
        return cidr === undefined ? null : { family: of, a: cidr.a, b: cidr.b, c: cidr.c, d: cidr.d };
      };
      const vtep = (of: FamilyIndex) => {
        const address = addressesOfVteps[of] ?? first(of);
        if (address === null || !rest.addresses.some((each) => each.address.family === of)) return null;
        return { address, mac: macs[of] ?? (rule === 'name' ? macOfNode(rest.name, of) : null) };
      };
      return { ...rest, vteps: [vtep(0), vtep(1)] as const, ipipAddress: rest.ipipAddress ?? first(0) };
    });
  return fc
    .uniqueArray(node, { selector: (value) => value.name, maxLength: 4 })
    .filter((list) =>
      [
        list.flatMap(({ addresses }) => addresses.map(textOf)),
        list.flatMap(({ podCidrs }) => podCidrs.map((cidr) => JSON.stringify(cidr))),
        list.flatMap(({ vteps }) =>
          vteps.flatMap((end) => (end === null ? [] : [JSON.stringify(end.address)])),
        ),
        ...[0, 1].map((of) => list.flatMap(({ vteps }) => vteps[of]?.mac ?? [])),
      ].every((taken) => new Set(taken).size === taken.length),
    );
};
const textOf = ({ address }: { address: Address }) => formatAddress(address);

/** Pools whose tunnels could not begin at this node are without one. */
const overlayParts = fc
  .tuple(name, pools, overlay)
  .chain(([own, wanted, tunnels]) => fc.tuple(fc.constant({ own, wanted, tunnels }), nodesOf(own, tunnels)))
  .map(([{ own, wanted, tunnels }, nodes]) => {
    const self = nodes.find((node) => node.name === own);
    const has = ({ family }: Prefix, kind: string) =>
      kind === 'vxlan'
        ? self?.vteps[family] != null
        : self?.addresses.some(({ address }) => address.family === family) === true;
    return {
      name: own,
      overlay: tunnels,
      nodes,
      pools: wanted.map((pool) =>
        has(pool.cidr, pool.backend) ? pool : { ...pool, backend: 'none' as const },
      ),
    };
  });

const patterns = fc.array(fc.constantFrom('eth0', '*', 'cali*', 'null', '-', '0'), { maxLength: 3 });
const preference = fc.integer({ min: 0, max: 255 });

const router: fc.Arbitrary<Router> = fc
  .tuple(asn, filters, overlayParts)
  .chain(([ours, defined, { name, pools, overlay, nodes }]) =>
    fc.record({
      name: fc.constant(name),
      asn: fc.constant(ours),
      confederation: fc.option(fc.record({ id: asn, members: fc.uniqueArray(asn, { maxLength: 3 }) })),
      routerId: unicast(0).map((address) => address.a),
      clusterId: fc.option(unicast(0).map((address) => address.a)),
      listen: fc.uniqueArray(fc.record({ address: family.chain(anyAddress), port }), {
        selector: (value) => JSON.stringify(value),
        maxLength: 3,
      }),
      maxPaths: fc.integer({ min: 1, max: 256 }),
      linkBandwidth: fc.constantFrom('use', 'ignore'),
      med: fc.record({ alwaysCompare: flag, missingAsWorst: flag }),
      ebgpRequiresPolicy: flag,
      onStop: fc.record({
        routes: fc.constantFrom('keep', 'remove'),
        sessions: fc.constantFrom('graceful', 'cease'),
      }),
      gracefulRestart,
      preference: fc.record({
        originated: preference,
        connected: preference,
        static: preference,
        inventory: preference,
        bgp: preference,
        kernel: preference,
      }),
      peers: peersOf(ours, Object.keys(defined)),
      peerRanges: fc.constant([]),
      prefixSets: prefixSets.map((sets) => ({ ...sets, set: [] })),
      filters: fc.constant(defined),
      networks: fc.uniqueArray(
        fc.record({ prefix, blackhole: flag, communities, aigp: optional(fc.maxSafeNat()) }).map(given),
        byPrefix,
      ),
      static: fc.uniqueArray(staticRoute, byPrefix),
      learn: fc.record({
        connected: patterns,
        kernel: fc.array(
          fc.record({
            protocols: fc.array(fc.integer({ min: 1, max: 83 }), { minLength: 1, maxLength: 3 }),
            interfaces: patterns,
          }),
          { maxLength: 2 },
        ),
      }),
      pools: fc.constant(pools),
      overlay: fc.constant(overlay),
      nodes: fc.constant(nodes),
      kernel: fc.record({
        install: flag,
        table: fc.integer({ min: 1, max: 0xffffffff }).filter((table) => table !== 255),
        protocol: fc.integer({ min: 84, max: 255 }),
        metric: fc.integer({ min: 0, max: 4294967293 }),
        source: fc.record({ ipv4: optional(unicast(0)), ipv6: optional(unicast(1)) }).map(given),
        nexthopCompat: fc.option(flag),
      }),
      rpki: fc.record({
        caches: fc.uniqueArray(
          fc.record({
            name: fc.stringMatching(/^[a-z]{1,8}$/),
            address: unicast(0),
            port: fc.integer({ min: 1, max: 65535 }),
            preference: fc.integer({ min: 0, max: 255 }),
          }),
          { maxLength: 3, selector: ({ name }) => name },
        ),
      }),
      bmp: fc.uniqueArray(
        fc
          .record({
            name: fc.stringMatching(/^[a-z]{1,8}$/),
            address: unicast(0),
            port: fc.integer({ min: 1, max: 65535 }),
            localAddress: optional(unicast(0)),
            routes: fc.record({ received: fc.constant(true), accepted: flag, locRib: flag }),
            mirror: flag,
            statisticsSeconds: fc.integer({ min: 0, max: 86400 }),
            connectRetrySeconds: fc.integer({ min: 1, max: 86400 }),
            stallSeconds: fc.integer({ min: 1, max: 86400 }),
          })
          .map(given),
        { maxLength: 3, selector: ({ name }) => name },
      ),
      mrt: fc.record({
        table: fc.option(
          fc.record({
            path: fc.constantFrom('/t.mrt', '/a/rib.%Y%m%d.%H%M%%'),
            everySeconds: fc.integer({ min: 1, max: 604800 }),
          }),
        ),
        updates: fc.option(
          fc.record({
            path: fc.constantFrom('/u/%s', '/u/updates.%Y%m%d.%H%M%S'),
            rotateSeconds: fc.integer({ min: 1, max: 604800 }),
          }),
        ),
      }),
    }),
  )
  .map((value): Router => value)
  .filter(({ confederation, peers }) =>
    peers.every(({ asn, localAs, role }) => {
      const isMember = confederation?.members.includes(asn) ?? false;
      return isMember ? localAs === undefined && role === undefined : asn !== confederation?.id;
    }),
  );

describe('a Router that was rendered', () => {
  it.each(['yaml', 'json'] as const)('loads again to the same Router, from %s', (format) => {
    fc.assert(
      fc.property(router, (value) => {
        const again = load(formatRouter(value, format), `router.${format}`);
        expect(again).toEqual(value);
        expect(diffRouter(value, again).lines).toEqual([]);
        expect(formatRouter(again, format)).toBe(formatRouter(value, format));
      }),
      { numRuns: 150 },
    );
  });

  it('differs from another in one line per change, and in none where only the order is another', () => {
    const keys = [
      'peers',
      'prefixSets',
      'filters',
      'networks',
      'static',
      'listen',
      'learn',
      'pools',
      'overlay',
      'nodes',
      'kernel',
      'preference',
    ] as const;
    fc.assert(
      fc.property(router, router, fc.constantFrom(...keys), (old, other, key) => {
        const next: Router = { ...old, [key]: other[key] };
        const { lines } = diffRouter(old, next);
        expect(lines.length === 0).toBe(inOneOrder(old) === inOneOrder(next));
        for (const line of lines) expect(line).toMatch(/^\P{Cc}+$/u);
        const turned: Router = {
          ...old,
          peers: old.peers.toReversed(),
          networks: old.networks.toReversed(),
          static: old.static.toReversed(),
          listen: old.listen.toReversed(),
          pools: old.pools.toReversed(),
          nodes: old.nodes.toReversed(),
          prefixSets: Object.fromEntries(Object.entries(old.prefixSets).reverse()),
          filters: Object.fromEntries(Object.entries(old.filters).reverse()),
        };
        expect(diffRouter(old, turned).lines).toEqual([]);
      }),
      { numRuns: 150 },
    );
  });
});

/** As text in which things that have a name of their own stand in one order. */
function inOneOrder(value: Router): string {
  const sorted = <T>(list: readonly T[]) => list.map((item) => JSON.stringify(item)).sort();
  return JSON.stringify({
    ...value,
    peers: sorted(value.peers),
    networks: sorted(value.networks),
    static: sorted(value.static),
    listen: sorted(value.listen),
    pools: sorted(value.pools),
    nodes: sorted(value.nodes),
    prefixSets: sorted(Object.entries(value.prefixSets)),
    filters: sorted(Object.entries(value.filters)),
  });
}
