/** Where this node's tunnels begin: its own address, and the interface that has it. Pure. */
import {
  type Address,
  type FamilyIndex,
  formatAddress,
  type Prefix,
  sameAddress,
} from '../../address/index.js';
import type { NodeConfig } from '../../config/router.js';
import type { InterfaceAddress, LinkState } from '../../fib/types.js';

export interface Underlay {
  readonly address: Address;
  readonly ifindex: number;
  readonly device: string;
  readonly mtu: number;
  /** Of the address on its interface. */
  readonly length: number;
}

/** The first of the node's own addresses of the family that an interface has; null: none has one. */
export function findUnderlay(
  own: NodeConfig | null,
  family: FamilyIndex,
  links: readonly LinkState[],
  addresses: readonly InterfaceAddress[],
): Underlay | null {
  for (const { address } of own?.addresses ?? []) {
    if (address.family !== family) continue;
    const at = addresses.find((each) => each.address.family === family && sameAddress(each.address, address));
    const link = at && links.find(({ ifindex }) => ifindex === at.ifindex);
    if (at === undefined || link === undefined) continue;
    const { ifindex, name, mtu } = link;
    return { address, ifindex, device: name, mtu, length: at.address.length };
  }
  return null;
}

/** Our own address with the prefix length of its subnet: as the document says, else as the interface has it. */
export function ownSubnet(
  own: NodeConfig | null,
  family: FamilyIndex,
  underlay: Underlay | null,
): Prefix | null {
  const said = own?.addresses.find(
    ({ address }) =>
      address.family === family && (underlay === null || sameAddress(address, underlay.address)),
  );
  if (said === undefined) return null;
  const length = said.length ?? underlay?.length ?? null;
  return length === null ? null : { ...said.address, length };
}

/** `192.0.2.1/24 on eth0`, for people. */
export function describeUnderlay({ address, length, device }: Underlay): string {
  return `${formatAddress(address)}/${length} on ${device}`;
}
