/**
 * Reading a large document once more where some of its nodes are all that changed: those alone are read, the rest is
 * what it was.
 *
 * That the text of the list is the list (see node-list.ts) is made certain by reading the rest with a mark in its place:
 * the mark must be the whole value of `nodes` of a Router. Which node is which text is certain where there are as many of
 * the one as of the other, since each begins on a line of its own. Whatever is wrong, or may be, with a changed node is
 * left to the reading of the whole, which knows places.
 */
import { setImmediate } from 'node:timers/promises';
import type { Address } from '../address/index.js';
import type { NodeDocument } from './document.js';
import { findNodeList, type NodeList, withoutNodes } from './node-list.js';
import { readMoreNodes } from './read-overlay.js';
import type { NodeConfig, Router } from './router.js';
import { apiVersion } from './schema.js';
import { sharedEnds } from './shared-ends.js';
import { readValues } from './source.js';
import { validateShape } from './validate.js';
import { Reader } from './values.js';

/** More take a thread of their own. */
const mostChanged = 1024;
/** So many are read in one turn of the event loop. */
const NODES_A_TURN = 128;
const mark = 'the nodes of this document stand here';

export class ChangedNodes {
  private constructor(
    private readonly list: NodeList,
    readonly router: Router,
  ) {}

  /** Of a text that was read without a mistake; null: it has no list of nodes that can be told for certain. */
  static of(text: string, router: Router): ChangedNodes | null {
    const list = findNodeList(text);
    if (list === null || list.items.length !== router.nodes.length) return null;
    let rest: unknown[];
    try {
      rest = readValues(withoutNodes(list, mark));
    } catch {
      return null;
    }
    const marked = rest.flatMap((value) => {
      const { metadata, spec } = (value ?? {}) as {
        metadata?: { name?: unknown };
        spec?: { nodes?: unknown };
      };
      return spec?.nodes === mark ? [metadata?.name] : [];
    });
    return marked.length === 1 && marked[0] === router.name ? new ChangedNodes(list, router) : null;
  }

  /** What a later text says; null: more than a few nodes changed, or something is wrong with them. */
  async read(text: string): Promise<ChangedNodes | null> {
    const { list, router } = this;
    const next = findNodeList(text);
    if (next === null || next.depth !== list.depth || next.key !== list.key) return null;
    if (next.head !== list.head || next.tail !== list.tail) return null;
    const nodes: (NodeConfig | null)[] = this.known(next);
    const changed = next.items.filter((_, i) => nodes[i] === null);
    if (changed.length > mostChanged) return null;
    // What this node is to have itself hangs on what it is.
    const own = router.nodes.find(({ name }) => name === router.name);
    if (own !== undefined && !nodes.includes(own)) return null;
    const read: NodeConfig[] = [];
    for (let from = 0; from < changed.length; from += NODES_A_TURN) {
      if (from > 0) await setImmediate();
      const some = this.readAlone(changed.slice(from, from + NODES_A_TURN));
      if (some === null) return null;
      read.push(...some);
    }
    if (read.some(({ name }) => name === router.name)) return null;
    const kept = nodes.filter((node) => node !== null);
    if (clash(kept, read)) return null;
    let at = 0;
    const all = nodes.map((node) => node ?? read[at++]);
    return new ChangedNodes(next, { ...router, nodes: all });
  }

  /** By place in the later list: the node of before that has just this text; null: it is to be read. */
  private known({ items }: NodeList): (NodeConfig | null)[] {
    const { nodes } = this.router;
    const before = this.list.items;
    // Nearly always some in the middle, or at the end, are all that differs.
    const { first, last } = sharedEnds(before, items);
    const moved = new Map<string, NodeConfig>();
    for (let i = first; i < before.length - last; i++) moved.set(before[i], nodes[i]);
    return items.map((item, i) => {
      if (i < first) return nodes[i];
      if (i >= items.length - last) return nodes[i - items.length + nodes.length];
      const node = moved.get(item) ?? null;
      // Twice the same is a mistake.
      moved.delete(item);
      return node;
    });
  }

  private readAlone(items: readonly string[]): readonly NodeConfig[] | null {
    let documents: unknown;
    try {
      const values = readValues(items.join(''));
      documents = values.length === 1 ? values[0] : null;
    } catch {
      return null;
    }
    if (!Array.isArray(documents) || documents.length !== items.length) return null;
    const { name, asn } = this.router;
    const value = {
      ...{ apiVersion, kind: 'Router', metadata: { name } },
      spec: { asn, routerId: '192.0.2.1', nodes: documents },
    };
    if (validateShape(value).length > 0) return null;
    const reader = new Reader({ file: '', value, place: () => ({ line: 0, column: 0 }) });
    const nodes = readMoreNodes(documents as NodeDocument[], this.router, reader);
    return reader.errors.length + reader.warnings.length > 0 ? null : nodes;
  }
}

/**
 * Whether two nodes may have something that one alone can have. Of thousands: addresses are compared by a hash, and where
 * two are taken for the same that are not, the whole is read.
 */
function clash(kept: readonly NodeConfig[], read: readonly NodeConfig[]): boolean {
  if (read.length === 0) return false;
  const names = new Set<string>();
  const addresses = new Set<number>();
  const cidrs = new Set<number>();
  const vteps = new Set<number>();
  const macs = [new Set<string>(), new Set<string>()] as const;
  const has = (node: NodeConfig): boolean =>
    names.has(node.name) ||
    node.addresses.some(({ address }) => addresses.has(hash(address))) ||
    node.podCidrs.some((cidr) => cidrs.has(hash(cidr))) ||
    node.vteps.some(
      (vtep, family) =>
        vtep !== null &&
        (vteps.has(hash(vtep.address)) || (vtep.mac !== null && macs[family as 0 | 1].has(vtep.mac))),
    );
  for (const node of read) {
    if (has(node)) return true;
    names.add(node.name);
    for (const { address } of node.addresses) addresses.add(hash(address));
    for (const cidr of node.podCidrs) cidrs.add(hash(cidr));
    for (const [family, vtep] of node.vteps.entries()) {
      if (vtep === null) continue;
      vteps.add(hash(vtep.address));
      if (vtep.mac !== null) macs[family as 0 | 1].add(vtep.mac);
    }
  }
  return kept.some(has);
}

function hash({ a, b, c, d }: Address): number {
  return Math.imul(Math.imul(Math.imul(a, 31) + b, 31) + c, 31) + d;
}
