/**
 * What a route of ours is besides its prefix and metric, as the kernel keeps it: interned, so that a million routes
 * carry one integer each and two routes are alike when their integers are.
 */
import { type Address, type FamilyIndex, formatAddress, IPV4 } from '../address/index.js';
import type { Forwarding, Hop } from './types.js';

export type FormType = 'unicast' | 'blackhole' | 'unreachable' | 'prohibit' | 'other';

export interface RouteForm {
  readonly type: FormType;
  /** Nexthop object that the route refers to, 0: it carries its own hops. */
  readonly nexthopId: number;
  /** Empty with a nexthop object, and for what is not unicast. */
  readonly hops: readonly Hop[];
  /** Preferred source address. */
  readonly source: Address | null;
}

/** A text that is the same for the same hop. */
export function hopKey(hop: Hop, weight: number): string {
  const gateway = hop.gateway === null ? '-' : formatAddress(hop.gateway);
  return `${gateway}@${hop.ifindex}${hop.onlink ? 'o' : ''}*${weight}`;
}

/** Hops as the kernel keeps them: no two alike (their weights added up), a lone one without a weight. */
export function normalHops(hops: readonly Hop[]): readonly Hop[] {
  if (hops.length === 1) return hops[0].weight === 1 ? hops : [{ ...hops[0], weight: 1 }];
  const byKey = new Map<string, Hop>();
  for (const hop of hops) {
    const key = hopKey(hop, 0);
    const twin = byKey.get(key);
    const weight = Math.min(256, Math.max(1, hop.weight) + (twin?.weight ?? 0));
    byKey.set(key, { ...hop, weight });
  }
  const all = [...byKey.values()];
  return all.length === 1 ? [{ ...all[0], weight: 1 }] : all;
}

/** Equal for hops that forward alike, in whatever order they come. */
export function hopsKey(hops: readonly Hop[]): string {
  const normal = normalHops(hops);
  if (normal.length === 1) return hopKey(normal[0], 1);
  return normal
    .map((hop) => hopKey(hop, hop.weight))
    .sort()
    .join(' ');
}

function formKey(form: RouteForm): string {
  const source = form.source === null ? '' : formatAddress(form.source);
  return form.nexthopId !== 0
    ? `${form.type} nhid ${form.nexthopId} ${source}`
    : `${form.type} ${form.type === 'unicast' ? hopsKey(form.hops) : ''} ${source}`;
}

/** Form ids of one family. 0 is no form. */
export class RouteForms {
  private readonly forms: (RouteForm | null)[] = [null];
  private readonly ids = new Map<string, number>();
  private readonly free: number[] = [];

  constructor(readonly family: FamilyIndex) {}

  /** Interned forms. */
  get count(): number {
    return this.ids.size;
  }

  intern(form: RouteForm): number {
    const key = formKey(form);
    const known = this.ids.get(key);
    if (known !== undefined) return known;
    const id = this.free.pop() ?? this.forms.length;
    this.forms[id] = { ...form, hops: form.nexthopId === 0 ? normalHops(form.hops) : [] };
    this.ids.set(key, id);
    return id;
  }

  get(id: number): RouteForm {
    const form = this.forms[id];
    if (form === null || form === undefined) throw new RangeError(`no route form ${id}`);
    return form;
  }

  /**
   * Whether a route of ours of this form may be replaced in place. An IPv6 route that carries several hops itself is a
   * set of siblings that someone else may have joined, and a replacement would wipe theirs: such a one is deleted hop by
   * hop, each by our protocol. We never write that form; it stands for one that somebody touched.
   */
  isReplaceable(id: number): boolean {
    return this.family === IPV4 || id === 0 || this.get(id).hops.length <= 1;
  }

  /** Every interned form. */
  *entries(): Generator<[number, RouteForm]> {
    for (const id of this.ids.values()) yield [id, this.get(id)];
  }

  /** Forgets every form that `inUse` does not have. */
  retain(inUse: ReadonlySet<number>): void {
    for (const [key, id] of this.ids) {
      if (inUse.has(id)) continue;
      this.ids.delete(key);
      this.forms[id] = null;
      this.free.push(id);
    }
  }
}

/** The form of a route that carries the hops of `forwarding` itself. */
export function plainForm(
  forwarding: Exclude<Forwarding, { kind: 'unresolved' }>,
  source: Address | null,
): RouteForm {
  if (forwarding.kind === 'blackhole') return { type: 'blackhole', nexthopId: 0, hops: [], source: null };
  return { type: 'unicast', nexthopId: 0, hops: forwarding.hops, source };
}

/** Back to what main speaks of. `hopsOf` gives the hops of a nexthop object, as far as it is known. */
export function formForwarding(form: RouteForm, hopsOf: (nexthopId: number) => readonly Hop[]): Forwarding {
  if (form.type !== 'unicast') return { kind: 'blackhole' };
  return { kind: 'unicast', hops: form.nexthopId === 0 ? form.hops : hopsOf(form.nexthopId) };
}
