/** Links and addresses, from a dump or from notifications. A change is told by what it may have done to routes. */
import { type Address, type FamilyIndex, formatPrefix, sameAddress } from '../address/index.js';
import type { Link, LinkAddress } from '../netlink/index.js';
import type { InterfaceAddress, LinkState } from './types.js';

/** What a change means for routes. */
export const NOTHING = 0 as const;
/** Worth telling main. */
export const CHANGED = 1 as const;
/** What was refused may now be possible. */
export const GAINED = 2 as const;
/** The kernel may have removed routes without a word. */
export const LOST = 3 as const;
export type InterfaceChange = typeof NOTHING | typeof CHANGED | typeof GAINED | typeof LOST;

function linkState(link: Link): LinkState {
  const { ifindex, name, up, mtu, mac } = link;
  return { ifindex, name, up, mtu, mac };
}

function addressKey(ifindex: number, address: LinkAddress['address']): string {
  return `${ifindex} ${formatPrefix(address)}`;
}

export class Interfaces {
  private links = new Map<number, LinkState>();
  private addresses = new Map<string, InterfaceAddress>();
  private dumpedLinks = new Map<number, LinkState>();
  private dumpedAddresses = new Map<string, InterfaceAddress>();

  allLinks(): LinkState[] {
    return [...this.links.values()];
  }

  allAddresses(): InterfaceAddress[] {
    return [...this.addresses.values()];
  }

  hasAddress(family: FamilyIndex, address: Address): boolean {
    for (const known of this.addresses.values()) {
      if (known.address.family === family && sameAddress(known.address, address) && !known.tentative)
        return true;
    }
    return false;
  }

  linkNotified(link: Link): InterfaceChange {
    const before = this.links.get(link.ifindex);
    if (link.deleted) {
      if (before === undefined) return NOTHING;
      this.links.delete(link.ifindex);
      return LOST;
    }
    const now = linkState(link);
    this.links.set(link.ifindex, now);
    if (before !== undefined && before.up !== now.up) return now.up ? GAINED : LOST;
    if (before === undefined) return GAINED;
    return before.name === now.name && before.mtu === now.mtu && before.mac === now.mac ? NOTHING : CHANGED;
  }

  addressNotified(change: LinkAddress): InterfaceChange {
    const key = addressKey(change.ifindex, change.address);
    const before = this.addresses.get(key);
    if (change.deleted) {
      if (before === undefined) return NOTHING;
      this.addresses.delete(key);
      return LOST;
    }
    const { ifindex, address, peer, scope, tentative } = change;
    this.addresses.set(key, { ifindex, address, peer, scope, tentative });
    if (before === undefined || before.tentative !== tentative) return GAINED;
    const samePeer =
      peer === null || before.peer === null ? peer === before.peer : sameAddress(peer, before.peer);
    return samePeer && before.scope === scope ? NOTHING : CHANGED;
  }

  beginDump(): void {
    this.dumpedLinks = new Map();
    this.dumpedAddresses = new Map();
  }

  linkDumped(link: Link): void {
    this.dumpedLinks.set(link.ifindex, linkState(link));
  }

  addressDumped({ ifindex, address, peer, scope, tentative }: LinkAddress): void {
    this.dumpedAddresses.set(addressKey(ifindex, address), { ifindex, address, peer, scope, tentative });
  }

  /**
   * What the dump shows that was not known: its notification, read later, then says nothing new. What was lost is no more
   * than a change here, as the dump goes on to the routes.
   */
  endDump(): InterfaceChange {
    const text = () => JSON.stringify([[...this.links], [...this.addresses]]);
    const before = text();
    const { links, addresses } = this;
    this.links = this.dumpedLinks;
    this.addresses = this.dumpedAddresses;
    if (text() === before) return NOTHING;
    for (const { ifindex, up } of this.links.values()) {
      const known = links.get(ifindex);
      if (known === undefined || (up && !known.up)) return GAINED;
    }
    for (const [key, { tentative }] of this.addresses) {
      if (addresses.get(key)?.tentative !== tentative) return GAINED;
    }
    return CHANGED;
  }
}
