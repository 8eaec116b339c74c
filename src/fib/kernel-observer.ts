/**
 * Reads the kernel: dumps, and notifications of what others change. While a dump runs, notifications wait and are read
 * after it in the order they came: one that the dump already shows then does no harm.
 */
import {
  addressDumpRequest,
  type ObservedNexthop as DecodedNexthop,
  decodeLink,
  decodeLinkAddress,
  decodeNexthop,
  linkDumpRequest,
  NetlinkError,
  NetlinkMonitor,
  NetlinkSocket,
  nexthopDumpRequest,
  RouteView,
  RTM_DELADDR,
  RTM_DELLINK,
  RTM_DELNEXTHOP,
  RTM_DELROUTE,
  RTM_NEWADDR,
  RTM_NEWLINK,
  RTM_NEWNEXTHOP,
  RTM_NEWROUTE,
  RTNLGRP_IPV4_IFADDR,
  RTNLGRP_IPV4_ROUTE,
  RTNLGRP_IPV6_IFADDR,
  RTNLGRP_IPV6_ROUTE,
  RTNLGRP_LINK,
  RTNLGRP_NEXTHOP,
  routeDumpRequest,
} from '../netlink/index.js';
import type { ForeignRoutes } from './foreign-routes.js';
import { GAINED, type InterfaceChange, Interfaces, LOST, NOTHING } from './interfaces.js';
import {
  FIRST_NEXTHOP_ID,
  LAST_NEXTHOP_ID,
  type NexthopObjects,
  type ObservedNexthop,
} from './nexthop-objects.js';
import type { RouteForms } from './route-forms.js';
import { RouteObserver } from './route-observer.js';
import type { RouteReconciler } from './route-reconciler.js';
import type { FibEvent, ForeignRoute, KernelSettings } from './types.js';

const ENOENT = 2;
const EOPNOTSUPP = 95;

export interface KernelObserverHost {
  post(event: FibEvent): void;
  requestDump(reason: string): void;
  /** A link or address came: what was refused may now be possible. */
  gained(): void;
  interfacesChanged(): void;
  /** Notifications were lost: whatever was written since may have met anything. */
  overflowed(): void;
  /** A turn's notifications were read. */
  settled(): void;
}

function observedNexthop(object: DecodedNexthop): ObservedNexthop {
  const { id, protocol, content } = object;
  if (content.kind === 'group') {
    return { id, protocol, family: null, hop: null, group: object.otherGroupType ? null : content.members };
  }
  const { family } = content;
  if (content.kind === 'blackhole' || object.fdb) return { id, protocol, family, hop: null, group: null };
  const { gateway, ifindex, onlink } = content;
  return { id, protocol, family, hop: { gateway, ifindex, weight: 1, onlink }, group: null };
}

export class KernelObserver {
  readonly socket: NetlinkSocket;
  readonly interfaces = new Interfaces();
  private readonly monitor: NetlinkMonitor;
  private readonly routes: RouteObserver;
  private readonly view = new RouteView();
  private dumping = false;
  private waiting: { type: number; bytes: Buffer; start: number; end: number }[] = [];
  /** Events are posted from `ready` on. */
  private telling = false;
  private interfacesUntold = false;
  private foreignAdded: ForeignRoute[] = [];
  private foreignRemoved: ForeignRoute[] = [];
  private turnScheduled = false;
  private hasGained = false;

  constructor(
    settings: KernelSettings,
    private readonly reconcilers: readonly [RouteReconciler, RouteReconciler],
    forms: readonly [RouteForms, RouteForms],
    private readonly foreign: readonly [ForeignRoutes, ForeignRoutes],
    private readonly objects: NexthopObjects,
    private readonly host: KernelObserverHost,
    receiveBufferBytes?: number,
  ) {
    this.socket = new NetlinkSocket();
    this.routes = new RouteObserver(settings, reconcilers, forms, foreign, {
      requestDump: (reason) => this.host.requestDump(reason),
      nexthopHops: (id) => this.objects.hopsOf(id),
      foreignAdded: (route) => {
        if (this.telling) this.foreignAdded.push(route);
      },
      foreignRemoved: (route) => {
        if (this.telling) this.foreignRemoved.push(route);
      },
    });
    this.monitor = new NetlinkMonitor({
      groups: [
        RTNLGRP_LINK,
        RTNLGRP_IPV4_IFADDR,
        RTNLGRP_IPV6_IFADDR,
        RTNLGRP_IPV4_ROUTE,
        RTNLGRP_IPV6_ROUTE,
        RTNLGRP_NEXTHOP,
      ],
      ownPorts: [this.socket.port],
      onMessage: (type, bytes, start, end) => {
        if (this.dumping) this.waiting.push({ type, bytes, start, end });
        else this.notified(type, bytes, start, end);
      },
      onOverflow: () => this.host.overflowed(),
      ...(receiveBufferBytes === undefined ? {} : { receiveBufferBytes }),
    });
  }

  configure(settings: KernelSettings): void {
    this.routes.configure(settings);
  }

  forgetForms(): void {
    this.routes.forgetForms();
  }

  /** Whether others changed something that was not looked at yet. */
  get unread(): boolean {
    return this.dumping || this.monitor.unread;
  }

  startEvents(): void {
    this.telling = true;
  }

  close(): void {
    this.monitor.close();
    this.socket.close();
  }

