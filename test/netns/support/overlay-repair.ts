/** What somebody changes on a node of an overlay, and that it is put back while pods talk. */
import { expect } from 'vitest';
import { insideMachine, type Lab, until } from '../../../interop/index.js';
import { Flow } from './flow.js';

/** Parts of a node's kernel state by what they are, as `ip` and `bridge` show them, in order. */
export type KernelState = Readonly<Record<string, readonly string[]>>;

/** What is asked of the kernel: name, command. Whole commands, without quotes. */
const linkQuestions = (device: string): [string, string][] => [
  [`${device} link`, `ip -o -d link show dev ${device}`],
  [`${device} addresses`, `ip -o address show dev ${device} scope global`],
  [`${device} neighbours`, `ip neigh show dev ${device} nud permanent`],
  [`${device} fdb`, `bridge fdb show dev ${device}`],
];

/**
 * All that overlays and others have on these devices and in the main tables of a node, but for what the kernel learns
 * as it goes.
 */
export async function stateOf(lab: Lab, node: string, devices: readonly string[]): Promise<KernelState> {
  const questions: [string, string][] = [
    ...devices.flatMap(linkQuestions),
    ['routes -4', 'ip -4 route show'],
    ['routes -6', 'ip -6 route show'],
    ['eth1 neighbours', 'ip neigh show dev eth1 nud permanent'],
  ];
  // One process asks everything: labs may be in a machine where each takes its time.
  const script = questions.map(([name, command]) => `echo '# ${name}'; ${command} 2>&1`).join('\n');
  const { stdout } = await lab.exec(node, ['sh', '-c', script], { allowFailure: true });
  const state: Record<string, string[]> = {};
  let name = '';
  for (const line of stdout.split('\n').map(plain)) {
    if (line.startsWith('# ')) {
      name = line.slice(2);
      state[name] = [];
    } else if (line !== '' && (!name.endsWith(' fdb') || line.includes(' dst '))) {
      state[name].push(name.endsWith(' addresses') ? line.replace(/\\.*/, '') : line);
    }
  }
  for (const lines of Object.values(state)) lines.sort();
  return state;
}

/** Without the number of the device, which another one made in its place does not share. */
function plain(line: string): string {
  return line
    .trim()
    .replace(/\s+/g, ' ')
    .replace(/^\d+: /, '');
}

/**
 * A second of pings. In a User-Mode Linux machine all nodes, the pings and the kernel itself share one processor: at most 27 are
 * lost where it has that for itself, and 117 were where other tests ran beside it on a slow host. There it is three seconds.
 */
const mostLost = insideMachine() ? 300 : 100;

export interface Repair {
  readonly lab: Lab;
  readonly node: string;
  readonly devices: readonly string[];
  /** Who talks meanwhile: a node and an address. */
  readonly flows: readonly (readonly [string, string])[];
}

/** Runs commands on the node and waits until all is as it was; at most a second of what is sent meanwhile is lost. */
export async function expectRepaired(
  { lab, node, devices, flows }: Repair,
  commands: readonly string[],
): Promise<void> {
  const before = await stateOf(lab, node, devices);
  const running = await Promise.all(flows.map(([from, to]) => Flow.start(lab, from, to)));
  for (const command of commands) await lab.exec(node, command);
  // Not more often, as asking takes time from who repairs.
  await until(
    'all is as it was',
    async () => {
      expect(await stateOf(lab, node, devices)).toEqual(before);
      return true;
    },
    { intervalMilliseconds: 200 },
  );
  const lost: number[] = [];
  for (const flow of running) {
    await flow.untilHeard();
    lost.push((await flow.stop()).lost.length);
  }
  console.log(`${commands.join('; ')}: pings lost at 100 per second: ${lost.join(' and ')}`);
  for (const count of lost) expect(count).toBeLessThanOrEqual(mostLost);
}
