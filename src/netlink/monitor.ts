/**
 * The socket that listens: notifications of what changes in the kernel, whoever changes it.
 *
 * A notification says *look again*; it is not a log to be replayed. When more come than are read, some are lost
 * and `onOverflow` says so: dump, then.
 */
import { attachEchoFilter } from './echo-filter.js';
import { forEachMessage, type MessageHandler } from './message.js';
import { NetlinkTransport } from './transport.js';

/** Holds some 10,000 notifications. */
const RECEIVE_BUFFER_BYTES = 8 * 1024 * 1024;

export interface MonitorOptions {
  /** `RTNLGRP_…` */
  readonly groups: readonly number[];
  /** Ports of our own sockets, whose changes of routes and nexthops are not to come back. */
  readonly ownPorts?: readonly number[];
  /** Each notification; the bytes are the callee's to keep. */
  readonly onMessage: MessageHandler;
  /** Notifications were lost. Those received since the last dump still count; the lost ones take a dump. */
  readonly onOverflow: () => void;
  readonly receiveBufferBytes?: number;
}

export class NetlinkMonitor {
  readonly #transport: NetlinkTransport;

  /** Listens from here on. Throws where there is no netlink. */
  constructor(options: MonitorOptions) {
    this.#transport = new NetlinkTransport({
      receiveBufferBytes: options.receiveBufferBytes ?? RECEIVE_BUFFER_BYTES,
      datagramBytes: 'exact',
      onDatagram: (bytes) => void forEachMessage(bytes, options.onMessage),
      onDrop: options.onOverflow,
    });
    try {
      if (options.ownPorts !== undefined) this.ignorePorts(options.ownPorts);
      for (const group of options.groups) this.#transport.joinGroup(group);
    } catch (error) {
      this.#transport.close();
      throw error;
    }
  }

  /** Replaces the ports whose changes of routes and nexthops are not to come back. */
  ignorePorts(ports: readonly number[]): void {
    attachEchoFilter(this.#transport.fd, ports);
  }

  /** Whether there are notifications (or losses) that were not handed on yet. */
  get unread(): boolean {
    return this.#transport.unread;
  }

  close(): void {
    this.#transport.close();
  }
}
