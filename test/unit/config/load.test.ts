import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseAddress, parsePrefix } from '../../../src/address/index.js';
import { checkRouters, formatIssue, loadRouter } from '../../../src/config/index.js';
import { document, errorsOf, folder, load, minimal, warningsOf } from './documents.js';

/** A rule, and what is said of it. Rules begin at 7:17. */
const filterMistakes = (
  [
    [
      '{match: {prefixSet: custmers}}',
      "7:37: `spec.filters.f[0].match.prefixSet` names the prefix set `custmers`, which `spec.prefixSets` doesn't define; did you mean `customers`?",
    ],
    [
      "{match: {asPath: {regex: '(65001'}}}",
      '7:42: `spec.filters.f[0].match.asPath.regex` is "(65001", which is no regular expression: a `(` is not closed (`\\(` for itself); expected one such as `_65001$`',
    ],
    [
      '{match: {asPath: {contains: 0}}}',
      '7:45: `spec.filters.f[0].match.asPath.contains` is 0; expected an AS number from 1 to 4294967295, or a list of these',
    ],
    [
      '{match: {localPref: {ge: 5, le: 4}}}',
      '7:49: `spec.filters.f[0].match.localPref.le` is 4, below `ge`, which is 5; expected at least as much',
    ],
    [
      "{match: {communities: {any: ['65000:1*']}}}",
      '7:46: `spec.filters.f[0].match.communities.any[0]` is "65000:1*", which is no community; expected two numbers up to 65535 such as `65000:100`, or a well-known name such as `no-export`',
    ],
    [
      '{match: {largeCommunities: [1:2]}}',
      '7:45: `spec.filters.f[0].match.largeCommunities[0]` is "1:2", which is no large community; expected three numbers up to 4294967295 such as `65000:1:2`, or `*` for any of them',
    ],
    [
      '{match: {extendedCommunities: [rt:1]}}',
      '7:48: `spec.filters.f[0].match.extendedCommunities[0]` is "rt:1", which is no extended community; expected `rt:65000:100`, `ro:192.0.2.1:7`, `bandwidth:65000:125000000` or 16 hex digits; `*` stands for any number',
    ],
    [
      "{set: {largeCommunities: {add: ['1:*:2']}}}",
      '7:49: `spec.filters.f[0].set.largeCommunities.add[0]` is "1:*:2", which leaves a part open; expected three numbers up to 4294967295 such as `65000:1:2`',
    ],
    [
      "{set: {communities: {add: ['1:*']}}}",
      '7:44: `spec.filters.f[0].set.communities.add[0]` is "1:*", which is no community; expected two numbers up to 65535 such as `65000:100`, or a well-known name such as `no-export`',
    ],
    [
      '{match: {nextHop: 10.0.0.0/33}}',
      '7:35: `spec.filters.f[0].match.nextHop` is "10.0.0.0/33", whose length is none of IPv4; expected /0 to /32',
    ],
    [
      '{match: {source: ospf}}',
      '7:34: `spec.filters.f[0].match.source` is "ospf"; expected `originated`, `connected`, `static`, `inventory`, `bgp`, `kernel` or a list of these',
    ],
    [
      '{set: {prepend: 65}}',
      '7:33: `spec.filters.f[0].set.prepend` is 65; expected how often from 1 to 64, or `{asn: 65001, times: 2}`',
    ],
    [
      '{set: {localPref: +9999999999}}',
      '7:35: `spec.filters.f[0].set.localPref` is "+9999999999"; expected a change of at most 4294967295',
    ],
  ] as const
).map(([rule, message]): [string, string] => [
  `${minimal}\nfilters: {f: [${rule}]}\nprefixSets: {customers: []}`,
  message,
]);

const gracefulRestart = {
  enabled: true,
  restartTimeSeconds: 120,
  notification: true,
  stalePathTimeSeconds: 360,
  deferralSeconds: 60,
  absenceSeconds: 20,
  longLived: {
    enabled: false,
    staleTimeSeconds: { ipv4: 86400, ipv6: 86400 },
    maxStaleTimeSeconds: 16777215,
    announceToOthers: false,
  },
};

