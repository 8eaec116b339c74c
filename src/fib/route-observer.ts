/**
 * Reads the kernel's routes, from a dump or from notifications: ours go to the reconcilers, those of others into the
 * foreign tables. Ours are the plain routes of our table that carry our protocol.
 */
import { type Address, type FamilyIndex, formatAddress, IPV4 } from '../address/index.js';
import {
  NLM_F_APPEND,
  NLM_F_REPLACE,
  type RouteView,
  RT_TABLE_MAIN,
  RTN_BLACKHOLE,
  RTN_PROHIBIT,
  RTN_UNICAST,
  RTN_UNREACHABLE,
} from '../netlink/index.js';
import type { ForeignForm, ForeignRoutes } from './foreign-routes.js';
import { type FormType, hopsKey, type RouteForms } from './route-forms.js';
import type { RouteReconciler } from './route-reconciler.js';
import type { ForeignRoute, Hop, KernelSettings } from './types.js';

function formType(type: number): FormType {
  switch (type) {
    case RTN_UNICAST:
      return 'unicast';
    case RTN_BLACKHOLE:
      return 'blackhole';
    case RTN_UNREACHABLE:
      return 'unreachable';
    case RTN_PROHIBIT:
      return 'prohibit';
    default:
      return 'other';
  }
}

/** The form of the last route read: neighbours in a table mostly share it. */
class LastForm {
  private form = 0;
  private type = 0;
  private nexthopId = 0;
  private ifindex = 0;
  private flags = 0;
  private table = 0;
  private protocol = 0;
  private metric = 0;
  private gateway: Address | null = null;
  private source: Address | null = null;

  get(view: RouteView): number {
    if (
      this.form === 0 ||
      view.type !== this.type ||
      view.nexthopId !== this.nexthopId ||
      view.ifindex !== this.ifindex ||
      view.flags !== this.flags ||
      view.table !== this.table ||
      view.protocol !== this.protocol ||
      view.metric !== this.metric ||
      !same(view.preferredSource, this.source)
    )
      return 0;
    return view.nexthopId !== 0 || same(view.gateway, this.gateway) ? this.form : 0;
  }

  set(view: RouteView, form: number): void {
    // Without a device it has several hops, which are not compared here.
    this.form = view.ifindex !== 0 || view.nexthopId !== 0 ? form : 0;
    this.type = view.type;
    this.nexthopId = view.nexthopId;
    this.ifindex = view.ifindex;
    this.flags = view.flags;
    this.table = view.table;
    this.protocol = view.protocol;
    this.metric = view.metric;
    this.gateway = view.gateway;
    this.source = view.preferredSource;
  }

  forget(): void {
    this.form = 0;
  }
}

function same(x: Address | null, y: Address | null): boolean {
  if (x === null || y === null) return x === y;
  return x.a === y.a && x.b === y.b && x.c === y.c && x.d === y.d && x.family === y.family;
}

export interface ObserverHost {
  requestDump(reason: string): void;
  /** Hops behind a nexthop object, as far as known. */
  nexthopHops(id: number): readonly Hop[];
  foreignAdded(route: ForeignRoute): void;
  foreignRemoved(route: ForeignRoute): void;
}

export class RouteObserver {
  private readonly lastOurs = [new LastForm(), new LastForm()] as const;
  private readonly lastForeign = [new LastForm(), new LastForm()] as const;

  constructor(
    private settings: KernelSettings,
    private readonly reconcilers: readonly [RouteReconciler, RouteReconciler],
    private readonly forms: readonly [RouteForms, RouteForms],
    private readonly foreign: readonly [ForeignRoutes, ForeignRoutes],
    private readonly host: ObserverHost,
  ) {}

  configure(settings: KernelSettings): void {
    this.settings = settings;
    this.forgetForms();
  }

  /** Form ids may mean something else from now on. */
  forgetForms(): void {
    for (const last of [...this.lastOurs, ...this.lastForeign]) last.forget();
  }

  /** The tables that are looked at. */
  get tables(): readonly number[] {
    return this.settings.table === RT_TABLE_MAIN ? [RT_TABLE_MAIN] : [this.settings.table, RT_TABLE_MAIN];
  }

  /** One route of the running dump. */
  dumped(view: RouteView): void {
    if (this.isOurs(view)) {
      const form = this.ourForm(view);
      this.reconcilers[view.family].observe(view.a, view.b, view.c, view.d, view.length, view.metric, form);
    } else if (this.isForeign(view)) {
      const form = this.foreignForm(view, true);
      if (this.foreign[view.family].add(view.a, view.b, view.c, view.d, view.length, form))
        this.host.foreignAdded(this.foreignRoute(view, form));
    }
  }

  /** A notification of a change that is not our own doing. */
  notified(view: RouteView): void {
    if (this.isOurs(view)) this.oursChanged(view);
    else if (this.isForeign(view)) this.foreignChanged(view);
  }

