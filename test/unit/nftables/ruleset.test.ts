import { describe, expect, it } from 'vitest';
import { parsePrefix } from '../../../src/address/index.js';
import { natTable } from '../../../src/nftables/index.js';
import { comparable } from '../../../src/nftables/ruleset.js';

const pool = (text: string, natOutgoing: boolean) => {
  const cidr = parsePrefix(text);
  if (cidr === null) throw new Error(text);
  return { cidr, natOutgoing };
};

interface Command {
  add?: {
    set?: { name: string; elem?: { prefix: { addr: string; len: number } }[] };
    rule?: { chain: string; expr: object[] };
  };
}

const setsOf = (commands: object[] | null) =>
  Object.fromEntries(
    ((commands ?? []) as Command[]).flatMap(({ add }) =>
      add?.set === undefined
        ? []
        : [[add.set.name, (add.set.elem ?? []).map(({ prefix }) => `${prefix.addr}/${prefix.len}`)]],
    ),
  );

describe('the table of address translation', () => {
  it('is not there where no pool asks for it', () => {
    expect(natTable([])).toBeNull();
    expect(natTable([pool('10.0.0.0/8', false)])).toBeNull();
  });

  it('knows all pools, and those whose packets get our address; a pool in another counts once', () => {
    const commands = natTable([
      pool('10.1.0.0/16', true),
      pool('10.1.2.0/24', true),
      pool('10.2.0.0/16', false),
      pool('fd00::/16', false),
    ]);
    expect(setsOf(commands)).toEqual({
      pools4: ['10.1.0.0/16', '10.2.0.0/16'],
      nat4: ['10.1.0.0/16'],
      pools6: ['fd00::/16'],
      nat6: [],
    });
  });

  it('has no rules of a family without pools', () => {
    const text = JSON.stringify(natTable([pool('10.1.0.0/16', true)]));
    expect(text).not.toContain('ip6');
    expect(text).not.toContain('pools6');
  });

  it('replaces what there is of it in one transaction', () => {
    const commands = natTable([pool('10.1.0.0/16', true)]) ?? [];
    expect(commands.slice(0, 3).map((command) => Object.keys(command)[0])).toEqual(['add', 'delete', 'add']);
  });

  it('is compared without handles', () => {
    const listing = (handle: number) =>
      JSON.stringify({ nftables: [{ metainfo: { version: 'x' } }, { table: { name: 'tartan', handle } }] });
    expect(comparable(listing(1))).toBe(comparable(listing(2)));
    expect(comparable(listing(1))).not.toBe(comparable(listing(1).replace('tartan', 'other')));
  });
});