describe('a document without mistakes', () => {
  it('becomes a Router with every default filled in', () => {
    const router = load(document(minimal));
    expect(router).toEqual({
      name: 'a',
      asn: 65001,
      confederation: null,
      clusterId: null,
      routerId: 0xc0000201,
      listen: [
        { address: parseAddress('0.0.0.0'), port: 179 },
        { address: parseAddress('::'), port: 179 },
      ],
      maxPaths: 1,
      linkBandwidth: 'use',
      med: { alwaysCompare: false, missingAsWorst: false },
      ebgpRequiresPolicy: true,
      onStop: { routes: 'keep', sessions: 'graceful' },
      gracefulRestart,
      preference: { originated: 250, connected: 240, static: 200, inventory: 150, bgp: 100, kernel: 10 },
      peers: [],
      peerRanges: [],
      prefixSets: {},
      filters: {},
      networks: [],
      static: [],
      learn: { connected: [], kernel: [] },
      pools: [],
      overlay: {
        profile: 'calico',
        sameSubnet: 'address',
        mac: 'name',
        vxlan: [
          { device: 'vxlan.calico', vni: 4096, port: 4789, mtu: null, checksumOffload: null },
          { device: 'vxlan-v6.calico', vni: 4096, port: 4789, mtu: null, checksumOffload: null },
        ],
        ipip: { device: 'tunl0', mtu: null, checksumOffload: null },
      },
      nodes: [],
      kernel: { install: true, table: 254, protocol: 84, metric: 1024, source: {}, nexthopCompat: null },
      mrt: { table: null, updates: null },
      rpki: { caches: [] },
      bmp: [],
    });
  });

  it('gives a peer what its template says where it says nothing itself, and the defaults behind both', () => {
    const router = load(
      document(`${minimal}
filters: {all: [{action: accept}]}
gracefulRestart: {restartTime: 60}
peerTemplates:
  tor: {asn: 65002, holdTime: 9, import: all, export: [all], multihop: true, gracefulRestart: {deferral: 30}}
peers:
- {name: one, template: tor, address: 192.0.2.2}
- {name: two, template: tor, address: '2001:db8::2', asn: 65003, holdTime: 30, import: [], multihop: false}`),
    );
    const [one, two] = router.peers;
    expect(one).toEqual({
      name: 'one',
      address: parseAddress('192.0.2.2'),
      port: 179,
      asn: 65002,
      passive: false,
      shutdown: false,
      multihop: 64,
      families: ['ipv4'],
      holdTimeSeconds: 9,
      connectRetrySeconds: 10,
      delayOpenSeconds: 0,
      idleHoldSeconds: 1,
      extendedMessages: true,
      nextHop: 'auto',
      import: ['all'],
      export: ['all'],
      gracefulRestart: { ...gracefulRestart, restartTimeSeconds: 60, deferralSeconds: 30 },
      routeReflectorClient: false,
      maxPrefixes: {},
      extendedNextHop: false,
      fastFallover: true,
      enforceFirstAs: true,
      maxAsPathLength: 0,
      allowOwnAs: 0,
      gracefulShutdown: true,
      acceptBlackhole: false,
      strictRole: false,
      asOverride: false,
      removePrivateAs: false,
    });
    expect(two).toMatchObject({
      asn: 65003,
      holdTimeSeconds: 30,
      multihop: null,
      families: ['ipv6'],
      export: ['all'],
    });
    expect(two).not.toHaveProperty('import');
  });

  it('reads prefixes with ge and le as ranges of lengths', () => {
    const { filters } = load(
      document(`${minimal}
filters:
  f:
  - match:
      prefix:
      - 10.0.0.0/8
      - {prefix: 10.0.0.0/8, ge: 16}
      - {prefix: 10.0.0.0/8, le: 24}
      - {prefix: 2001:db8::/32, ge: 48, le: 64}
    action: accept`),
    );
    const prefix = parsePrefix('10.0.0.0/8');
    expect(filters.f.rules[0].match.prefixes).toEqual([
      { prefix, ge: 8, le: 8 },
      { prefix, ge: 16, le: 32 },
      { prefix, ge: 8, le: 24 },
      { prefix: parsePrefix('2001:db8::/32'), ge: 48, le: 64 },
    ]);
  });

  it('reads what rules match and set, alone or as lists', () => {
    const { filters, prefixSets } = load(
      document(`${minimal}
prefixSets: {customers: [10.0.0.0/8, {prefix: 10.0.0.0/8, le: 24}]}
filters:
  f:
  - match:
      prefixSet: customers
      asPath: {contains: 65001, startsWith: [65002, 65002], length: 3, regex: _65001$}
      communities: {any: ['65000:*', no-export]}
      largeCommunities: [65000:1:*]
      nextHop: [192.0.2.0/24, 198.51.100.1]
      peer: spine*
      source: bgp
      localPref: {ge: 100}
      med: 5
      origin: incomplete
    set: {localPref: +10, med: -10, origin: egp, prepend: 2, extendedCommunities: {add: [rt:65000:1]}}
    action: accept
  - {set: {localPref: '-5', med: '+5', prepend: {asn: 65009}}, action: accept}`),
    );
    const prefix = parsePrefix('10.0.0.0/8');
    expect(prefixSets.customers).toEqual([
      { prefix, ge: 8, le: 8 },
      { prefix, ge: 8, le: 24 },
    ]);
    const [first, second] = filters.f.rules;
    expect(first.match).toEqual({
      prefixSets: ['customers'],
      asPath: {
        contains: [65001],
        startsWith: [65002],
        length: { ge: 3, le: 3 },
        regex: ['_65001$'],
      },
      communities: {
        any: [
          { value: 65000 * 65536, mask: 0xffff0000 },
          { value: 0xffffff01, mask: 0xffffffff },
        ],
      },
      largeCommunities: { all: [{ text: '65000:1:*', hex: ['0000fde800000001........'] }] },
      nextHop: [parsePrefix('192.0.2.0/24'), parsePrefix('198.51.100.1/32')],
      peers: ['spine*'],
      sources: ['bgp'],
      localPref: { ge: 100 },
      med: { ge: 5, le: 5 },
      origins: [2],
    });
    expect(first.set).toEqual({
      localPref: { shift: 10 },
      med: { shift: -10 },
      origin: 1,
      prepend: { asn: null, times: 2 },
      extendedCommunities: { add: ['0002fde800000001'] },
    });
    expect(second.set).toEqual({
      localPref: { shift: -5 },
      med: { shift: 5 },
      prepend: { asn: 65009, times: 1 },
    });
  });

  it('reads communities by number and by name', () => {
    const { networks } = load(
      document(
        `${minimal}\nnetworks: [{prefix: 10.0.0.0/8, communities: [65000:100, no-export, '0:0', blackhole]}]`,
      ),
    );
    expect(networks[0].communities).toEqual([65000 * 65536 + 100, 0xffffff01, 0, 65535 * 65536 + 666]);
  });

  it('takes a key without a value for one that is not given', () => {
    expect(load(document(`${minimal}\npeers:\nnetworks:\nkernel:\n  table:`))).toEqual(
      load(document(minimal)),
    );
  });

  it('may use anchors and merge keys', () => {
    const router = load(
      document(`${minimal}
peers:
- &base {name: x, address: 192.0.2.2, asn: 65001, holdTime: 12}
- {<<: *base, name: y, address: 192.0.2.3}`),
    );
    expect(router.peers.map((peer) => [peer.name, peer.holdTimeSeconds])).toEqual([
      ['x', 12],
      ['y', 12],
    ]);
  });
});

