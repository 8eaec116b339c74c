/**
 * All caches of a document, and whose VRPs are in force (RFC 8210 §10). The most preferred cache is connected; the next
 * one only while those before it fail. In force is the first whose data is whole on its present connection. While there
 * is none, what was in force stays so until it expires: data that is a little old is better than none.
 */
import { formatAddress } from '../address/index.js';
import { type ClientListener, RtrClient } from './client.js';
import type { RtrState } from './machine.js';
import type { PrefixCover } from './prefix-cover.js';
import type { CacheSettings } from './types.js';
import { CACHE_SLOTS, type VrpChange, VrpTable } from './vrp-table.js';

/** A thing that happened, for the log and for those who listen. */
export type RpkiEvent =
  /** `repeated`: the same was told before since the cache last had whole data. */
  | {
      readonly type: 'state';
      readonly cache: string;
      readonly state: RtrState;
      readonly reason: string;
      readonly repeated?: true;
    }
  | {
      readonly type: 'synced';
      readonly cache: string;
      readonly serial: number;
      readonly records: number;
      readonly announced: number;
      readonly withdrawn: number;
    }
  /** A connection, or an attempt at one, ended without our doing; told once for each cause until data is whole again. */
  | { readonly type: 'failed'; readonly cache: string; readonly error: string }
  /** Whose VRPs decide from now on; null: there are none, and every route is notFound. */
  | { readonly type: 'inForce'; readonly cache: string | null };

export interface CacheReport {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly preference: number;
  /** `standby`: not connected, as one before it serves. */
  readonly state: RtrState | 'standby';
  readonly since: Date;
  readonly inForce: boolean;
  readonly version: number | null;
  readonly session: number | null;
  readonly serial: number | null;
  readonly records: number;
  readonly updatedAt: Date | null;
  readonly expiresAt: Date | null;
  readonly intervals: {
    readonly refreshSeconds: number;
    readonly retrySeconds: number;
    readonly expireSeconds: number;
  };
  readonly lastError: string | null;
  /** When it is dialed again; null: it is not, or is already. */
  readonly retryAt: Date | null;
}

export interface CachesListener {
  /** VRPs in force came or went, all of them at these prefixes. */
  changed(cover: PrefixCover): void;
  event(event: RpkiEvent): void;
}

/** A cache chooses words in its errors: what is remembered of an outage has an end. */
const REMEMBERED = 64;

export class RpkiCaches implements ClientListener {
  readonly table: VrpTable;
  private readonly clients = new Map<string, RtrClient>();
  /** In the order in which they are asked. */
  private order: RtrClient[] = [];
  /** No longer in the document, but in force while no other has data. */
  private retired: RtrClient | null = null;
  private inForce: RtrClient | null = null;
  private readonly shown = new Map<RtrClient, RtrState>();
  /** What was told of a cache since its data was last whole on its connection. */
  private readonly told = new WeakMap<RtrClient, Set<string>>();
  private electing = false;

  constructor(private readonly listener: CachesListener) {
    this.table = new VrpTable((cover) => listener.changed(cover));
  }

  /** There are caches in the document. */
  get isUsed(): boolean {
    return this.order.length > 0;
  }

  /** These caches from now on, in the document's order. */
  apply(settings: readonly CacheSettings[]): void {
    const wanted = new Map(settings.map((each) => [each.name, each]));
    for (const [name, client] of this.clients) {
      const next = wanted.get(name);
      if (next !== undefined && client.adjust(next)) continue;
      this.clients.delete(name);
      this.shown.delete(client);
      if (client === this.inForce && wanted.size > 0) {
        this.retired?.end();
        this.retired = client;
        client.stop();
      } else client.end();
    }
    if (wanted.size === 0) {
      this.retired?.end();
      this.retired = null;
    }
    for (const [name, each] of wanted) {
      if (!this.clients.has(name))
        this.clients.set(name, new RtrClient(each, this.freeSlot(), this.table, this));
    }
    this.order = [...wanted.keys()]
      .map((name) => this.clients.get(name) as RtrClient)
      .sort((x, y) => x.settings.preference - y.settings.preference);
    this.elect();
  }

