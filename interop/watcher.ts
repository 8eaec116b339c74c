import { spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { checkout } from './images/checkout.js';

/**
 * A shell that waits on a pipe from this process. When the pipe breaks, however this process ended, it takes the
 * lab down; a line on the pipe says that this has been done.
 */
export function startWatcher(name: string): Socket {
  const down = [process.execPath, `${checkout}/scripts/lab.mjs`, 'down', '--name', name];
  const watcher = spawn('sh', ['-c', 'read -r done || exec "$@"', 'lab-watcher', ...down], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    cwd: '/',
  });
  watcher.unref();
  const pipe = watcher.stdin as Socket;
  pipe.on('error', () => {});
  pipe.unref();
  return pipe;
}
