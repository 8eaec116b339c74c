/** Entry of the worker thread that programs the kernel. */
import { parentPort, workerData } from 'node:worker_threads';
import { KernelProgrammer } from './kernel-programmer.js';
import type { FromThread, KernelThreadData, ToThread } from './messages.js';
import { NeighbourWatch } from './neighbour-watch.js';

const port = parentPort;
if (port === null) throw new Error('runs as a worker thread only');

let watch: NeighbourWatch | null = null;

const post = (message: FromThread): void => {
  if (message.type === 'closed') watchRouters(false);
  port.postMessage(message);
  // What keeps the thread alive is this port; its sockets are closed by now.
  if (message.type === 'closed') port.close();
};

/** Its failures cost peers by interface, not the routes: they are told and not fatal. */
function watchRouters(on: boolean): void {
  if (!on) {
    watch?.close();
    watch = null;
    return;
  }
  const failed = (error: unknown): void => {
    const fields = { error: error instanceof Error ? error.message : String(error) };
    post({ type: 'log', level: 'warn', message: 'reading the neighbours failed', fields });
  };
  try {
    watch ??= new NeighbourWatch({ routers: (routers) => post({ type: 'routers', routers }), failed });
  } catch (error) {
    failed(error);
  }
}

const fatal = (error: unknown): void => {
  post({ type: 'fatal', message: error instanceof Error ? error.message : String(error) });
};

try {
  const programmer = new KernelProgrammer(workerData as KernelThreadData, post);
  port.on('message', (message: ToThread) => {
    if (message.type === 'watchRouters') watchRouters(message.on);
    else programmer.message(message);
  });
  programmer.start().catch(fatal);
} catch (error) {
  fatal(error);
  port.on('message', (message: ToThread) => {
    if (message.type === 'close') post({ type: 'closed' });
  });
}
