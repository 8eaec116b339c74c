/** What a daemon under test is told: sessions towards every tester, passive unless a load says otherwise, and a policy only where a load asks. */
import { execFileSync } from 'node:child_process';
import type { ImportPolicy } from '../policy.js';
import type { RunningDaemon, Stage } from '../stage.js';

export interface BenchPeer {
  readonly name: string;
  readonly address: string;
  readonly asn: number;
  /** A client of the daemon as route reflector; the peer's AS number is then the daemon's. */
  readonly client?: boolean;
  /** The daemon dials it; otherwise it waits to be dialled. */
  readonly dialled?: boolean;
}

export interface DaemonSetup {
  readonly peers: readonly BenchPeer[];
  /** Program the kernel; false without it. */
  readonly install?: boolean;
  /** So many equal paths are forwarded by; 1 without it. */
  readonly maxPaths?: number;
  /** Next hops of peers are not on the link: routes of the kernel lead to them. */
  readonly farNextHops?: boolean;
  /** The kernel is to tell of no route when a nexthop object changes (net.ipv4.nexthop_compat_mode 0). */
  readonly quietNexthops?: boolean;
  /** The address family of sessions and routes; 4 without it. */
  readonly family?: 4 | 6;
  /** For routes of all peers; all are accepted without it. */
  readonly policy?: ImportPolicy;
  /** All that the daemon is configured with, in its own language, instead of the rest. */
  readonly document?: string;
  /** Folder for CPU profiles, by daemons that can write them. */
  readonly profile?: string | null;
}

export interface DaemonRecipe {
  readonly name: string;
  /** Passes UPDATEs on as they are: a stand-in for a daemon, without AS number of its own in the paths. */
  readonly transparent?: true;
  /** Knows what to do with `DaemonSetup.policy`. */
  readonly policies?: true;
  /** Its figures are for orientation: run once, whatever `--runs` says. */
  readonly once?: true;
  /** Known to need minutes where others need seconds: loads leave out what is not their point. */
  readonly slow?: true;
  installed(): boolean;
  /** As it says itself. */
  version(): string;
  start(stage: Stage, setup: DaemonSetup): RunningDaemon;
  /** The control socket of a daemon that measures the delay of its event loop (see loop-delay.ts). */
  loopDelaySocket?(stage: Stage): string;
}

/** Standard output and error of a command that tells a version, or ''. */
export function versionText(command: string, ...args: string[]): string {
  try {
    return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  } catch {
    return '';
  }
}

/** The version of a Debian package, for daemons that don't tell their own. */
export function packageVersion(name: string): string {
  // NAME<tab>[EPOCH:]VERSION-REVISION
  return /\t(?:\d+:)?([^-\n]+)/.exec(versionText('dpkg-query', '-W', name))?.[1] ?? '';
}
