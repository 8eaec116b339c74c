/** Which daemons are installed, asked of the programs and of Debian's package database; and what all of it runs on. */
import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import { runCommand } from './command.js';
import { type DaemonId, daemons } from './features.js';
import { checkout } from './images.js';
import type { DaemonVersion, RunFacts } from './results.js';

const programs: Readonly<Record<DaemonId, { argv: readonly string[]; says: RegExp; debian: string }>> = {
  frr: { argv: ['/usr/lib/frr/bgpd', '--version'], says: /bgpd version (\S+)/, debian: 'frr' },
  bird: { argv: ['/usr/sbin/bird', '--version'], says: /BIRD version (\S+)/, debian: 'bird2' },
  gobgp: { argv: ['/usr/bin/gobgpd', '--version'], says: /gobgpd version (\S+)/, debian: 'gobgpd' },
  openbgpd: { argv: ['/usr/sbin/bgpd', '-V'], says: /OpenBGPD (\S+)/, debian: 'openbgpd' },
  exabgp: { argv: ['/usr/sbin/exabgp', '--version'], says: /ExaBGP : (\S+)/, debian: 'exabgp' },
};

async function said(argv: readonly string[]): Promise<string> {
  const { stdout, stderr } = await runCommand(argv).catch(() => ({ stdout: '', stderr: '' }));
  return (stdout + stderr).trim();
}

/** What the installed daemon is. A program that is not there has version `not installed`. */
async function versionOf(daemon: DaemonId): Promise<DaemonVersion> {
  const { argv, says, debian } = programs[daemon];
  const version = says.exec(await said(argv))?.[1] ?? 'not installed';
  const installed = await runCommand(['dpkg-query', '--show', debian]).catch(() => null);
  return { version, debian: installed?.status === 0 ? installed.stdout.trim().replace('\t', ' ') : null };
}

/** Facts of a run that begins now. */
export async function runFacts(command: string): Promise<RunFacts> {
  const ids = Object.keys(daemons) as DaemonId[];
  const versions = await Promise.all(ids.map(async (id) => [id, await versionOf(id)] as const));
  const { version } = JSON.parse(readFileSync(`${checkout}/package.json`, 'utf8')) as { version: string };
  const git = (...words: string[]): Promise<string> => said(['git', '-C', checkout, ...words]);
  const commit = await git('rev-parse', '--short=12', 'HEAD');
  // The file that is about to be written does not count.
  const changed = await git('status', '--porcelain', '--', '.', ':!interop/RESULTS.md');
  const state = changed === '' ? '' : ', with changes';
  return {
    date: new Date().toISOString().slice(0, 10),
    kernel: `Linux ${release()}`,
    node: process.version,
    tartan: /^[0-9a-f]{7,}$/.test(commit) ? `${version} (commit ${commit}${state})` : version,
    command,
    daemons: Object.fromEntries(versions) as Record<DaemonId, DaemonVersion>,
  };
}
