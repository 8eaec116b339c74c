import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { checkout, Frr, frrConfig, Lab, Tartan, tartanConfig, until } from '../../interop/index.js';
import type { MrtRow } from '../../src/bgp/mrt/index.js';
import { readMrtFile } from '../../src/cli/mrt-file.js';
import type { RouteRow } from '../../src/control/api.js';
import { announce, startTester, stopTesters } from './support/feeder.js';

const labs: Lab[] = [];
afterEach(async () => {
  await stopTesters();
  for (const lab of labs.splice(0)) await lab.down();
});

const bin = `${checkout}/bin/tartan`;
const own = ['203.0.113.0/24', '2001:db8:113::/48'];
const networks = ['198.51.100.0/24', '192.0.2.0/25', '2001:db8:100::/48'];

function documentOf(mrt?: Record<string, unknown>, peer: Record<string, unknown> = {}): string {
  return tartanConfig({
    name: 't',
    asn: 65001,
    routerId: '10.0.0.1',
    spec: {
      networks: own.map((prefix) => ({ prefix })),
      peers: [
        {
          name: 'p',
          address: '10.0.0.2',
          asn: 65002,
          families: ['ipv4', 'ipv6'],
          connectRetry: 1,
          ...peer,
        },
      ],
      ...(mrt === undefined ? {} : { mrt }),
    },
  });
}

/** `t` (Tartan) and `p` (FRR), which attaches communities and a MED to what it announces. */
async function pair(document: string): Promise<{ lab: Lab; t: Tartan; p: Frr }> {
  const addresses = (n: number) => [
    `ip addr add 10.0.0.${n}/24 dev eth1`,
    `ip -6 addr add 2001:db8::${n}/64 dev eth1 nodad`,
  ];
  const peer = frrConfig({
    asn: 65002,
    routerId: '10.0.0.2',
    networks,
    neighbors: [
      {
        address: '10.0.0.1',
        remoteAsn: 65001,
        families: ['ipv4', 'ipv6'],
        settings: ['timers connect 1'],
      },
    ],
  });
  const lab = await Lab.up(
    {
      name: 'mrt',
      topology: {
        nodes: {
          t: { image: 'tartan', 'startup-config': 't.yaml', exec: addresses(1) },
          p: { image: 'frr', 'startup-config': 'p.conf', exec: addresses(2) },
        },
        links: [{ endpoints: ['t:eth1', 'p:eth1'] }],
      },
    },
    { files: { 't.yaml': document, 'p.conf': peer } },
  );
  labs.push(lab);
  const p = new Frr(lab.node('p'));
  await p.configure(
    'route-map tag permit 10',
    'set community 65002:7 no-export',
    'set large-community 65002:1:2',
    'set metric 50',
    'set as-path prepend 65002 4200000001',
    'router bgp 65002',
    'address-family ipv4 unicast',
    'neighbor 10.0.0.1 route-map tag out',
  );
  const t = new Tartan(lab.node('t'));
  await t.untilRoute('198.51.100.0/24', (route) => route.med === 50);
  await t.untilRoute('2001:db8:100::/48');
  return { lab, t, p };
}

async function reload(lab: Lab, t: Tartan, document: string): Promise<void> {
  await lab.node('t').exec(['sh', '-c', 'printf %s "$1" > /etc/tartan/router.yaml', 'write', document]);
  expect(await t.client.reload()).toMatchObject({ applied: true, errors: [] });
}

async function rowsOf(file: string): Promise<MrtRow[]> {
  const rows: MrtRow[] = [];
  for await (const row of readMrtFile(file)) rows.push(row);
  return rows;
}

type Shown = Pick<RouteRow, 'prefix' | 'nextHop' | 'asPath' | 'origin' | 'localPref' | 'med' | 'communities'>;

const sorted = <T>(rows: readonly T[]): T[] =>
  [...rows].sort((x, y) => (JSON.stringify(x) < JSON.stringify(y) ? -1 : 1));

