/** The benchmark at a thousandth of its size: every load runs, judges what arrived, and has all its figures. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { relay } from '../../bench/daemons/index.js';
import { loads } from '../../bench/loads/index.js';
import { Holding, play } from '../../bench/model.js';
import type { LoadOutcome } from '../../bench/runner.js';
import { Scenario } from '../../bench/scenario.js';
import { Scene } from '../../bench/scene.js';
import { generatedTable } from '../../bench/tables.js';
import { checkout, mustRun } from '../../interop/index.js';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

async function bench(...words: string[]): Promise<LoadOutcome[]> {
  const argv = [process.execPath, `${checkout}/dist/bench/main.js`, '--json', '--scale', '0.001', ...words];
  return JSON.parse(await mustRun(argv, { timeoutSeconds: 110 })) as LoadOutcome[];
}

describe('npm run bench', () => {
  it.each(loads.map((load) => load.name))('runs %s', async (name) => {
    const load = loads.find((l) => l.name === name);
    const [outcome, ...more] = await bench(name, '--daemons', 'tartan,bird');
    expect(more).toEqual([]);
    expect(outcome?.load).toBe(name);
    const tartan = outcome?.daemons.find((d) => d.daemon === 'tartan');
    expect(tartan).toMatchObject({ problem: null, runs: 1 });
    expect(Object.keys(tartan?.figures ?? {}).sort()).toEqual(load?.figures.map((f) => f.name).sort());
  });

  it('runs the other daemons, a reflector and IPv6 among it', async () => {
    const outcomes = await bench(
      'full-table',
      'reflector-250',
      'ipv6',
      '--daemons',
      'frr,openbgpd,gobgp,relay',
    );
    expect(outcomes.map((o) => o.daemons.map((d) => [d.daemon, d.problem]))).toEqual(
      outcomes.map(() => ['frr', 'openbgpd', 'gobgp', 'relay'].map((name) => [name, null])),
    );
  });

  it('takes turns, takes medians, and leaves a flame graph of each thread', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tartan-bench-test-'));
    folders.push(folder);
    const [outcome] = await bench(
      'full-table',
      '--daemons',
      'tartan,relay',
      '--runs',
      '3',
      '--profile',
      folder,
    );
    for (const { runs, figures, samples } of outcome?.daemons ?? []) {
      expect(runs).toBe(3);
      const announce = [...(samples.announce ?? [])].sort((x, y) => x - y);
      expect(announce).toHaveLength(3);
      expect(figures.announce).toBe(announce[1]);
    }
    const graphs = readdirSync(join(folder, 'full-table')).filter((name) => name.endsWith('.svg'));
    // The main thread and the kernel thread, three times.
    expect(graphs).toHaveLength(6);
    expect(graphs.map((name) => readFileSync(join(folder, 'full-table', name), 'utf8')).join('')).toMatch(
      /<title>\w+ \w+\.[a-z]+:\d+: [\d.]+ %/,
    );
  });

  it('takes no table for right in which one path is another', async () => {
    const made = new Scenario();
    try {
      const table = generatedTable(500, 65001, 0x0a5b0101);
      const right = new Holding(made.universe);
      play(made.universe, right, table.updates, { prepend: null });
      const wrong = right.copy();
      wrong.set(17, right.get(17) ^ 2);
      made.blob('announce', table.updates);
      made.expect('right', right);
      made.expect('wrong', wrong);
      await Scene.with(relay, made, { feeders: 1, sinks: 1 }, { scale: 1, profile: null }, async (scene) => {
        await scene.send(() => 'announce', 'right');
        await expect(scene.peers.held(scene.sinks[0] as number, 'wrong', 0.1)).rejects.toThrow(
          /"mismatches":1,/,
        );
        return { figures: {}, notes: [] };
      });
    } finally {
      made.dispose();
    }
  });

  it('leaves no namespace behind', async () => {
    const before = existsSync('/run/netns') ? readdirSync('/run/netns') : [];
    await bench('full-table', '--daemons', 'relay');
    const left = readdirSync('/run/netns').filter((name) => name.startsWith(`tb-`) && !before.includes(name));
    // Of other runs of the benchmark, there may be some; of one that has ended, none.
    for (const name of left) expect(existsSync(`/proc/${name.split('-')[1]}`)).toBe(true);
  });
});
