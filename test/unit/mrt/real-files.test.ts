import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { MrtRow } from '../../../src/bgp/mrt/index.js';
import { readMrtFile } from '../../../src/cli/mrt-file.js';

/** Files of RouteViews and RIS, which are too large for the project: they lie beside a checkout, or nowhere. */
const data = fileURLToPath(new URL('../../../../shared/data/', import.meta.url));
const here = (name: string): boolean => {
  const found = existsSync(data + name);
  if (!found) console.warn(`skipped: there is no ${data}${name}`);
  return found;
};

interface Count {
  types: Record<string, number>;
  prefixes: number;
  peers: number;
  errors: string[];
  /** Why the file could not be read to its end. */
  broken: string | null;
}

async function count(name: string, accept: (row: MrtRow) => boolean = () => true): Promise<Count> {
  const types: Record<string, number> = {};
  const prefixes = new Set<string>();
  const peers = new Set<string>();
  const errors: string[] = [];
  let broken: string | null = null;
  try {
    for await (const row of readMrtFile(data + name)) {
      if (!accept(row)) continue;
      types[row.type] = (types[row.type] ?? 0) + 1;
      if ('prefix' in row) prefixes.add(row.prefix);
      if ('peer' in row) peers.add(`${row.peer} ${row.asn}`);
      if ('error' in row && row.error !== undefined) errors.push(row.error);
    }
  } catch (error) {
    broken = (error as Error).message;
  }
  return { types, prefixes: prefixes.size, peers: peers.size, errors, broken };
}

const ipv4 = 'rib.ipv4.20140530.jinx.mrt.bz2';
const ipv6 = 'rib.ipv6.20151101.firstMB.mrt.bz2';
const updates = 'updates.20190101.mrt.gz';

describe("other people's files", () => {
  it.skipIf(!here(ipv4))(
    'a whole table of IPv4 reads to its last entry',
    async () => {
      expect(await count(ipv4)).toEqual({
        types: { peers: 1, route: 503_590 },
        prefixes: 497_407,
        peers: 14,
        errors: [],
        broken: null,
      });
    },
    120_000,
  );

  it.skipIf(!here(ipv6))(
    'the beginning of a table of IPv6 reads as far as it decompresses, and says that it breaks off',
    async () => {
      const { types, prefixes, peers, errors, broken } = await count(ipv6);
      // How much of a broken stream comes out is up to the decompressor.
      expect(types.route).toBeGreaterThanOrEqual(142_461);
      expect(prefixes).toBeGreaterThanOrEqual(6_582);
      expect(peers).toBe(27);
      expect(errors).toEqual([]);
      expect(broken).toContain('Compressed file ends unexpectedly');
    },
    120_000,
  );

  it.skipIf(!here(updates))(
    "five minutes of a collector's updates read whole",
    async () => {
      const all = await count(updates);
      expect(all).toMatchObject({ errors: [], broken: null });
      expect(Object.keys(all.types).sort()).toEqual(['announce', 'keepalive', 'state', 'withdraw']);
      const announced = await count(updates, (row) => row.type === 'announce' && !row.prefix.includes(':'));
      expect(announced.types.announce).toBe(150_389);
    },
    120_000,
  );
});
