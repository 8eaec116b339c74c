import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  ControlClient,
  ControlError,
  type ControlTarget,
  type DaemonEvent,
  type NodeRow,
  type OverlayReport,
  type ReloadResult,
  type RouteQuery,
  type RouteRow,
  startControlServer,
} from '../../../src/control/index.js';

const row = (i: number): RouteRow => ({
  prefix: `10.${(i >>> 16) & 255}.${(i >>> 8) & 255}.${i & 255}/32`,
  best: true,
  multipath: false,
  source: 'bgp',
  peer: 'p',
  nextHop: '192.0.2.1',
  asPath: '65001',
  origin: 'igp',
  localPref: null,
  med: null,
  communities: [],
});

/** A daemon of a few lines: a table that counts how far it was read, and what was asked of it. */
class Target implements ControlTarget {
  rows = 3;
  taken = 0;
  finished = false;
  queries: RouteQuery[] = [];
  actions: string[] = [];
  listeners = new Set<(event: DaemonEvent) => void>();

  async status() {
    return {
      name: 'a',
      version: '1',
      asn: 65001,
      routerId: '192.0.2.1',
      startedAt: '2026-01-01T00:00:00Z',
      rss: 1,
      resources: {},
      loopDelay: { since: '2026-01-01T00:00:00Z', p50Ms: 0, p99Ms: 1, maxMs: 2 },
      phase: 'running' as const,
      routes: {},
      fib: {},
    };
  }
  clearLoopDelay() {
    this.actions.push('clear loop-delay');
    return { since: '2026-01-01T00:00:00Z', p50Ms: 0, p99Ms: 1, maxMs: 2 };
  }
  peers() {
    return [];
  }
  collectors() {
    return [];
  }
  async *mrtTable() {
    for (let i = 0; i < this.rows; i++) {
      this.taken++;
      yield Buffer.alloc(65536, i);
    }
  }
  *routes(query: RouteQuery) {
    this.queries.push(query);
    if (query.peer === 'nobody') throw new ControlError(404, 'no peer is named `nobody`');
    try {
      for (let i = 0; i < this.rows; i++) {
        this.taken++;
        if (query.peer === 'broken' && i === 2000) throw new Error('table lost');
        yield row(i);
      }
    } finally {
      this.finished = true;
    }
  }
  countRoutes() {
    return this.rows;
  }
  async *fib() {
    yield {
      prefix: '10.0.0.0/8',
      state: 'installed' as const,
      kind: 'unicast' as const,
      nextHops: [],
      metric: 1024,
      error: null,
    };
  }
  async explain(prefix: string) {
    return { query: prefix, prefix, paths: [], advertised: [], kernel: null, summary: 'nothing' };
  }
  async reload(dryRun?: boolean): Promise<ReloadResult> {
    const result = { applied: false, errors: ['a.yaml:1:1: no'], changes: [], resets: [], readMs: 3 };
    return dryRun ? { ...result, dryRun: true } : result;
  }
  rpki() {
    return [];
  }
  pools() {
    return [];
  }
  *nodes(): Generator<NodeRow> {
    yield { name: 'b', own: false, addresses: ['192.0.2.2/24'], receives: null, vteps: [], blocks: [] };
  }
  overlay(): OverlayReport {
    return {
      profile: 'calico',
      underlay: { ipv4: null, ipv6: null },
      devices: [],
      entries: { desired: 0, installed: 0 },
      problems: ['nothing works'],
    };
  }
  *vrps(prefix?: string) {
    yield { prefix: prefix ?? '0.0.0.0/0', maxLength: 24, asn: 65001 };
  }
  peerAction(name: string, action: string, message?: string) {
    if (name === 'nobody') throw new ControlError(404, 'no peer is named `nobody`');
    this.actions.push(`${name} ${action}${message === undefined ? '' : ` ${message}`}`);
  }
  refreshPeer(name: string, direction?: 'in' | 'out') {
    this.actions.push(`${name} refresh ${direction ?? 'both'}`);
    return { peer: name, out: 'announced' as const };
  }
  events(listener: (event: DaemonEvent) => void) {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
}

function socketPath(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tartan-control-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'run', 'tartan.sock');
}

async function serve(path = socketPath()) {
  const target = new Target();
  const errors: Error[] = [];
  const server = await startControlServer({ path, target, onError: (error) => errors.push(error) });
  onTestFinished(() => server.close());
  return { target, server, errors, client: new ControlClient(path) };
}

