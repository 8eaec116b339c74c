/**
 * What peers by interface need of the machine: the kernel's word on who is a router on which link, and our own
 * advertisements there. Neither costs anything while no peer is named by its interface.
 */
import { outlookOf, type Speaker } from '../bgp/speaker/index.js';
import type { Router } from '../config/router.js';
import type { Fib, FibEvent, InterfaceAddress, LinkRouter, LinkState } from '../fib/types.js';
import { type AdvertisedInterface, Advertiser } from '../radv/index.js';

export interface NeighboursOptions {
  readonly fib: Fib;
  readonly speaker: Speaker;
  /** Advertisements can't be sent on an interface. */
  failed(device: string, error: string): void;
}

export class Neighbours {
  private readonly advertiser: Advertiser;
  private links: readonly LinkState[] = [];
  private addresses: readonly InterfaceAddress[] = [];
  private peers: Router['peers'] = [];
  private watching = false;

  constructor(private readonly options: NeighboursOptions) {
    this.advertiser = new Advertiser({ failed: (name, error) => options.failed(name, error) });
  }

  /** The peers of the document; the speaker knows them already. */
  apply({ peers }: Router): void {
    this.peers = peers.filter((peer) => peer.interface !== undefined);
    const wanted = this.peers.length > 0;
    if (wanted !== this.watching) this.options.fib.watchRouters(wanted);
    this.watching = wanted;
    this.options.speaker.interfacePeers.refresh();
    this.advertise();
  }

  interfaces({ links, addresses }: Extract<FibEvent, { type: 'interfaces' }>): void {
    this.links = links;
    this.addresses = addresses;
    this.options.speaker.interfacePeers.look({ links, addresses });
    this.advertise();
  }

  routers(routers: readonly LinkRouter[]): void {
    this.options.speaker.interfacePeers.look({ routers });
  }

  close(): void {
    this.advertiser.close();
  }

  private advertise(): void {
    const surroundings = { links: this.links, addresses: this.addresses, routers: [] };
    this.advertiser.set(
      this.peers.flatMap(({ interface: name, raIntervalSeconds = 0, shutdown }): AdvertisedInterface[] => {
        const link = this.links.find((each) => each.name === name);
        if (link === undefined || shutdown || raIntervalSeconds === 0) return [];
        if (!outlookOf(link.name, surroundings).ready) return [];
        const { ifindex, mac } = link;
        return [{ name: link.name, ifindex, mac, intervalSeconds: raIntervalSeconds }];
      }),
    );
  }
}
