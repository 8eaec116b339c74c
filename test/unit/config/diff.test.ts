import { describe, expect, it } from 'vitest';
import { diffRouter } from '../../../src/config/index.js';
import { document, load, minimal } from './documents.js';

/** What changes from one spec to the other. */
const diff = (old: string, next: string) => diffRouter(load(document(old)), load(document(next)));

const withFilters = `${minimal}
filters:
  a: [{action: accept}]
  b: [{set: {med: 1}, action: accept}]`;
const peers = (...lines: string[]) => `${withFilters}\npeers:\n${lines.join('\n')}`;
const nothing = {
  peers: { added: [], removed: [], changed: [] },
  ranges: new Map(),
  listen: false,
  kernel: false,
  policies: null,
  overlay: false,
  restart: [],
  lines: [],
};

describe('the diff of two Routers', () => {
  it('is empty for the same document, written otherwise or in another order', () => {
    expect(
      diff(
        peers(
          '- {name: x, address: 192.0.2.2, asn: 65001, import: a}',
          '- {name: y, address: 2001:db8::1, asn: 2}',
        ),
        peers(
          '- {name: y, address: "2001:DB8:0::1", asn: 2, port: 179}',
          '- {name: x, address: 192.0.2.2, asn: 65001, import: [a], holdTime: 90}',
        ),
      ),
    ).toEqual(nothing);
  });

  it('knows peers by name', () => {
    expect(
      diff(
        peers('- {name: x, address: 192.0.2.2, asn: 65001}', '- {name: y, address: 192.0.2.3, asn: 65001}'),
        peers('- {name: y, address: 192.0.2.3, asn: 65001}', '- {name: z, address: 192.0.2.2, asn: 65001}'),
      ),
    ).toEqual({
      ...nothing,
      peers: { added: ['z'], removed: ['x'], changed: [] },
      lines: ['peer x removed', 'peer z added: 192.0.2.2, AS 65001'],
    });
  });

  it.each([
    ['description: hello', 'none'],
    ['shutdownMessage: moving house', 'none'],
    ['extendedMessages: false', 'session'],
    ['sendHoldTime: 300', 'none'],
    ['minHoldTime: 30', 'session'],
    ['fastFallover: false', 'none'],
    ['device: eth0', 'session'],
    ['gracefulRestart: {restartTime: 10}', 'none'],
    ['gracefulRestart: {deferral: 10}', 'none'],
    ['gracefulRestart: {absence: 10}', 'none'],
    ['gracefulRestart: {stalePathTime: 10}', 'none'],
    ['gracefulRestart: {longLived: {staleTime: 10}}', 'none', 2],
    ['gracefulRestart: {longLived: {maxStaleTime: 10}}', 'none'],
    ['gracefulRestart: {longLived: {announceToOthers: true}}', 'policy'],
    ['gracefulRestart: {longLived: {enabled: true}}', 'session'],
    ['gracefulRestart: {notification: false}', 'session'],
    ['maxPrefixes: {received: 10}', 'none', 4],
    ['addPath: {receive: true}', 'session', 3],
    ['addPath: {send: all}', 'session', 3],
    ['enforceFirstAs: false', 'policy'],
    ['maxAsPathLength: 9', 'policy'],
    ['allowOwnAs: 1', 'policy'],
    ['gracefulShutdown: false', 'policy'],
    ['acceptBlackhole: true', 'policy'],
    ['asOverride: true', 'policy'],
    ['removePrivateAs: all', 'policy'],
    ['import: a', 'policy'],
    ['export: [b, a]', 'policy'],
    ['gracefulRestart: {enabled: false}', 'session'],
    ['nextHop: self', 'policy'],
    ['shutdown: true', 'session'],
    ['passive: true', 'none'],
    ['connectRetry: 7', 'none'],
    ['delayOpen: 7', 'none'],
    ['idleHold: 7', 'none'],
    ['port: 1790', 'session'],
    ['localAddress: 192.0.2.9', 'session'],
    ['passwordEnv: PASSWORD', 'session'],
    ['ttlSecurity: true', 'session'],
    ['multihop: true', 'session'],
    ['families: [ipv4, ipv6]', 'session'],
    ['holdTime: 30', 'session'],
    ['keepalive: 10', 'none'],
    ['routeReflectorClient: true', 'policy'],
  ])('says what a change of a peer to `%s` asks for: %s', (setting, change, lines = 1) => {
    const peer = '{name: x, address: 192.0.2.2, asn: 65001';
    const found = diff(peers(`- ${peer}}`), peers(`- ${peer}, ${setting}}`));
    expect(found.peers).toEqual({ added: [], removed: [], changed: [{ name: 'x', change }] });
    expect(found.lines).toHaveLength(lines);
    expect(found).toMatchObject({ listen: false, kernel: false, policies: null, restart: [] });
  });

  it('asks all peers anew when we are a reflector of another cluster, which may make their routes loops', () => {
    const peer = '- {name: x, address: 192.0.2.2, asn: 65001';
    const found = diff(peers(`${peer}}`), peers(`${peer}, clusterId: 192.0.2.7}`));
    expect(found).toMatchObject({
      peers: { changed: [{ name: 'x', change: 'policy' }] },
      policies: 'all',
      lines: ['peer x: clusterId unset → 192.0.2.7; its routes are evaluated again'],
    });
    expect(diff(minimal, `${minimal}\nclusterId: 192.0.2.7`)).toMatchObject({
      policies: 'all',
      restart: [],
      lines: ['clusterId: unset → 192.0.2.7'],
    });
  });

  it('takes a password from another place without a reset', () => {
    const peer = '- {name: x, address: 192.0.2.2, asn: 65001';
    const found = diff(peers(`${peer}, passwordFile: /a}`), peers(`${peer}, passwordEnv: B}`));
    expect(found.peers.changed).toEqual([{ name: 'x', change: 'none' }]);
    expect(found.lines).toEqual(['peer x: passwordFile /a → unset', 'peer x: passwordEnv unset → B']);
    const without = diff(peers(`${peer}, passwordFile: /a}`), peers(`${peer}}`));
    expect(without.peers.changed).toEqual([{ name: 'x', change: 'session' }]);
  });

  it('resets the session for another role', () => {
    const peer = (more: string) =>
      peers(`- {name: x, address: 192.0.2.2, asn: 65002, import: a, export: a${more}}`);
    const found = diff(peer(''), peer(', role: customer'));
    expect(found.peers.changed).toEqual([{ name: 'x', change: 'session' }]);
    expect(found.lines).toEqual(['peer x: role unset → customer; its session is reset']);
    const strict = diff(peer(', role: customer'), peer(', role: customer, strictRole: true'));
    expect(strict.peers.changed).toEqual([{ name: 'x', change: 'session' }]);
  });

  it('resets the session for another local AS, and not for how it is shown', () => {
    const peer = (localAs: string) =>
      peers(`- {name: x, address: 192.0.2.2, asn: 65002, import: a, export: a, localAs: ${localAs}}`);
    const change = (to: string) => diff(peer('{asn: 65009}'), peer(to)).peers.changed;
    expect(change('{asn: 65008}')).toEqual([{ name: 'x', change: 'session' }]);
    expect(change('{asn: 65009, noPrepend: true}')).toEqual([{ name: 'x', change: 'policy' }]);
    expect(change('{asn: 65009, replaceAs: true}')).toEqual([{ name: 'x', change: 'policy' }]);
  });

  it('takes the strongest of several changes of one peer, and names each', () => {
    const found = diff(
      peers('- {name: x, address: 192.0.2.2, asn: 65001, import: a}'),
      peers('- {name: x, address: 192.0.2.3, asn: 65001, import: [a, b], description: d}'),
    );
    expect(found.peers.changed).toEqual([{ name: 'x', change: 'session' }]);
    expect(found.lines).toEqual([
      'peer x: address 192.0.2.2 → 192.0.2.3; its session is reset',
      'peer x: import [a] → [a, b]; its routes are evaluated again',
      'peer x: description unset → d',
    ]);
  });

  it('sees a change of a template in the peers that use it', () => {
    const text = (holdTime: number) =>
      `${minimal}\npeerTemplates: {t: {asn: 65001, holdTime: ${holdTime}}}\npeers:
- {name: x, template: t, address: 192.0.2.2}
- {name: y, template: t, address: 192.0.2.3, holdTime: 9}`;
    expect(diff(text(90), text(30)).peers.changed).toEqual([{ name: 'x', change: 'session' }]);
  });

  it('sees the content of prefix sets, which filters refer to', () => {
    const withSet = `${withFilters}\nprefixSets: {s: [10.0.0.0/8]}`;
    expect(diff(withSet, withSet.replace('10.0.0.0/8', '{prefix: 10.0.0.0/8, le: 24}'))).toEqual({
      ...nothing,
      policies: null,
      lines: ['prefix set s changed'],
    });
    const asking = withSet.replace('b: [{set', 'b: [{match: {prefixSet: s}, set');
    expect(diff(asking, asking.replace('10.0.0.0/8', '11.0.0.0/8')).policies).toEqual({
      filters: new Set(['b']),
      withoutFilters: false,
    });
  });

  it('sees the content of filters and who must have one', () => {
    expect(diff(withFilters, withFilters.replace('med: 1', 'med: 2'))).toEqual({
      ...nothing,
      policies: { filters: new Set(['b']), withoutFilters: false },
      lines: ['filter b changed'],
    });
    expect(diff(minimal, withFilters)).toMatchObject({
      policies: { filters: new Set(['a', 'b']), withoutFilters: false },
      lines: ['filter a added', 'filter b added'],
    });
    expect(diff(minimal, `${minimal}\nebgpRequiresPolicy: false`)).toEqual({
      ...nothing,
      policies: { filters: new Set(), withoutFilters: true },
      lines: ['ebgpRequiresPolicy: true → false'],
    });
  });

  it('tells what holds from the next start on from what changes now', () => {
    const found = diff(
      minimal,
      `asn: 65002
routerId: 192.0.2.2
kernel: {install: false, table: 100, protocol: 99, metric: 20, source: {ipv4: 192.0.2.1}, nexthopCompat: false}`,
    );
    expect(found.restart).toEqual([
      'asn',
      'routerId',
      'kernel.install',
      'kernel.table',
      'kernel.protocol',
      'kernel.metric',
    ]);
    expect(found.kernel).toBe(true);
    expect(found.lines).toContain('kernel.metric: 1024 → 20; takes a restart');
    expect(found.lines).toContain('kernel.source.ipv4: unset → 192.0.2.1');
    expect(diff(minimal, `${minimal}\nkernel: {metric: 20}`).kernel).toBe(false);
    expect(diffRouter(load(document(minimal, 'a')), load(document(minimal, 'b'))).restart).toEqual(['name']);
  });

  it('names every other change in a line of its own', () => {
    expect(
      diff(
        `${minimal}\nnetworks: [10.0.0.0/8, 10.1.0.0/16]\nstatic: [{prefix: 10.2.0.0/16, via: 192.0.2.2}]`,
        `${minimal}
listen: [{address: 0.0.0.0}, {address: '::', port: 1179}]
maxPaths: 4
med: {alwaysCompare: true}
onStop: {routes: remove}
preference: {bgp: 20}
networks: [{prefix: 10.0.0.0/8, blackhole: true}, 2001:db8::/32]
static: [{prefix: 10.2.0.0/16, via: [192.0.2.2, 192.0.2.3]}]
learn: {connected: [eth*]}`,
      ),
    ).toEqual({
      ...nothing,
      listen: true,
      lines: [
        'listen [::]:179 removed',
        'listen [::]:1179 added',
        'maxPaths: 1 → 4',
        'med.alwaysCompare: false → true',
        'onStop.routes: keep → remove',
        'preference.bgp: 100 → 20',
        'network 10.1.0.0/16 removed',
        'network 10.0.0.0/8: blackhole false → true',
        'network 2001:db8::/32 added',
        'static 10.2.0.0/16: via [192.0.2.2] → [192.0.2.2, 192.0.2.3]',
        'learn.connected: [] → [eth*]',
      ],
    });
  });
});
