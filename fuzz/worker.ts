/** A thread that fuzzes one target, and leaves what it is at where the main thread can see it when it comes to no end. */
import { parentPort, workerData } from 'node:worker_threads';
import { Fuzzer } from './fuzzer.js';
import { targets } from './targets/index.js';

export interface WorkerOptions {
  readonly target: string;
  readonly seed: number;
  readonly until: number;
  readonly known: readonly Uint8Array[];
  /** Two words, runs so far and the octets of the input at hand, and then that input. */
  readonly shared: SharedArrayBuffer;
}

export type WorkerMessage =
  | { readonly type: 'finding'; readonly input: Uint8Array; readonly error: string }
  | { readonly type: 'progress'; readonly runs: number; readonly corners: number }
  | { readonly type: 'done'; readonly runs: number; readonly corners: number };

/** Milliseconds between two words to the main thread. */
const REPORT_MS = 5000;
const BATCH = 64;

const { target: name, seed, until, known, shared } = workerData as WorkerOptions;
const target = targets.find((each) => each.name === name);
if (target === undefined || parentPort === null) throw new Error(`no target ${name}`);
const port = parentPort;
const say = (message: WorkerMessage): void => port.postMessage(message);
const words = new Int32Array(shared, 0, 2);
const bytes = new Uint8Array(shared, 8);

const fuzzer = new Fuzzer(target, seed);
const told = new Set<string>();
const tell = ({ input, error }: { input: Buffer; error: Error }): void => {
  // One example of each kind of failure.
  const kind = `${error.message.split('\n')[0].replace(/\d+/g, '#')} ${error.stack?.split('\n')[1] ?? ''}`;
  if (told.has(kind)) return;
  told.add(kind);
  say({ type: 'finding', input, error: error.stack ?? error.message });
};

for (const finding of fuzzer.begin(known.map((each) => Buffer.from(each)))) tell(finding);
let reported = Date.now();
for (let now = reported; now < until; now = Date.now()) {
  for (let i = 0; i < BATCH; i++) {
    const input = fuzzer.next();
    bytes.set(input.subarray(0, bytes.length));
    words[1] = input.length;
    Atomics.add(words, 0, 1);
    const finding = fuzzer.run(input);
    if (finding !== null) tell(finding);
  }
  if (now - reported < REPORT_MS) continue;
  reported = now;
  say({ type: 'progress', runs: fuzzer.runs, corners: fuzzer.corners });
}
say({ type: 'done', runs: fuzzer.runs, corners: fuzzer.corners });
