/**
 * Watches the kernel's neighbour table for routers on links: entries with a link-local address whose owner has said
 * that it is a router. Runs beside the programmer, with sockets of its own, and only while somebody wants to know: on a
 * machine with many neighbours their comings and goings are many, and of those this tells main the few that matter.
 */
import { formatAddress, IPV6, isLinkLocal } from '../address/index.js';
import {
  decodeNeighbour,
  type Neighbour,
  NetlinkMonitor,
  NetlinkSocket,
  NTF_ROUTER,
  NUD_VALID,
  neighbourDumpRequest,
  neighbourFamily,
  RTM_DELNEIGH,
  RTM_NEWNEIGH,
  RTNLGRP_NEIGH,
} from '../netlink/index.js';
import type { LinkRouter } from './types.js';

const RECEIVE_BUFFER_BYTES = 1024 * 1024;
/** Rest before the table is read again. */
const DUMP_REST_MS = 200;

interface Known extends LinkRouter {
  readonly order: number;
}

const keyOf = ({ ifindex, address }: Neighbour) => `${ifindex} ${formatAddress(address)}`;

/** The routers among neighbours as they are told of, those that were first seen as such last at the end. Pure. */
export class LinkRouters {
  private known = new Map<string, Known>();
  private next = 0;

  /** Takes one neighbour; returns whether the list is another now. */
  note(neighbour: Neighbour): boolean {
    const key = keyOf(neighbour);
    const before = this.known.get(key);
    const { ifindex, address, mac, flags, state, deleted } = neighbour;
    if (deleted || (flags & NTF_ROUTER) === 0 || address.family !== IPV6 || !isLinkLocal(address)) {
      return this.known.delete(key);
    }
    const reachable = (state & NUD_VALID) !== 0;
    if (before !== undefined && before.mac === mac && before.reachable === reachable) return false;
    this.known.set(key, { ifindex, address, mac, reachable, order: before?.order ?? this.next++ });
    return true;
  }

  /** Takes the whole table; returns whether the list is another now. */
  replace(neighbours: readonly Neighbour[]): boolean {
    const before = this.known;
    this.known = new Map();
    const byAge = [...neighbours].sort((x, y) => y.age - x.age);
    for (const neighbour of byAge) {
      const known = before.get(keyOf(neighbour));
      if (known !== undefined) this.known.set(keyOf(neighbour), known);
      this.note(neighbour);
    }
    return (
      this.known.size !== before.size || [...this.known].some(([key, value]) => before.get(key) !== value)
    );
  }

  list(): LinkRouter[] {
    return [...this.known.values()]
      .sort((x, y) => x.order - y.order)
      .map(({ ifindex, address, mac, reachable }) => ({ ifindex, address, mac, reachable }));
  }
}

export interface NeighbourWatchHost {
  routers(list: readonly LinkRouter[]): void;
  failed(error: unknown): void;
}

export class NeighbourWatch {
  private readonly socket = new NetlinkSocket();
  private readonly monitor: NetlinkMonitor;
  private readonly routers = new LinkRouters();
  private dumping = false;
  private dumpAgain = false;
  private waiting: Neighbour[] = [];
  private told = false;
  private scheduled = false;
  private timer: NodeJS.Timeout | null = null;
  private closed = false;

  /** Watches from here on, and tells the list as soon as it is read. Throws where there is no netlink. */
  constructor(private readonly host: NeighbourWatchHost) {
    try {
      this.monitor = new NetlinkMonitor({
        groups: [RTNLGRP_NEIGH],
        receiveBufferBytes: RECEIVE_BUFFER_BYTES,
        onMessage: (type, bytes, start, end) => {
          if (type !== RTM_NEWNEIGH && type !== RTM_DELNEIGH) return;
          if (neighbourFamily(bytes, start) !== IPV6) return;
          const neighbour = decodeNeighbour(bytes, start, end);
          if (neighbour === null || !isLinkLocal(neighbour.address)) return;
          if (this.dumping) this.waiting.push(neighbour);
          else if (this.routers.note(neighbour)) this.tellSoon();
        },
        onOverflow: () => void this.dump(),
      });
    } catch (error) {
      this.socket.close();
      throw error;
    }
    void this.dump();
  }

  close(): void {
    this.closed = true;
    if (this.timer !== null) clearTimeout(this.timer);
    this.monitor.close();
    this.socket.close();
  }

  private async dump(): Promise<void> {
    if (this.dumping) {
      this.dumpAgain = true;
      return;
    }
    this.dumping = true;
    this.dumpAgain = false;
    try {
      let all: Neighbour[] = [];
      await this.socket.dump(
        neighbourDumpRequest(),
        (_type, bytes, start, end) => {
          const neighbour = decodeNeighbour(bytes, start, end);
          if (neighbour !== null) all.push(neighbour);
        },
        () => {
          all = [];
        },
      );
      if (this.routers.replace(all) || !this.told) this.tellSoon();
    } catch (error) {
      if (this.closed) return;
      this.host.failed(error);
      this.dumpAgain = true;
    }
    this.dumping = false;
    for (const neighbour of this.waiting.splice(0)) if (this.routers.note(neighbour)) this.tellSoon();
    if (!this.dumpAgain || this.closed) return;
    this.timer = setTimeout(() => void this.dump(), DUMP_REST_MS);
  }

  /** Once per turn of the event loop at most. */
  private tellSoon(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    setImmediate(() => {
      this.scheduled = false;
      if (this.closed) return;
      this.told = true;
      this.host.routers(this.routers.list());
    });
  }
}
