/** The IPv6 table: real prefixes over sessions that run over IPv6 (RFC 4760, 2545), with generated attributes. */
import { isIPv6 } from 'node:net';
import type { DaemonRecipe } from '../daemons/index.js';
import { type Load, type LoadOptions, scaled } from '../load.js';
import { Holding, play } from '../model.js';
import { type Scenario, scenario } from '../scenario.js';
import { feederAsn } from '../scene.js';
import { feederAddress } from '../stage.js';
import { assemble6, generatedAttributes, type RouteGroup, randomNumbers, readCompressed } from '../tables.js';
import { externalView, realData } from './feeds.js';
import { runTable, tableFigures } from './table-phases.js';

/** The 16 octets of an IPv6 address in hexadecimal groups. */
function octets(text: string): Buffer {
  const [head, tail] = text.split('::');
  const words = (part: string | undefined): string[] => (part ? part.split(':') : []);
  const [left, right] = [words(head), words(tail)];
  const zeros = tail === undefined ? [] : Array.from({ length: 8 - left.length - right.length }, () => '0');
  const bytes = Buffer.alloc(16);
  [...left, ...zeros, ...right].forEach(
    (word, i) => void bytes.writeUInt16BE(Number.parseInt(word, 16), 2 * i),
  );
  return bytes;
}

function nlri(prefix: string): Buffer {
  const [address, length] = prefix.split('/');
  const bits = Number(length);
  return Buffer.concat([Buffer.from([bits]), octets(address).subarray(0, (bits + 7) >> 3)]);
}

function ipv6Scenario(daemon: DaemonRecipe, options: LoadOptions): Scenario {
  const view = externalView(daemon);
  const count = options.prefixes ?? scaled(160_147, options);
  return scenario(`ipv6 ${count} ${view.prepend}`, (made) => {
    const file = realData('prefixes.2025.txt.gz');
    if (file === null)
      made.notes.push('real prefixes are not on this machine: generated ones stand in for them');
    const prefixes =
      file === null
        ? Array.from(
            { length: count },
            (_, i) => `2a00:${(i >> 12).toString(16)}:${(i & 4095).toString(16)}::/48`,
          )
        : readCompressed(file)
            .toString('latin1')
            .split(/\r?\n/)
            .filter((line) => isIPv6(line.split('/')[0]))
            .slice(0, count);
    const random = randomNumbers();
    const groups: RouteGroup[] = [];
    for (let at = 0; at < prefixes.length; ) {
      const some = prefixes.slice(at, at + 1 + (random() % 9));
      at += some.length;
      const attributes = generatedAttributes(random, feederAsn(0), null);
      groups.push({ attributes, nlri: Buffer.concat(some.map(nlri)), count: some.length });
    }
    const table = assemble6(groups, octets(feederAddress(0, 6)));
    const full = new Holding(made.universe);
    play(made.universe, full, table.updates, view);
    if (full.count !== prefixes.length)
      throw new Error(`${full.count} of ${prefixes.length} prefixes differ`);
    made.blob('announce', table.updates);
    made.blob('withdraw', table.withdrawals);
    made.expect('full', full);
  });
}

export const ipv6: Load = {
  name: 'ipv6',
  title: '160,147 real IPv6 prefixes of 2025 from one feeder to one sink',
  figures: tableFigures({}),
  run(daemon, options) {
    const run = {
      scenario: ipv6Scenario(daemon, options),
      feeders: 1,
      sinks: 1,
      family: 6 as const,
      announce: () => 'announce',
      withdraw: () => 'withdraw',
      expect: 'full',
    };
    return runTable(daemon, run, options);
  },
};
