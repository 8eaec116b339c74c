import { load } from 'js-yaml';
import { describe, expect, it } from 'vitest';
import type { PeerRow, RouteRow, StatusReport } from '../../../src/control/index.js';
import { daemon, linesOf, tartan } from './harness.js';

const peers: PeerRow[] = [
  {
    name: 'tor1',
    address: '192.0.2.2',
    asn: 65002,
    relation: 'ebgp',
    state: 'established',
    since: new Date(Date.now() - 187_000).toISOString(),
    families: {
      ipv4: { received: 1_000_000, accepted: 999_999, announced: 3 },
      ipv6: { received: 200_000, accepted: 200_000, announced: 0 },
    },
    lastError: null,
  },
  {
    name: 'a-peer-whose-name-says-where-it-stands-and-what-it-is-for.pod-17.example',
    address: '2001:db8:1234:5678:9abc:def0:1234:5678',
    asn: 4200000001,
    relation: 'ebgp',
    state: 'active',
    since: new Date(Date.now() - 90_000_000).toISOString(),
    families: { ipv6: { received: 0, accepted: 0, announced: 0 } },
    lastError: `the connection was refused by 2001:db8:1234:5678:9abc:def0:1234:5678 port 179, ${'again and '.repeat(9)}again`,
  },
];

const route = (prefix: string, more: Partial<RouteRow> = {}): RouteRow => ({
  prefix,
  best: true,
  multipath: false,
  source: 'bgp',
  peer: 'tor1',
  nextHop: '192.0.2.2',
  asPath: '65002 65010',
  origin: 'igp',
  localPref: 100,
  med: null,
  communities: [],
  ...more,
});

const routes: RouteRow[] = [
  route('10.1.0.0/16'),
  route('2001:db8:aaaa:bbbb::/64', {
    best: false,
    multipath: true,
    nextHop: '2001:db8:ffff:ffff:ffff:ffff:ffff:ffff',
    asPath: Array.from({ length: 40 }, (_, i) => 4200000000 + i).join(' '),
    communities: ['65000:100', '65000:200', 'no-export'],
    med: 4294967295,
  }),
];

describe('show peers', () => {
  it('is a table within 100 columns, with the reason of what is down', async () => {
    const { tartan } = await daemon({ peers });
    const { code, out, err } = await tartan('show', 'peers');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const lines = linesOf(out);
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(100);
    expect(lines[0]).toMatch(/^PEER +ADDRESS +AS +STATE +SINCE +FAMILY +RECEIVED +ACCEPTED +ANNOUNCED$/);
    expect(lines[1]).toMatch(
      /^tor1 +192\.0\.2\.2 +65002 +Established +3m\d\ds +ipv4 +1,000,000 +999,999 +3$/,
    );
    expect(lines[2]).toMatch(/^ +ipv6 +200,000 +200,000 +0$/);
    expect(lines[3]).toMatch(/^a-peer-wh… +2001:db8:1234:5… +4200000001 +Active +1d01h/);
    const below = lines.slice(4).join(' ');
    expect(below).toMatch(/ address 2001:db8:1234:5678:9abc:def0:1234:5678 /);
    expect(below).toMatch(
      / peer a-peer-whose-name-says-where-it-stands-and-what-it-is-for\.pod-17\.example /,
    );
    expect(below).toMatch(/ last error: the connection was refused/);
  });

  it('tells since when a session is down, why it ended, when it is tried again, and what one that is up lacks', async () => {
    const down = {
      ...peers[1],
      name: 'tor2',
      state: 'idle' as const,
      since: new Date().toISOString(),
      down: { since: new Date(Date.now() - 7_260_000).toISOString(), reason: 'hold timer expired' },
      retryAt: '2026-01-02T03:04:05.000Z',
      lastError: 'connection failed: ECONNREFUSED',
    };
    const { received, accepted, announced } = peers[0].families.ipv6;
    const up = {
      ...peers[0],
      families: { ...peers[0].families, ipv6: { received, accepted, announced, agreed: false as const } },
    };
    const { tartan } = await daemon({
      peers: [down, { ...down, state: 'active', lastError: down.down.reason }, up],
    });
    const [, first, second, third] = linesOf((await tartan('show', 'peers')).out)
      .join('\n')
      .split(/\n(?=tor)/);
    expect(first).toMatch(/ Idle +2h01m /);
    expect(first).toContain('the session ended: hold timer expired');
    expect(first).toContain('rests after errors until 2026-01-02T03:04:05.000Z');
    expect(second).not.toMatch(/the session ended|rests/);
    expect(second).toContain('last error: hold timer expired');
    expect(third).toMatch(/ ipv6 +- +- +-\n/);
    expect(third).toContain('ipv6 was not agreed on');
  });

  it("shows a peer's words without obeying them", async () => {
    const spoken = { ...peers[0], description: 'a\u001b[2J\u009b31m\rb', name: 'x\u0007' };
    const { tartan } = await daemon({ peers: [spoken] });
    const { out } = await tartan('show', 'peers');
    expect(out).toContain('a\\x1b[2J\\x9b31m\\x0db');
    expect(out).toMatch(/^x\\x07 /m);
  });

  it('is the rows themselves for scripts', async () => {
    const { tartan } = await daemon({ peers });
    expect(JSON.parse((await tartan('show', 'peers', '-o', 'json')).out)).toEqual(peers);
    expect(load((await tartan('show', 'peers', '-o', 'yaml')).out)).toEqual(peers);
    const rows = linesOf((await tartan('show', 'peers', '-o', 'ndjson')).out);
    expect(rows.map((row) => JSON.parse(row))).toEqual(peers);
  });

  it('says so where there is none', async () => {
    const { tartan } = await daemon({ peers: [] });
    expect((await tartan('show', 'peers')).out).toBe('no peers are configured\n');
    expect((await tartan('show', 'peers', '-o', 'json')).out).toBe('[]\n');
    expect((await tartan('show', 'peers', '-o', 'ndjson')).out).toBe('');
    expect((await tartan('show', 'peers', '-o', 'yaml')).out).toBe('[]\n');
  });
});

