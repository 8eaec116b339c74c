/** The kernel as far as overlays go: reads devices and entries, does single operations, hears of changes. */
import { readFileSync, writeFileSync } from 'node:fs';
import {
  addressAddition,
  addressDumpRequest,
  addressRemoval,
  decodeFdbEntry,
  decodeLink,
  decodeLinkAddress,
  decodeNeighbour,
  type FdbEntry,
  fdbDumpRequest,
  fdbRemoval,
  IFA_F_NODAD,
  isFdbMessage,
  type Link,
  type LinkAddress,
  linkChange,
  linkCreation,
  linkDeletion,
  linkDumpRequest,
  messagePort,
  type Neighbour,
  NetlinkError,
  NetlinkMonitor,
  NetlinkSocket,
  neighbourDumpRequest,
  neighbourLink,
  neighbourRemoval,
  permanentFdbEntry,
  permanentNeighbour,
  RTM_DELADDR,
  RTM_DELLINK,
  RTM_DELNEIGH,
  RTM_NEWADDR,
  RTM_NEWLINK,
  RTM_NEWNEIGH,
  RTNLGRP_IPV4_IFADDR,
  RTNLGRP_IPV4_NETCONF,
  RTNLGRP_IPV6_IFADDR,
  RTNLGRP_IPV6_NETCONF,
  RTNLGRP_LINK,
  RTNLGRP_NEIGH,
} from '../../netlink/index.js';
import { setTxChecksumOffload, txChecksumOffload } from '../../sockopt/index.js';
import type { DeviceOperation, SeenDevice } from './device-plan.js';
import {
  applied,
  type EntryOperation,
  noEntries,
  noteFdbEntry,
  noteNeighbour,
  type SeenEntries,
} from './entry-plan.js';

const EOPNOTSUPP = 95;

export interface OverlayKernelHost {
  linkChanged(link: Link): void;
  /** An address came or went. */
  addressChanged(ifindex: number): void;
  neighbourChanged(neighbour: Neighbour): void;
  fdbChanged(entry: FdbEntry): void;
  sysctlChanged(): void;
  /** Whether somebody wants to know of the neighbours of this link: asked for each notification. */
  wantsEntriesOf(ifindex: number): boolean;
  /** Notifications were lost: anything may be otherwise. */
  overflowed(): void;
}

/** One operation that the kernel refused, and why. */
export interface RefusedEntry {
  readonly operation: EntryOperation;
  readonly code: string;
  readonly text: string;
}

export class OverlayKernel {
  private readonly socket = new NetlinkSocket();
  private readonly monitor: NetlinkMonitor;

  /** Listens from here on. Throws where there is no netlink. */
  constructor(private readonly host: OverlayKernelHost) {
    try {
      this.monitor = new NetlinkMonitor({
        groups: [
          RTNLGRP_LINK,
          RTNLGRP_NEIGH,
          RTNLGRP_IPV4_IFADDR,
          RTNLGRP_IPV6_IFADDR,
          RTNLGRP_IPV4_NETCONF,
          RTNLGRP_IPV6_NETCONF,
        ],
        onMessage: (type, bytes, start, end) => this.notified(type, bytes, start, end),
        onOverflow: () => this.host.overflowed(),
      });
    } catch (error) {
      this.socket.close();
      throw error;
    }
  }

  close(): void {
    this.monitor.close();
    this.socket.close();
  }

  private notified(type: number, bytes: Buffer, start: number, end: number): void {
    switch (type) {
      case RTM_NEWLINK:
      case RTM_DELLINK: {
        const link = decodeLink(bytes, start, end);
        if (link !== null) this.host.linkChanged(link);
        break;
      }
      case RTM_NEWADDR:
      case RTM_DELADDR: {
        const address = decodeLinkAddress(bytes, start, end);
        if (address !== null) this.host.addressChanged(address.ifindex);
        break;
      }
      case RTM_NEWNEIGH:
      case RTM_DELNEIGH:
        this.neighbourNotified(bytes, start, end);
        break;
      default:
        this.host.sysctlChanged();
    }
  }

  /** A machine has many neighbours that come and go: all but those of our few links are put aside unread. */
  private neighbourNotified(bytes: Buffer, start: number, end: number): void {
    if (!this.host.wantsEntriesOf(neighbourLink(bytes, start, end))) return;
    if (isFdbMessage(bytes, start)) {
      const entry = decodeFdbEntry(bytes, start, end);
      if (entry !== null) this.host.fdbChanged(entry);
      return;
    }
    // What we asked for ourselves. FDB entries do not say who did.
    if (messagePort(bytes, start) === this.socket.port) return;
    const neighbour = decodeNeighbour(bytes, start, end);
    if (neighbour !== null) this.host.neighbourChanged(neighbour);
  }

