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
