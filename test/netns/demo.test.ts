import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { checkout, until } from '../../interop/index.js';

interface Run {
  child: ChildProcess;
  /** The exit code, once it ended. */
  ended: Promise<number | null>;
  output(): string;
}

function play(script: string, args: string[] = [], user?: number): Run {
  const child = spawn(process.execPath, [script, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(user === undefined ? {} : { uid: user, gid: user }),
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  return { child, ended, output: () => output };
}

/** Namespaces, folders and processes of the lab that a demo plays, which is named after the demo's process. */
function leftBehind({ child }: Run): string[] {
  const lab = `demo-${child.pid}`;
  const inFolder = (folder: string): string[] =>
    (existsSync(folder) ? readdirSync(folder) : []).filter((name) => `${name}-`.includes(`${lab}-`));
  const processes = readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      return readFileSync(`/proc/${pid}/environ`, 'latin1').includes(`TARTAN_LAB=${lab}\0`);
    } catch {
      return false; // It ended meanwhile.
    }
  });
  return [...inFolder('/run/netns'), ...inFolder('/run/tartan-lab'), ...processes];
}

const demo = join(checkout, 'scripts/demo.mjs');
const table = ['--table', 'generated:20000'];

const started: Run[] = [];
afterAll(async () => {
  for (const { child, ended } of started) {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
    await ended;
  }
});
function playDemo(...args: string[]): Run {
  const run = play(demo, args);
  started.push(run);
  return run;
}

describe('npm run demo', () => {
  it('tells its whole story, ends with 0 and leaves nothing behind', async () => {
    const run = playDemo(...table);
    // What is looked for at the end is there in between.
    await until('the demo has its lab', () => leftBehind(run).length > 0);
    expect(await run.ended, run.output()).toBe(0);
    const said = run.output();
    for (const line of [
      /✓ node1 ⇄ node3 +iBGP +192\.168\.1\.11 - 192\.168\.2\.13/,
      /✓ node3 ⇄ bird +eBGP +192\.168\.2\.13 - 192\.168\.1\.254/,
      /9 sessions; FRR and BIRD say the same/,
      /^ +10\.244\.3\.0\/24 +installed +via 192\.168\.1\.1 dev eth1/m,
      /^ +203\.0\.113\.0\/24 via 192\.168\.1\.254 dev eth1 metric 1024$/m,
      /best: from bird \(bgp\), AS path 64497/,
      /not used: from frr \(bgp\), AS path 64498 64497/,
      /✓ pod1 → pod3 +10\.244\.1\.10 → 10\.244\.3\.10 +5 of 5 +3 routers/,
      /✓ pod3 → web +10\.244\.3\.10 → 203\.0\.113\.10 +5 of 5/,
      /✓ frr +10\.244\.3\.0\/24 is out of its kernel/,
      /✓ pod1 → pod3 +answers again/,
      /^ +received +20,000 /m,
      /^ +in the kernel +20,000 /m,
      /^ +memory +\d+ MiB/m,
      /later node1 holds 10\.244\.2\.0\/24, 10\.244\.3\.0\/24, 203\.0\.113\.0\/24\.$/m,
      /Everything went as it should\./,
    ])
      expect(said).toMatch(line);
    expect(said).not.toContain('{"');
    // Not a terminal: no colours, no cursor movements.
    for (const control of ['\u001b', '\r']) expect(said).not.toContain(control);
    expect(leftBehind(run)).toEqual([]);
  });

  it('takes everything down when it is interrupted, and says so in its exit code', async () => {
    const setUp = playDemo(...table);
    const running = playDemo(...table);
    await until('the lab is being set up', () => existsSync(`/run/tartan-lab/demo-${setUp.child.pid}`));
    setUp.child.kill('SIGINT');
    await until('routes are being shown', () => running.output().includes('Routes are learnt'));
    running.child.kill('SIGINT');
    for (const run of [setUp, running]) {
      expect(await run.ended, run.output()).toBe(130);
      expect(run.output()).toContain('demo: interrupted by SIGINT');
      expect(leftBehind(run)).toEqual([]);
    }
  });

  it('says why when something goes wrong, ends with 1 and leaves nothing behind', async () => {
    const run = playDemo('--table', `mrt:${checkout}/package.json`);
    expect(await run.ended, run.output()).toBe(1);
    expect(run.output()).toMatch(
      /demo: the feeder of the full table ended before "ready": .*no IPv4 RIB entries/,
    );
    expect(leftBehind(run)).toEqual([]);
  });

  it('needs root and says so, before it installs or builds anything', async () => {
    // A checkout may lie where others can't read: the script and what it imports, where everybody can.
    const folder = mkdtempSync('/tmp/tartan-demo-');
    try {
      for (const name of ['demo.mjs', 'setup.mjs'])
        copyFileSync(join(checkout, 'scripts', name), join(folder, name));
      chmodSync(folder, 0o755);
      const run = play(join(folder, 'demo.mjs'), [], 65534);
      expect(await run.ended).toBe(1);
      expect(run.output()).toMatch(/^demo: needs root/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
