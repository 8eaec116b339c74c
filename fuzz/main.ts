/** `npm run fuzz -- [TARGET…] [--minutes N] [--seed N]`: see README.md in this folder. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import type { Target } from './target.js';
import { targets } from './targets/index.js';
import type { WorkerMessage, WorkerOptions } from './worker.js';

/** An input that takes longer than this comes to no end. */
const HANG_MS = 20_000;
const SHARED_ROOM = 16_384;
const findingsFolder = fileURLToPath(new URL('../../test/findings/', import.meta.url));

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    minutes: { type: 'string', default: '1' },
    seed: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

function fail(message: string): never {
  console.error(`fuzz: ${message}`);
  process.exit(2);
}

function list(): string {
  return targets.map(({ name, promise }) => `  ${name.padEnd(10)}${promise}`).join('\n');
}

if (values.help) {
  console.log(
    `npm run fuzz -- [TARGET…] [--minutes N] [--seed N]\n\nTargets (default: all, one after the other):\n${list()}`,
  );
  process.exit(0);
}
const minutes = Number(values.minutes);
if (!(minutes > 0)) fail(`--minutes is ${values.minutes}; expected a number above 0`);
const seed = values.seed === undefined ? Date.now() % 0xffffffff : Number(values.seed);
if (!Number.isInteger(seed) || seed < 0) fail(`--seed is ${values.seed}; expected a whole number`);
for (const name of positionals) {
  if (!targets.some((target) => target.name === name))
    fail(`no target is named ${name}; there are:\n${list()}`);
}
const chosen = targets.filter(({ name }) => positionals.length === 0 || positionals.includes(name));

function known(target: Target): Buffer[] {
  const folder = `${findingsFolder}${target.name}`;
  return existsSync(folder) ? readdirSync(folder).map((file) => readFileSync(`${folder}/${file}`)) : [];
}

/** Writes an input down where the tests find it; returns its path. */
function keep(target: Target, input: Uint8Array): string {
  const folder = `${findingsFolder}${target.name}`;
  mkdirSync(folder, { recursive: true });
  const path = `${folder}/${createHash('sha256').update(input).digest('hex').slice(0, 16)}.bin`;
  writeFileSync(path, input);
  return path;
}

/** Fuzzes one target; resolves with the number of findings. */
function fuzz(target: Target): Promise<number> {
  const until = Date.now() + minutes * 60_000;
  const shared = new SharedArrayBuffer(SHARED_ROOM);
  const words = new Int32Array(shared, 0, 2);
  const options: WorkerOptions = { target: target.name, seed, until, known: known(target), shared };
  const worker = new Worker(new URL('./worker.js', import.meta.url), { workerData: options });
  let findings = 0;
  let runsSeen = -1;
  let since = Date.now();
  return new Promise((resolve, reject) => {
    const watch = setInterval(() => {
      const runs = Atomics.load(words, 0);
      if (runs !== runsSeen) {
        runsSeen = runs;
        since = Date.now();
        return;
      }
      if (Date.now() - since < HANG_MS) return;
      const input = Buffer.from(new Uint8Array(shared, 8, Math.min(words[1], SHARED_ROOM - 8)));
      console.log(`${target.name}: comes to no end; the input is kept in ${keep(target, input)}`);
      findings++;
      clearInterval(watch);
      void worker.terminate().then(() => resolve(findings));
    }, 1000);
    worker.on('message', (message: WorkerMessage) => {
      if (message.type === 'finding') {
        findings++;
        console.log(
          `${target.name}: ${message.error}\n  the input is kept in ${keep(target, message.input)}`,
        );
        return;
      }
      const { runs, corners } = message;
      console.log(
        `${target.name}: ${runs} inputs, ${corners} corners${message.type === 'done' ? ', done' : ''}`,
      );
      if (message.type !== 'done') return;
      clearInterval(watch);
      resolve(findings);
    });
    worker.on('error', (error) => {
      clearInterval(watch);
      reject(error);
    });
  });
}

console.log(`fuzz: seed ${seed}, ${minutes} min for each of ${chosen.map(({ name }) => name).join(', ')}`);
let found = 0;
for (const target of chosen) found += await fuzz(target);
console.log(
  found === 0 ? 'fuzz: nothing broke' : `fuzz: ${found} finding(s); npm test replays what was kept`,
);
process.exit(found === 0 ? 0 : 1);
