/**
 * The neighbours and the forwarding table (FDB) of one tunnel device: what is desired, what was seen, and what is to be
 * written. Pure.
 *
 * A packet finds the neighbour by its route and the FDB entry by the neighbour. So whatever is new is written from the
 * end of that chain, and whatever goes is removed from its beginning: FDB entry, neighbour, (route); (route), neighbour,
 * FDB entry.
 */
import { type Address, formatAddress, sameAddress } from '../../address/index.js';
import { type FdbEntry, type Neighbour, NTF_SELF, NUD_PERMANENT } from '../../netlink/index.js';
import type { OverlayFdbEntry, OverlayNeighbour } from '../../overlay/index.js';

export interface DesiredEntries {
  /** By the text of the address. */
  readonly neighbours: ReadonlyMap<string, OverlayNeighbour>;
  /** By MAC. */
  readonly fdb: ReadonlyMap<string, OverlayFdbEntry>;
}

export interface SeenNeighbour {
  readonly address: Address;
  readonly mac: string | null;
}

export interface SeenFdbEntry {
  /** null: what is seen of this MAC is nothing that is ever desired: several destinations, a port of its own. */
  readonly destination: Address | null;
}

/** Only what is permanent: the rest is the kernel's. */
export interface SeenEntries {
  readonly neighbours: Map<string, SeenNeighbour>;
  readonly fdb: Map<string, SeenFdbEntry>;
}

export type EntryOperation =
  | { readonly kind: 'setFdb'; readonly mac: string; readonly destination: Address }
  | { readonly kind: 'setNeighbour'; readonly address: Address; readonly mac: string }
  | { readonly kind: 'removeNeighbour'; readonly address: Address }
  | { readonly kind: 'removeFdb'; readonly mac: string };

export function noEntries(): SeenEntries {
  return { neighbours: new Map(), fdb: new Map() };
}

/** Takes in a neighbour that the kernel has, or tells of. */
export function noteNeighbour(seen: SeenEntries, neighbour: Neighbour): void {
  const key = formatAddress(neighbour.address);
  if (neighbour.deleted || (neighbour.state & NUD_PERMANENT) === 0) seen.neighbours.delete(key);
  else seen.neighbours.set(key, { address: neighbour.address, mac: neighbour.mac });
}

/** Whether an FDB entry is one of those that could be ours: permanent, the device's own, to one unicast MAC. */
export function isCandidate(entry: FdbEntry): boolean {
  if ((entry.state & NUD_PERMANENT) === 0 || (entry.flags & NTF_SELF) === 0) return false;
  const first = Number.parseInt(entry.mac.slice(0, 2), 16);
  return (first & 1) === 0 && entry.mac !== '00:00:00:00:00:00';
}

/** Takes in an FDB entry of a dump. */
export function noteFdbEntry(seen: SeenEntries, entry: FdbEntry): void {
  if (!isCandidate(entry)) return;
  const plain = entry.port === null && entry.vni === null && entry.via === null;
  const destination = plain && !seen.fdb.has(entry.mac) ? entry.destination : null;
  seen.fdb.set(entry.mac, { destination });
}

/**
 * What is to be written, in order.
 * @param inUse Whether routes still lead to a neighbour.
 */
export function planEntries(
  desired: DesiredEntries,
  seen: SeenEntries,
  inUse: (address: Address) => boolean,
): EntryOperation[] {
  const operations: EntryOperation[] = [];
  for (const [mac, { destination }] of desired.fdb) {
    const entry = seen.fdb.get(mac);
    if (entry?.destination == null || !sameAddress(entry.destination, destination))
      operations.push({ kind: 'setFdb', mac, destination });
  }
  for (const [key, { address, mac }] of desired.neighbours) {
    if (seen.neighbours.get(key)?.mac !== mac) operations.push({ kind: 'setNeighbour', address, mac });
  }
  // MACs that somebody is reached by, once the above is written.
  const used = new Set<string>();
  for (const { mac } of desired.neighbours.values()) used.add(mac);
  for (const [key, { address, mac }] of seen.neighbours) {
    if (desired.neighbours.has(key)) continue;
    if (!inUse(address)) operations.push({ kind: 'removeNeighbour', address });
    else if (mac !== null) used.add(mac);
  }
  for (const mac of seen.fdb.keys())
    if (!desired.fdb.has(mac) && !used.has(mac)) operations.push({ kind: 'removeFdb', mac });
  return operations;
}

