/** `tartan cleanup`: what the daemon left in the kernel goes. */
import { loadRouter } from '../config/index.js';
import { ControlClient, ControlClientError } from '../control/index.js';
import type { Terminal } from './terminal.js';
import { grouped } from './text.js';

/** Returns the exit code: 1 where a daemon runs, the configuration is wrong, or something could not be removed. */
export async function cleanup(
  terminal: Terminal,
  paths: readonly string[],
  node: string | undefined,
  controlPath: string,
): Promise<number> {
  const hindrance = await daemonAt(controlPath);
  if (hindrance !== null) {
    terminal.complain(`tartan: ${hindrance}`);
    return 1;
  }
  const { router, errors } = loadRouter(paths, node);
  if (router === null) {
    for (const { file, line, column, message } of errors) {
      terminal.complain(`${file}:${line}:${column}: ${message}`);
    }
    return 1;
  }
  const { cleanUp } = await import('../daemon/cleanup.js');
  const { routes, problems } = await cleanUp(router);
  for (const problem of problems) terminal.complain(`tartan: ${problem}`);
  await terminal.write(
    `removed: ${grouped(routes[0] + routes[1])} routes, tunnel devices that carry our mark, and the table inet tartan\n`,
  );
  return problems.length === 0 ? 0 : 1;
}

/** What these mean of a socket: nobody listens. */
const nobody: ReadonlySet<string> = new Set(['ENOENT', 'ECONNREFUSED', 'ENOTDIR', 'ENOTSOCK']);

/** Says that a daemon runs, or why it is not known whether one does; null: none does. */
async function daemonAt(controlPath: string): Promise<string | null> {
  const runs = `a daemon runs (${controlPath}); stop it first`;
  try {
    await new ControlClient(controlPath).status();
    return runs;
  } catch (error) {
    if (!(error instanceof ControlClientError)) throw error;
    if (error.status !== null) return `${runs} (it says: ${error.message})`;
    return nobody.has(error.code ?? '') ? null : error.message;
  }
}