  private oursChanged(view: RouteView): void {
    const { a, b, c, d, length, metric, family, headerFlags, deleted } = view;
    const form = this.ourForm(view);
    this.reconcilers[family].notified(a, b, c, d, length, metric, form, deleted);
    if (deleted) return;
    const theirs = this.foreign[family].holder(a, b, c, d, length, metric) !== 0;
    // It may stand beside another of ours, or have taken the place of someone else's.
    if ((headerFlags & NLM_F_APPEND) !== 0 || theirs)
      this.host.requestDump('someone else made a route by our protocol');
  }

  private foreignChanged(view: RouteView): void {
    const { a, b, c, d, length, metric, family, deleted } = view;
    const foreign = this.foreign[family];
    const inOwnTable = view.table === this.settings.table;
    if (deleted) {
      const form = this.foreignForm(view, false);
      // With its last route a form's id may come to mean another.
      this.lastForeign[family].forget();
      const route = form === 0 ? null : this.foreignRoute(view, form);
      if (route !== null && foreign.remove(a, b, c, d, length, form)) this.host.foreignRemoved(route);
      else this.host.requestDump('a foreign route went that was known otherwise');
      if (inOwnTable) this.reconcilers[family].foreignChanged(a, b, c, d, length, metric, false);
      return;
    }
    const form = this.foreignForm(view, true);
    const rivals = foreign.rivals(a, b, c, d, length, foreign.form(form));
    const replaces = (view.headerFlags & NLM_F_REPLACE) !== 0;
    if (rivals.length === 1 && rivals[0] === form) return;
    const ours = inOwnTable && this.reconcilers[family].stands(a, b, c, d, length, metric);
    if (rivals.length + (ours ? 1 : 0) > (replaces ? 1 : 0))
      this.host.requestDump('several routes at one prefix and metric');
    if (replaces && rivals.length === 1 && !ours && rivals[0] !== form) {
      const gone = this.foreignRoute(view, rivals[0]);
      foreign.remove(a, b, c, d, length, rivals[0]);
      this.lastForeign[family].forget();
      this.host.foreignRemoved(gone);
    }
    if (foreign.add(a, b, c, d, length, form)) this.host.foreignAdded(this.foreignRoute(view, form));
    if (inOwnTable)
      this.reconcilers[family].foreignChanged(a, b, c, d, length, metric, replaces && rivals.length === 0);
  }

  private isOurs(view: RouteView): boolean {
    return view.protocol === this.settings.protocol && view.table === this.settings.table && !view.special;
  }

  private isForeign(view: RouteView): boolean {
    return (
      !view.special &&
      view.protocol !== this.settings.protocol &&
      (view.table === this.settings.table || view.table === RT_TABLE_MAIN)
    );
  }

  private ourForm(view: RouteView): number {
    const last = this.lastOurs[view.family];
    let form = last.get(view);
    if (form !== 0) return form;
    const type = formType(view.type);
    const { nexthopId } = view;
    form = this.forms[view.family].intern({
      type,
      nexthopId,
      hops: type === 'unicast' && nexthopId === 0 ? view.hops() : [],
      source: view.preferredSource,
    });
    last.set(view, form);
    return form;
  }

  /** `make` false: 0 when no such form is known. */
  private foreignForm(view: RouteView, make: boolean): number {
    const last = this.lastForeign[view.family];
    const recent = last.get(view);
    if (recent !== 0) return recent;
    const foreign = this.foreign[view.family];
    const { table, protocol, metric, nexthopId } = view;
    const type = formType(view.type);
    const hops = type === 'unicast' || type === 'other' ? view.hops() : [];
    const key = `${table} ${protocol} ${metric} ${type} ${nexthopId !== 0 ? nexthopId : hopsKey(hops)}`;
    if (!make) return foreign.findForm(key);
    const form = foreign.internForm(key, (): ForeignForm => {
      const shown = nexthopId !== 0 && hops.length === 0 ? this.host.nexthopHops(nexthopId) : hops;
      const inOwnTable = table === this.settings.table;
      return { inOwnTable, table, protocol, metric, tos: 0, type, hops: shown, nexthopId };
    });
    last.set(view, form);
    return form;
  }

  private foreignRoute(view: RouteView, form: number): ForeignRoute {
    const { protocol, metric, type, hops } = this.foreign[view.family].form(form);
    return { prefix: view.prefix, protocol, metric, type, hops };
  }
}

/** How a person names the holder of a route: its protocol and where it goes. */
export function describeForeign(route: ForeignRoute): string {
  const names: Readonly<Record<number, string>> = {
    2: 'kernel',
    3: 'boot',
    4: 'static',
    9: 'ra',
    16: 'dhcp',
  };
  const protocol = names[route.protocol] ?? String(route.protocol);
  const hops = route.hops.map((hop) =>
    hop.gateway === null ? `device ${hop.ifindex}` : formatAddress(hop.gateway),
  );
  return `a route of protocol ${protocol}${hops.length > 0 ? ` via ${hops.join(', ')}` : ''}`;
}

/** Metric that the kernel keeps for what the settings say: IPv6 has no metric 0. */
export function effectiveMetric(family: FamilyIndex, metric: number): number {
  return family !== IPV4 && metric === 0 ? 1024 : metric;
}
