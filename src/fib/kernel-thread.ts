/** Entry of the worker thread that programs the kernel, as its first message says. */
import { type MessagePort, parentPort } from 'node:worker_threads';
import { collectTwice } from './collector.js';
import { KernelProgrammer } from './kernel-programmer.js';
import type { FromThread, KernelThreadData, ToThread } from './messages.js';
import { NeighbourWatch } from './neighbour-watch.js';
import { putOffOptimising } from './optimiser.js';
import { OverlayProgrammer } from './overlay/overlay-programmer.js';

if (parentPort === null) throw new Error('runs as a worker thread only');
const port: MessagePort = parentPort;

// Until the node is up.
putOffOptimising();

let watch: NeighbourWatch | null = null;
let overlay: OverlayProgrammer | null = null;

/** Whether the end takes our routes out of the kernel, and then what they led through. */
let removes = false;

const post = (message: FromThread): void => {
  if (message.type !== 'closed') port.postMessage(message);
  else if (removes && overlay !== null) overlay.removeAll(close);
  else close();
};

function close(): void {
  watchRouters(false);
  overlay?.close();
  port.postMessage({ type: 'closed' } satisfies FromThread);
  // What keeps the thread alive is this port; its sockets are closed by now.
  port.close();
}

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

function begin(data: KernelThreadData): void {
  const programmer = new KernelProgrammer(data, post);
  const tunnels = new OverlayProgrammer(data.settings, {
    post,
    usedHops: () => programmer.usedHops(),
    whenRoutesAnswered: (done) => {
      // At the end they are all gone.
      if (removes) done();
      else programmer.whenAnswered(done);
    },
  });
  overlay = tunnels;
  port.on('message', (message: ToThread) => {
    switch (message.type) {
      case 'watchRouters':
        watchRouters(message.on);
        return;
      case 'collect':
        void collectTwice().then(() => post({ type: 'fence', id: message.id }));
        return;
      case 'overlay':
        tunnels.replace(message.state);
        return;
      case 'overlayChange':
        tunnels.change(message.change);
        return;
      case 'overlayFence':
        tunnels.fence(() => post({ type: 'fence', id: message.id }));
        return;
      case 'configure':
        tunnels.configure(message.settings);
        break;
      case 'sweep':
        tunnels.sweep();
        break;
      case 'close':
        removes = message.routes === 'remove';
        break;
      case 'forwardings':
        tunnels.forwardingsChanged();
    }
    programmer.message(message);
  });
  programmer.start().catch(fatal);
}

port.once('message', (data: KernelThreadData) => {
  try {
    begin(data);
  } catch (error) {
    fatal(error);
    port.on('message', (message: ToThread) => {
      if (message.type === 'close') post({ type: 'closed' });
    });
  }
});
