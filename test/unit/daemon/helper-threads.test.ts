import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const built = fileURLToPath(new URL('../../../dist/src/daemon/helper-threads.js', import.meta.url));

/** Prints the niceness of the main thread, of those that were there at first, and of a worker that begins afterwards. */
const program = `
  import { readdirSync, readFileSync } from 'node:fs';
  import { Worker } from 'node:worker_threads';
  import { niceHelperThreads } from ${JSON.stringify(built)};
  const niceness = (thread) => Number(readFileSync('/proc/self/task/' + thread + '/stat', 'utf8').split(') ')[1].split(' ')[16]);
  const threads = () => readdirSync('/proc/self/task');
  niceHelperThreads();
  const before = threads();
  const worker = new Worker('setInterval(() => {}, 1000)', { eval: true });
  worker.once('online', async () => {
    const main = niceness(process.pid);
    const helpers = before.filter((thread) => Number(thread) !== process.pid).map(niceness);
    const ours = threads().filter((thread) => !before.includes(thread)).map(niceness);
    console.log(JSON.stringify({ main, helpers, ours }));
    await worker.terminate();
  });
`;

it('has the helpers of V8 give way to the main thread and to workers that begin afterwards', () => {
  const out = execFileSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' });
  const { main, helpers, ours } = JSON.parse(out) as Record<'ours' | 'helpers', number[]> & { main: number };
  expect(helpers.length).toBeGreaterThan(0);
  expect(new Set(helpers)).toEqual(new Set([main + 10]));
  expect(new Set(ours)).toEqual(new Set([main]));
});