describe('show routes', () => {
  it('is a table within 100 columns whose AS paths are cut, never its prefixes', async () => {
    const { tartan } = await daemon({ routes: () => routes });
    const { out } = await tartan('show', 'routes', '--all');
    const lines = linesOf(out);
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(100);
    expect(lines[1]).toMatch(/^best +10\.1\.0\.0\/16 +192\.0\.2\.2 +65002 65010 +tor1 +100$/);
    expect(lines[2]).toMatch(
      /^ecmp +2001:db8:aaaa:bbbb::\/64 +2001:db8:\S+ +4200000000 [ 0-9]*… +tor1 +100 +4294967295$/,
    );
    expect(out).toContain('2001:db8:ffff:ffff:ffff:ffff:ffff:ffff');
  });

  it.each([
    [[], { view: 'best' }],
    [['--all'], { view: 'all' }],
    [['10.1.0.0/16'], { view: 'all', prefix: '10.1.0.0/16' }],
    [['2001:db8::1', '--family', 'ipv6'], { view: 'all', prefix: '2001:db8::1', family: 'ipv6' }],
    [['--peer', 'tor1'], { view: 'accepted', peer: 'tor1' }],
    [['--peer', 'tor1', '--received'], { view: 'received', peer: 'tor1' }],
    [['--peer', 'tor1', '--accepted'], { view: 'accepted', peer: 'tor1' }],
    [['--advertised', '--peer', 'tor1'], { view: 'advertised', peer: 'tor1' }],
  ])('%j asks for %j', async (options, query) => {
    const { tartan, asked } = await daemon({ routes: () => routes });
    expect((await tartan('show', 'routes', ...options)).code).toBe(0);
    expect((await tartan('show', 'routes', '--count', ...options)).out).toBe('2\n');
    expect(asked).toEqual([query, query]);
  });

  it('counts for scripts too', async () => {
    const { tartan } = await daemon({ routes: () => routes });
    expect(JSON.parse((await tartan('show', 'routes', '--count', '-o', 'json')).out)).toEqual({ count: 2 });
  });

  it('writes long lists while they come, in every format', async () => {
    const many = Array.from({ length: 5000 }, (_, i) => route(`10.${i >> 8}.${i & 255}.0/24`));
    const { tartan } = await daemon({ routes: () => many });
    expect(JSON.parse((await tartan('show', 'routes', '-o', 'json')).out)).toEqual(many);
    const rows = linesOf((await tartan('show', 'routes', '-o', 'ndjson')).out);
    expect(rows.map((row) => JSON.parse(row))).toEqual(many);
    const table = linesOf((await tartan('show', 'routes')).out);
    expect(table.slice(1).map((line) => line.split(' ')[0])).toEqual(many.map(({ prefix }) => prefix));
  });

  it('fails with what came when the daemon breaks off', async () => {
    const { tartan } = await daemon({
      *routes() {
        for (let i = 0; i < 2000; i++) yield route('10.0.0.0/8');
        throw new Error('lost');
      },
    });
    const { code, err } = await tartan('show', 'routes', '-o', 'ndjson');
    expect(code).toBe(1);
    expect(err).toMatch(/^tartan: the daemon broke off in the middle of its answer/);
  });
});