describe('mistakes', () => {
  it('are all told, each with its place, what was wrong and what was expected', () => {
    const errors = errorsOf(`apiVersion: tartan.dev/v1
kind: Router
metadata: {name: a}
spec:
  asn: 65001
  router-id: 10.0.0.1
  listen: [{address: 10.0.0.256}]
  peerTemplates:
    tor: {asn: 65002, import: alll, holdTime: "90"}
  filters:
    all: [{match: {prefix: [10.0.0.1/8, {prefix: 10.0.0.0/8, ge: 4}, 10.1.0.0]}, action: accept}]
  peers:
  - {name: x, address: 10.0.0.2, template: tro}
  - {name: x, address: 10.0.0.2/24, asn: 0}
  networks:
  - {prefix: 2001:db8::/129, communities: [no-exprot]}
  static: [{prefix: 10.9.0.0/16}]
  learn: {kernel: [{protocols: [birb, 84]}]}
`);
    expect(errors).toEqual([
      '6:3: unknown key `router-id` in `spec`; did you mean `routerId`?',
      '7:22: `spec.listen[0].address` is "10.0.0.256", in which 256 is above 255; expected an IPv4 or IPv6 address',
      "9:31: `spec.peerTemplates.tor.import` names the filter `alll`, which `spec.filters` doesn't define; did you mean `all`?",
      '9:47: `spec.peerTemplates.tor.holdTime` is "90"; expected 0 (never expires) or seconds from 3 to 65535 (without quotes)',
      '11:29: `spec.filters.all[0].match.prefix[0]` is "10.0.0.1/8", which has bits set behind /8; expected `10.0.0.0/8`',
      '11:66: `spec.filters.all[0].match.prefix[1].ge` is 4; expected a length from 8 to 32',
      '11:70: `spec.filters.all[0].match.prefix[2]` is "10.1.0.0", without a prefix length; expected one, `10.1.0.0/32` for the single address',
      "13:44: peer `x` refers to the template `tro`, which `spec.peerTemplates` doesn't define; did you mean `tor`?",
      '14:12: peer `x` stands here a second time, first in line 13; expected it once',
      '14:24: `spec.peers[1].address` is "10.0.0.2/24", which has a prefix length; expected an IPv4 or IPv6 address alone',
      '14:42: `spec.peers[1].asn` is 0; expected an AS number from 1 to 4294967295, `external` or `internal`',
      '16:14: `spec.networks[0].prefix` is "2001:db8::/129", whose length is none of IPv6; expected /0 to /128',
      '16:44: `spec.networks[0].communities[0]` is "no-exprot", which is no community; did you mean `no-export`?',
      '17:12: `spec.static[0]` leads nowhere; expected `via`, `device` or `blackhole: true`',
      '18:32: `spec.learn.kernel[0].protocols` holds 84, which marks our own routes (`spec.kernel.protocol`); expected other protocols',
      '18:33: `spec.learn.kernel[0].protocols[0]` is "birb", which is no rtm_protocol; did you mean `bird`?',
    ]);
  });

  it.each([
    [
      'asn: 65001\nrouterId: 0.0.0.0',
      '6:13: `spec.routerId` is 0.0.0.0, which no single host can have; expected a unicast address',
    ],
    [
      'asn: 65001\nrouterId: 10.0.0',
      '6:13: `spec.routerId` is "10.0.0", which has 3 of the 4 numbers of an IPv4 address; expected an IPv4 address',
    ],
    [
      'asn: 65001\nrouterId: 010.0.0.1',
      '6:13: `spec.routerId` is "010.0.0.1", in which 010 has a leading zero; expected an IPv4 address',
    ],
    [
      'asn: 65001\nrouterId: 2001:db8::1',
      '6:13: `spec.routerId` is 2001:db8::1, of the other family; expected an IPv4 address',
    ],
    [
      `${minimal}\npeers: [{name: p, address: router.example, asn: 1}]`,
      '7:30: `spec.peers[0].address` is "router.example", which is not an address (host names are not resolved); expected an IPv4 or IPv6 address',
    ],
    [
      `${minimal}\npeers: [{name: p, address: 192.0.2.9}]`,
      '7:11: peer `p` has no `asn`; expected its AS number, in the peer or a template',
    ],
    [
      `${minimal}\npeers: [{name: p, address: 192.0.2.9, asn: 65001, localAddress: '2001:db8::1'}]`,
      '7:67: peer `p` has the IPv4 address 192.0.2.9 but the local address 2001:db8::1; expected both of one family',
    ],
    [
      `${minimal}\npeers: [{name: p, address: 192.0.2.9, asn: 65001, holdTime: 2}]`,
      '7:63: `spec.peers[0].holdTime` is 2; expected 0 (never expires) or at least 3 seconds',
    ],
    [
      `${minimal}\npeers: [{name: p, address: 192.0.2.9, asn: 65001, keepalive: 60}]`,
      '7:64: peer `p` sends a KEEPALIVE every 60 s but holds for 90 s; expected at most half the hold time, better a third',
    ],
    [
      `${minimal}\npeers: [{name: p, address: 192.0.2.9, asn: 65001, minHoldTime: 91}]`,
      '7:66: peer `p` must hold for 91 s but we offer 90 s; expected at most the hold time',
    ],
    [
      `${minimal}\npeers: [{name: p, address: 192.0.2.9, asn: 65002, routeReflectorClient: true, import: [], export: []}]`,
      '7:75: peer `p` is a route reflector client but in AS 65002, not ours (65001); expected an iBGP peer',
    ],
    [
      `${minimal}\npeers: [{name: p, address: 192.0.2.9, asn: 65001}, {name: q, address: 192.0.2.9, asn: 65001}]`,
      '7:73: a session with 192.0.2.9 port 179 stands here a second time, first in line 7; expected it once',
    ],
    [
      `${minimal}\npeers: [{name: p, address: 192.0.2.9, asn: 65001, nextHop: sefl}]`,
      '7:62: `spec.peers[0].nextHop` is "sefl"; expected `auto`, `self` or `unchanged`; did you mean `self`?',
    ],
    [
      `${minimal}\nnetworks: [10.0.0.0/8, 10.0.0.0/8]`,
      '7:26: network 10.0.0.0/8 stands here a second time, first in line 7; expected it once',
    ],
    [
      `${minimal}\nstatic: [{prefix: 'fc00::/7', via: 'fe80::1'}]`,
      '7:38: `spec.static[0].via` is the link-local address fe80::1; expected `device` beside it, to say on which link',
    ],
    [
      `${minimal}\nstatic: [{prefix: 'fc00::/7', via: 10.0.0.1}]`,
      '7:38: `spec.static[0].via` is 10.0.0.1, but fc00::/7 is IPv6; expected an IPv6 next hop',
    ],
    [
      `${minimal}\nkernel: {metric: 4294967294}`,
      '7:20: `spec.kernel.metric` is 4294967294; expected a whole number from 0 to 4294967293',
    ],
    [
      `${minimal}\nkernel: {table: 255}`,
      '7:19: `spec.kernel.table` is 255, the table of local addresses, which the kernel keeps itself; expected another',
    ],
    [
      `${minimal}\nfilters: {f: [{match: {family: ipv6, prefix: 10.0.0.0/8}, action: accept}]}`,
      '7:34: `spec.filters.f[0].match.family` contradicts a prefix beside it; expected prefixes of ipv6 alone',
    ],
    [
      `${minimal}\nfilters: {f: [{set: {med: drop}, action: accept}]}`,
      '7:29: `spec.filters.f[0].set.med` is "drop"; expected a number from 0 to 4294967295, `+N`, `-N` or `remove`',
    ],
    ...filterMistakes,
    [`${minimal}\npeers: {name: p}`, '7:10: `spec.peers` is a map; expected a list of peers'],
  ])('%s', (spec, error) => {
    expect(errorsOf(document(spec))).toEqual([error]);
  });

  it('in what a merge key brought in are placed where it stands', () => {
    const text = document(`${minimal}
peers:
- &base {name: x, address: 192.0.2.2, asn: 65001, holdTime: 2}
- {<<: *base, name: y, address: 192.0.2.3}`);
    expect(errorsOf(text).map((error) => error.split(' ')[0])).toEqual(['8:63:', '8:63:']);
  });

  it('of syntax are all told with their places', () => {
    const text =
      'apiVersion: tartan.dev/v1\nkind: Router\nspec:\n  asn: 1\n  asn: 2\n  listen: [1,\n\tx\n---\na: "b\n';
    const places = errorsOf(text).map((error) => error.split(' ')[0]);
    expect(places).toContain('5:3:');
    expect(places.length).toBeGreaterThanOrEqual(3);
  });

  it('of documents that repeat themselves without end are told, not followed', () => {
    expect(errorsOf('a: &a\n  b: *a\n')[0]).toMatch(/^1:1: .*without end/);
  });

  it('of version and kind are told', () => {
    expect(errorsOf('apiVersion: tartan.dev/v2\nkind: Routr\nmetadata: {name: a}\n')).toEqual([
      '1:13: `apiVersion` is "tartan.dev/v2"; expected `tartan.dev/v1`',
      '2:7: `kind` is "Routr"; expected `Router`',
    ]);
    expect(errorsOf('- 1\n')).toEqual([
      '1:1: the document is a list; expected a map with `apiVersion: tartan.dev/v1` and `kind: Router`',
    ]);
  });
});