/** Entries by what the kernel tells them apart by: texts of addresses, MACs. */
export interface EntryKeys {
  readonly neighbours: Set<string>;
  readonly fdb: Set<string>;
}

export function noKeys(): EntryKeys {
  return { neighbours: new Set(), fdb: new Set() };
}

/** As `planEntries`, where all but these entries are as desired: of thousands of nodes, one changes. */
export function planChanged(
  desired: DesiredEntries,
  seen: SeenEntries,
  inUse: (address: Address) => boolean,
  { neighbours, fdb }: EntryKeys,
): EntryOperation[] {
  const changed: SeenEntries = noEntries();
  const wanted = {
    neighbours: new Map<string, OverlayNeighbour>(),
    fdb: new Map<string, OverlayFdbEntry>(),
  };
  pick(neighbours, desired.neighbours, wanted.neighbours);
  pick(neighbours, seen.neighbours, changed.neighbours);
  pick(fdb, desired.fdb, wanted.fdb);
  pick(fdb, seen.fdb, changed.fdb);
  const operations = planEntries(wanted, changed, inUse);
  if (!operations.some(({ kind }) => kind === 'removeFdb')) return operations;
  // A MAC goes only where none of the others is reached by it either.
  const used = new Set<string>();
  for (const { mac } of desired.neighbours.values()) used.add(mac);
  return operations.filter((operation) => operation.kind !== 'removeFdb' || !used.has(operation.mac));
}

function pick<T>(keys: ReadonlySet<string>, from: ReadonlyMap<string, T>, into: Map<string, T>): void {
  for (const key of keys) {
    const entry = from.get(key);
    if (entry !== undefined) into.set(key, entry);
  }
}

/** What is seen and not desired: of these entries, or (null) of all. */
export function surplusOf(desired: DesiredEntries, seen: SeenEntries, among: EntryKeys | null): EntryKeys {
  const surplus = noKeys();
  for (const key of among?.neighbours ?? seen.neighbours.keys())
    if (seen.neighbours.has(key) && !desired.neighbours.has(key)) surplus.neighbours.add(key);
  for (const mac of among?.fdb ?? seen.fdb.keys())
    if (seen.fdb.has(mac) && !desired.fdb.has(mac)) surplus.fdb.add(mac);
  return surplus;
}

/** What is seen once the kernel has done an operation. */
export function applied(seen: SeenEntries, operation: EntryOperation): void {
  switch (operation.kind) {
    case 'setFdb':
      seen.fdb.set(operation.mac, { destination: operation.destination });
      break;
    case 'setNeighbour': {
      const { address, mac } = operation;
      seen.neighbours.set(formatAddress(address), { address, mac });
      break;
    }
    case 'removeNeighbour':
      seen.neighbours.delete(formatAddress(operation.address));
      break;
    case 'removeFdb':
      seen.fdb.delete(operation.mac);
      break;
  }
}

/** Whether a neighbour that the kernel tells of is what was last seen: then there is nothing to look at. */
export function isKnownNeighbour(seen: SeenEntries, neighbour: Neighbour): boolean {
  const known = seen.neighbours.get(formatAddress(neighbour.address));
  if (neighbour.deleted || (neighbour.state & NUD_PERMANENT) === 0) return known === undefined;
  return known !== undefined && known.mac === neighbour.mac;
}

/** Likewise of an FDB entry. */
export function isKnownFdbEntry(seen: SeenEntries, entry: FdbEntry): boolean {
  const known = seen.fdb.get(entry.mac);
  if (entry.deleted || !isCandidate(entry)) return known === undefined;
  if (known?.destination == null || entry.destination === null) return false;
  const plain = entry.port === null && entry.vni === null && entry.via === null;
  return plain && sameAddress(known.destination, entry.destination);
}
