import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type CommandResult,
  checkout,
  Frr,
  frrConfig,
  Lab,
  runCommand,
  Tartan,
  tartanConfig,
  until,
} from '../../interop/index.js';

const bin = `${checkout}/bin/tartan`;
const bgpNetworks = ['198.51.100.0/24', '203.0.113.0/24'];
const ipv6Network = '2001:db8:100::/48';

let lab: Lab;
let t: Tartan;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tartan-cli-'));
  lab = await Lab.up(
    {
      name: 'cli',
      topology: {
        nodes: {
          t: {
            image: 'tartan',
            'startup-config': 't.yaml',
            exec: ['ip addr add 10.0.0.1/24 dev eth1', 'ip -6 addr add 2001:db8::1/64 dev eth1 nodad'],
          },
          f: {
            image: 'frr',
            'startup-config': 'f.conf',
            exec: ['ip addr add 10.0.0.2/24 dev eth1', 'ip -6 addr add 2001:db8::2/64 dev eth1 nodad'],
          },
        },
        links: [{ endpoints: ['t:eth1', 'f:eth1'] }],
      },
    },
    {
      files: {
        't.yaml': tartanConfig({
          name: 't',
          asn: 65001,
          routerId: '10.0.0.1',
          spec: {
            networks: [{ prefix: '10.1.0.0/24' }],
            filters: {
              'no-203': [{ match: { prefix: '203.0.113.0/24' }, action: 'reject' }, { action: 'accept' }],
            },
            peers: [
              {
                name: 'f',
                description: 'the router next door',
                address: '10.0.0.2',
                asn: 65002,
                families: ['ipv4', 'ipv6'],
                connectRetry: 1,
                idleHold: 0,
                import: 'no-203',
              },
              { name: 'nobody', address: '10.0.0.9', asn: 65009 },
            ],
          },
        }),
        'f.conf': frrConfig({
          asn: 65002,
          routerId: '10.0.0.2',
          networks: [...bgpNetworks, ipv6Network],
          lines: [
            'bgp as-path access-list own permit ^$',
            'route-map own permit 10',
            ' match as-path own',
            'exit',
          ],
          neighbors: [
            {
              address: '10.0.0.1',
              remoteAsn: 65001,
              families: ['ipv4', 'ipv6'],
              settings: ['timers connect 1'],
              // Or FRR sends back to us what is ours.
              familySettings: ['route-map own out'],
            },
          ],
        }),
      },
    },
  );
  t = new Tartan(lab.node('t'));
  await t.untilInstalled('198.51.100.0/24');
  await t.untilInstalled(ipv6Network);
});

afterAll(async () => {
  await lab?.down();
  rmSync(folder, { recursive: true, force: true });
});

/** Runs `tartan …` in the node, as a person there would. */
function tartan(...words: string[]): Promise<CommandResult> {
  return lab.exec('t', [process.execPath, bin, ...words], { allowFailure: true });
}

async function json<T>(...words: string[]): Promise<T> {
  const { status, stdout, stderr } = await tartan(...words, '-o', 'json');
  expect([status, stderr]).toEqual([0, '']);
  return JSON.parse(stdout) as T;
}