describe('warnings', () => {
  it('tell of eBGP that will do nothing for lack of filters', () => {
    const spec = `${minimal}\npeers: [{name: p, address: 192.0.2.9, asn: 65002}]`;
    expect(warningsOf(document(spec))).toEqual([
      '7:11: peer `p` is eBGP without `import` and `export`, so it accepts and announces nothing (RFC 8212); expected filters, or `ebgpRequiresPolicy: false`',
    ]);
    expect(warningsOf(document(`${spec}\nebgpRequiresPolicy: false`))).toEqual([]);
  });

  it('tell of filters that name a peer which is not there', () => {
    const spec = `${minimal}\npeers: [{name: spine1, address: 192.0.2.9, asn: 65001}]\nfilters: {f: [{match: {peer: [spine1, 'leaf*', spine2]}, action: accept}]}`;
    expect(warningsOf(document(spec))).toEqual([
      "8:50: `spec.filters.f[0].match.peer[2]` names the peer `spine2`, which `spec.peers` doesn't define; did you mean `spine1`?",
    ]);
  });

  it('tell of rules that are never reached and filters that accept nothing', () => {
    expect(
      warningsOf(
        document(
          `${minimal}\nfilters:\n  a:\n  - action: accept\n  - match: {family: ipv4}\n    action: reject\n  b: []`,
        ),
      ),
    ).toEqual([
      '10:7: `spec.filters.a[1]` is never reached: the rule in line 9 decides every route',
      '12:5: `spec.filters.b` accepts nothing: none of its rules has `action: accept`',
    ]);
  });

  it.each(['{famly: ipv4}', '{family: 4}', '[ipv4]', 'ipv4'])(
    'tell of no rule that it is never reached for a mistyped match before it: %s',
    (match) => {
      const spec = `${minimal}\nfilters:\n  a:\n  - match: ${match}\n    action: accept\n  - action: reject`;
      expect(errorsOf(document(spec))).toHaveLength(1);
      expect(warningsOf(document(spec)).filter((text) => text.includes('never reached'))).toEqual([]);
    },
  );
});

