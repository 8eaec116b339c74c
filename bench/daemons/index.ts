/** The daemons that are measured, Tartan first. */
import { bird } from './bird.js';
import { frr } from './frr.js';
import { gobgp } from './gobgp.js';
import { openbgpd } from './openbgpd.js';
import type { DaemonRecipe } from './recipe.js';
import { relay } from './relay.js';
import { tartan } from './tartan.js';

export type { BenchPeer, DaemonRecipe, DaemonSetup } from './recipe.js';
export { bird, frr, gobgp, openbgpd, relay, tartan };

export const daemons: readonly DaemonRecipe[] = [tartan, bird, frr, openbgpd, gobgp, relay];
