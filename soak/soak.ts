/**
 * Tartan among many peers that flap and churn at random, with FRR and BIRD looking on. At the end everything rests, and both
 * sides' tables are compared, route by route; what the daemon holds of memory, timers and handles is what it held before.
 */
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Tester } from '../bench/stage.js';
import {
  Bird,
  birdConfig,
  checkout,
  Frr,
  frrConfig,
  Lab,
  Tartan,
  tartanConfig,
  until,
} from '../interop/index.js';
import { asnsIn, type Expected } from './expected.js';

export interface SoakOptions {
  readonly minutes: number;
  readonly peers: number;
  /** Paths that each peer announces at most. */
  readonly paths: number;
  /** UPDATEs a second, over all peers. */
  readonly rate: number;
  readonly seed: number;
  /** MRT file of updates; null: made ones. */
  readonly churn: string | null;
  progress(line: string): void;
}

export interface SoakReport {
  readonly flaps: number;
  readonly updates: number;
  readonly prefixes: number;
  readonly paths: number;
  /** What differs between the daemon's tables and those of its peers, of FRR, of BIRD and of the kernel. */
  readonly differences: readonly string[];
  /** Medians of resident memory in bytes, after the first quarter of the time and in the last one. */
  readonly memory: { readonly afterWarmUp: number; readonly atEnd: number; readonly peak: number };
  /** By kind, before the first flap and at the end, all peers up and at rest. */
  readonly resources: {
    readonly before: Readonly<Record<string, number>>;
    readonly after: Readonly<Record<string, number>>;
  };
  readonly seconds: number;
}

const asn = 4200000001;
const crowdLink = '10.92.255.1';
const SAMPLE_MS = 1000;
const SETTLE_SECONDS = 180;

function peerDocuments(count: number): Record<string, unknown>[] {
  return Array.from({ length: count }, (_, i) => ({
    name: `p${i}`,
    address: `10.92.${(i + 10) >> 8}.${(i + 10) & 255}`,
    asn: 4200100000 + i,
    passive: true,
  }));
}

function bringUp({ peers }: SoakOptions): Promise<Lab> {
  const addresses = Array.from({ length: peers }, (_, i) => i + 10).map(
    (n) => `address add 10.92.${n >> 8}.${n & 255}/16 dev eth1`,
  );
  return Lab.up(
    {
      name: 'soak',
      topology: {
        nodes: {
          t: {
            image: 'tartan',
            'startup-config': 't.yaml',
            exec: [
              `ip addr add ${crowdLink}/16 dev eth1`,
              'ip addr add 10.93.0.1/24 dev eth2',
              'ip addr add 10.94.0.1/24 dev eth3',
            ],
          },
          crowd: { image: 'alpine', binds: ['addresses:/srv/addresses'], exec: ['ip -batch /srv/addresses'] },
          frr: { image: 'frr', 'startup-config': 'frr.conf', exec: ['ip addr add 10.93.0.2/24 dev eth1'] },
          bird: { image: 'bird', 'startup-config': 'bird.conf', exec: ['ip addr add 10.94.0.2/24 dev eth1'] },
        },
        links: ['crowd', 'frr', 'bird'].map((name, i) => ({ endpoints: [`t:eth${i + 1}`, `${name}:eth1`] })),
      },
    },
    {
      files: {
        addresses: `${addresses.join('\n')}\n`,
        't.yaml': tartanConfig({
          name: 't',
          asn,
          routerId: crowdLink,
          spec: {
            maxPaths: 4,
            peers: [
              ...peerDocuments(peers),
              { name: 'frr', address: '10.93.0.2', asn: 4200000002 },
              { name: 'bird', address: '10.94.0.2', asn: 4200000003 },
            ],
          },
        }),
        'frr.conf': frrConfig({
          asn: 4200000002,
          routerId: '10.93.0.2',
          networks: ['203.0.113.0/25'],
          neighbors: [{ address: '10.93.0.1', remoteAsn: asn, settings: ['timers connect 1'] }],
        }),
        'bird.conf': birdConfig({
          asn: 4200000003,
          routerId: '10.94.0.2',
          networks: ['203.0.113.128/25'],
          kernel: false,
          neighbors: [
            { name: 't', address: '10.94.0.1', remoteAsn: asn, settings: ['connect retry time 1;'] },
          ],
        }),
      },
    },
  );
}