async function all<T>(rows: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of rows) list.push(item);
  return list;
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

describe('the control socket', () => {
  it('makes its folder, is for owner and group alone, and goes with the server', async () => {
    const path = socketPath();
    const { server, client } = await serve(path);
    expect(statSync(path).mode & 0o777).toBe(0o660);
    expect((await client.status()).name).toBe('a');
    await server.close();
    expect(statSync(path, { throwIfNoEntry: false })).toBeUndefined();
  });

  it('replaces a socket whose daemon died', async () => {
    const path = socketPath();
    const first = await serve(path);
    await first.server.close();
    // A listener that never accepted leaves its file behind when its handle is taken away.
    const { spawnSync } = await import('node:child_process');
    spawnSync(process.execPath, [
      '-e',
      `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`,
    ]);
    expect(statSync(path).isSocket()).toBe(true);
    const { client } = await serve(path);
    expect((await client.status()).name).toBe('a');
  });

  it('leaves the socket of a living daemon alone', async () => {
    const { server, client } = await serve();
    await expect(startControlServer({ path: server.path, target: new Target() })).rejects.toThrow(
      /another daemon answers/,
    );
    expect((await client.status()).name).toBe('a');
  });

  it('leaves a file that is no socket alone', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tartan-control-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const path = join(folder, 'file');
    writeFileSync(path, 'precious');
    await expect(startControlServer({ path, target: new Target() })).rejects.toThrow(/is not a socket/);
    expect(statSync(path).size).toBe(8);
  });

  it('tells a caller that nobody is there', async () => {
    await expect(new ControlClient('/no/such/socket').status()).rejects.toThrow(
      /no daemon runs with the control socket/,
    );
  });
});

describe('requests', () => {
  it('reach the target with their parameters', async () => {
    const { target, client } = await serve();
    await all(client.routes({ prefix: '10.0.0.0/8', peer: 'p', view: 'received', family: 'ipv4' }));
    expect(target.queries).toEqual([{ prefix: '10.0.0.0/8', peer: 'p', view: 'received', family: 'ipv4' }]);
    expect(await client.countRoutes()).toBe(3);
    expect((await all(client.fib({ state: 'installed' }))).map((r) => r.prefix)).toEqual(['10.0.0.0/8']);
    expect((await client.explain('10.0.0.1')).query).toBe('10.0.0.1');
    expect((await client.reload()).errors).toEqual(['a.yaml:1:1: no']);
    expect((await client.reload()).dryRun).toBeUndefined();
    expect((await client.reload(true)).dryRun).toBe(true);
    expect(await client.rpki()).toEqual([]);
    expect(await client.pools()).toEqual([]);
    expect((await all(client.nodes())).map(({ name }) => name)).toEqual(['b']);
    expect((await client.overlay()).problems).toEqual(['nothing works']);
    expect(await all(client.vrps('10.0.0.0/8'))).toEqual([
      { prefix: '10.0.0.0/8', maxLength: 24, asn: 65001 },
    ]);
    await client.peerAction('tor/1 ü', 'shutdown');
    await client.peerAction('tor1', 'reset', 'söon & back');
    expect(await client.refreshPeer('tor/1 ü')).toEqual({ peer: 'tor/1 ü', out: 'announced' });
    await client.refreshPeer('tor1', 'in');
    expect(target.actions).toEqual([
      'tor/1 ü shutdown',
      'tor1 reset söon & back',
      'tor/1 ü refresh both',
      'tor1 refresh in',
    ]);
  });

  it('that are wrong are answered with a status and a message, also by a lazy list', async () => {
    const { client } = await serve();
    await expect(all(client.routes({ peer: 'nobody' }))).rejects.toMatchObject({
      status: 404,
      message: 'no peer is named `nobody`',
    });
    await expect(client.peerAction('nobody', 'reset')).rejects.toMatchObject({ status: 404 });
    await expect(all(client.routes({ view: 'advertised' }))).rejects.toMatchObject({
      status: 400,
      message: /is one of a peer/,
    });
    await expect(all(client.fib({ state: 'lost' }))).rejects.toMatchObject({
      status: 400,
      message: /expected one of: pending, installed/,
    });
  });

  it('are answered while a long list is being read', async () => {
    const { target, client } = await serve();
    target.rows = 50_000;
    const rows = client.routes();
    expect((await rows.next()).value).toEqual(row(0));
    expect((await client.status()).name).toBe('a');
    expect((await all(rows)).length).toBe(49_999);
    expect(target.taken).toBe(50_000);
  });
});

