/**
 * Address translation for what leaves the pools, by nftables in a table of our own.
 *
 * The table is written whole, in one transaction, with `nft -j COMMANDS`; other tables are not touched. Whoever changes or
 * flushes it is heard of by `nft monitor`, and the table is compared with what was written and written again.
 *
 *     pools ──natTable──▶ commands ──▶ NatKeeper ──▶ nft        (the kernel's rules)
 *                                          ▲───────── nft monitor: look again
 *
 * An `accept` in a table of ours does not undo a `drop` in somebody else's: a firewall that drops forwarded packets must
 * let the pools through itself.
 */
export { NatKeeper, type NatKeeperHost, removeNatTable } from './keeper.js';
export { type NatPool, natTable, tableName } from './ruleset.js';