async function startCrowd(lab: Lab, { peers, paths, rate, seed, churn }: SoakOptions): Promise<Tester> {
  const words = ['--daemon', crowdLink, '--peers', peers, '--paths', paths, '--rate', rate, '--seed', seed];
  if (churn !== null) words.push('--churn', churn);
  const child = spawn(
    'ip',
    [
      ...['netns', 'exec', lab.node('crowd').netns],
      ...[process.execPath, `${checkout}/dist/soak/crowd.js`, ...words.map(String)],
    ],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  const crowd = new Tester('crowd', child);
  await crowd.next('ready');
  return crowd;
}

/** The daemon has nothing left to do: two looks at its counters, one after the other, see the same. */
async function untilQuiet(t: Tartan): Promise<void> {
  let before = '';
  await until(
    'the daemon rests',
    async () => {
      const peers = await t.client.peers();
      const { phase, fib, routes } = await t.client.status();
      const now = JSON.stringify([peers.map(({ families, state }) => [families, state]), fib, routes]);
      const isSame = now === before;
      before = now;
      const isUp = peers.every(({ state, stale }) => state === 'established' && stale !== true);
      const inKernel = Object.values(fib).every(({ pending, failed, held }) => pending + failed + held === 0);
      return isSame && isUp && inKernel && phase === 'running';
    },
    { timeoutSeconds: SETTLE_SECONDS, intervalMilliseconds: 1000 },
  );
}

/** Kinds that come and go with the question itself, or with what the daemon does at the moment. */
const passing = new Set(['Immediate', 'FSReqCallback', 'PipeWrap', 'TickObject', 'TCPConnectWrap']);

async function resourcesOf(t: Tartan): Promise<Record<string, number>> {
  const { resources } = await t.client.status();
  return Object.fromEntries(Object.entries(resources).filter(([kind]) => !passing.has(kind)));
}

const sameCounts = (x: Readonly<Record<string, number>>, y: Readonly<Record<string, number>>): boolean =>
  [...new Set([...Object.keys(x), ...Object.keys(y)])].every((kind) => (x[kind] ?? 0) === (y[kind] ?? 0));

async function expectedOf(t: Tartan): Promise<Expected> {
  const received: Record<string, Record<string, string>> = {};
  const best: Record<string, { peer: string; asns: string }> = {};
  for await (const { prefix, peer, asPath, best: isBest } of t.client.routes({
    view: 'all',
    family: 'ipv4',
  })) {
    received[peer] ??= {};
    received[peer][prefix] = asnsIn(asPath);
    if (isBest) best[prefix] = { peer, asns: asnsIn(asPath) };
  }
  return { asn, received, best };
}

/** Compares another daemon's table, prefix → AS numbers, with what ours implies for it. */
function differencesAt(name: string, table: ReadonlyMap<string, string>, { best }: Expected): string[] {
  const found: string[] = [];
  for (const [prefix, { peer, asns }] of Object.entries(best)) {
    const there = table.get(prefix);
    if (peer === name) continue;
    const here = `${asn} ${asns}`.trim();
    if (there !== here)
      found.push(`${name} has ${prefix} by ${there ?? 'nothing'}, the daemon announced ${here}`);
  }
  for (const prefix of table.keys())
    if (!(prefix in best)) found.push(`${name} has ${prefix}, the daemon has not`);
  return found;
}

async function frrTable(frr: Frr): Promise<Map<string, string>> {
  const { routes } = await frr.json<{ routes: Record<string, { path: string; peerId?: string }[]> }>(
    'show bgp ipv4 unicast',
  );
  const table = new Map<string, string>();
  for (const [prefix, paths] of Object.entries(routes)) {
    const learnt = paths.find(({ peerId }) => peerId === '10.93.0.1');
    if (learnt !== undefined) table.set(prefix, asnsIn(learnt.path));
  }
  return table;
}

async function birdTable(bird: Bird): Promise<Map<string, string>> {
  const shown = await bird.node.exec(['birdc', 'show', 'route', 'protocol', 't', 'all']);
  const table = new Map<string, string>();
  let prefix = '';
  for (const line of shown.stdout.split('\n')) {
    prefix = /^(\d+\.\d+\.\d+\.\d+\/\d+)\s/.exec(line)?.[1] ?? prefix;
    const path = /^\s*BGP\.as_path:(.*)/.exec(line)?.[1];
    if (path !== undefined) table.set(prefix, asnsIn(path));
  }
  return table;
}

/** Prefixes in the kernel that are the daemon's, against those that it forwards by a peer. */
async function kernelDifferences(lab: Lab, { best }: Expected): Promise<string[]> {
  const shown = await lab.exec('t', ['ip', '-4', 'route', 'show', 'proto', '84']);
  const installed = new Set<string>();
  for (const line of shown.stdout.split('\n')) {
    const [, text] = /^(?:unreachable |blackhole )?(\S+)/.exec(line) ?? [];
    // Its hops, each on a line of its own.
    if (text === undefined || line.startsWith('\t')) continue;
    const prefix = text === 'default' ? '0.0.0.0/0' : text;
    installed.add(prefix.includes('/') ? prefix : `${prefix}/32`);
  }
  return [
    ...Object.keys(best)
      .filter((prefix) => !installed.has(prefix))
      .map((each) => `the kernel lacks ${each}`),
    ...[...installed]
      .filter((prefix) => !(prefix in best))
      .map((each) => `the kernel has ${each}, the daemon has not`),
  ];
}

/** The daemon rests, but what it sent may still be on its way: looks again until nothing differs, and gives up in the end. */
async function differencesLeft(look: () => Promise<string[]>): Promise<string[]> {
  let found: string[] = [];
  const isSame = async (): Promise<boolean> => {
    found = await look();
    return found.length === 0;
  };
  await until('both sides hold the same', isSame, { timeoutSeconds: 30, intervalMilliseconds: 1000 }).catch(
    () => {},
  );
  return found;
}

const median = (values: readonly number[]): number =>
  [...values].sort((x, y) => x - y)[values.length >> 1] ?? 0;

/** Runs to its end and takes everything down again. */
export async function soak(options: SoakOptions): Promise<SoakReport> {
  const { progress } = options;
  await using lab = await bringUp(options);
  const t = new Tartan(lab.node('t'));
  const crowd = await startCrowd(lab, options);
  try {
    await crowd.ask('start', 'started');
    await untilQuiet(t);
    const before = await resourcesOf(t);
    progress(`${options.peers} peers are up; before: ${JSON.stringify(before)}`);
    crowd.send('run');
    const samples: number[] = [];
    const start = Date.now();
    let told = start;
    while (Date.now() - start < options.minutes * 60_000) {
      await sleep(SAMPLE_MS);
      const { rss, routes } = await t.client.status();
      samples.push(rss);
      if (Date.now() - told < 60_000) continue;
      told = Date.now();
      const minute = Math.round((told - start) / 60_000);
      progress(`minute ${minute}: ${(rss / 2 ** 20).toFixed(0)} MiB, ${JSON.stringify(routes.ipv4)}`);
    }
    const seconds = (Date.now() - start) / 1000;
    const { flaps, updates } = await crowd.ask('settle', 'settled');
    await untilQuiet(t);
    progress(`all at rest after ${String(flaps)} flaps and ${String(updates)} UPDATEs; comparing`);
    // A timer may run out a little after the last flap; one that leaked never does.
    const after = await until(
      'timers and handles are as before',
      async () => {
        const now = await resourcesOf(t);
        return sameCounts(before, now) ? now : null;
      },
      { timeoutSeconds: 30, intervalMilliseconds: 1000 },
    ).catch(() => resourcesOf(t));
    const expected = await expectedOf(t);
    const file = `${lab.node('t').directory}/expected.json`;
    writeFileSync(file, JSON.stringify(expected));
    const differences = await differencesLeft(async () => [
      ...((await crowd.ask(`compare ${file}`, 'compared')).examples as string[]),
      ...differencesAt('frr', await frrTable(new Frr(lab.node('frr'))), expected),
      ...differencesAt('bird', await birdTable(new Bird(lab.node('bird'))), expected),
      ...(await kernelDifferences(lab, expected)),
    ]);
    const { routes } = await t.client.status();
    const quarter = Math.ceil(samples.length / 4);
    return {
      flaps: Number(flaps),
      updates: Number(updates),
      prefixes: routes.ipv4.prefixes,
      paths: routes.ipv4.paths,
      differences,
      memory: {
        afterWarmUp: median(samples.slice(quarter, 2 * quarter)),
        atEnd: median(samples.slice(-quarter)),
        peak: Math.max(...samples),
      },
      resources: { before, after },
      seconds,
    };
  } finally {
    crowd.process.kill('SIGKILL');
  }
}

/** What is wrong with how it ended, a line each; empty: nothing. Memory is judged only after `judgesMemory`. */
export function faultsOf(report: SoakReport, judgesMemory: boolean): string[] {
  const { memory, resources, differences } = report;
  const faults = differences.slice(0, 20).map((each) => `tables differ: ${each}`);
  for (const kind of new Set([...Object.keys(resources.before), ...Object.keys(resources.after)])) {
    const [before, after] = [resources.before[kind] ?? 0, resources.after[kind] ?? 0];
    if (before !== after) faults.push(`${kind}: ${before} before, ${after} at the end`);
  }
  const growth = memory.atEnd / memory.afterWarmUp;
  if (judgesMemory && growth > MOST_GROWTH) {
    faults.push(`memory grew to ${growth.toFixed(2)} × of what it was after the warm-up`);
  }
  return faults;
}

/** Of the medians of memory; what the allocators' luck makes of it. */
const MOST_GROWTH = 1.1;
