/** Next hops as keys of maps and tries, ways out compared, and the steps to them. */
import { type Address, IPV4, networkOf, type Prefix, sameAddress } from '../address/index.js';
import type { ConnectedAddress, ResolvedHop } from './next-hops.js';

/** What one step of a resolution found; `off link`: a link-local address of a link that is not ours. */
type ResolvedBy =
  | 'connected'
  | 'kernel'
  | 'route'
  | 'interface'
  | 'own address'
  | 'off link'
  | 'unstable'
  | 'nothing';

/** One step of a resolution, for people. */
export interface ResolutionStep {
  readonly address: Address;
  readonly by: ResolvedBy;
  readonly prefix: Prefix | null;
  readonly hops: readonly ResolvedHop[];
}

/** `scope`: interface of a link-local address, else 0. `global`: the address beside it, where there is one. */
export function keyOf(
  { family, a, b, c, d }: Address,
  scope: number,
  global: Address | null,
): string | number {
  if (family !== IPV4) {
    const key = `${a}:${b}:${c}:${d}:${scope}`;
    return global === null ? key : `${key} of ${global.a}:${global.b}:${global.c}:${global.d}`;
  }
  return scope === 0 ? a : `4:${a}:${scope}`;
}

export function connectedNetwork(connected: ConnectedAddress): Prefix {
  return networkOf(connected.peer ?? connected.address, connected.address.length);
}

export function hostPrefix(address: Address): Prefix {
  return { ...address, length: address.family === IPV4 ? 32 : 128 };
}

export function sameHop(x: ResolvedHop, y: ResolvedHop): boolean {
  if (x.ifindex !== y.ifindex) return false;
  return x.gateway === null || y.gateway === null
    ? x.gateway === y.gateway
    : sameAddress(x.gateway, y.gateway);
}

export function sameHops(x: readonly ResolvedHop[], y: readonly ResolvedHop[]): boolean {
  return x.length === y.length && x.every((hop, i) => sameHop(hop, y[i]));
}

export function sameConnected(x: readonly ConnectedAddress[], y: readonly ConnectedAddress[]): boolean {
  const same = (one: ConnectedAddress, other: ConnectedAddress): boolean =>
    one.ifindex === other.ifindex &&
    one.address.length === other.address.length &&
    sameAddress(one.address, other.address) &&
    (one.peer === null || other.peer === null ? one.peer === other.peer : sameAddress(one.peer, other.peer));
  return x.length === y.length && x.every((one, i) => same(one, y[i]));
}

export function sameIndexes(x: ReadonlySet<number>, y: ReadonlySet<number>): boolean {
  if (x.size !== y.size) return false;
  for (const index of x) if (!y.has(index)) return false;
  return true;
}
