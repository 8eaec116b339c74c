/** Entry of the worker thread that programs the kernel. */
import { parentPort, workerData } from 'node:worker_threads';
import { KernelProgrammer } from './kernel-programmer.js';
import type { FromThread, KernelThreadData, ToThread } from './messages.js';

const port = parentPort;
if (port === null) throw new Error('runs as a worker thread only');

const post = (message: FromThread): void => {
  port.postMessage(message);
  // What keeps the thread alive is this port; its sockets are closed by now.
  if (message.type === 'closed') port.close();
};

const fatal = (error: unknown): void => {
  post({ type: 'fatal', message: error instanceof Error ? error.message : String(error) });
};

try {
  const programmer = new KernelProgrammer(workerData as KernelThreadData, post);
  port.on('message', (message: ToThread) => programmer.message(message));
  programmer.start().catch(fatal);
} catch (error) {
  fatal(error);
  port.on('message', (message: ToThread) => {
    if (message.type === 'close') post({ type: 'closed' });
  });
}
