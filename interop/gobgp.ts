/** GoBGP in a lab: writing its configuration, asking it for sessions and routes, and having it announce. */
import { until, type WaitOptions } from './command.js';
import { announceLine, gobgpApi } from './images/gobgp.js';
import type { LabNode } from './node.js';

export interface GobgpNeighbor {
  address: string;
  remoteAsn: number;
  /** Families it speaks; the address's own if left out. */
  families?: ('ipv4' | 'ipv6')[];
  passive?: boolean;
  /** Further sections of the neighbour, as in its file: `{'graceful-restart': {config: {enabled: true}}}`. */
  settings?: Record<string, unknown>;
  /** As `settings`, within each family: `{'add-paths': {config: {receive: true}}}`. */
  familySettings?: Record<string, unknown>;
}

export interface GobgpBgp {
  asn: number;
  routerId: string;
  neighbors: GobgpNeighbor[];
  /** Announced from the start: a prefix, or the words of `gobgp global rib add`: `10.1.0.0/24 med 5`. */
  networks?: string[];
  /** Further sections of `global`. */
  global?: Record<string, unknown>;
  /** Further sections of the file: `defined-sets`, `policy-definitions`, `rpki-servers`. */
  sections?: Record<string, unknown>;
}

/** A gobgpd.conf (JSON, with the routes to announce as comments) that accepts and announces without a policy. */
export function gobgpConfig(bgp: GobgpBgp): string {
  const document = {
    global: merged({ config: { as: bgp.asn, 'router-id': bgp.routerId } }, bgp.global ?? {}),
    neighbors: bgp.neighbors.map((neighbor) =>
      merged(
        {
          config: { 'neighbor-address': neighbor.address, 'peer-as': neighbor.remoteAsn },
          // Its defaults wait for half a minute and for two.
          timers: { config: { 'connect-retry': 1, 'idle-hold-time-after-reset': 1 } },
          transport: { config: { 'passive-mode': neighbor.passive ?? false } },
          'afi-safis': (neighbor.families ?? [familyOf(neighbor.address)]).map((family) =>
            merged({ config: { 'afi-safi-name': `${family}-unicast` } }, neighbor.familySettings ?? {}),
          ),
        },
        neighbor.settings ?? {},
      ),
    ),
    ...bgp.sections,
  };
  const announced = (bgp.networks ?? []).map((network) => announceLine(announcement(network.split(' '))));
  return `${[...announced, JSON.stringify(document, null, 2)].join('\n')}\n`;
}

const familyOf = (text: string): 'ipv4' | 'ipv6' => (text.includes(':') ? 'ipv6' : 'ipv4');

function announcement(words: readonly string[]): string[] {
  return [...words, '-a', familyOf(words[0] ?? '')];
}

type Section = Record<string, unknown>;
const isSection = (value: unknown): value is Section =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function merged(base: Section, over: Section): Section {
  const result: Section = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const below = result[key];
    result[key] = isSection(below) && isSection(value) ? merged(below, value) : value;
  }
  return result;
}

/** What `gobgp -j neighbor` shows (the fields that tests look at). */
export interface GobgpNeighborState {
  conf: { neighbor_address: string; peer_asn: number };
  state: {
    /** 1 Idle, 2 Connect, 3 Active, 4 OpenSent, 5 OpenConfirm, 6 Established. */
    session_state?: number;
    admin_state?: number;
    messages: Record<'received' | 'sent', Record<string, number>>;
    local_cap?: { type_url: string; value?: string }[];
    remote_cap?: { type_url: string; value?: string }[];
  };
  afi_safis?: {
    config: { family: { afi: number; safi: number } };
    state: { received?: number; accepted?: number; advertised?: number };
  }[];
}

/** A path attribute as GoBGP writes it: its type code, and fields that go with the type. */
export interface GobgpAttribute {
  type: number;
  /** ORIGIN, LOCAL_PREF, ORIGINATOR_ID, CLUSTER_LIST, EXTENDED COMMUNITIES, unknown ones (base64) … */
  value?: unknown;
  flags?: number;
  nexthop?: string;
  metric?: number;
  communities?: number[];
  as_paths?: { segment_type: number; num: number; asns: number[] }[];
}