  /**
   * Reads everything anew: links, addresses, nexthop objects, routes. Rejects when the kernel does not answer.
   * @returns how many routes are not as desired.
   */
  async dump(): Promise<number> {
    this.dumping = true;
    try {
      await this.dumpInterfaces();
      await this.dumpNexthops();
      return await this.dumpRoutes();
    } finally {
      this.dumping = false;
      const { waiting } = this;
      this.waiting = [];
      for (const { type, bytes, start, end } of waiting) this.notified(type, bytes, start, end);
    }
  }

  private async dumpInterfaces(): Promise<void> {
    const { interfaces } = this;
    interfaces.beginDump();
    await this.socket.dump(linkDumpRequest(), (_type, bytes, start, end) => {
      const link = decodeLink(bytes, start, end);
      if (link !== null) interfaces.linkDumped(link);
    });
    await this.socket.dump(addressDumpRequest(), (_type, bytes, start, end) => {
      const address = decodeLinkAddress(bytes, start, end);
      if (address !== null) interfaces.addressDumped(address);
    });
    const change = interfaces.endDump();
    if (change === NOTHING) return;
    this.interfacesUntold = true;
    if (change === GAINED) this.hasGained = true;
    this.scheduleTurn();
  }

  private async dumpNexthops(): Promise<void> {
    let objects: ObservedNexthop[] = [];
    try {
      await this.socket.dump(
        nexthopDumpRequest(),
        (_type, bytes, start, end) => {
          const object = decodeNexthop(bytes, start, end);
          if (object !== null) objects.push(observedNexthop(object));
        },
        () => {
          objects = [];
        },
      );
    } catch (error) {
      // A kernel before 5.3 has none.
      if (!(error instanceof NetlinkError && error.errno === EOPNOTSUPP)) throw error;
    }
    this.objects.observe(objects);
  }

  private async dumpRoutes(): Promise<number> {
    const { view } = this;
    let differences = 0;
    for (const family of [0, 1] as const) {
      const reconciler = this.reconcilers[family];
      const foreign = this.foreign[family];
      foreign.beginDump();
      for (const [i, table] of this.routes.tables.entries()) {
        // Ours are in the first table alone.
        if (i === 0) reconciler.beginDump();
        await this.dumpTable(
          routeDumpRequest(family, { table }),
          (bytes, start, end) => {
            if (view.decode(bytes, start, end) && view.table === table) this.routes.dumped(view);
          },
          () => {
            if (i === 0) reconciler.beginDump();
          },
        );
      }
      foreign.endDump((route) => {
        if (this.telling) this.foreignRemoved.push(route);
      });
      this.routes.forgetForms();
      differences += reconciler.endDump();
    }
    this.scheduleTurn();
    return differences;
  }

  private async dumpTable(
    request: Buffer,
    onRoute: (bytes: Buffer, start: number, end: number) => void,
    onRestart: () => void,
  ): Promise<void> {
    try {
      await this.socket.dump(request, (_type, bytes, start, end) => onRoute(bytes, start, end), onRestart);
    } catch (error) {
      // The table does not exist (yet).
      if (!(error instanceof NetlinkError && error.errno === ENOENT)) throw error;
    }
  }

  private notified(type: number, bytes: Buffer, start: number, end: number): void {
    switch (type) {
      case RTM_NEWROUTE:
      case RTM_DELROUTE:
        if (this.view.decode(bytes, start, end) && this.view.port !== this.socket.port)
          this.routes.notified(this.view);
        break;
      case RTM_NEWLINK:
      case RTM_DELLINK: {
        const link = decodeLink(bytes, start, end);
        if (link !== null) this.interfaceChanged(this.interfaces.linkNotified(link), `link ${link.name}`);
        break;
      }
      case RTM_NEWADDR:
      case RTM_DELADDR: {
        const address = decodeLinkAddress(bytes, start, end);
        if (address !== null) this.interfaceChanged(this.interfaces.addressNotified(address), 'an address');
        break;
      }
      case RTM_NEWNEXTHOP:
      case RTM_DELNEXTHOP: {
        const object = decodeNexthop(bytes, start, end);
        if (object !== null) this.nexthopChanged(object);
        break;
      }
    }
    this.scheduleTurn();
  }

  private interfaceChanged(change: InterfaceChange, what: string): void {
    if (change === NOTHING) return;
    this.interfacesUntold = true;
    if (change === LOST) this.host.requestDump(`${what} went`);
    if (change === GAINED) this.hasGained = true;
  }

  private nexthopChanged(object: DecodedNexthop): void {
    const inOurRange = object.id >= FIRST_NEXTHOP_ID && object.id <= LAST_NEXTHOP_ID;
    // Routes go with their object, without a notification.
    if (object.deleted || inOurRange) this.host.requestDump(`nexthop ${object.id} was changed by another`);
    else this.objects.noteForeign(observedNexthop(object));
  }

  private scheduleTurn(): void {
    if (this.turnScheduled) return;
    this.turnScheduled = true;
    setImmediate(() => this.turn());
  }

  /** Once per turn of the event loop in which something was read. */
  private turn(): void {
    this.turnScheduled = false;
    if (this.telling) {
      if (this.interfacesUntold) {
        this.interfacesUntold = false;
        this.host.interfacesChanged();
        const links = this.interfaces.allLinks();
        this.host.post({ type: 'interfaces', links, addresses: this.interfaces.allAddresses() });
      }
      if (this.foreignAdded.length > 0 || this.foreignRemoved.length > 0) {
        this.host.post({ type: 'foreign', added: this.foreignAdded, removed: this.foreignRemoved });
        this.foreignAdded = [];
        this.foreignRemoved = [];
      }
    }
    if (this.hasGained) {
      this.hasGained = false;
      this.host.gained();
    }
    this.host.settled();
  }
}