/** A table's lines: no wider than a page, no escape codes where nobody watches, nothing undefined. */
function tableLines({ status, stdout, stderr }: CommandResult): string[] {
  expect([status, stderr]).toEqual([0, '']);
  const lines = stdout.trimEnd().split('\n');
  for (const line of lines) {
    expect(line.length).toBeLessThanOrEqual(100);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: escape codes are what is looked for
    expect(line).not.toMatch(/\x1b|undefined|NaN|\[object/);
  }
  return lines;
}

describe('tartan check', () => {
  const file = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };

  it('accepts a document that is right', async () => {
    const path = file('right.yaml', tartanConfig({ name: 'x', asn: 65001, routerId: '10.0.0.1' }));
    const { status, stdout } = await tartan('check', '--config', path);
    expect([status, stdout]).toEqual([0, 'Router x is right: AS 65001, 0 peers\n']);
  });

  it('tells five mistakes with their places, and fails', async () => {
    const path = file(
      'wrong.yaml',
      [
        'apiVersion: tartan.dev/v1',
        'kind: Router',
        'metadata: { name: x }',
        'spec:',
        '  asn: 0',
        '  routerId: 10.0.0',
        '  peers:',
        '    - { name: a, address: 10.0.0.300, asn: 65002 }',
        '    - { name: b, address: 10.0.0.2, asn: 65002, import: nowhere }',
        '  networks: [10.1.0.1/24]',
        '',
      ].join('\n'),
    );
    const { status, stderr } = await tartan('check', '--config', path);
    expect(status).toBe(1);
    const places = [...stderr.matchAll(/wrong\.yaml:(\d+):(\d+): (.*)/g)].filter(
      ([, , , text]) => !text?.startsWith('warning'),
    );
    expect(places.map(([, line]) => Number(line)).sort((x, y) => x - y)).toEqual([5, 6, 8, 9, 10]);
    for (const [, , , text] of places) expect(text).toMatch(/expected|is defined/);
    // The daemon refuses to start with it, and says the same.
    const run = await tartan('run', '--config', path, '--control', join(folder, 'x.sock'));
    expect(run.status).toBe(1);
    expect(run.stderr.match(/wrong\.yaml:\d+:\d+: /g)?.length).toBeGreaterThanOrEqual(5);
  });

  it('is told apart from wrong usage', async () => {
    expect((await tartan('check')).status).toBe(2);
    expect((await tartan('check', '--config', '/nowhere.yaml')).status).toBe(1);
    expect((await tartan('chekc')).status).toBe(2);
    expect((await tartan('run')).status).toBe(2);
    expect((await tartan('--help')).status).toBe(0);
  });
});

