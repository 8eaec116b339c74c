/** `npm run soak -- [--minutes N] [--peers N] [--paths N] [--rate N] [--seed N] [--churn FILE] [--json]`. */
import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { checkout } from '../interop/index.js';
import { faultsOf, soak } from './soak.js';

/** Real churn, where it lies beside the checkout. */
const realChurn = `${checkout}/../shared/data/updates.20190101.mrt.gz`;
/** A shorter run shows nothing of memory: heaps grow for a while. */
const MEMORY_AFTER_MINUTES = 8;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '20' },
    peers: { type: 'string', default: '200' },
    paths: { type: 'string', default: '500' },
    rate: { type: 'string', default: '300' },
    seed: { type: 'string' },
    churn: { type: 'string' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(
    [
      'npm run soak -- [--minutes N] [--peers N] [--paths N] [--rate N] [--seed N] [--churn FILE] [--json]',
      '',
      '  --minutes   how long (20)',
      '  --peers     peers that flap (200)',
      '  --paths     paths that each announces at most (500)',
      '  --rate      UPDATEs a second, over all peers (300)',
      '  --churn     MRT file of updates between speakers of 4-octet AS numbers (the real one, where it is; else made ones)',
    ].join('\n'),
  );
  process.exit(0);
}

function number(name: 'minutes' | 'peers' | 'paths' | 'rate', least: number, most: number): number {
  const value = Number(values[name]);
  if (value >= least && value <= most) return value;
  console.error(`soak: --${name} is ${values[name]}; expected a number from ${least} to ${most}`);
  process.exit(2);
}

const minutes = number('minutes', 0.1, 10_000);
const churn = values.churn ?? (existsSync(realChurn) ? realChurn : null);
const report = await soak({
  minutes,
  peers: number('peers', 1, 5000),
  paths: number('paths', 2, 100_000),
  rate: number('rate', 1, 100_000),
  seed: values.seed === undefined ? Date.now() % 0xffffffff : Number(values.seed),
  churn,
  progress: (line) => console.error(`soak: ${line}`),
});
const faults = faultsOf(report, minutes >= MEMORY_AFTER_MINUTES);
if (values.json) console.log(JSON.stringify({ ...report, faults }, null, 2));
else {
  const mib = (bytes: number) => `${(bytes / 2 ** 20).toFixed(0)} MiB`;
  const { memory, resources } = report;
  console.log(
    `${report.seconds.toFixed(0)} s, ${values.peers} peers, churn from ${churn ?? 'made announcements'}`,
  );
  console.log(
    `${report.flaps} flaps, ${report.updates} UPDATEs; at the end ${report.prefixes} prefixes, ${report.paths} paths`,
  );
  console.log(
    `memory: ${mib(memory.afterWarmUp)} after the warm-up, ${mib(memory.atEnd)} at the end, ${mib(memory.peak)} at most`,
  );
  console.log(
    `timers and handles: ${JSON.stringify(resources.before)} before, ${JSON.stringify(resources.after)} after`,
  );
  console.log(faults.length === 0 ? 'both sides hold the same' : faults.join('\n'));
}
process.exit(faults.length === 0 ? 0 : 1);
