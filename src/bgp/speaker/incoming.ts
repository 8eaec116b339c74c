/**
 * Whose connection it is that somebody dialed. Its address tells, or our end of it; where several peers are behind one
 * address (daemons on ports of their own), only the OPEN does: it is waited for before anything is said, as DelayOpen would
 * (RFC 4271 §8.1.1), and handed to the session of the AS that it names.
 */
import type { Socket } from 'node:net';
import { type Address, formatAddress, sameAddress } from '../../address/index.js';
import { localAddressOfSocket, zoneOf } from '../session/index.js';
import { decodeOpen, HEADER_LENGTH, isWireError, MAX_MESSAGE_LENGTH, MessageType } from '../wire/index.js';
import type { Peer } from './peer.js';

export interface IncomingHost {
  readonly peers: ReadonlyMap<string, Peer>;
  /** A peer for an address that no document names; undefined: there is none. */
  adopt(remote: Address, zone: string | null): Peer | undefined;
}

/** Longest wait for an OPEN. */
const OPEN_MS = 10_000;
/** Connections of one address that may wait at a time. */
const MOST_WAITING = 16;

export class Incoming {
  private readonly waiting = new Map<Socket, { address: string; timer: NodeJS.Timeout }>();

  constructor(private readonly host: IncomingHost) {}

  /** Takes a connection, or returns false: it is to be reset. */
  accept(socket: Socket, remote: Address): boolean {
    const zone = zoneOf(socket);
    const candidates = this.candidates(remote, localAddressOfSocket(socket), zone);
    if (candidates.length === 0) return this.host.adopt(remote, zone)?.session.accept(socket) ?? false;
    if (new Set(candidates.map(({ settings }) => settings.asn)).size === 1) {
      return likeliest(candidates)?.session.accept(socket) ?? false;
    }
    return this.untilOpen(socket, formatAddress(remote), (asn) => {
      // Who shut down meanwhile is no candidate any more.
      const now = this.candidates(remote, localAddressOfSocket(socket), zone);
      const named = asn === null ? now : now.filter(({ settings }) => settings.asn === asn);
      // An OPEN of an AS that nobody expects is for a session to answer, which says so.
      return likeliest(named.length > 0 ? named : now);
    });
  }

  /** Resets the connections that wait. */
  close(): void {
    for (const socket of this.waiting.keys()) socket.resetAndDestroy();
  }

  /** The peers at the address; of several, those that want the connection at this end of ours, if there are such. */
  private candidates(remote: Address, local: Address | null, zone: string | null): Peer[] {
    const found: Peer[] = [];
    for (const peer of this.host.peers.values()) {
      const { address, device } = peer.settings;
      if (!sameAddress(address, remote) || peer.isShutdown) continue;
      if (zone === null || zone === device) found.push(peer);
    }
    const here = found.filter(({ settings: { localAddress } }) => {
      return localAddress !== undefined && local !== null && sameAddress(localAddress, local);
    });
    return here.length > 0 ? here : found;
  }

  /** Reads no further than the OPEN, puts it back, and hands the connection to whom `choose` names. */
  private untilOpen(
    socket: Socket,
    address: string,
    choose: (asn: number | null) => Peer | undefined,
  ): boolean {
    if ([...this.waiting.values()].filter((each) => each.address === address).length >= MOST_WAITING)
      return false;
    let bytes: Buffer = Buffer.alloc(0);
    const done = (): void => {
      clearTimeout(this.waiting.get(socket)?.timer);
      this.waiting.delete(socket);
      socket.removeListener('data', received);
      socket.removeListener('close', done);
    };
    const received = (chunk: Buffer): void => {
      bytes = Buffer.concat([bytes, chunk]);
      const asn = asnOf(bytes);
      if (asn === undefined) return;
      done();
      socket.pause();
      socket.unshift(bytes);
      if (choose(asn)?.session.accept(socket) === true) socket.resume();
      else socket.resetAndDestroy();
    };
    const timer = setTimeout(() => socket.resetAndDestroy(), OPEN_MS);
    this.waiting.set(socket, { address, timer });
    socket.on('data', received);
    socket.once('close', done);
    return true;
  }
}

/** Of several peers, one without a session: who has one hardly dials. */
function likeliest(peers: readonly Peer[]): Peer | undefined {
  return peers.find(({ negotiated }) => negotiated === null) ?? peers[0];
}

/** The AS that the OPEN at the start of a stream names; null: it is no sound OPEN; undefined: more of it must come. */
function asnOf(bytes: Buffer): number | null | undefined {
  if (bytes.length < HEADER_LENGTH) return undefined;
  const length = bytes.readUInt16BE(16);
  if (bytes[18] !== MessageType.open || length < HEADER_LENGTH || length > MAX_MESSAGE_LENGTH) return null;
  if (bytes.length < length) return undefined;
  const open = decodeOpen(bytes, HEADER_LENGTH, length);
  return isWireError(open) ? null : open.asn;
}
