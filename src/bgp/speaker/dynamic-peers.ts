/**
 * Peers that nobody names: whoever dials us from a prefix becomes one, with the settings of its range.
 *
 * Such a peer lives as long as there is something to it: a connection, the rest after an error, routes that are kept for
 * its return (RFC 4724 §4.2), a limit or a person that keeps it down. Then it goes, and its name with it. We never dial
 * it. A peer that the document names goes before any range, also while it is shut down.
 */
import { type Address, contains, formatAddress, type Prefix, sameAddress } from '../../address/index.js';
import type { ListenerKey } from '../session/index.js';
import type { Outage } from './outage.js';
import type { Peer } from './peer.js';
import type { PasswordSource, PeerSettings } from './settings.js';

export interface PeerRange {
  readonly name: string;
  readonly prefix: Prefix;
  /** Most peers at a time. */
  readonly limit: number;
  /** What they have in common; name and address stand for nothing. */
  readonly settings: PeerSettings;
}

/** A range as it is, for people. */
export interface PeerRangeState {
  readonly range: PeerRange;
  readonly peers: number;
  /** Connections that were refused since it is there, for the limit or for a password that can't be read. */
  readonly refused: number;
  /** Why its password is not there, or who of it failed last, and why; null: nothing did. */
  readonly lastError: string | null;
}

export type RangeEvent =
  /** Told once, until there is room again. */
  | { readonly type: 'rangeFull'; readonly address: string; readonly limit: number }
  | { readonly type: 'rangePassword'; readonly error: string };

export interface DynamicPeersHost {
  readonly peers: ReadonlyMap<string, Peer>;
  /** No more peers can be had, whatever the ranges allow. */
  readonly isFull: boolean;
  addPeer(settings: PeerSettings): Peer;
  removePeer(name: string): Promise<void>;
  readPassword(source: PasswordSource): Buffer;
  event(range: PeerRange, event: RangeEvent): void;
}

interface Entry {
  range: PeerRange;
  /** Of TCP-MD5; null: none, or none that could be read. */
  password: Buffer | null;
  passwordError: string | null;
  refused: number;
  /** Of the peer that went last with one. */
  lastError: string | null;
  /** That it is full has been told. */
  told: boolean;
}

/** Outages of peers that went. */
const REMEMBERED = 1024;

export class DynamicPeers {
  /** The longest prefix first. */
  private entries: Entry[] = [];
  /** Of peers that went, by name; the one that went first is the first. */
  private readonly outages = new Map<string, Outage>();

  constructor(private readonly host: DynamicPeersHost) {}

  /** Exactly these from now on. Peers that none of them stands for go; those whose range changed are the caller's. */
  async setRanges(ranges: readonly PeerRange[]): Promise<void> {
    const before = new Map(this.entries.map((entry) => [entry.range.name, entry]));
    this.entries = ranges
      .map((range): Entry => {
        const kept = before.get(range.name);
        if (kept === undefined)
          return { range, password: null, passwordError: null, refused: 0, lastError: null, told: false };
        kept.range = range;
        kept.told = false;
        return kept;
      })
      .sort((x, y) => y.range.prefix.length - x.range.prefix.length);
    this.readPasswords();
    const gone = [...this.host.peers.values()].filter(({ settings }) => {
      if (settings.range === undefined) return false;
      const range = this.entryAt(settings.address)?.range;
      return range?.name !== settings.range || range.settings.shutdown;
    });
    await Promise.all(gone.map(({ settings }) => this.host.removePeer(settings.name)));
  }

  /** Peers at these addresses go, as they are named from now on. */
  async giveUp(addresses: readonly Address[]): Promise<void> {
    const gone = [...this.host.peers.values()].filter(
      ({ settings }) =>
        settings.range !== undefined && addresses.some((address) => sameAddress(address, settings.address)),
    );
    await Promise.all(gone.map(({ settings }) => this.host.removePeer(settings.name)));
  }

  /** The peers of a range, with the settings that it has by now. */
  settingsOf(range: string): PeerSettings[] {
    const entry = this.entries.find((each) => each.range.name === range);
    if (entry === undefined) return [];
    return [...this.host.peers.values()]
      .filter(({ settings }) => settings.range === range)
      .map(({ settings }) => settingsAt(entry.range, settings.address));
  }

