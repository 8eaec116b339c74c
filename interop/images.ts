/**
 * What runs in a node, by the name of its image. A container's image is stood in for by what Debian installs on the
 * machine: a line of the table says which daemon that is, how its folders are prepared, and which processes are
 * started in which order. Another router joins by another line; what no line knows is a plain shell node.
 */

import { until } from './command.js';
import { bird } from './images/bird.js';
import { exabgp } from './images/exabgp.js';
import { frr } from './images/frr.js';
import { gobgp } from './images/gobgp.js';
import type { Image, ProcessRecipe } from './images/image.js';
import { openbgpd } from './images/openbgpd.js';
import { stayrtr } from './images/stayrtr.js';
import { tartan } from './images/tartan.js';
import { insideMachine } from './inside-machine.js';
import { untilAnswers } from './process.js';

export { checkout } from './images/checkout.js';
export type { Image, ProcessRecipe } from './images/image.js';
export { tartanControl } from './images/tartan.js';

const shell: Image = {
  name: 'shell',
  matches: /^/,
  router: false,
  main: null,
  configFile: null,
  prepare: () => '',
  processes: async () => [],
  configure: () => [],
};

const table: readonly Image[] = [tartan, frr, bird, gobgp, openbgpd, exabgp, stayrtr, shell];

/** The first line of the table that knows the image's name. */
export function imageFor(name: string): Image {
  return table.find((image) => image.matches.test(name)) ?? shell;
}

/** Where nothing hinders, a second or less; six at a time on one processor that others use, too, half a minute and more. */
const SERVES_SECONDS = 80;

/**
 * Waits until a process serves: its control socket, seen from outside the node, answers, and its probe succeeds.
 * `probe` runs a command in the node and says whether it succeeded.
 */
export async function untilServes(
  recipe: ProcessRecipe,
  nodeDirectory: string,
  probe: (argv: readonly string[]) => Promise<boolean>,
): Promise<void> {
  // To ask takes time from who starts; in a machine of one slow processor, much of it.
  const wait = {
    timeoutSeconds: insideMachine() ? 3 * SERVES_SECONDS : SERVES_SECONDS,
    intervalMilliseconds: insideMachine() ? 200 : 20,
  };
  // A node's /run is a folder of the registry.
  if (recipe.socket !== null) await untilAnswers(nodeDirectory + recipe.socket, recipe.question, wait);
  const { probe: argv } = recipe;
  if (argv !== undefined) await until(`\`${argv.join(' ')}\` succeeds`, () => probe(argv), wait);
}

/** A `cmd` that would wait at a terminal for somebody to type: a container stays up with it, and nothing runs. */
export function isInteractiveShell(argv: readonly string[]): boolean {
  return argv.length === 1 && /(^|\/)(ba|da|a|z)?sh$/.test(argv[0] ?? '');
}