  reports(): CacheReport[] {
    return this.order.map((client) => {
      const { settings, machine, updatedAt } = client;
      const { intervals } = machine;
      const known = machine.hasData || machine.isCurrent;
      return {
        name: settings.name,
        address: formatAddress(settings.address),
        port: settings.port,
        preference: settings.preference,
        state: this.isAllowed(client) ? machine.state : 'standby',
        since: client.stateSince,
        inForce: client === this.inForce,
        version: known || machine.state === 'loading' ? machine.version : null,
        session: machine.session,
        serial: machine.serial,
        records: this.table.count(client.slot),
        updatedAt,
        expiresAt:
          machine.hasData && updatedAt !== null
            ? new Date(updatedAt.getTime() + intervals.expireSeconds * 1000)
            : null,
        intervals,
        lastError: machine.lastError,
        retryAt: client.retryAt,
      };
    });
  }

  close(): void {
    this.electing = true;
    for (const client of [...this.clients.values(), this.retired]) client?.end();
    this.clients.clear();
    this.order = [];
  }

  // ClientListener

  changed(client: RtrClient, reason: string): void {
    const { machine, settings } = client;
    const { state } = machine;
    const before = this.shown.get(client) ?? 'down';
    if (state !== before && this.clients.get(settings.name) === client) {
      this.shown.set(client, state);
      const isNews = machine.isCurrent || this.isNews(client, `${state} ${reason}`);
      if (machine.isCurrent) this.told.delete(client);
      if (state !== 'down' || machine.lastError === null || reason !== machine.lastError) {
        const repeated = isNews ? {} : ({ repeated: true } as const);
        this.listener.event({ type: 'state', cache: settings.name, state, reason, ...repeated });
      } else if (isNews) {
        this.listener.event({ type: 'failed', cache: settings.name, error: reason });
      }
    }
    this.elect();
  }

  /** Whether this is said for the first time in this outage. */
  private isNews(client: RtrClient, what: string): boolean {
    const told = this.told.get(client) ?? new Set();
    this.told.set(client, told);
    if (told.has(what) || told.size >= REMEMBERED) return false;
    told.add(what);
    return true;
  }

  committed({ settings, slot, machine }: RtrClient, change: VrpChange): void {
    this.listener.event({
      type: 'synced',
      cache: settings.name,
      serial: machine.serial ?? 0,
      records: this.table.count(slot),
      ...change,
    });
  }

  /** Connects whom it takes, and puts the best data in force. */
  private elect(): void {
    // What it does to clients changes their states.
    if (this.electing) return;
    this.electing = true;
    const best =
      this.order.find(({ machine }) => machine.isCurrent) ??
      [this.inForce, ...this.order, this.retired].find((client) => client?.machine.hasData) ??
      null;
    if (best !== this.inForce) {
      this.inForce = best;
      this.table.setInForce(best?.slot ?? null);
      this.listener.event({ type: 'inForce', cache: best?.settings.name ?? null });
    }
    if (this.retired !== null && this.retired !== best) {
      this.retired.end();
      this.retired = null;
    }
    for (const client of this.order) {
      if (this.isAllowed(client)) client.start();
      else client.end();
    }
    this.electing = false;
  }

  /** Whether all that come before it fail. */
  private isAllowed(client: RtrClient): boolean {
    for (const each of this.order) {
      if (each === client) return true;
      const { machine } = each;
      if (machine.isCurrent || machine.failures === 0) return false;
    }
    return false;
  }

  private freeSlot(): number {
    const taken = new Set([...this.clients.values(), this.retired].map((client) => client?.slot));
    for (let slot = 0; slot < CACHE_SLOTS; slot++) if (!taken.has(slot)) return slot;
    throw new RangeError(`more than ${CACHE_SLOTS - 1} caches`);
  }
}
