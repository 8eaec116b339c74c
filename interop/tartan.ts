/** Tartan in a lab: writing its document, and asking it for sessions, routes and events. */
import type { DaemonEvent, FibRow, PeerRow, RouteQuery, RouteRow } from '../src/control/api.js';
import { ControlClient } from '../src/control/index.js';
import { until, type WaitOptions } from './command.js';
import { tartanControl } from './images.js';
import type { LabNode } from './node.js';

export interface TartanDocument {
  name: string;
  asn: number;
  routerId: string;
  /** Further keys of `spec`, as in a document. */
  spec?: Record<string, unknown>;
}

/** A Router document (JSON is YAML) that accepts and announces everything, listening where BGP does. */
export function tartanConfig({ name, asn, routerId, spec }: TartanDocument): string {
  const document = {
    apiVersion: 'tartan.dev/v1',
    kind: 'Router',
    metadata: { name },
    spec: {
      asn,
      routerId,
      ebgpRequiresPolicy: false,
      listen: [
        { address: '0.0.0.0', port: 179 },
        { address: '::', port: 179 },
      ],
      ...spec,
    },
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

/** Asks and steers the Tartan of a node through its control socket. */
export class Tartan {
  readonly node: LabNode;
  readonly client: ControlClient;

  constructor(node: LabNode) {
    this.node = node;
    this.client = new ControlClient(`${node.directory}${tartanControl}`);
  }

  async peer(name: string): Promise<PeerRow | undefined> {
    return (await this.client.peers()).find((peer) => peer.name === name);
  }

  untilPeer(
    name: string,
    accept: (peer: PeerRow) => boolean,
    what: string,
    options?: WaitOptions,
  ): Promise<PeerRow> {
    return until(
      `${this.node.name}: peer ${name} ${what}`,
      async () => {
        const peer = await this.peer(name);
        if (peer !== undefined && !accept(peer)) {
          throw new Error(`it is ${peer.state}, last error: ${peer.lastError ?? 'none'}`);
        }
        return peer;
      },
      options,
    );
  }

  untilEstablished(name: string, options?: WaitOptions): Promise<PeerRow> {
    return this.untilPeer(name, (peer) => peer.state === 'established', 'is established', options);
  }

  async routes(query: RouteQuery = {}): Promise<RouteRow[]> {
    const rows: RouteRow[] = [];
    for await (const row of this.client.routes(query)) rows.push(row);
    return rows;
  }

  async fib(query: { prefix?: string; family?: string; state?: string } = {}): Promise<FibRow[]> {
    const rows: FibRow[] = [];
    for await (const row of this.client.fib(query)) rows.push(row);
    return rows;
  }

  /** Waits until the prefix has a best path that is accepted. */
  untilRoute(
    prefix: string,
    accept: (route: RouteRow) => boolean = () => true,
    options?: WaitOptions,
  ): Promise<RouteRow> {
    return until(
      `${this.node.name}: a best path to ${prefix}`,
      async () => (await this.routes({ prefix })).find((route) => route.best && accept(route)),
      options,
    );
  }

  untilNoRoute(prefix: string, options?: WaitOptions): Promise<true> {
    return until(
      `${this.node.name}: no path to ${prefix}`,
      async () => ((await this.routes({ prefix })).length === 0 ? true : undefined),
      options,
    );
  }

  untilInstalled(prefix: string, options?: WaitOptions): Promise<FibRow> {
    return until(
      `${this.node.name}: ${prefix} installed`,
      async () => (await this.fib({ prefix })).find((row) => row.state === 'installed'),
      options,
    );
  }

  /** The next event that is accepted; events from before the call are not seen. */
  async nextEvent(accept: (event: DaemonEvent) => boolean): Promise<DaemonEvent> {
    for await (const event of this.client.events()) if (accept(event)) return event;
    throw new Error(`${this.node.name} ended before the event came`);
  }
}