describe('show fib', () => {
  it('shows every next hop, and why the kernel refused', async () => {
    const { tartan, asked } = await daemon({
      fib: [
        {
          prefix: '10.1.0.0/16',
          state: 'installed',
          kind: 'unicast',
          nextHops: [
            { gateway: '192.0.2.2', device: 'eth0', weight: 1 },
            { gateway: null, device: 'eth1', weight: 2 },
          ],
          metric: 1024,
          error: null,
        },
        {
          prefix: '10.2.0.0/16',
          state: 'failed',
          kind: 'blackhole',
          nextHops: [],
          metric: 1024,
          error: 'ENODEV: Device is gone',
        },
      ],
    });
    const { out } = await tartan('show', 'fib', '10.0.0.0/8', '--state', 'failed');
    expect(linesOf(out)).toEqual([
      'PREFIX       STATE      TO                      METRIC',
      '10.1.0.0/16  installed  via 192.0.2.2 dev eth0    1024',
      '                        dev eth1 weight 2',
      '10.2.0.0/16  failed     blackhole                 1024',
      '    ENODEV: Device is gone',
    ]);
    expect(asked).toEqual([{ prefix: '10.0.0.0/8', state: 'failed' }]);
  });
});

describe('show status', () => {
  const status: StatusReport = {
    name: 'node1',
    version: '0.1.0',
    asn: 65001,
    routerId: '192.0.2.1',
    startedAt: new Date(Date.now() - 65_000).toISOString(),
    rss: 100 * 1024 * 1024,
    resources: { Timeout: 3 },
    loopDelay: { since: new Date(Date.now() - 65_000).toISOString(), p50Ms: 0.1, p99Ms: 3.2, maxMs: 41 },
    phase: 'running',
    routes: { ipv4: { prefixes: 497321, paths: 500000 } },
    fib: { ipv4: { installed: 497320, pending: 0, failed: 1, conflict: 0, unresolved: 0, held: 0 } },
  };

  it('is a few lines for people and everything for scripts', async () => {
    const { tartan } = await daemon({ status });
    expect(linesOf((await tartan('show', 'status')).out)).toEqual([
      'node     node1',
      'AS       65001, router id 192.0.2.1',
      expect.stringMatching(/^phase {4}running, up for 1m0\ds$/),
      'version  0.1.0',
      'memory   100 MiB',
      expect.stringMatching(/^loop {5}delay p50 0.1 ms, p99 3.2 ms, max 41 ms in 1m0\ds$/),
      'ipv4     497,321 prefixes, 500,000 paths',
      '         497,320 in the kernel, 1 failed',
    ]);
    expect(JSON.parse((await tartan('show', 'status', '-o', 'json')).out)).toEqual(status);
  });

  it('is no wider than a page, however late the loop and long a problem', async () => {
    const loopDelay = {
      since: new Date(0).toISOString(),
      p50Ms: 12_345.67,
      p99Ms: 23_456.78,
      maxMs: 34_567.89,
    };
    const problem = `the VXLAN device ${'is not what was asked for, '.repeat(12)}and so stays down`;
    const { tartan } = await daemon({ status: { ...status, loopDelay, problems: [problem] } });
    const lines = linesOf((await tartan('show', 'status')).out);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(100);
    const told = lines.slice(lines.findIndex((line) => line.startsWith('problem  the VXLAN')));
    expect(told.map((line) => line.slice(9)).join(' ')).toBe(problem);
    expect(told.slice(1).every((line) => line.startsWith(' '.repeat(9)))).toBe(true);
  });
});

