import { createServer, type Server, type Socket } from 'node:net';
import { type Address, formatAddress, parseAddress } from '../../address/index.js';
import { fdOf, localAddressOf } from '../../sockopt/index.js';
import { setNetworkControl } from './dial.js';

/** A socket's text address, without the zone of a link-local one. */
export function remoteAddressOf(socket: Socket): Address | null {
  const text = socket.remoteAddress?.split('%')[0];
  return text === undefined ? null : parseAddress(text);
}

export interface ListenerOptions {
  readonly address: Address;
  /** 0: the kernel picks one, see `port`. */
  readonly port: number;
  /** Takes a connection from `remote` (hand it to `PeerSession.accept`), or returns false: it is reset. */
  connection(socket: Socket, remote: Address): boolean;
  /** The listener failed after it was up. */
  failed(error: Error): void;
}

/** Accepts the peers' connections on one address and port. An IPv6 listener takes IPv6 alone. */
export class Listener {
  private readonly options: ListenerOptions;
  private server: Server | null = null;

  constructor(options: ListenerOptions) {
    this.options = options;
  }

  /** Resolves when connections are accepted; rejects with the reason (EADDRINUSE, EADDRNOTAVAIL, EACCES). */
  listen(): Promise<void> {
    const { address, port } = this.options;
    const server = createServer({ noDelay: true }, (socket) => this.accepted(socket));
    this.server = server;
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host: formatAddress(address), port, ipv6Only: true }, () => {
        server.removeListener('error', reject);
        server.on('error', (error) => this.options.failed(error));
        setNetworkControl(fdOf(server), address.family);
        resolve();
      });
    });
  }

  /** The port that is listened on. */
  get port(): number {
    return this.server === null ? this.options.port : localAddressOf(fdOf(this.server)).port;
  }

  /** Stops listening. Accepted connections live on. */
  close(): void {
    this.server?.close();
    this.server = null;
  }

  private accepted(socket: Socket): void {
    const remote = remoteAddressOf(socket);
    // The peer may be gone again already; an error after that has nobody else to listen for it.
    socket.on('error', () => {});
    if (remote === null || !this.options.connection(socket, remote)) socket.resetAndDestroy();
  }
}