  /** Reads the passwords again. */
  readPasswords(): void {
    for (const entry of this.entries) {
      const { password: source } = entry.range.settings;
      const before = entry.passwordError;
      entry.passwordError = null;
      try {
        entry.password = source === undefined ? null : this.host.readPassword(source);
      } catch (error) {
        entry.passwordError = (error as Error).message;
        if (entry.passwordError !== before)
          this.host.event(entry.range, { type: 'rangePassword', error: entry.passwordError });
      }
    }
  }

  /** RFC 2385: who dials from a range with a password must sign by it. */
  keys(): ListenerKey[] {
    return this.entries.flatMap(({ password, range: { prefix } }) =>
      password === null ? [] : [{ address: prefix, prefixLength: prefix.length, password }],
    );
  }

  /** The kernel would not take the key of the prefix that begins with this address. */
  keyRefused(address: Address, error: string): void {
    for (const { range, password } of this.entries) {
      if (password !== null && sameAddress(range.prefix, address))
        this.host.event(range, { type: 'rangePassword', error });
    }
  }

  states(): PeerRangeState[] {
    return this.entries.map(({ range, refused, passwordError, lastError }) => ({
      range,
      refused,
      peers: this.count(range),
      lastError: passwordError ?? lastError,
    }));
  }

  /** A new peer for somebody who dials and whom nobody knows; undefined: nobody wants it. */
  adopt(remote: Address): Peer | undefined {
    const entry = this.entryAt(remote);
    if (entry === undefined || entry.range.settings.shutdown) return undefined;
    for (const { settings } of this.host.peers.values()) {
      // Named, or of a range already: it is shut down, or bound to another interface.
      if (sameAddress(settings.address, remote)) return undefined;
    }
    const { range } = entry;
    if (range.settings.password !== undefined && entry.password === null) {
      entry.refused++;
      return undefined;
    }
    if (this.count(range) >= range.limit || this.host.isFull) {
      entry.refused++;
      if (!entry.told)
        this.host.event(range, { type: 'rangeFull', address: formatAddress(remote), limit: range.limit });
      entry.told = true;
      return undefined;
    }
    const peer = this.host.addPeer(settingsAt(range, remote));
    const { name } = peer.settings;
    peer.outage = this.outages.get(name) ?? peer.outage;
    this.outages.delete(name);
    peer.start();
    return peer;
  }

  /** Something happened to a peer: if it is of a range and nothing is left of it, it goes. */
  look(peer: Peer): void {
    if (peer.settings.range === undefined) return;
    // Not from within what happens.
    setImmediate(() => {
      const { name, range } = peer.settings;
      if (this.host.peers.get(name) !== peer || !isOver(peer)) return;
      const entry = this.entries.find((each) => each.range.name === range);
      if (entry !== undefined) {
        entry.told = false;
        if (peer.lastError !== null)
          entry.lastError = `${formatAddress(peer.settings.address)}: ${peer.lastError}`;
      }
      this.remember(name, peer.outage);
      void this.host.removePeer(name);
    });
  }

  /** Who dials again and again in vain is no news each time, though it is another peer to us. */
  private remember(name: string, outage: Outage): void {
    this.outages.set(name, outage);
    const [oldest] = this.outages.keys();
    if (this.outages.size > REMEMBERED && oldest !== undefined) this.outages.delete(oldest);
  }

  private entryAt(address: Address): Entry | undefined {
    return this.entries.find(
      ({ range: { prefix } }) => prefix.family === address.family && contains(prefix, address),
    );
  }

  private count({ name }: PeerRange): number {
    let n = 0;
    for (const { settings } of this.host.peers.values()) if (settings.range === name) n++;
    return n;
  }
}

function settingsAt(range: PeerRange, address: Address): PeerSettings {
  const name = `${range.name}:${formatAddress(address)}`;
  return { ...range.settings, name, address, passive: true, range: range.name };
}

/** It waits for a call and has nothing to wait with. */
function isOver({ session, isShutdown, isStale, guard, passwordError }: Peer): boolean {
  if (session.isConnected || isShutdown || isStale || guard.hold !== null) return false;
  return session.state === 'active' || passwordError !== null;
}
