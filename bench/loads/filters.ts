/** An import policy such as a transit customer's: lengths, 1,000 communities, 10,000 prefixes; with a real table. */
import type { DaemonRecipe } from '../daemons/index.js';
import { type Load, type LoadOptions, scaled } from '../load.js';
import { Holding, type ModelRoute, play } from '../model.js';
import type { ImportPolicy } from '../policy.js';
import { type Scenario, scenario } from '../scenario.js';
import { externalView, realTables } from './feeds.js';
import { runTable, tableFigures } from './table-phases.js';

const community = { text: '64999:1', value: 64999 * 65536 + 1 };

const text = (value: number): string => `${Math.floor(value / 65536)}:${value % 65536}`;

interface Filters {
  readonly policy: ImportPolicy;
  readonly made: Scenario;
}

let last: Filters | null = null;

/** Communities that the table has, rare ones first, and such as nobody has. */
function chooseRejected(uses: ReadonlyMap<number, number>, count: number): number[] {
  const rare = [...uses].sort((x, y) => x[1] - y[1] || x[0] - y[0]).map(([value]) => value);
  const found = rare.slice(0, Math.min(count >> 1, rare.length >> 1));
  return [...found, ...Array.from({ length: count - found.length }, (_, i) => 64998 * 65536 + i)];
}

function filters(daemon: DaemonRecipe, options: LoadOptions): Filters {
  const view = externalView(daemon);
  const made = scenario(`filters ${options.scale} ${view.prepend}`, (made) => {
    const { tables, notes } = realTables(1, options.scale);
    made.notes.push(...notes);
    const uses = new Map<number, number>();
    const all: number[] = [];
    const look = ({ prefix, communities }: ModelRoute): readonly number[] => {
      all.push(prefix);
      for (const value of communities) uses.set(value, (uses.get(value) ?? 0) + 1);
      return communities;
    };
    play(made.universe, new Holding(made.universe), tables[0].updates, { ...view, policy: look });
    const rejected = new Set(chooseRejected(uses, scaled(1000, options, 10)));
    const step = Math.max(1, Math.floor(all.length / scaled(10_000, options, 10)));
    const listed = new Set(all.filter((_, i) => i % step === 0));
    const policy = ({ prefix, length, communities }: ModelRoute): readonly number[] | null => {
      if (length > 24 || communities.some((value) => rejected.has(value))) return null;
      return listed.has(prefix) ? [...communities, community.value] : communities;
    };
    const full = new Holding(made.universe);
    play(made.universe, full, tables[0].updates, { ...view, policy });
    made.notes.push(
      `${listed.size} prefixes and ${rejected.size} communities in lists; ${full.count} of ${all.length} prefixes pass`,
    );
    made.blob('announce', tables[0].updates);
    made.blob('withdraw', tables[0].withdrawals);
    made.expect('full', full);
    last = {
      made,
      policy: {
        maxLength: 24,
        rejected: [...rejected].map(text),
        listed: [...listed].map((prefix) => made.universe.cidr(prefix)),
        community: community.text,
      },
    };
  });
  if (last?.made !== made) throw new Error('the policy is gone while its scenario is kept');
  return last;
}

export const filtered: Load = {
  name: 'filters',
  title: 'the real table through an import policy with 10,000 prefixes and 1,000 communities in lists',
  figures: tableFigures({}),
  cannot: (daemon) => (daemon.policies ? null : 'the policy is not written in its language'),
  run(daemon, options) {
    const { made, policy } = filters(daemon, options);
    const run = {
      scenario: made,
      feeders: 1,
      sinks: 1,
      announce: () => 'announce',
      withdraw: () => 'withdraw',
      expect: 'full',
      setup: { policy },
    };
    return runTable(daemon, run, options);
  },
};
