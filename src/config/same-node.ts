import { type Address, type Prefix, sameAddress } from '../address/index.js';
import type { NodeConfig, VtepConfig } from './router.js';

function sameLists<T>(x: readonly T[], y: readonly T[], isSame: (x: T, y: T) => boolean): boolean {
  return x.length === y.length && x.every((item, i) => isSame(item, y[i]));
}

function sameOrNull<T>(x: T | null, y: T | null, isSame: (x: T, y: T) => boolean): boolean {
  return x === null || y === null ? x === y : isSame(x, y);
}

const samePrefix = (x: Prefix, y: Prefix) => x.length === y.length && sameAddress(x, y);
const sameVtep = (x: VtepConfig, y: VtepConfig) => x.mac === y.mac && sameAddress(x.address, y.address);
const sameWithLength = (
  x: { readonly address: Address; readonly length: number | null },
  y: { readonly address: Address; readonly length: number | null },
) => x.length === y.length && sameAddress(x.address, y.address);

/**
 * Of two lists of nodes what is left without the beginning and the end that they share. A document that was read again has the
 * same objects where it says the same, so that of thousands of nodes hardly any are left.
 */
export function withoutShared(
  old: readonly NodeConfig[],
  next: readonly NodeConfig[],
): readonly [readonly NodeConfig[], readonly NodeConfig[]] {
  const shorter = Math.min(old.length, next.length);
  let first = 0;
  while (first < shorter && old[first] === next[first]) first++;
  let last = 0;
  while (last < shorter - first && old[old.length - 1 - last] === next[next.length - 1 - last]) last++;
  return [old.slice(first, old.length - last), next.slice(first, next.length - last)];
}

/** Whether two documents say the same of a node. */
export function sameNode(x: NodeConfig, y: NodeConfig): boolean {
  if (x === y) return true;
  return (
    x.name === y.name &&
    sameLists(x.addresses, y.addresses, sameWithLength) &&
    sameLists(x.podCidrs, y.podCidrs, samePrefix) &&
    sameOrNull(x.vteps[0], y.vteps[0], sameVtep) &&
    sameOrNull(x.vteps[1], y.vteps[1], sameVtep) &&
    sameOrNull(x.ipipAddress, y.ipipAddress, sameAddress) &&
    sameOrNull(x.receives, y.receives, (all, others) => sameLists(all, others, Object.is))
  );
}