describe('choosing a Router', () => {
  const two = `${document(minimal, 'a')}---\n${document(minimal, 'b')}`;

  it('takes the one that --node names, from any of several files and folders', () => {
    const path = folder({
      '1.yaml': two,
      '2.yml': document(minimal, 'c'),
      '3.txt': 'not: read',
      '.4.yaml': 'nor: this',
    });
    expect(loadRouter([path], 'c').router?.name).toBe('c');
    expect(loadRouter([join(path, '2.yml'), join(path, '1.yaml')], 'b').router?.name).toBe('b');
  });

  it('takes the only one there is, whatever its name', () => {
    expect(load(document(minimal, 'elsewhere')).name).toBe('elsewhere');
  });

  it('asks for --node where several are there and none has the name of the host', () => {
    expect(errorsOf(two)[0]).toMatch(
      /^1:1: 2 Routers, and none is named like this host, .*expected `--node` with one of `a` or `b`$/,
    );
  });

  it('suggests the node that was meant', () => {
    const path = folder({ 'a.yaml': `${document(minimal, 'rack1-n1')}---\n${document(minimal, 'spine')}` });
    expect(loadRouter([path], 'rack1n1').errors[0].message).toBe(
      'no Router is named `rack1n1`; did you mean `rack1-n1`?',
    );
  });

  it('refuses two of one name and says where the first one is', () => {
    const path = folder({ '1.yaml': document(minimal), '2.yaml': document(minimal) });
    const { errors } = loadRouter([path]);
    expect(errors.map(formatIssue)).toEqual([
      `${path}/2.yaml:3:18: a Router named \`a\` stands in ${path}/1.yaml:3 already; expected one per node`,
    ]);
  });

  it('leaves mistakes in the Router of another node to that node, while check tells them', () => {
    const path = folder({
      'a.yaml': `${document(minimal, 'a')}---\n${document('asn: 0\nrouterId: 192.0.2.1', 'b')}`,
    });
    expect(loadRouter([path], 'a').router?.name).toBe('a');
    expect(checkRouters([path]).errors.map((e) => e.line)).toEqual([12]);
  });

  it('says what is missing', () => {
    expect(loadRouter(['/no/such/file.yaml']).errors.map(formatIssue)).toEqual([
      "/no/such/file.yaml:1:1: can't be read: no such file or folder; expected a YAML file or a folder of them",
    ]);
    expect(errorsOf('# nothing\n---\n')).toEqual([
      '1:1: holds no Router; expected a document with `apiVersion: tartan.dev/v1` and `kind: Router`',
    ]);
    expect(loadRouter([folder({})]).errors[0].message).toMatch(
      /holds no configuration; expected files named/,
    );
  });

  it('counts empty documents in a file as none', () => {
    expect(errorsOf(`---\n---\n# only a comment\n---\n${document('asn: 0\nrouterId: 192.0.2.1')}`)).toEqual([
      '9:8: `spec.asn` is 0; expected an AS number from 1 to 4294967295',
    ]);
  });
});