describe('tartan show', () => {
  it('peers: a table, and the JSON that scripts rely on', async () => {
    const lines = tableLines(await tartan('show', 'peers'));
    expect(lines[0]).toMatch(/^PEER +ADDRESS +AS +STATE +SINCE/);
    expect(lines.find((line) => line.startsWith('f '))).toMatch(/10\.0\.0\.2 +65002 +Established/);
    expect(lines.join('\n')).toContain('the router next door');
    const peers = await json<Record<string, unknown>[]>('show', 'peers');
    expect(peers.map(({ name }) => name)).toEqual(['f', 'nobody']);
    expect(peers[0]).toMatchObject({
      name: 'f',
      address: '10.0.0.2',
      asn: 65002,
      state: 'established',
      families: {
        ipv4: { received: 2, accepted: 1, announced: 1 },
        ipv6: { received: 1, accepted: 1, announced: 0 },
      },
      lastError: null,
    });
    expect(new Date(String(peers[0]?.since)).getTime()).toBeLessThanOrEqual(Date.now());
    expect(peers[1]).toMatchObject({ name: 'nobody', families: { ipv4: { received: 0 } } });
    expect(peers[1]?.state).toMatch(/^(idle|connect|active)$/);
  });

  it('routes: all, one, counted, and per peer as received, accepted and advertised', async () => {
    const lines = tableLines(await tartan('show', 'routes'));
    expect(lines[0]).toMatch(/^PREFIX +NEXT HOP +AS PATH +FROM/);
    expect(lines.slice(1).map((line) => line.split(' ', 1)[0])).toEqual([
      '10.1.0.0/24',
      '198.51.100.0/24',
      ipv6Network,
    ]);
    const prefixes = async (...words: string[]) =>
      (await json<{ prefix: string }[]>('show', 'routes', ...words)).map(({ prefix }) => prefix);
    expect(await prefixes('--peer', 'f', '--received')).toEqual([...bgpNetworks, ipv6Network]);
    expect(await prefixes('--peer', 'f', '--accepted')).toEqual(['198.51.100.0/24', ipv6Network]);
    expect(await prefixes('--peer', 'f', '--advertised')).toEqual(['10.1.0.0/24']);
    expect(await prefixes('--family', 'ipv6')).toEqual([ipv6Network]);
    expect(await prefixes('198.51.100.7')).toEqual(['198.51.100.0/24']);
    expect(await prefixes('192.0.2.0/24')).toEqual([]);
    expect((await tartan('show', 'routes', '--count')).stdout).toBe('3\n');
    expect(await json('show', 'routes', '--count', '--peer', 'f', '--received')).toEqual({ count: 3 });
    const { stdout } = await tartan('show', 'routes', '-o', 'ndjson');
    const rows = stdout.trimEnd().split('\n');
    expect(rows.map((row) => (JSON.parse(row) as { prefix: string }).prefix)).toHaveLength(3);
    const [row] = await json<object[]>('show', 'routes', '198.51.100.0/24');
    expect(row).toEqual({
      prefix: '198.51.100.0/24',
      nextHop: '10.0.0.2',
      asPath: '65002',
      origin: 'igp',
      localPref: null,
      med: 0,
      communities: [],
      best: true,
      multipath: true,
      source: 'bgp',
      peer: 'f',
    });
  });

  it('fib and status', async () => {
    const lines = tableLines(await tartan('show', 'fib'));
    expect(lines[1]).toMatch(/^198\.51\.100\.0\/24 +installed +via 10\.0\.0\.2 dev eth1 +1024$/);
    expect(await json('show', 'fib', '198.51.100.0/24')).toEqual([
      {
        prefix: '198.51.100.0/24',
        state: 'installed',
        kind: 'unicast',
        nextHops: [{ gateway: '10.0.0.2', device: 'eth1', weight: 1 }],
        metric: 1024,
        error: null,
      },
    ]);
    expect(await json('show', 'fib', '--state', 'failed')).toEqual([]);
    tableLines(await tartan('show', 'status'));
    expect(await json('show', 'status')).toMatchObject({
      name: 't',
      asn: 65001,
      routerId: '10.0.0.1',
      phase: 'running',
      routes: { ipv4: { prefixes: 2, paths: 3 }, ipv6: { prefixes: 1, paths: 1 } },
      fib: { ipv4: { installed: 1, pending: 0, failed: 0, conflict: 0 } },
    });
  });

  it('says what was asked wrongly with 2, what there is not with 1', async () => {
    expect((await tartan('show', 'routes', 'nonsense')).status).toBe(2);
    expect((await tartan('show', 'routes', '--received')).status).toBe(2);
    expect((await tartan('show', 'peers', '-o', 'xml')).status).toBe(2);
    const unknown = await tartan('show', 'routes', '--peer', 'who');
    expect([unknown.status, unknown.stdout]).toEqual([1, '']);
    expect(unknown.stderr).toMatch(/no peer is named who; there are: f, nobody/);
    const silent = await tartan('show', 'peers', '--control', '/run/none.sock');
    expect([silent.status, silent.stdout]).toEqual([1, '']);
    expect(silent.stderr).toContain('/run/none.sock');
  });

  it('ends quietly when its reader does', async () => {
    const words = [process.execPath, bin, 'show', 'routes', '-o', 'json'].join(' ');
    const { stdout, stderr } = await lab.exec('t', ['sh', '-c', `${words} | head -n 1`]);
    expect([stdout, stderr]).toEqual(['[\n', '']);
  });
});

