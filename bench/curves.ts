/** How time and memory grow: with the size of the table, and with the number of peers; Tartan and BIRD. */
import { bird, type DaemonRecipe, tartan } from './daemons/index.js';
import type { Load, LoadOptions } from './load.js';
import { fullTable } from './loads/full-table.js';
import { manyPeers } from './loads/many-peers.js';
import { svgPlot } from './plot.js';
import { median, type RunnerOptions } from './runner.js';

export interface CurvePoint {
  readonly daemon: string;
  readonly x: number;
  readonly seconds: number;
  readonly megabytes: number;
}

export interface Curve {
  readonly name: string;
  readonly title: string;
  readonly x: string;
  readonly points: readonly CurvePoint[];
}

interface CurveSpec {
  readonly name: string;
  readonly title: string;
  readonly x: string;
  readonly load: Load;
  readonly values: readonly number[];
  options(x: number): Partial<LoadOptions>;
}

const specs: readonly CurveSpec[] = [
  {
    name: 'table-size',
    title: 'generated prefixes from one feeder to one sink',
    x: 'prefixes',
    load: fullTable,
    values: [1000, 3000, 10_000, 30_000, 100_000, 300_000, 1_000_000],
    options: (prefixes) => ({ prefixes }),
  },
  {
    name: 'peers',
    title: '10,000 prefixes to eBGP peers',
    x: 'peers',
    load: manyPeers[0],
    values: [1, 3, 10, 30, 100, 250, 500],
    options: (sinks) => ({ sinks }),
  },
];

const colours: Readonly<Record<string, string>> = { tartan: '#c0392b', bird: '#2c5f9e' };

/** Medians of `options.runs` runs at each point, the daemons taking turns. Throws where one of them fails. */
export async function measureCurves(options: RunnerOptions): Promise<Curve[]> {
  const daemons: DaemonRecipe[] = [tartan, bird].filter((d) => d.installed());
  const curves: Curve[] = [];
  for (const spec of specs) {
    const points: CurvePoint[] = [];
    for (const value of spec.values) {
      const x = Math.max(1, Math.round(value * options.scale));
      options.progress(`curve ${spec.name}: ${x} ${spec.x}`);
      const runs = new Map(
        daemons.map((daemon) => [daemon, { seconds: [] as number[], megabytes: [] as number[] }]),
      );
      for (let run = 0; run < options.runs; run++) {
        for (const [daemon, { seconds, megabytes }] of runs) {
          const { figures } = await spec.load.run(daemon, { ...options, ...spec.options(x) });
          seconds.push(figures.announce);
          megabytes.push(figures.peak);
        }
      }
      for (const [daemon, { seconds, megabytes }] of runs)
        points.push({ daemon: daemon.name, x, seconds: median(seconds), megabytes: median(megabytes) });
    }
    curves.push({ name: spec.name, title: spec.title, x: spec.x, points });
  }
  return curves;
}

/** Two SVGs for a curve, by file name. */
export function curvePlots(curve: Curve): Map<string, string> {
  const series = (y: (point: CurvePoint) => number) =>
    [...new Set(curve.points.map((p) => p.daemon))].map((name) => ({
      name,
      colour: colours[name] ?? '#555',
      points: curve.points.filter((p) => p.daemon === name).map((p) => [p.x, y(p)] as const),
    }));
  const plot = (what: string, unit: string, y: (point: CurvePoint) => number): string =>
    svgPlot({ title: `${what}: ${curve.title}`, x: curve.x, y: unit, series: series(y) });
  return new Map([
    [`${curve.name}-time.svg`, plot('Time', 'seconds', (p) => p.seconds)],
    [`${curve.name}-memory.svg`, plot('Peak memory', 'MB', (p) => p.megabytes)],
  ]);
}
