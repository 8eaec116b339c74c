/** ExaBGP in a lab: a speaker without a table, which says exactly what it is told to say and tells what it hears. */
import { existsSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { until, type WaitOptions } from './command.js';
import { LabError } from './errors.js';
import { exabgpApi, exabgpApiSection, exabgpHeard } from './images/exabgp.js';
import type { LabNode } from './node.js';

export interface ExabgpNeighbor {
  address: string;
  /** Our end of the session: ExaBGP does not find it out by itself. */
  localAddress: string;
  remoteAsn: number;
  /** In place of the configuration's own. */
  asn?: number;
  /** Families it speaks; the address's own if left out. */
  families?: ('ipv4' | 'ipv6')[];
  /** Whether it waits to be dialed (default). Otherwise it dials, and does not listen. */
  passive?: boolean;
  /** More lines of the neighbour: `hold-time 9;`, `md5-password secret;`. */
  settings?: string[];
  /** Lines of its `capability` section: `add-path send/receive;`, `graceful-restart 60;`. */
  capabilities?: string[];
}

export interface ExabgpBgp {
  asn: number;
  routerId: string;
  neighbors: ExabgpNeighbor[];
  /** Announced to all of that family: a prefix, or with attributes: `10.1.0.0/24 next-hop 10.0.0.9 med 5`. */
  networks?: string[];
  /** More lines of the file. */
  lines?: string[];
}

const familyOf = (text: string): 'ipv4' | 'ipv6' => (text.includes(':') ? 'ipv6' : 'ipv4');

/** A route with ExaBGP's own address as next hop, unless its words say another. */
function withNextHop(words: string): string {
  return / next-hop /.test(` ${words} `) ? words : words.replace(/^\S+/, '$& next-hop self');
}

/** An exabgp.conf; ExaBGP tells its API process of every message. */
export function exabgpConfig(bgp: ExabgpBgp): string {
  const lines = [...exabgpApiSection, ...(bgp.lines ?? [])];
  for (const neighbor of bgp.neighbors) {
    const families = neighbor.families ?? [familyOf(neighbor.address)];
    const section = (name: string, content: readonly string[]): string[] =>
      content.length === 0 ? [] : [`  ${name} {`, ...content.map((line) => `    ${line}`), '  }'];
    lines.push(
      `neighbor ${neighbor.address} {`,
      `  router-id ${bgp.routerId};`,
      `  local-address ${neighbor.localAddress};`,
      `  local-as ${neighbor.asn ?? bgp.asn};`,
      `  peer-as ${neighbor.remoteAsn};`,
      ...((neighbor.passive ?? true) ? ['  passive true;', '  listen 179;'] : []),
      ...(neighbor.settings ?? []).map((line) => `  ${line}`),
      ...section(
        'family',
        families.map((family) => `${family} unicast;`),
      ),
      ...section('capability', ['route-refresh enable;', ...(neighbor.capabilities ?? [])]),
      ...section('api', [
        'processes [ api ];',
        'neighbor-changes;',
        'receive { parsed; packets; open; update; notification; refresh; }',
      ]),
      ...section(
        'static',
        (bgp.networks ?? [])
          .filter((network) => families.includes(familyOf(network.split(' ')[0] ?? '')))
          .map((network) => `route ${withNextHop(network)};`),
      ),
      '}',
    );
  }
  return `${lines.join('\n')}\n`;
}

/** What ExaBGP tells of a session (the fields that tests look at). */
export interface ExabgpMessage {
  type: 'state' | 'open' | 'update' | 'notification' | 'refresh' | 'keepalive';
  time: number;
  neighbor: {
    address: { local: string; peer: string };
    state?: 'up' | 'down' | 'connected';
    reason?: string;
    open?: {
      version: number;
      asn: number;
      hold_time: number;
      router_id: string;
      capabilities: Record<string, { name: string; [field: string]: unknown }>;
    };
    notification?: { code: number; subcode: number; data: string; message?: string };
    'route-refresh'?: { afi: string; safi: string; subtype: string };
    message?: {
      /** The message's octets, `0x` and hexadecimal: told by themselves, before what they say. */
      header?: string;
      body?: string;
      eor?: { afi: string; safi: string };
      update?: {
        attribute?: ExabgpAttributes;
        announce?: Record<string, Record<string, ExabgpNlri[]>>;
        withdraw?: Record<string, ExabgpNlri[]>;
      };
    };
  };
}

export interface ExabgpNlri {
  nlri: string;
  /** ADD-PATH identifier, written as an address. */
  'path-information'?: string;
}

export interface ExabgpAttributes {
  origin?: string;
  'as-path'?: number[];
  'confederation-path'?: number[];
  med?: number;
  'local-preference'?: number;
  community?: number[][];
  'large-community'?: number[][];
  'extended-community'?: { value: number; string: string }[];
  'originator-id'?: string;
  'cluster-list'?: string[];
  [attribute: string]: unknown;
}

/** A route it was told of and that holds. */
export interface ExabgpRoute {
  prefix: string;
  /** Who told it. */
  peer: string;
  nextHop: string;
  pathId: string | null;
  attributes: ExabgpAttributes;
}

// ExaBGP writes the data of a NOTIFICATION as it came, which JSON forbids.
const controls = /\p{Cc}/gu;
const escaped = (control: string): string => `\\u${control.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** A line of what it tells, put right: of a ROUTE-REFRESH, it quotes the values twice. */
function parseMessage(line: string): ExabgpMessage {
  return JSON.parse(line.replace(controls, escaped).replace(/""([\w-]+)""/g, '"$1"')) as ExabgpMessage;
}

/** It tells of a prefix once for each of two next hops (RFC 2545 §3): the global one is the one that stays. */
function linkLocalFirst<T>(hops: Record<string, T>): [string, T][] {
  const rank = ([nextHop]: [string, T]): number => (nextHop.startsWith('fe80:') ? 0 : 1);
  return Object.entries(hops).sort((x, y) => rank(x) - rank(y));
}

/** Asks and steers the ExaBGP of a node. */
export class Exabgp {
  readonly node: LabNode;

  constructor(node: LabNode) {
    this.node = node;
  }

  /**
   * Gives ExaBGP a command of its API (`announce route …`, `teardown 4`, `show neighbor summary`), and hands back
   * what it answers before `done`.
   * @throws LabError when it refuses it.
   */
  command(line: string): Promise<string[]> {
    const refused = (why: string): LabError => new LabError(`${this.node.name}: ${line}: ${why}`);
    return new Promise((resolve, reject) => {
      const socket = connect({ path: this.node.directory + exabgpApi });
      let text = '';
      socket.on('connect', () => socket.write(`${line}\n`));
      socket.on('data', (chunk) => {
        text += chunk.toString();
        const lines = text.split('\n');
        const end = lines.findIndex((answer) => answer === 'done' || answer === 'error');
        if (end < 0) return;
        socket.destroy();
        if (lines[end] === 'done') resolve(lines.slice(0, end));
        else reject(refused(`refused ${lines.slice(0, end).join(' ')}`.trim()));
      });
      socket.on('error', (error) => reject(refused(error.message)));
      socket.on('end', () => reject(refused('it ended before it answered')));
    });
  }

  /**
   * Announces a route. `words` are attributes as in its configuration: `med 5`, `community [65000:1]`,
   * `attribute [ 0x63 0xc0 0x0102 ]` for one of any type, flags and value. The next hop is its own unless they say.
   */
  async announce(prefix: string, words = ''): Promise<void> {
    await this.command(`announce route ${withNextHop(`${prefix} ${words}`.trim())}`);
  }

  async withdraw(prefix: string, words = ''): Promise<void> {
    await this.command(`withdraw route ${withNextHop(`${prefix} ${words}`.trim())}`);
  }

  /** Everything it told so far in this run, oldest first. */
  heard(): ExabgpMessage[] {
    const file = this.node.directory + exabgpHeard;
    if (!existsSync(file)) return [];
    const lines = readFileSync(file, 'utf8').split('\n');
    // The last line is empty, or still being written.
    return lines.slice(0, -1).map(parseMessage);
  }

  /** Waits for something it tells, and hands it back. */
  untilHeard(
    what: string,
    accept: (message: ExabgpMessage) => boolean,
    options?: WaitOptions,
  ): Promise<ExabgpMessage> {
    return until(`${this.node.name} hears ${what}`, () => this.heard().find(accept), options);
  }

  /** The OPEN of the latest session with that peer. */
  open(address: string): ExabgpMessage['neighbor']['open'] {
    return this.heard().findLast(({ type, neighbor }) => type === 'open' && neighbor.address.peer === address)
      ?.neighbor.open;
  }

  isEstablished(address: string): boolean {
    const last = this.heard().findLast(
      ({ type, neighbor }) =>
        type === 'state' && neighbor.address.peer === address && neighbor.state !== 'connected',
    );
    return last?.neighbor.state === 'up';
  }

  async untilEstablished(address: string, options?: WaitOptions): Promise<void> {
    await until(`${this.node.name} sees ${address} up`, () => this.isEstablished(address), options);
  }

  async untilNotEstablished(address: string, options?: WaitOptions): Promise<void> {
    await until(`${this.node.name} sees ${address} not up`, () => !this.isEstablished(address), options);
  }

  /** What it was told and what holds: announcements that no withdrawal and no end of the session took back. */
  routes(): ExabgpRoute[] {
    const routes = new Map<string, ExabgpRoute>();
    for (const { type, neighbor } of this.heard()) {
      const { peer } = neighbor.address;
      if (type === 'state' && neighbor.state !== 'up')
        for (const [key, route] of routes) if (route.peer === peer) routes.delete(key);
      const update = neighbor.message?.update;
      const key = ({ nlri, 'path-information': id }: ExabgpNlri): string => `${peer} ${nlri} ${id ?? ''}`;
      for (const withdrawn of Object.values(update?.withdraw ?? {}))
        for (const nlri of withdrawn) routes.delete(key(nlri));
      for (const hops of Object.values(update?.announce ?? {}))
        for (const [nextHop, announced] of linkLocalFirst(hops))
          for (const nlri of announced)
            routes.set(key(nlri), {
              prefix: nlri.nlri,
              peer,
              nextHop,
              pathId: nlri['path-information'] ?? null,
              attributes: update?.attribute ?? {},
            });
    }
    return [...routes.values()];
  }

  /** Waits for a route to this prefix (that satisfies `accept`), and hands it back. */
  untilRoute(
    prefix: string,
    accept: (route: ExabgpRoute) => boolean = () => true,
    options?: WaitOptions,
  ): Promise<ExabgpRoute> {
    return until(
      `${this.node.name} has the expected route to ${prefix}`,
      () => this.routes().find((route) => route.prefix === prefix && accept(route)),
      options,
    );
  }

  async untilNoRoute(prefix: string, options?: WaitOptions): Promise<void> {
    await until(
      `${this.node.name} has no route to ${prefix}`,
      () => this.routes().every((route) => route.prefix !== prefix),
      options,
    );
  }
}
