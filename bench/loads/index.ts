/** All loads, in the order in which they are run and shown. */
import type { Load } from '../load.js';
import { loopFigures } from '../loop-delay.js';
import { churn } from './churn.js';
import { filtered } from './filters.js';
import { fullTable, fullTable4 } from './full-table.js';
import { idle } from './idle.js';
import { ipv6 } from './ipv6.js';
import { keepalives } from './keepalives.js';
import { install1m, install500k, installEcmp, nextHopChange, nextHopChangeQuiet } from './kernel.js';
import { latency } from './latency.js';
import { manyPeers } from './many-peers.js';
import { overlay } from './overlay.js';
import { realTable, realTable10 } from './real-table.js';
import { startUp } from './start-up.js';

/** Played in scenes. */
const scenes: readonly Load[] = [
  fullTable,
  fullTable4,
  realTable,
  realTable10,
  ...manyPeers,
  latency,
  churn,
  ipv6,
  filtered,
  keepalives,
  install500k,
  install1m,
  installEcmp,
  nextHopChange,
  nextHopChangeQuiet,
  idle,
];

export const loads: readonly Load[] = [
  ...scenes.map((load) => ({ ...load, figures: [...load.figures, ...loopFigures] })),
  startUp,
  overlay,
];