/** A route as `show routes` tells it, by its peer's address instead of its name. */
function shown(route: RouteRow): Shown & { peer: string } {
  const { prefix, nextHop, asPath, origin, localPref, med, communities } = route;
  const peer = route.source === 'bgp' ? '10.0.0.2' : '0.0.0.0';
  return { prefix, peer, nextHop, asPath, origin, localPref, med, communities };
}

/** A route of a file in the same words. */
function recorded(row: MrtRow): Shown & { peer: string } {
  if (row.type !== 'route' && row.type !== 'announce') throw new Error(`no route: ${JSON.stringify(row)}`);
  return {
    prefix: row.prefix,
    peer: row.peer,
    nextHop: row.nextHop ?? null,
    asPath: row.asPath ?? '',
    origin: row.origin ?? 'incomplete',
    localPref: row.localPref ?? null,
    med: row.med ?? null,
    communities: [
      ...(row.communities ?? []),
      ...(row.largeCommunities ?? []),
      ...(row.extendedCommunities ?? []),
    ],
  };
}

/** Lines of Debian's `bgpdump -m`, split; null where it is not installed. */
function bgpdump(file: string): string[][] | null {
  try {
    const text = execFileSync('bgpdump', ['-m', file], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return text
      .trim()
      .split('\n')
      .map((line) => line.split('|'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    console.warn('not compared with bgpdump, which is not installed');
    return null;
  }
}

describe('a table', () => {
  it('reads back as the routes that are shown, here and in bgpdump', async () => {
    const { lab, t } = await pair(documentOf());
    const answer = await lab.exec('t', [process.execPath, bin, 'mrt', 'dump', '/run/table.mrt']);
    expect(answer.stdout).toBe('/run/table.mrt: 5 prefixes, 0 MiB\n');
    const file = `${lab.node('t').directory}/run/table.mrt`;
    const [peers, ...rows] = await rowsOf(file);
    expect(peers).toMatchObject({
      type: 'peers',
      collector: '10.0.0.1',
      peers: [
        { peer: '0.0.0.0', asn: 65001, routerId: '10.0.0.1' },
        { peer: '10.0.0.2', asn: 65002, routerId: '10.0.0.2' },
      ],
    });
    // FRR tells our own routes back, which are loops and rejected: they stand in no table.
    const own = (await t.routes()).filter(({ source }) => source !== 'bgp');
    const routes = [...own, ...(await t.routes({ peer: 'p', view: 'accepted' }))].map(shown);
    expect(routes).toHaveLength(5);
    expect(sorted(rows.map(recorded))).toEqual(sorted(routes));

    const printed = await lab.exec('t', [
      process.execPath,
      bin,
      'mrt',
      'show',
      '-o',
      'ndjson',
      '/run/table.mrt',
    ]);
    expect(
      printed.stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual([peers, ...rows]);

    const lines = bgpdump(file);
    if (lines === null) return;
    const theirs = lines.map(([, , , peer, asn, prefix, asPath, origin, nextHop, , med]) => {
      return {
        peer,
        asn: Number(asn),
        prefix,
        asPath,
        origin: origin.toLowerCase(),
        nextHop,
        med: Number(med),
      };
    });
    const ours = rows.map((row) => {
      if (row.type !== 'route') throw new Error(`no route: ${JSON.stringify(row)}`);
      const { peer, asn, prefix, asPath, origin, nextHop, med } = row;
      const zeros = prefix.includes(':') ? '::' : '0.0.0.0';
      return { peer, asn, prefix, asPath, origin, nextHop: nextHop ?? zeros, med: med ?? 0 };
    });
    expect(sorted(theirs)).toEqual(sorted(ours));
  });

  it('is written at the times that the document asks for, and no more once it asks no longer', async () => {
    const { lab, t } = await pair(documentOf());
    const before = await t.peer('p');
    const written = t.nextEvent((event) => event.type === 'mrtTable');
    await reload(lab, t, documentOf({ table: { path: '/run/tables/rib.%Y%m%d.%H%M%S.mrt', every: 1 } }));
    const { file } = await written;
    const path = lab.node('t').directory + String(file);
    expect(String(file)).toMatch(/^\/run\/tables\/rib\.\d{8}\.\d{6}\.mrt$/);
    expect((await rowsOf(path)).filter(({ type }) => type === 'route')).toHaveLength(5);
    await reload(lab, t, documentOf());
    const files = readdirSync(dirname(path)).length;
    // What would be written at the next second is not.
    await expect(
      until('another table', async () => readdirSync(dirname(path)).length > files + 1 || undefined, {
        timeoutSeconds: 3,
      }),
    ).rejects.toThrow();
    expect((await t.peer('p'))?.since).toBe(before?.since);
  });

  it('of a million prefixes is written while the daemon goes on answering', async () => {
    const feederAsn = 4_200_000_002;
    const lab = await Lab.up(
      {
        name: 'mrt',
        topology: {
          nodes: {
            t: { image: 'tartan', 'startup-config': 't.yaml', exec: ['ip addr add 10.0.0.1/24 dev eth1'] },
            feeder: { image: 'alpine', exec: ['ip addr add 10.0.0.2/24 dev eth1'] },
          },
          links: [{ endpoints: ['t:eth1', 'feeder:eth1'] }],
        },
      },
      {
        files: {
          't.yaml': tartanConfig({
            name: 't',
            asn: 4_200_000_001,
            routerId: '10.0.0.1',
            spec: {
              kernel: { install: false },
              peers: [{ name: 'feeder', address: '10.0.0.2', asn: feederAsn, passive: true }],
            },
          }),
        },
      },
    );
    labs.push(lab);
    const t = new Tartan(lab.node('t'));
    const feeder = await startTester(lab, 'feeder', {
      asn: feederAsn,
      address: '10.0.0.2',
      peer: '10.0.0.1',
      table: 'generated:1000000',
    });
    await feeder.next('established');
    await announce(feeder);
    await t.untilPeer('feeder', (peer) => peer.families.ipv4.accepted === 1_000_000, 'has sent all');
    await until('the best paths', async () => (await t.client.countRoutes()) === 1_000_000 || undefined, {
      timeoutSeconds: 30,
    });

    let done = false;
    /** Milliseconds that answers took, one asked for after the other: median, 95 %, worst. */
    const waits = async (until: (count: number) => boolean): Promise<[number, number, number]> => {
      const taken: number[] = [];
      while (!until(taken.length)) {
        const began = performance.now();
        await t.client.peers();
        taken.push(performance.now() - began);
      }
      taken.sort((x, y) => x - y);
      const at = (part: number) => taken[Math.ceil(taken.length * part) - 1];
      return [at(0.5), at(0.95), at(1)];
    };
    // On a machine that does much else, answers are late without a dump too.
    const idle = await waits((count) => count === 200);
    const dump = lab.exec('t', [process.execPath, bin, 'mrt', 'dump', '/run/table.mrt']).finally(() => {
      done = true;
    });
    const busy = await waits(() => done);
    await dump;
    const text = [idle, busy].map((each) => each.map((ms) => ms.toFixed(1)).join(', '));
    console.log(`ms to an answer (median, 95 %, worst): ${text[0]}; while a table is dumped: ${text[1]}`);
    expect((await t.peer('feeder'))?.state).toBe('established');
    const prefixes = new Set<string>();
    for await (const row of readMrtFile(`${lab.node('t').directory}/run/table.mrt`)) {
      if (row.type === 'route') prefixes.add(row.prefix);
    }
    expect(prefixes.size).toBe(1_000_000);
  });
});

describe('updates', () => {
  const updates = { path: '/run/updates/u.%Y%m%d', rotate: 86400 };

  async function recordedUpdates(lab: Lab): Promise<MrtRow[]> {
    const folder = `${lab.node('t').directory}/run/updates`;
    const files = readdirSync(folder).sort();
    return (await Promise.all(files.map((name) => rowsOf(`${folder}/${name}`)))).flat();
  }

  it('hold what the peer said and how its session went, here and in bgpdump', async () => {
    const { lab, t, p } = await pair(documentOf({ updates }));
    await p.configure('router bgp 65002', 'address-family ipv4 unicast', 'no network 192.0.2.0/25');
    await t.untilNoRoute('192.0.2.0/25');
    const rows = await until('the withdrawal in the file', async () => {
      const rows = await recordedUpdates(lab);
      return rows.some((row) => row.type === 'withdraw' && row.prefix === '192.0.2.0/25') ? rows : undefined;
    });
    expect(rows.filter((row) => row.type === 'unreadable' || row.type === 'damaged')).toEqual([]);
    expect(rows.some((row) => row.type === 'open' && row.routerId === '10.0.0.2')).toBe(true);
    expect(rows.filter((row) => row.type === 'state').at(-1)).toMatchObject({
      from: 'openConfirm',
      to: 'established',
      peer: '10.0.0.2',
      asn: 65002,
    });
    // Played back, they give the routes that stand.
    const table = new Map<string, MrtRow>();
    for (const row of rows) {
      if (row.type === 'announce') table.set(row.prefix, row);
      else if (row.type === 'withdraw') table.delete(row.prefix);
    }
    const routes = (await t.routes({ peer: 'p', view: 'received' })).map(shown);
    expect(routes.map(({ prefix }) => prefix)).toEqual(expect.arrayContaining(networks.slice(0, 1)));
    expect(sorted([...table.values()].map(recorded))).toEqual(sorted(routes));

    const folder = `${lab.node('t').directory}/run/updates`;
    const lines = readdirSync(folder)
      .sort()
      .map((name) => bgpdump(`${folder}/${name}`));
    if (lines.includes(null)) return;
    const theirs = lines
      .flatMap((each) => each ?? [])
      .flatMap(([, , kind, peer, , prefix]) =>
        kind === 'A' || kind === 'W' ? [`${kind} ${peer} ${prefix}`] : [],
      );
    const ours = rows.flatMap((row) =>
      row.type === 'announce' || row.type === 'withdraw'
        ? [`${row.type === 'announce' ? 'A' : 'W'} ${row.peer} ${row.prefix}`]
        : [],
    );
    expect(sorted(theirs)).toEqual(sorted(ours));
  });

  it('go on in memory while the disk is full, which the log tells, and the session does not feel', async () => {
    const { lab, t, p } = await pair(documentOf());
    const node = lab.node('t');
    await node.exec('mkdir /run/small');
    await node.exec('mount -t tmpfs -o size=16k tmpfs /run/small');
    await node.exec(['sh', '-c', 'head -c 100000 /dev/zero > /run/small/filler || true']);
    const before = await t.peer('p');
    const failed = t.nextEvent((event) => event.type === 'mrtUpdatesFailed');
    await reload(lab, t, documentOf({ updates: { path: '/run/small/u.%Y%m%d', rotate: 86400 } }));
    await p.configure('router bgp 65002', 'address-family ipv4 unicast', 'no network 192.0.2.0/25');
    await t.untilNoRoute('192.0.2.0/25');
    expect(String((await failed).error)).toContain('ENOSPC');

    const recovered = t.nextEvent((event) => event.type === 'mrtUpdatesRecovered');
    await node.exec('rm /run/small/filler');
    await p.configure('router bgp 65002', 'address-family ipv4 unicast', 'network 192.0.2.128/25');
    await t.untilRoute('192.0.2.128/25');
    const { lostRecords, file } = await recovered;
    expect(lostRecords).toBeGreaterThan(0);
    const copy = `${node.directory}/run/copy.mrt`;
    await node.exec(['sh', '-c', `cp ${String(file)} /run/copy.mrt`]);
    const rows = await rowsOf(copy);
    expect(rows.some((row) => row.type === 'announce' && row.prefix === '192.0.2.128/25')).toBe(true);
    expect(rows.filter((row) => row.type === 'damaged')).toEqual([]);
    expect((await t.peer('p'))?.since).toBe(before?.since);
  });
});
