/** The verbs that read configuration files and need no daemon: check, render. */
import { type ConfigIssue, checkRouters, formatIssue, formatRouter, loadRouter } from '../config/index.js';
import type { Terminal } from './terminal.js';

function complain(terminal: Terminal, errors: readonly ConfigIssue[], warnings: readonly ConfigIssue[]) {
  for (const error of errors) terminal.complain(formatIssue(error));
  for (const warning of warnings) {
    terminal.complain(formatIssue({ ...warning, message: `warning: ${warning.message}` }));
  }
}

/** Every error and warning of every Router; exit code 1 if there is an error. */
export async function check(terminal: Terminal, paths: readonly string[], node?: string): Promise<number> {
  const { routers, errors, warnings } = checkRouters(paths, node);
  complain(terminal, errors, warnings);
  if (errors.length > 0) {
    terminal.complain(`tartan: ${errors.length === 1 ? '1 error' : `${errors.length} errors`}`);
    return 1;
  }
  for (const { name, asn, peers } of routers) {
    const count = peers.length === 1 ? '1 peer' : `${peers.length} peers`;
    await terminal.write(`Router ${name} is right: AS ${asn}, ${count}\n`);
  }
  return 0;
}

/** The Router of a node as a document with everything filled in. */
export async function render(
  terminal: Terminal,
  paths: readonly string[],
  node: string | undefined,
  format: 'yaml' | 'json',
): Promise<number> {
  const { router, errors, warnings } = loadRouter(paths, node);
  complain(terminal, errors, warnings);
  if (router === null) return 1;
  await terminal.write(formatRouter(router, format));
  return 0;
}
