/**
 * A network namespace of a test's own: the calling thread moves into a fresh one that has no name, so that
 * nothing clashes with it and nothing of it is left behind, however the process ends. Programs and worker
 * threads started from this thread start in it, too.
 */
import { execFileSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import koffi from 'koffi';

const CLONE_NEWNET = 0x40000000;

/** Moves in, with the loopback up. The function returned moves back, which ends the namespace. */
export function enterFreshNamespace(): () => void {
  const libc = koffi.load(null);
  const unshare = libc.func('int unshare(int flags)');
  const setns = libc.func('int setns(int fd, int kind)');
  const home = openSync('/proc/thread-self/ns/net', 'r');
  if (unshare(CLONE_NEWNET) !== 0) throw new Error(`unshare: errno ${koffi.errno()}`);
  ip('link set lo up');
  return () => {
    const result = setns(home, CLONE_NEWNET);
    closeSync(home);
    if (result !== 0) throw new Error(`setns: errno ${koffi.errno()}`);
  };
}

/** Runs `ip` with the words of `command`, in the thread's namespace; returns what it prints. */
export function ip(command: string): string {
  return execFileSync('ip', command.split(' '), { encoding: 'utf8' });
}