describe('tartan explain', () => {
  it('tells a route from the kernel back to the peer', async () => {
    const text = tableLines(await tartan('explain', '198.51.100.7')).join('\n');
    expect(text).toContain('198.51.100.0/24');
    expect(text).toContain('10.0.0.2');
    expect(text).toMatch(/installed/);
    const told = await json<Record<string, unknown>>('explain', '198.51.100.0/24');
    expect(told).toMatchObject({
      query: '198.51.100.0/24',
      prefix: '198.51.100.0/24',
      paths: [{ peer: 'f', source: 'bgp', verdict: 'best', nextHop: '10.0.0.2' }],
      kernel: { told: 'via 10.0.0.2 dev eth1', said: 'installed with metric 1024' },
    });
  });

  it('tells why a route is not used, and why there is none', async () => {
    const rejected = await json<{ paths: { verdict: string; reason: string }[] }>(
      'explain',
      '203.0.113.0/24',
    );
    expect(rejected.paths[0]).toMatchObject({ verdict: 'rejected' });
    expect(rejected.paths[0]?.reason).toContain('no-203');
    const none = await tartan('explain', '192.0.2.1');
    expect([none.status, none.stderr]).toEqual([0, '']);
    expect(none.stdout).toMatch(/No path to 192\.0\.2\.1 is known/);
    expect((await tartan('explain')).status).toBe(2);
  });
});

describe('tartan peer', () => {
  it('shuts a session down, enables it and resets it, and the peer is told', async () => {
    const frr = new Frr(lab.node('f'));
    const events = await lab.spawn('t', [process.execPath, bin, 'events', '-o', 'ndjson']);
    const shutdown = await tartan('peer', 'f', 'shutdown');
    expect([shutdown.status, shutdown.stderr]).toEqual([0, '']);
    expect(shutdown.stdout).toContain('tartan peer f enable');
    await t.untilPeer('f', (row) => row.state === 'shutdown', 'is shut down');
    expect(tableLines(await tartan('show', 'peers')).find((line) => line.startsWith('f '))).toContain(
      'shutdown',
    );
    await t.untilNoRoute('198.51.100.0/24');
    await frr.untilNeighbor('10.0.0.1', 'told of the shutdown', (state) =>
      /Administrat/.test(state.lastNotificationReason ?? ''),
    );
    expect((await tartan('peer', 'f', 'reset')).status).toBe(1);

    expect((await tartan('peer', 'f', 'enable')).status).toBe(0);
    const { since } = await t.untilEstablished('f');
    await t.untilInstalled('198.51.100.0/24');

    expect((await tartan('peer', 'f', 'reset')).status).toBe(0);
    await t.untilPeer('f', (row) => row.state === 'established' && row.since !== since, 'is there anew');
    await t.untilInstalled('198.51.100.0/24');
    await events.untilOutput(/"type":"peer.established","peer":"f"/);
    await events.kill('SIGTERM');
  });

  it('names what does not exist', async () => {
    const unknown = await tartan('peer', 'who', 'reset');
    expect(unknown.status).toBe(1);
    expect(unknown.stderr).toContain('no peer is named who');
    expect((await tartan('peer', 'f', 'restart')).status).toBe(2);
    expect((await tartan('peer', 'f')).status).toBe(2);
  });
});

describe('tartan run', () => {
  it('refuses to be the second daemon on a control socket, and leaves the first alone', async () => {
    const since = (await t.peer('f'))?.since;
    const second = await tartan('run', '--config', '/etc/tartan/router.yaml');
    expect(second.status).toBe(1);
    expect(second.stdout + second.stderr).toMatch(/another daemon answers/);
    expect(await t.peer('f')).toMatchObject({ state: 'established', since });
    expect((await t.fib({ prefix: '198.51.100.0/24' }))[0]).toMatchObject({ state: 'installed' });
  });

  it('ends with 0 on SIGTERM, and those who listen are told', async () => {
    const { process: daemon } = lab.node('t');
    const events = await lab.spawn('t', [process.execPath, bin, 'events']);
    await until('it listens', async () => {
      await t.client.reload();
      return events.output().includes('reload');
    });
    expect(await daemon.kill('SIGTERM')).toEqual({ code: 0, signal: null });
    expect(await events.exited).toEqual({ code: 1, signal: null });
    expect(events.output()).toContain('the daemon stopped');
    const { status, stderr } = await runCommand([
      process.execPath,
      bin,
      'show',
      'peers',
      '--control',
      folder,
    ]);
    expect(status).toBe(1);
    expect(stderr).not.toMatch(/at .*\.js:\d+/);
  });
});
