/** Entry of the thread that reads a large configuration beside a running daemon. */
import { parentPort, workerData } from 'node:worker_threads';
import { loadWithTexts } from './load.js';
import type { LoadThreadData } from './load-aside.js';

const { paths, node } = workerData as LoadThreadData;
// A Router is plain values: it goes over as a copy.
parentPort?.postMessage(loadWithTexts(paths, node));