describe('limits on prefixes', () => {
  const peersOf = (text: string) => load(document(`${minimal}\nebgpRequiresPolicy: false\n${text}`)).peers;

  it('hold for every family of the session, and what is said for one family goes before that', () => {
    const [peer] = peersOf(`peerTemplates:
  t: {asn: 65002, families: [ipv4, ipv6], maxPrefixes: {received: 100, warnAt: 90, ipv6: {received: 50}}}
peers:
- {name: p, template: t, address: 192.0.2.2, maxPrefixes: {action: discard, ipv4: {sent: 7}}}`);
    const both = { warnAtPercent: 90, action: 'discard', restartAfterSeconds: 300 };
    expect(peer.maxPrefixes).toEqual({
      ipv4: { received: 100, sent: 7, ...both },
      ipv6: { received: 50, ...both },
    });
  });

  it('say so when they limit nothing', () => {
    const peers = 'peers: [{name: p, address: 192.0.2.2, asn: 65001, maxPrefixes: {warnAt: 50}}]';
    expect(warningsOf(document(`${minimal}\n${peers}`)).join()).toContain(
      '`spec.peers[0].maxPrefixes` limits nothing; expected `received`, `sent` or both',
    );
  });
});

describe('where a password stands', () => {
  const peer = (...keys: string[]) =>
    `- {name: x${keys.length}, address: 192.0.2.2, localAddress: 192.0.2.${keys.length + 8}, asn: 65001${keys.map((key) => `, ${key}`).join('')}}`;
  const errors = (...peers: string[]) => errorsOf(document(`${minimal}\npeers:\n${peers.join('\n')}`));

  it('is a file beside the document or an environment variable', () => {
    const path = folder({ 'a.yaml': document(`${minimal}\npeers:\n${peer('passwordFile: secret/tor')}`) });
    expect(loadRouter([path]).router?.peers[0].password).toEqual({ file: join(path, 'secret/tor') });
    const [byName] = load(document(`${minimal}\npeers:\n${peer('passwordEnv: TOR')}`)).peers;
    expect(byName.password).toEqual({ env: 'TOR' });
  });

  it('is one of both, and the same for all peers at an address', () => {
    expect(errors(peer('passwordFile: a', 'passwordEnv: B'))[0]).toMatch('expected one of them');
    expect(errors(peer('passwordFile: a'), peer('passive: true', 'passwordEnv: B'))[0]).toMatch(
      'peer `x2` has another password than the other peers at 192.0.2.2; expected the same',
    );
    expect(errors(peer('passwordEnv: a-b'))[0]).toMatch('expected the name of an environment variable');
  });
});

