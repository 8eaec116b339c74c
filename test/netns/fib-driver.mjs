/**
 * A FIB in a process of its own, to be run inside a network namespace: takes one JSON command per line, answers each
 * with one JSON line, and tells events as they come.
 */
import { createInterface } from 'node:readline';
import { parsePrefix } from '../../dist/src/address/index.js';
import { createFib } from '../../dist/src/fib/index.js';
import { PrefixTable } from '../../dist/src/rib/prefix-table.js';

const tables = [new PrefixTable(0), new PrefixTable(1)];
const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

const settings = {
  install: true,
  table: 254,
  protocol: 84,
  metric: 1024,
  source: [null, null],
  nexthopCompat: null,
  ...JSON.parse(process.argv[2] ?? '{}'),
};
const { listenerBufferBytes, ...kernel } = settings;
const log = (level, message, fields) => say({ event: { type: 'log', level, message, fields } });
const fib = await createFib({
  prefixes: [tables[0].shared(), tables[1].shared()],
  settings: kernel,
  log,
  ...(listenerBufferBytes === undefined ? {} : { listenerBufferBytes }),
});
fib.on((event) => say({ event }));

const ids = (text) => {
  const prefix = parsePrefix(text);
  return [prefix.family, tables[prefix.family].intern(prefix)];
};

/** `count` prefixes of 10.0.0.0/8 and upwards, a /24 each. */
const bulkPrefix = (i) => tables[0].intern4((0x0a000000 + i * 256) >>> 0, 24);

const commands = {
  define: ({ id, forwarding }) => fib.defineForwarding(id, forwarding),
  release: ({ id }) => fib.releaseForwarding(id),
  route: ({ prefix, forwarding, metricClass }) => {
    const [family, id] = ids(prefix);
    fib.setRoute(family, id, forwarding, metricClass ?? 0);
  },
  bulk: async ({ count, forwarding, forwardings }) => {
    const begin = performance.now();
    for (let i = 0; i < count; i++)
      fib.setRoute(0, bulkPrefix(i), forwardings ? forwardings[i % forwardings.length] : forwarding);
    const set = performance.now();
    await fib.fence();
    return { setMs: Math.round(set - begin), totalMs: Math.round(performance.now() - begin) };
  },
  idle: ({ prefix }) => fib.isIdle(...ids(prefix)),
  fence: () => fib.fence(),
  overlay: ({ state }) => fib.setOverlay(state),
  overlayChange: ({ change }) => fib.changeOverlay(change),
  overlayFence: () => fib.overlayFence(),
  sweep: () => fib.sweep(),
  rows: ({ prefix, family }) =>
    fib.rows(family ?? parsePrefix(prefix).family, prefix ? parsePrefix(prefix) : null, 100),
  walk: async ({ family }) => {
    let rows = 0;
    for await (const page of fib.walk(family)) rows += page.length;
    return rows;
  },
  statistics: () => fib.statistics(),
  configure: ({ settings: changed }) => fib.configure({ ...kernel, ...changed }),
  memory: () => process.memoryUsage(),
  close: async ({ routes }) => {
    await fib.close(routes);
    setImmediate(() => process.exit(0));
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { request, command, ...rest } = JSON.parse(line);
  try {
    say({ request, result: (await commands[command](rest)) ?? null });
  } catch (error) {
    say({ request, error: String(error) });
  }
}
