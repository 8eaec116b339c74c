/** Outcomes as text: one table for all loads, with ratios to BIRD (or the first other daemon) and the targets. */
import Table from 'cli-table3';
import type { FigureSpec, Load, Target } from './load.js';
import type { DaemonOutcome, LoadOutcome } from './runner.js';

export interface Row {
  readonly load: string;
  readonly figure: FigureSpec;
  /** In the order of the daemons; null: no figure. */
  readonly values: readonly (number | null)[];
  /** Tartan's value divided by the reference daemon's; null where either is missing. */
  readonly ratio: number | null;
  readonly verdict: string;
}

/** Whom Tartan is compared with: BIRD, or else the first that is not Tartan. */
export function referenceOf(daemons: readonly string[]): string | null {
  return daemons.includes('bird') ? 'bird' : (daemons.find((name) => name !== 'tartan') ?? null);
}

function reached(
  target: Target,
  tartan: number,
  outcomes: readonly DaemonOutcome[],
  name: string,
): string | null {
  if ('of' in target) {
    const other = outcomes.find((o) => o.daemon === target.of)?.figures[name];
    if (other === undefined) return null;
    return `${tartan <= other * target.atMost ? 'reached' : 'not reached'}: at most ${target.atMost} × ${target.of}`;
  }
  if ('atMost' in target)
    return `${tartan <= target.atMost ? 'reached' : 'not reached'}: at most ${target.atMost}`;
  return `${tartan >= target.atLeast ? 'reached' : 'not reached'}: at least ${target.atLeast}`;
}

export function rows(load: Load, outcome: LoadOutcome, daemons: readonly string[]): Row[] {
  const reference = referenceOf(daemons);
  const of = (daemon: string | null, figure: string): number | null =>
    outcome.daemons.find((o) => o.daemon === daemon)?.figures[figure] ?? null;
  return load.figures.flatMap((figure) => {
    const values = daemons.map((daemon) => of(daemon, figure.name));
    if (values.every((value) => value === null)) return [];
    const tartan = of('tartan', figure.name);
    const other = of(reference, figure.name);
    const targets = figure.target === undefined ? [] : [figure.target].flat();
    const verdicts =
      tartan === null ? [] : targets.map((t) => reached(t, tartan, outcome.daemons, figure.name));
    return [
      {
        load: load.name,
        figure,
        values,
        ratio: figure.aside || tartan === null || !other ? null : tartan / other,
        verdict: verdicts.filter((v) => v !== null).join('; '),
      },
    ];
  });
}

export interface TargetRow {
  readonly load: string;
  readonly figure: string;
  readonly tartan: string;
  readonly bird: string;
  readonly ratio: string;
  readonly target: string;
  readonly reached: boolean;
}

/** Each target of a load that can be judged, with the figures that judge it. */
export function targetRows(load: Load, outcome: LoadOutcome): TargetRow[] {
  const of = (daemon: string, figure: string): number | null =>
    outcome.daemons.find((o) => o.daemon === daemon)?.figures[figure] ?? null;
  return load.figures.flatMap((figure) => {
    const tartan = of('tartan', figure.name);
    if (tartan === null || figure.target === undefined) return [];
    const bird = of('bird', figure.name);
    return [figure.target].flat().flatMap((target) => {
      const verdict = reached(target, tartan, outcome.daemons, figure.name);
      if (verdict === null) return [];
      return [
        {
          load: load.name,
          figure: `${figure.name} (${figure.unit})`,
          tartan: shown(tartan),
          bird: shown(bird),
          ratio: bird ? (tartan / bird).toFixed(2) : '',
          target: verdict.slice(verdict.indexOf(': ') + 2),
          reached: verdict.startsWith('reached'),
        },
      ];
    });
  });
}

/** Three significant digits, without an exponent. */
export function shown(value: number | null): string {
  if (value === null) return '–';
  if (value === 0 || Math.abs(value) >= 100) return value.toFixed(0);
  return value.toPrecision(3);
}

/** A daemon this near to the relay, which does nothing, was held up by the testers and the kernel. */
const floorShare = 0.8;

/** Problems and notes of all daemons, one a line. */
export function remarks(outcome: LoadOutcome): string[] {
  const floor = outcome.daemons.find((o) => o.daemon === 'relay')?.figures.announce;
  return outcome.daemons.flatMap((o) => {
    const { announce } = o.figures;
    const limited =
      o.daemon !== 'relay' && floor !== undefined && announce !== undefined && floor > announce * floorShare;
    return [
      ...(o.problem === null ? [] : [o.problem]),
      ...o.notes,
      ...(limited ? ['the testers were the limit: the relay, which does nothing, took as long'] : []),
    ].map((text) => `${outcome.load}, ${o.daemon}: ${text}`);
  });
}

export function textTable(
  loads: readonly Load[],
  outcomes: readonly LoadOutcome[],
  daemons: readonly string[],
  judged: boolean,
): string {
  const reference = referenceOf(daemons);
  const head = ['load', 'figure', ...daemons];
  if (reference !== null && daemons.includes('tartan')) head.push(`tartan : ${reference}`);
  if (judged) head.push('target');
  const table = new Table({ head, style: { compact: true } });
  for (const outcome of outcomes) {
    const load = loads.find((l) => l.name === outcome.load);
    if (!load) continue;
    rows(load, outcome, daemons).forEach((row, index) => {
      const cells = [
        index === 0 ? load.name : '',
        `${row.figure.name} ${row.figure.unit}`,
        ...row.values.map(shown),
      ];
      if (reference !== null && daemons.includes('tartan'))
        cells.push(row.ratio === null ? '' : row.ratio.toFixed(2));
      table.push(judged ? [...cells, row.verdict] : cells);
    });
  }
  return [table.toString(), ...outcomes.flatMap(remarks)].join('\n');
}
