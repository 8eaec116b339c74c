/** A tester (bench/tester.ts) in a node of a lab: announces ready tables, swallows what is announced to it, and counts. */
import { type ChildProcess, spawn } from 'node:child_process';
import { Tester, type TesterEvent } from '../../../bench/stage.js';
import { checkout, type Lab } from '../../../interop/index.js';

export interface TesterOptions {
  asn: number;
  /** Its own address; also its BGP Identifier and the next hop of what it announces. */
  address: string;
  /** The daemon's address, which it dials. */
  peer: string;
  /** generated:COUNT or mrt:FILE. */
  table?: string;
  /** Its AS numbers have two octets: no capability of RFC 6793. */
  twoOctetAs?: boolean;
}

const testers = new Set<ChildProcess>();

/** Starts a tester; `stopTesters` ends it. Its session is waited for with `next('established')`. */
export async function startTester(lab: Lab, node: string, options: TesterOptions): Promise<Tester> {
  const words = ['--asn', String(options.asn), '--router-id', options.address, '--connect', options.peer];
  if (options.table !== undefined) words.push('--table', options.table, '--next-hop', options.address);
  if (options.twoOctetAs) words.push('--two-octet-as');
  const child = spawn(
    'ip',
    ['netns', 'exec', lab.node(node).netns, process.execPath, `${checkout}/dist/bench/tester.js`, ...words],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  testers.add(child);
  const tester = new Tester(node, child);
  await tester.next('ready');
  return tester;
}

/** Ends every tester that was started, and waits until they are gone. */
export async function stopTesters(): Promise<void> {
  await Promise.all([...testers].map(stopProcess));
  testers.clear();
}

/** Takes a tester's session away without a word, as a crash does. */
export function stopTester(tester: Tester): Promise<void> {
  return stopProcess(tester.process);
}

async function stopProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await ended;
}

/** Resolves once the tester holds exactly `count` prefixes. */
export function untilHeld(tester: Tester, count: number): Promise<TesterEvent> {
  return tester.ask(`expect ${count}`, 'held');
}

/** Announces the tester's table; resolves with how many prefixes it has and their digest. */
export async function announce(tester: Tester): Promise<{ prefixes: number; digest: string }> {
  const { prefixes, digest } = await tester.ask('announce', 'sent');
  return { prefixes: Number(prefixes), digest: String(digest) };
}