describe('GTSM', () => {
  const peers = (...lines: string[]) =>
    document(
      `${minimal}\npeerTemplates: {near: {ttlSecurity: 3}}\npeers:\n- {name: x, address: 192.0.2.2, asn: 65001, ${lines.join(', ')}}`,
    );

  it('is off, of one hop, or of as many as are given', () => {
    const hops = (...lines: string[]) => load(peers(...lines)).peers[0].ttlSecurity;
    expect(hops('passive: true')).toBeUndefined();
    expect(hops('ttlSecurity: true')).toBe(1);
    expect(hops('template: near')).toBe(3);
    expect(hops('template: near', 'ttlSecurity: false')).toBeUndefined();
  });

  it('is not had together with multihop', () => {
    expect(errorsOf(peers('template: near', 'multihop: 2'))).toEqual([
      expect.stringContaining('peer `x` has both `ttlSecurity` and `multihop`; expected one of them'),
    ]);
    expect(errorsOf(peers('ttlSecurity: 255'))[0]).toMatch('expected `true`, `false` or a number of hops');
  });
});

describe('AS options of a peer', () => {
  it.each([
    ['asn: 65001, localAs: {asn: 65009}', 'is in our own AS 65001 and has `localAs`; expected an eBGP peer'],
    ['asn: 65002, localAs: {asn: 65001}', 'has our own AS, 65001, as `localAs`; expected another'],
    ['asn: 65002, localAs: {asn: 65002}', "has the peer's AS, 65002, as `localAs`; expected another"],
    ['asn: 65002, removePrivateAs: some', 'expected `true`, `false`, `all` or `replace`'],
  ])('are refused where they make no sense: %s', (settings, message) => {
    const text = `${minimal}\nebgpRequiresPolicy: false\npeers: [{name: p, address: 192.0.2.9, ${settings}}]`;
    expect(errorsOf(document(text)).join()).toContain(message);
  });

  it('that do nothing within the AS are warned about', () => {
    const text = `${minimal}\npeers: [{name: p, address: 192.0.2.9, asn: 65001, asOverride: true}]`;
    expect(warningsOf(document(text)).join()).toContain('has `asOverride`, which holds for eBGP peers alone');
  });
});

