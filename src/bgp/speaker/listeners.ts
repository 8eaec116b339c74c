/** Where the speaker is dialed: one listener for each address and port, all with the peers' keys of TCP-MD5. */
import type { Socket } from 'node:net';
import { type Address, formatAddress } from '../../address/index.js';
import { Listener, type ListenerKey } from '../session/index.js';

export interface ListenersHost {
  /** Takes the connection, or returns false: it is reset. */
  connection(socket: Socket, remote: Address): boolean;
  /** The kernel would not take the key for connections from `address`. */
  keyRefused(address: Address, error: Error): void;
  /** Connections from these must be signed (RFC 2385). */
  keys(): ListenerKey[];
}

export class Listeners {
  private readonly open = new Map<string, Listener>();
  private isClosed = false;

  constructor(private readonly host: ListenersHost) {}

  /** Listens on exactly these addresses from now on. Resolves with what could not be opened. */
  async listen(addresses: readonly { address: Address; port: number }[]): Promise<string[]> {
    const wanted = new Map(addresses.map((each) => [`${formatAddress(each.address)} ${each.port}`, each]));
    for (const [key, listener] of this.open) {
      if (wanted.has(key)) continue;
      listener.close();
      this.open.delete(key);
    }
    const failures: string[] = [];
    for (const [key, { address, port }] of wanted) {
      if (this.open.has(key)) continue;
      const listener = new Listener({
        address,
        port,
        connection: (socket, remote) => this.host.connection(socket, remote),
        keyRefused: (remote, error) => this.host.keyRefused(remote, error),
        failed: () => this.open.delete(key),
      });
      try {
        await listener.listen();
        if (this.isClosed) listener.close();
        else this.open.set(key, listener);
        this.renewKeys();
      } catch (error) {
        failures.push(`can't listen on ${formatAddress(address)} port ${port}: ${(error as Error).message}`);
      }
    }
    return failures;
  }

  /** Peers, or their passwords, changed. */
  renewKeys(): void {
    const keys = this.host.keys();
    for (const listener of this.open.values()) listener.setKeys(keys);
  }

  /** Nobody can dial any more. Accepted connections live on. */
  close(): void {
    this.isClosed = true;
    for (const listener of this.open.values()) listener.close();
    this.open.clear();
  }
}
