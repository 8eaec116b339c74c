/** What feeders send in more than one load: generated and real tables, with the state that sinks must reach. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { checkout } from '../checkout.js';
import type { DaemonRecipe } from '../daemons/index.js';
import { Holding, play, type View } from '../model.js';
import { type Scenario, scenario } from '../scenario.js';
import { feederAsn } from '../scene.js';
import { daemonAsn, feederAddress } from '../stage.js';
import { assemble, attribute, fedBy, generatedTable, mrtGroups, type Table, u32 } from '../tables.js';

/** A file of real data, or null where it is not on this machine. */
export function realData(name: string): string | null {
  const path = join(checkout, '../shared/data', name);
  return existsSync(path) ? path : null;
}

export const realTableFile = 'rib.ipv4.20140530.jinx.mrt.bz2';

/** An IPv4 address as a number. */
export function quad(text: string): number {
  return text.split('.').reduce((value, part) => value * 256 + Number(part), 0);
}

/** How the daemon passes on what external peers announce. */
export function externalView(daemon: DaemonRecipe): View {
  return { prepend: daemon.transparent ? null : daemonAsn };
}

/** A generated table of one feeder, with blobs `announce` and `withdraw` and the state `full`; `internal`: by iBGP. */
export function generatedScenario(prefixes: number, daemon: DaemonRecipe, internal = false): Scenario {
  const view = internal ? { prepend: null } : externalView(daemon);
  return scenario(`generated ${prefixes} ${internal} ${view.prepend}`, (made) => {
    const table = generatedTable(prefixes, feederAsn(0), quad(feederAddress(0)), internal);
    const full = new Holding(made.universe);
    play(made.universe, full, table.updates, view);
    if (full.count !== prefixes) throw new Error(`${full.count} prefixes were generated, not ${prefixes}`);
    made.blob('announce', table.updates);
    made.blob('withdraw', table.withdrawals);
    made.expect('full', full);
  });
}

/** The real table, as feeders `0…feeders-1` announce it; `prefixes` of a generated one where it is not at hand. */
export function realTables(
  feeders: number,
  scale: number,
  nextHopOf: (feeder: number) => string = feederAddress,
): { tables: Table[]; notes: string[] } {
  const file = realData(realTableFile);
  const each = (make: (asn: number, nextHop: number) => Table): Table[] =>
    Array.from({ length: feeders }, (_, i) => make(feederAsn(i), quad(nextHopOf(i))));
  if (file === null) {
    const tables = each((asn, nextHop) =>
      generatedTable(Math.max(1, Math.round(497_321 * scale)), asn, nextHop),
    );
    return {
      tables,
      notes: ['the real table is not on this machine: as many generated prefixes stand in for it'],
    };
  }
  const all = mrtGroups(file);
  const groups = all.slice(0, Math.max(1, Math.round(all.length * scale)));
  return { tables: each((asn, nextHop) => fedBy(groups, asn, nextHop)), notes: [] };
}

/**
 * A last word of each feeder: a prefix of its own (of 198.18.0.0/15, RFC 2544), which sinks hear of only when the daemon
 * has read all that came before it.
 */
export function lastWord(feeder: number): Table {
  return assemble([
    {
      attributes: Buffer.concat([
        attribute(0x40, 1, Buffer.from([0])),
        attribute(0x40, 2, Buffer.concat([Buffer.from([2, 1]), u32(feederAsn(feeder))])),
        attribute(0x40, 3, u32(quad(feederAddress(feeder)))),
      ]),
      nlri: Buffer.from([24, 198, 18, feeder]),
      count: 1,
    },
  ]);
}