describe('clear', () => {
  it('measures the delay of the loop anew, and prints what it was', async () => {
    const loopDelay = { since: new Date(Date.now() - 65_000).toISOString(), p50Ms: 0, p99Ms: 2, maxMs: 9.5 };
    const { tartan, asked } = await daemon({ loopDelay });
    expect((await tartan('clear', 'loop-delay')).out).toMatch(
      /^the delay of the loop was p50 0 ms, p99 2 ms, max 9.5 ms in 1m0\ds; /,
    );
    expect(JSON.parse((await tartan('clear', 'loop-delay', '-o', 'json')).out)).toEqual(loopDelay);
    expect(asked).toEqual(['clear loop-delay', 'clear loop-delay']);
  });

  it('knows what it can clear', async () => {
    const { tartan, asked } = await daemon({});
    expect((await tartan('clear', 'routes')).code).toBe(2);
    expect(asked).toEqual([]);
  });
});

describe('explain', () => {
  it('tells the story from the answer to its causes', async () => {
    const { tartan, asked } = await daemon({
      explanation: {
        query: '10.1.2.3',
        prefix: '10.1.0.0/16',
        summary: 'Goes to 192.0.2.2 on eth0, as tor1 announced it; 1 other path lost.',
        paths: [
          {
            peer: 'tor1',
            source: 'bgp',
            nextHop: '192.0.2.2',
            asPath: '65002',
            attributes: {
              origin: 'igp',
              asPath: '65002',
              localPref: 100,
              communities: ['65000:1', 'no-export'],
            },
            verdict: 'best',
            reason: 'shortest AS_PATH (step a)',
            nextHopResolution: 'connected on eth0',
          },
          {
            peer: 'tor2',
            source: 'bgp',
            nextHop: '192.0.2.3',
            asPath: '65003 65002',
            attributes: {},
            verdict: 'lost',
            reason:
              'its AS_PATH is longer than that of the path from tor1: 2 against 1 (RFC 4271 §9.1.2.2 step a)',
            nextHopResolution: 'connected on eth0',
          },
        ],
        kernel: { told: '10.1.0.0/16 via 192.0.2.2 dev eth0', said: 'installed' },
        advertised: [
          { peer: 'tor1', announced: false, reason: 'it came from there' },
          { peer: 'tor2', announced: true, reason: 'filter out accepted it in rule 1' },
        ],
      },
    });
    const { code, out } = await tartan('explain', '10.1.2.3');
    expect(code).toBe(0);
    expect(asked).toEqual(['10.1.2.3']);
    expect(linesOf(out)).toEqual([
      '10.1.0.0/16 holds 10.1.2.3',
      '  Goes to 192.0.2.2 on eth0, as tor1 announced it; 1 other path lost.',
      '',
      '2 paths are known',
      '  1. best: from tor1 (bgp), AS path 65002, next hop 192.0.2.2',
      '     chosen: shortest AS_PATH (step a)',
      '     next hop: connected on eth0',
      '     with origin igp, localPref 100, communities 65000:1 no-export',
      '  2. not used: from tor2 (bgp), AS path 65003 65002, next hop 192.0.2.3',
      '     lost: its AS_PATH is longer than that of the path from tor1: 2 against 1 (RFC 4271 §9.1.2.2',
      '       step a)',
      '     next hop: connected on eth0',
      '',
      'The kernel',
      '  was told  10.1.0.0/16 via 192.0.2.2 dev eth0',
      '  said      installed',
      '',
      'Announced to',
      '  tor2  filter out accepted it in rule 1',
      '',
      'Not announced to',
      '  tor1  it came from there',
    ]);
  });
});