  /** All links by name, with addresses and offloads of those that `wanted` says. */
  async readDevices(wanted: (link: Link) => boolean): Promise<Map<string, SeenDevice>> {
    let links: Link[] = [];
    await this.socket.dump(
      linkDumpRequest(),
      (_type, bytes, start, end) => {
        const link = decodeLink(bytes, start, end);
        if (link !== null) links.push(link);
      },
      () => {
        links = [];
      },
    );
    const addresses = new Map<number, LinkAddress[]>();
    for (const link of links) if (wanted(link)) addresses.set(link.ifindex, []);
    if (addresses.size > 0) {
      await this.socket.dump(
        addressDumpRequest(),
        (_type, bytes, start, end) => {
          const address = decodeLinkAddress(bytes, start, end);
          if (address !== null) addresses.get(address.ifindex)?.push(address);
        },
        () => {
          for (const list of addresses.values()) list.length = 0;
        },
      );
    }
    return new Map(
      links.map((link) => {
        const own = addresses.get(link.ifindex);
        const offload = own === undefined ? null : readOffload(link.name);
        return [link.name, { link, addresses: own ?? [], txChecksumOffload: offload }];
      }),
    );
  }

  /** The permanent neighbours and FDB entries of a link. */
  async readEntries(ifindex: number, hasFdb: boolean): Promise<SeenEntries> {
    const seen = noEntries();
    for (const family of [0, 1] as const) {
      await this.socket.dump(
        neighbourDumpRequest(family, ifindex),
        (_type, bytes, start, end) => {
          const neighbour = decodeNeighbour(bytes, start, end);
          if (neighbour?.ifindex === ifindex) noteNeighbour(seen, neighbour);
        },
        () => {
          for (const [key, { address }] of seen.neighbours)
            if (address.family === family) seen.neighbours.delete(key);
        },
      );
    }
    if (!hasFdb) return seen;
    await this.socket.dump(
      fdbDumpRequest(ifindex),
      (_type, bytes, start, end) => {
        const entry = decodeFdbEntry(bytes, start, end);
        if (entry?.ifindex === ifindex) noteFdbEntry(seen, entry);
      },
      () => seen.fdb.clear(),
    );
    return seen;
  }

  /** Throws NetlinkError or SystemCallError where the kernel refuses. */
  async perform(operation: DeviceOperation): Promise<void> {
    switch (operation.kind) {
      case 'create':
        return this.socket.request(linkCreation(operation.name, operation.settings));
      case 'delete':
        return this.socket.request(linkDeletion(operation.ifindex));
      case 'change':
        return this.socket.request(linkChange(operation.ifindex, operation.settings));
      case 'addAddress':
        // A tunnel's own address is nobody else's: nothing is asked, and it can be used at once.
        return this.socket.request(addressAddition(operation.ifindex, operation.address, IFA_F_NODAD));
      case 'removeAddress':
        return this.socket.request(addressRemoval(operation.ifindex, operation.address));
      case 'txChecksum':
        setTxChecksumOffload(operation.name, operation.on);
    }
  }

  /**
   * Does operations in order; `seen` is what the kernel then has, from when they are sent.
   * @returns those that it refused, up to where the device was gone. Null: answers were lost, so anything may be.
   */
  async write(
    ifindex: number,
    operations: readonly EntryOperation[],
    seen: SeenEntries,
  ): Promise<RefusedEntry[] | null> {
    const refused: RefusedEntry[] = [];
    for (let next = 0; next < operations.length; ) {
      const batch = this.socket.openBatch();
      const first = next;
      while (next < operations.length && !batch.full) {
        const operation = operations[next++];
        batch.append(entryMessage(ifindex, operation));
        applied(seen, operation);
      }
      const result = await this.socket.submit(batch);
      if (result.outcome === 'unknown') return null;
      for (const { index, code, text } of result.refused)
        refused.push({ operation: operations[first + index], code, text });
      // The device is gone: so it would go on.
      if (refused.at(-1)?.code === 'ENODEV') break;
    }
    return refused;
  }
}

function entryMessage(ifindex: number, operation: EntryOperation): Buffer {
  switch (operation.kind) {
    case 'setFdb':
      return permanentFdbEntry(ifindex, operation.mac, operation.destination);
    case 'setNeighbour':
      return permanentNeighbour(ifindex, operation.address, operation.mac);
    case 'removeNeighbour':
      return neighbourRemoval(ifindex, operation.address);
    case 'removeFdb':
      return fdbRemoval(ifindex, operation.mac);
  }
}

function readOffload(name: string): boolean | null {
  try {
    return txChecksumOffload(name);
  } catch {
    // The device went, or has no such thing.
    return null;
  }
}

/** Whether the kernel has no such kind of device. */
export function isUnsupported(error: unknown): boolean {
  return error instanceof NetlinkError && error.errno === EOPNOTSUPP;
}

/** Makes a sysctl so. Throws the error of the file system where it may not be, or is not there. */
export function applySysctl(path: string, value: string): void {
  const file = `/proc/sys/${path}`;
  if (readFileSync(file, 'utf8').trim() !== value) writeFileSync(file, value);
}
