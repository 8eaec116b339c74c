import { createServer, type Server, type Socket } from 'node:net';
import { type Address, formatAddress, parseAddress } from '../../address/index.js';
import { fdOf, localAddressOf, SOL_TCP, setIntOption, setMd5Key, TCP_SAVE_SYN } from '../../sockopt/index.js';
import { securityTtl, setNetworkControl, setTtl } from './dial.js';

/** The far end of a socket, without the zone of a link-local address. */
export function remoteAddressOf(socket: Socket): Address | null {
  return withoutZone(socket.remoteAddress);
}

/** Our end of a socket, likewise. */
export function localAddressOfSocket(socket: Socket): Address | null {
  return withoutZone(socket.localAddress);
}

/** The name of the interface that a link-local peer is on; null for any other address. */
export function zoneOf(socket: Socket): string | null {
  return socket.remoteAddress?.split('%')[1] ?? null;
}

function withoutZone(text: string | undefined): Address | null {
  return text === undefined ? null : parseAddress(text.split('%')[0]);
}

export interface ListenerOptions {
  readonly address: Address;
  /** 0: the kernel picks one, see `port`. */
  readonly port: number;
  /** Takes a connection from `remote` (hand it to `PeerSession.accept`), or returns false: it is reset. */
  connection(socket: Socket, remote: Address): boolean;
  /** The kernel would not take the key for connections from `address` (too many of them: ENOMEM). */
  keyRefused(address: Address, error: Error): void;
  /** The listener failed after it was up. */
  failed(error: Error): void;
}

/** The key of TCP-MD5 (RFC 2385) for connections from one address, or from a prefix; the longest that fits counts. */
export interface ListenerKey {
  readonly address: Address;
  readonly prefixLength?: number;
  readonly password: Buffer;
}

/** Accepts the peers' connections on one address and port. An IPv6 listener takes IPv6 alone. */
export class Listener {
  private readonly options: ListenerOptions;
  private server: Server | null = null;
  private keys: ReadonlyMap<string, ListenerKey> = new Map();

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
        // The SYN-ACK is sent before anybody knows the peer, and one with GTSM takes no lower TTL. What is accepted gets its own.
        setTtl(fdOf(server), address.family, securityTtl);
        setIntOption(fdOf(server), SOL_TCP, TCP_SAVE_SYN, 1); // for isFromAfar
        // A connection that comes before its key is there gets it when a session takes it, and starves unsigned.
        for (const key of this.keys.values()) this.setKey(key, key.password);
        resolve();
      });
    });
  }

  /** From now on connections from exactly these addresses and prefixes must be signed; those of the other family don't matter. */
  setKeys(keys: readonly ListenerKey[]): void {
    const before = this.keys;
    const own = keys.filter(({ address }) => address.family === this.options.address.family);
    this.keys = new Map(own.map((key) => [`${formatAddress(key.address)}/${key.prefixLength ?? ''}`, key]));
    if (this.server?.listening !== true) return;
    for (const [text, key] of before) if (!this.keys.has(text)) this.setKey(key, null);
    for (const [text, key] of this.keys) {
      if (before.get(text)?.password.equals(key.password) !== true) this.setKey(key, key.password);
    }
  }

  private setKey({ address, prefixLength }: ListenerKey, password: Buffer | null): void {
    if (this.server === null) return;
    try {
      setMd5Key(fdOf(this.server), address, password, prefixLength);
    } catch (error) {
      this.options.keyRefused(address, error as Error);
    }
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