describe('reload', () => {
  it('prints what changed', async () => {
    const changes = ['peer tor2 added: 192.0.2.3, AS 65003', 'maxPaths: 1 → 4'];
    const { tartan } = await daemon({
      reload: { applied: true, errors: [], changes, resets: [], readMs: 3 },
    });
    expect(await tartan('reload')).toEqual({ code: 0, out: `${changes.join('\n')}\n`, err: '' });
  });

  it('says so when nothing did', async () => {
    const { tartan } = await daemon({
      reload: { applied: true, errors: [], changes: [], resets: [], readMs: 3 },
    });
    expect((await tartan('reload')).out).toBe('reloaded; nothing changed\n');
  });

  it('prints the errors of a configuration that was refused, and fails', async () => {
    const refused = {
      applied: false,
      errors: ['a.yaml:3:5: no', 'a.yaml:4:5: nor this'],
      changes: [],
      resets: [],
      readMs: 3,
    };
    const { tartan } = await daemon({ reload: refused });
    expect(await tartan('reload')).toEqual({
      code: 1,
      out: '',
      err: 'a.yaml:3:5: no\na.yaml:4:5: nor this\ntartan: not reloaded; the configuration from before stays in force\n',
    });
    const json = await tartan('reload', '-o', 'json');
    expect({ code: json.code, value: JSON.parse(json.out) }).toEqual({ code: 1, value: refused });
  });

  it('prints what changed and what it could not do where a part failed, and fails', async () => {
    const { tartan } = await daemon({
      reload: {
        applied: false,
        incomplete: true,
        errors: ['the last reload did not do all of bmp: a bug'],
        changes: ['maxPaths: 1 → 4'],
        resets: [],
        readMs: 3,
      },
    });
    const { code, out, err } = await tartan('reload');
    expect({ code, out }).toEqual({ code: 1, out: 'maxPaths: 1 → 4\n' });
    expect(err).toMatch(/^the last reload did not do all of bmp: a bug\ntartan: reloaded, but not wholly: /);
  });

  it('--dry-run prints what would change, and beside it which sessions that costs', async () => {
    const changes = ['peer tor1: holdTime 90 → 30; its session is reset', 'maxPaths: 1 → 4'];
    const plan = { applied: false, errors: [], changes, resets: ['tor1'], readMs: 3, dryRun: true as const };
    const { tartan, asked } = await daemon({ reload: plan });
    expect(await tartan('reload', '--dry-run')).toEqual({
      code: 0,
      out: `${changes.join('\n')}\n`,
      err: 'tartan: nothing was done; a reload would reset the sessions of tor1\n',
    });
    const json = await tartan('reload', '--dry-run', '-o', 'json');
    expect({ code: json.code, value: JSON.parse(json.out) }).toEqual({ code: 0, value: plan });
    expect(asked).toEqual(['dry run', 'dry run']);
  });

  it('--dry-run says so when nothing would change, and fails where a reload would', async () => {
    const plan = { applied: false, changes: [], resets: [], readMs: 3, dryRun: true as const };
    const same = await daemon({ reload: { ...plan, errors: [] } });
    expect(await same.tartan('reload', '--dry-run')).toEqual({
      code: 0,
      out: 'a reload would change nothing\n',
      err: '',
    });
    const wrong = await daemon({ reload: { ...plan, errors: ['a.yaml:3:5: no'] } });
    expect(await wrong.tartan('reload', '--dry-run')).toEqual({
      code: 1,
      out: '',
      err: 'a.yaml:3:5: no\ntartan: a reload would be refused, and change nothing\n',
    });
    expect((await wrong.tartan('reload', '--dry')).code).toBe(2);
  });
});