describe('long lists', () => {
  it('are taken from the table only as fast as the reader reads', async () => {
    const { target, server, client } = await serve();
    target.rows = 1_000_000;
    const reader = connect(server.path);
    reader.pause();
    reader.write('GET /v1/routes HTTP/1.1\r\nHost: x\r\n\r\n');
    await until(() => target.taken > 0);
    // The server goes on answering others; once it has had several turns in which it took no row, it is held back.
    let quiet = 0;
    for (let before = target.taken; quiet < 20; before = target.taken) {
      await client.status();
      quiet = target.taken === before ? quiet + 1 : 0;
    }
    expect(target.taken).toBeLessThan(200_000);
    reader.destroy();
    await until(() => target.finished);
  });

  it('that break off are told from those that end', async () => {
    const { target, client, errors } = await serve();
    target.rows = 5000;
    await expect(all(client.routes({ peer: 'broken' }))).rejects.toThrow(/broke off|table lost/);
    expect(errors.map((error) => error.message)).toEqual(['table lost']);
  });
});

describe('octets', () => {
  it('come as they were made, and only as fast as they are read', async () => {
    const { target, client } = await serve();
    const chunks = await all(client.mrtTable());
    expect(Buffer.concat(chunks)).toEqual(
      Buffer.concat([0, 1, 2].map((value) => Buffer.alloc(65536, value))),
    );
    target.rows = 1_000_000;
    target.taken = 0;
    const reading = client.mrtTable();
    await reading.next();
    expect(target.taken).toBeLessThan(1000);
    await reading.return(undefined);
  });

  it('that break off are an error of the reader', async () => {
    const { target, server, client } = await serve();
    target.rows = 1_000_000;
    const reading = client.mrtTable();
    await reading.next();
    void server.close();
    await expect(all(reading)).rejects.toThrow(/broke off/);
  });
});

describe('events', () => {
  it('stream as they happen and are unsubscribed when the reader goes', async () => {
    const { target, client } = await serve();
    const events = client.events();
    const first = events.next();
    await until(() => target.listeners.size === 1);
    for (const listener of target.listeners) listener({ time: 't', type: 'peer', peer: 'p' });
    expect((await first).value).toEqual({ time: 't', type: 'peer', peer: 'p' });
    await events.return(undefined);
    await until(() => target.listeners.size === 0);
  });

  it('that a slow reader missed are counted, not kept', async () => {
    const { target, server } = await serve();
    const reader = connect(server.path);
    reader.setEncoding('utf8');
    reader.pause();
    reader.write('GET /v1/events HTTP/1.1\r\nHost: x\r\n\r\n');
    await until(() => target.listeners.size === 1);
    const filler = 'x'.repeat(10_000);
    for (let i = 0; i < 3000; i++)
      for (const listener of target.listeners) listener({ time: 't', type: 'n', i, filler });
    let seen = '';
    reader.on('data', (text) => {
      seen += text;
    });
    reader.resume();
    await until(() => /"type":"missed","count":[0-9]+/.test(seen));
    const missed = Number(/"missed","count":([0-9]+)/.exec(seen)?.[1]);
    expect(seen.split('"type":"n"').length - 1 + missed).toBe(3000);
    reader.destroy();
  });

  it('end when the daemon stops', async () => {
    const { target, server, client } = await serve();
    const events = client.events();
    const first = events.next();
    await until(() => target.listeners.size === 1);
    await server.close();
    await first.catch(() => null);
    expect(target.listeners.size).toBe(0);
  });

  it('are not streamed by a server of something else', async () => {
    const path = socketPath();
    const { mkdirSync } = await import('node:fs');
    mkdirSync(join(path, '..'));
    const other = createServer((socket) => socket.end('HTTP/1.1 404 Not Found\r\n\r\nhello'));
    await new Promise<void>((resolve) => other.listen(path, resolve));
    onTestFinished(() => void other.close());
    await expect(all(new ControlClient(path).events())).rejects.toThrow(/not Tartan's/);
  });
});