describe('a link-local peer', () => {
  const errors = (...lines: string[]) =>
    errorsOf(
      document(
        `${minimal}\npeers:\n${lines.map((line, i) => `- {name: x${i}, asn: 65001, ${line}}`).join('\n')}`,
      ),
    );

  it('needs the link that it is on', () => {
    expect(errors("address: 'fe80::2'")[0]).toMatch(
      'peer `x0` has the link-local address fe80::2, which says nothing without its link; expected `device` beside it',
    );
    expect(errors("address: '2001:db8::2', localAddress: 'fe80::1'")[0]).toMatch('address fe80::1, which');
    expect(errors("address: 'fe80::2', device: eth0", "address: 'fe80::2', device: eth1")).toEqual([]);
    expect(errors("address: 'fe80::2', device: eth0", "address: 'fe80::2', device: eth0")[0]).toMatch(
      'a session with fe80::2%eth0 port 179 stands here a second time',
    );
  });
});

describe('gracefulRestart', () => {
  it('is put together from router, template and peer, key by key, with a stale time for each family', () => {
    const router = load(
      document(`${minimal}
gracefulRestart: {notification: false, absence: 5, longLived: {enabled: true, staleTime: 3600}}
peerTemplates:
  tor: {asn: 65002, gracefulRestart: {longLived: {staleTime: {ipv6: 60}, maxStaleTime: 100}}}
peers:
  - {name: a, template: tor, address: 192.0.2.2, gracefulRestart: {stalePathTime: 30, longLived: {announceToOthers: true}}}`),
    );
    expect(router.gracefulRestart.longLived.staleTimeSeconds).toEqual({ ipv4: 3600, ipv6: 3600 });
    expect(router.peers[0]?.gracefulRestart).toEqual({
      ...gracefulRestart,
      notification: false,
      absenceSeconds: 5,
      stalePathTimeSeconds: 30,
      longLived: {
        enabled: true,
        staleTimeSeconds: { ipv4: 0, ipv6: 60 },
        maxStaleTimeSeconds: 100,
        announceToOthers: true,
      },
    });
  });
});