describe('peer', () => {
  it.each(['shutdown', 'enable', 'reset'])('NAME %s reaches the daemon', async (action) => {
    const { tartan, asked } = await daemon({});
    expect(await tartan('peer', 'tor1', action)).toMatchObject({ code: 0, err: '' });
    expect(asked).toEqual([`tor1 ${action}`]);
  });

  it.each(['shutdown', 'reset'])('NAME %s takes words for the other operator', async (action) => {
    const { tartan, asked } = await daemon({});
    expect(await tartan('peer', 'tor1', action, '--message', 'new disk, back at 9')).toMatchObject({
      code: 0,
    });
    expect(asked).toEqual([`tor1 ${action} new disk, back at 9`]);
    expect(await tartan('peer', 'tor1', 'enable', '-m', 'hello')).toMatchObject({ code: 2 });
  });

  it.each([
    [
      [],
      'both',
      { in: 'requested', out: 'announced' },
      /is asked for its routes again\n.*gets our routes again/,
    ],
    [['--in'], 'in', { in: 'reevaluated' }, /can't be asked .*RFC 2918/],
    [['--out'], 'out', { out: 'announced' }, /^peer tor1 gets our routes again\n$/],
  ] as const)('NAME refresh %j says what follows', async (options, direction, report, text) => {
    const { tartan, asked } = await daemon({ refresh: { peer: 'tor1', ...report } });
    const { code, out } = await tartan('peer', 'tor1', 'refresh', ...options);
    expect({ code, asked }).toEqual({ code: 0, asked: [`tor1 refresh ${direction}`] });
    expect(out).toMatch(text);
  });

  it.each([[['reset', '--in']], [['refresh', '--in', '--out']], [['refresh', '--message', 'x']]])(
    'NAME %j is wrong usage',
    async (words) => {
      const { tartan, asked } = await daemon({});
      expect(await tartan('peer', 'tor1', ...words)).toMatchObject({ code: 2, out: '' });
      expect(asked).toEqual([]);
    },
  );

  it('fails for a name that nobody has', async () => {
    const { tartan } = await daemon({});
    expect(await tartan('peer', 'nobody', 'reset')).toEqual({
      code: 1,
      out: '',
      err: 'tartan: no peer is named `nobody`; expected `tor1`\n',
    });
  });
});

describe('events', () => {
  const event = {
    time: '2026-01-01T00:00:00.000Z',
    type: 'peer',
    peer: 'tor1',
    reason: 'hold timer expired',
  };

  it.each([
    ['table', '2026-01-01T00:00:00.000Z peer peer=tor1 reason="hold timer expired"\n'],
    ['ndjson', `${JSON.stringify(event)}\n`],
  ])('are written as they happen, as %s, until the daemon stops', async (format, text) => {
    const { tartan, asked, close } = await daemon({ events: [event] });
    const running = tartan('events', '-o', format);
    while (asked.length === 0) await new Promise((resolve) => setImmediate(resolve));
    await close();
    expect(await running).toEqual({ code: 1, out: text, err: 'tartan: the daemon stopped\n' });
  });
});

describe('a question that cannot be asked', () => {
  it('fails with the socket that was tried and how to start a daemon', async () => {
    const { code, out, err } = await tartan('show', 'peers', '--control', '/no/such/tartan.sock');
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toContain('/no/such/tartan.sock');
    expect(err).toContain('tartan run');
  });

  it.each([
    [['frobnicate'], /unknown command 'frobnicate'/],
    [['show'], /Usage: tartan show/],
    [['show', 'peers', '-o', 'xml'], /Allowed choices are table, json, ndjson, yaml/],
    [['show', 'peers', 'surplus'], /too many arguments/],
    [['show', 'routes', '10.0.0.0/33'], /Expected an address or a prefix/],
    [['show', 'routes', '--received'], /'--received' needs '--peer <name>'/],
    [['show', 'routes', '--peer', 'x', '--received', '--accepted'], /cannot be used with/],
    [['show', 'routes', '--all', '--peer', 'x'], /cannot be used with/],
    [['explain'], /missing required argument 'prefix'/],
    [['peer', 'x', 'explode'], /Allowed choices are shutdown, enable, reset, refresh/],
    [['check'], /required option .*--config/],
    [[], /Usage: tartan/],
  ])('%j is wrong usage', async (argv, message) => {
    const { code, out, err } = await tartan(...argv);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toMatch(message);
  });

  it.each([['--help'], ['--version']])('%s is an answer', async (option) => {
    const { code, out, err } = await tartan(option);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(/tartan|^\d+\.\d+\.\d+\n$/);
  });
});
