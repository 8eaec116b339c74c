/** The table as nft's JSON commands (libnftables-json(5)). Pure. */
import { contains, type FamilyIndex, formatAddress, IPV4, IPV6, type Prefix } from '../address/index.js';

export const tableName = 'tartan';
const family = 'inet';

export interface NatPool {
  readonly cidr: Prefix;
  readonly natOutgoing: boolean;
}

/** What kube-proxy marks for masquerading is its own to masquerade. */
const OTHERS_MARK = 0x4000;

const multicast = [
  { addr: '224.0.0.0', len: 4 },
  { addr: 'ff00::', len: 8 },
] as const;

/** Commands that put the table in place of what there is of it; null: no pool asks for one. */
export function natTable(pools: readonly NatPool[]): object[] | null {
  if (!pools.some(({ natOutgoing }) => natOutgoing)) return null;
  const table = { family, name: tableName };
  const chain = (name: string, type: string, hook: string, prio: number) => ({
    add: { chain: { family, table: tableName, name, type, hook, prio, policy: 'accept' } },
  });
  const rule = (of: string, expr: object[]) => ({
    add: { rule: { family, table: tableName, chain: of, expr } },
  });
  const commands: object[] = [
    // To delete what is not there would fail.
    { add: { table } },
    { delete: { table } },
    { add: { table } },
  ];
  const present = ([IPV4, IPV6] as const).filter((each) => pools.some(({ cidr }) => cidr.family === each));
  for (const each of present) {
    const nat = pools.filter(({ natOutgoing }) => natOutgoing);
    commands.push({ add: { set: set(each, 'pools', pools) } }, { add: { set: set(each, 'nat', nat) } });
  }
  commands.push(
    chain('postrouting', 'nat', 'postrouting', 100),
    chain('forward', 'filter', 'forward', 0),
    rule('postrouting', [
      {
        match: {
          op: '==',
          left: { '&': [{ meta: { key: 'mark' } }, OTHERS_MARK] },
          right: OTHERS_MARK,
        },
      },
      { return: null },
    ]),
  );
  for (const each of present) {
    commands.push(
      rule('postrouting', [
        match(each, 'saddr', '==', `@${setName(each, 'nat')}`),
        match(each, 'daddr', '!=', `@${setName(each, 'pools')}`),
        match(each, 'daddr', '!=', { prefix: multicast[each] }),
        { masquerade: { flags: ['fully-random'] } },
      ]),
      rule('forward', [match(each, 'saddr', '==', `@${setName(each, 'pools')}`), { accept: null }]),
      rule('forward', [match(each, 'daddr', '==', `@${setName(each, 'pools')}`), { accept: null }]),
    );
  }
  return commands;
}

function setName(of: FamilyIndex, name: string): string {
  return `${name}${of === IPV4 ? 4 : 6}`;
}

function set(of: FamilyIndex, name: string, pools: readonly NatPool[]): object {
  const elem = outermost(pools.filter(({ cidr }) => cidr.family === of).map(({ cidr }) => cidr)).map(
    (cidr) => ({ prefix: { addr: formatAddress(cidr), len: cidr.length } }),
  );
  return {
    family,
    table: tableName,
    name: setName(of, name),
    type: of === IPV4 ? 'ipv4_addr' : 'ipv6_addr',
    flags: ['interval'],
    'auto-merge': true,
    ...(elem.length === 0 ? {} : { elem }),
  };
}

/** Those that lie in no other, each once. */
function outermost(prefixes: readonly Prefix[]): Prefix[] {
  return prefixes.filter(
    (prefix, i) =>
      !prefixes.some(
        (other, j) =>
          i !== j &&
          other.length <= prefix.length &&
          (other.length < prefix.length || j < i) &&
          contains(other, prefix),
      ),
  );
}

function match(of: FamilyIndex, field: 'saddr' | 'daddr', op: '==' | '!=', right: unknown): object {
  return {
    match: { op, left: { payload: { protocol: of === IPV4 ? 'ip' : 'ip6', field } }, right },
  };
}

/** A listing of the table without what changes from one listing to the next. */
export function comparable(listing: string): string {
  const { nftables } = JSON.parse(listing) as { nftables: unknown[] };
  return JSON.stringify(nftables, (key, value) =>
    key === 'handle' || key === 'metainfo' ? undefined : value,
  );
}