export interface GobgpPath {
  nlri: { prefix: string };
  best?: boolean;
  stale?: boolean;
  'source-id'?: string;
  'neighbor-ip'?: string;
  /** ADD-PATH identifier. */
  id?: number;
  attrs: GobgpAttribute[];
}

export interface GobgpView {
  /** Adj-RIB-In or Adj-RIB-Out of that neighbour, in place of the global table. */
  neighbor?: string;
  table?: 'adj-in' | 'adj-out';
}

const established = 6;

/** Asks and steers the GoBGP of a node. */
export class Gobgp {
  readonly node: LabNode;

  constructor(node: LabNode) {
    this.node = node;
  }

  /** Runs the gobgp command line. @throws LabError with its complaint. */
  async gobgp(...words: string[]): Promise<string> {
    return (await this.node.exec(['gobgp', '--target', gobgpApi, ...words])).stdout;
  }

  async json<T>(...words: string[]): Promise<T> {
    return JSON.parse(await this.gobgp('-j', ...words)) as T;
  }

  async neighbor(address: string): Promise<GobgpNeighborState | undefined> {
    const all = await this.json<GobgpNeighborState[]>('neighbor');
    return all.find(({ conf }) => conf.neighbor_address === address);
  }

  untilNeighbor(
    address: string,
    what: string,
    accept: (state: GobgpNeighborState) => boolean,
    options?: WaitOptions,
  ): Promise<GobgpNeighborState> {
    return until(
      `${this.node.name} sees ${address} ${what}`,
      async () => {
        const state = await this.neighbor(address);
        return state !== undefined && accept(state) && state;
      },
      options,
    );
  }

  untilEstablished(address: string, options?: WaitOptions): Promise<GobgpNeighborState> {
    return this.untilNeighbor(
      address,
      'Established',
      ({ state }) => state.session_state === established,
      options,
    );
  }

  untilNotEstablished(address: string, options?: WaitOptions): Promise<GobgpNeighborState> {
    return this.untilNeighbor(
      address,
      'not Established',
      ({ state }) => state.session_state !== established,
      options,
    );
  }

  /** All paths to exactly this prefix; empty when there is none. */
  async paths(prefix: string, view: GobgpView = {}): Promise<GobgpPath[]> {
    const table =
      view.neighbor === undefined ? ['global', 'rib'] : ['neighbor', view.neighbor, view.table ?? 'adj-in'];
    const found = await this.json<Record<string, GobgpPath[]>>(...table, '-a', familyOf(prefix), prefix);
    return found[prefix] ?? [];
  }

  /** Waits for a path to this prefix (that satisfies `accept`), and hands it back. */
  untilPath(
    prefix: string,
    accept: (path: GobgpPath) => boolean = () => true,
    options?: WaitOptions,
  ): Promise<GobgpPath> {
    return until(
      `${this.node.name} has the expected path to ${prefix}`,
      async () => (await this.paths(prefix)).find(accept),
      options,
    );
  }

  async untilNoPath(prefix: string, options?: WaitOptions): Promise<void> {
    const gone = async (): Promise<boolean> => (await this.paths(prefix)).length === 0;
    await until(`${this.node.name} has no path to ${prefix}`, gone, options);
  }

  /** Announces a route; `words` as of `gobgp global rib add`: `community 65000:1`, `nexthop 10.0.0.9`, `med 5`. */
  async announce(prefix: string, words = ''): Promise<void> {
    await this.gobgp('global', 'rib', 'add', ...announcement(`${prefix} ${words}`.trim().split(/\s+/)));
  }

  async withdraw(prefix: string, words = ''): Promise<void> {
    await this.gobgp('global', 'rib', 'del', ...announcement(`${prefix} ${words}`.trim().split(/\s+/)));
  }
}

/** The attribute of that type code. */
export function gobgpAttribute(path: GobgpPath, type: number): GobgpAttribute | undefined {
  return path.attrs.find((attribute) => attribute.type === type);
}
