import { connect, type Socket } from 'node:net';
import { type Address, parseAddress } from '../../src/address/index.js';
import type { FsmState } from '../../src/bgp/fsm/index.js';
import {
  type ClosedInfo,
  Listener,
  type Negotiated,
  PeerSession,
  type SessionHandlers,
  type SessionSettings,
} from '../../src/bgp/session/index.js';
import {
  decodeNotification,
  decodeOpen,
  encodeOpen,
  Framer,
  isWireError,
  keepalive,
  MessageType,
  type Notification,
  type OpenMessage,
} from '../../src/bgp/wire/index.js';

export function address(text: string): Address {
  const parsed = parseAddress(text);
  if (parsed === null) throw new Error(`${text} is no address`);
  return parsed;
}

/** Resolves when something that is recorded fulfils the condition; looks again at each record. */
export class Recorder {
  private readonly waiting = new Set<() => void>();

  protected changed(): void {
    for (const look of [...this.waiting]) look();
  }

  until(condition: () => boolean): Promise<void> {
    if (condition()) return Promise.resolve();
    return new Promise((resolve) => {
      const look = () => {
        if (!condition()) return;
        this.waiting.delete(look);
        resolve();
      };
      this.waiting.add(look);
    });
  }
}

/** One side: a PeerSession whose handlers write down all they are told. */
export class TestSpeaker extends Recorder {
  readonly session: PeerSession;
  readonly states: FsmState[] = [];
  readonly closed: ClosedInfo[] = [];
  readonly updates: Buffer[] = [];
  readonly refreshes: [number, number, number][] = [];
  negotiated: Negotiated | null = null;
  establishedCount = 0;
  writableCount = 0;

  constructor(settings: SessionSettings, overrides: Partial<SessionHandlers> = {}) {
    super();
    this.session = new PeerSession(settings, {
      capabilities: () => [],
      stateChanged: (state) => {
        this.states.push(state);
        this.changed();
      },
      established: (negotiated) => {
        this.negotiated = negotiated;
        this.establishedCount++;
        this.changed();
      },
      update: (buf, start, end) => {
        this.updates.push(Buffer.from(buf.subarray(start, end)));
        this.changed();
        return null;
      },
      routeRefresh: (afi, safi, subtype) => {
        this.refreshes.push([afi, safi, subtype]);
        this.changed();
      },
      closed: (info) => {
        this.closed.push(info);
        this.changed();
      },
      writable: () => {
        this.writableCount++;
        this.changed();
      },
      ...overrides,
    });
  }

  established(): Promise<void> {
    return this.until(() => this.session.state === 'established');
  }
}

export const settings: SessionSettings = {
  name: 'peer',
  remoteAddress: address('127.0.0.1'),
  remotePort: 179,
  localAddress: null,
  localAsn: 65001,
  remoteAsn: 65002,
  routerId: 0x0a000001,
  holdTimeSeconds: 90,
  keepaliveSeconds: null,
  sendHoldSeconds: null,
  connectRetrySeconds: 30,
  delayOpenSeconds: 0,
  idleHoldSeconds: 0.05,
  passive: false,
  ttl: null,
  extendedMessages: true,
  families: ['ipv4', 'ipv6'],
};

/** A listener on a port of the kernel's choice, on the loopback address unless told otherwise. */
export async function listen(
  connection: (socket: Socket, remote: Address) => boolean,
  at = '127.0.0.1',
  port = 0,
): Promise<Listener> {
  const failed = (error: Error) => {
    throw error;
  };
  const listener = new Listener({
    address: address(at),
    port,
    connection,
    keyRefused: (_, error) => failed(error),
    failed,
  });
  await listener.listen();
  return listener;
}

/** A peer made of a bare socket: sends what it is told, keeps what it gets. */
export class RawPeer extends Recorder {
  readonly messages: { type: number; body: Buffer }[] = [];
  ended = false;
  readonly socket: Socket;

  constructor(socket: Socket) {
    super();
    this.socket = socket;
    const framer = new Framer(65535);
    socket.on('data', (chunk: Buffer) => {
      framer.push(chunk, (type, buf, start, end) => {
        this.messages.push({ type, body: Buffer.from(buf.subarray(start, end)) });
      });
      this.changed();
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      this.ended = true;
      this.changed();
    });
  }

  /** Connected, or refused (`ended`). */
  static async dial(port: number, host = '127.0.0.1'): Promise<RawPeer> {
    const socket = connect(port, host);
    const peer = new RawPeer(socket);
    await Promise.race([
      new Promise((resolve) => socket.once('connect', resolve)),
      peer.until(() => peer.ended),
    ]);
    return peer;
  }

  private find(type: number): Buffer | undefined {
    return this.messages.find((message) => message.type === type)?.body;
  }

  async notification(): Promise<Notification> {
    await this.until(() => this.find(MessageType.notification) !== undefined || this.ended);
    const body = this.find(MessageType.notification);
    if (body === undefined) throw new Error('the connection ended without a NOTIFICATION');
    return decodeNotification(body, 0, body.length);
  }

  async open(): Promise<OpenMessage> {
    await this.until(() => this.find(MessageType.open) !== undefined);
    const body = this.find(MessageType.open) ?? Buffer.alloc(0);
    const open = decodeOpen(body, 0, body.length);
    if (isWireError(open)) throw new Error(open.message);
    return open;
  }

  /** Goes through the exchange up to Established. */
  async establish(open: OpenMessage = rawOpen): Promise<void> {
    await this.open();
    this.socket.write(Buffer.concat([encodeOpen(open), keepalive]));
    await this.until(() => this.find(MessageType.keepalive) !== undefined);
  }
}

/** The OPEN of the AS that `settings` expects. */
export const rawOpen: OpenMessage = {
  version: 4,
  asn: 65002,
  holdTimeSeconds: 90,
  routerId: 0x0a000002,
  capabilities: [
    { type: 'multiprotocol', afi: 1, safi: 1 },
    { type: 'multiprotocol', afi: 2, safi: 1 },
    { type: 'routeRefresh' },
    { type: 'fourOctetAs', asn: 65002 },
  ],
};
