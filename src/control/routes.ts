/** The endpoints of the control API, as a table: method, path and what they call. */
import {
  ControlError,
  type ControlTarget,
  type DaemonEvent,
  type FibRow,
  type PeerAction,
  type RouteQuery,
} from './api.js';

export type Answer =
  | { readonly kind: 'json'; readonly value: unknown }
  | { readonly kind: 'rows'; readonly rows: Iterable<unknown> | AsyncIterable<unknown> }
  | { readonly kind: 'octets'; readonly chunks: AsyncIterable<Uint8Array> }
  | { readonly kind: 'events'; readonly subscribe: (listener: (event: DaemonEvent) => void) => () => void };

type Call = (target: ControlTarget) => Answer | Promise<Answer>;

interface Endpoint {
  readonly method: 'GET' | 'POST';
  /** Steps of the path; `:x` stands for any one. */
  readonly path: string;
  readonly call: (
    target: ControlTarget,
    steps: readonly string[],
    query: URLSearchParams,
  ) => Answer | Promise<Answer>;
}

const json = (value: unknown): Answer => ({ kind: 'json', value });

const endpoints: readonly Endpoint[] = [
  { method: 'GET', path: '/v1/status', call: async (target) => json(await target.status()) },
  { method: 'POST', path: '/v1/loop-delay/clear', call: (target) => json(target.clearLoopDelay()) },
  { method: 'GET', path: '/v1/peers', call: (target) => json(target.peers()) },
  { method: 'GET', path: '/v1/bmp', call: (target) => json(target.collectors()) },
  {
    method: 'GET',
    path: '/v1/routes',
    call: (target, _, query) => ({ kind: 'rows', rows: target.routes(routeQuery(query)) }),
  },
  {
    method: 'GET',
    path: '/v1/routes/count',
    call: (target, _, query) => json({ count: target.countRoutes(routeQuery(query)) }),
  },
  {
    method: 'GET',
    path: '/v1/fib',
    call: (target, _, query) => ({ kind: 'rows', rows: target.fib(fibQuery(query)) }),
  },
  {
    method: 'GET',
    path: '/v1/explain',
    call: async (target, _, query) => {
      const { prefix } = parameters(query, { prefix: null });
      if (prefix === undefined) throw new ControlError(400, 'explain needs `prefix`: an address or a prefix');
      return json(await target.explain(prefix));
    },
  },
  {
    method: 'GET',
    path: '/v1/mrt/table',
    call: (target, _, query) => {
      parameters(query, {});
      return { kind: 'octets', chunks: target.mrtTable() };
    },
  },
  { method: 'GET', path: '/v1/pools', call: (target) => json(target.pools()) },
  { method: 'GET', path: '/v1/nodes', call: (target) => ({ kind: 'rows', rows: target.nodes() }) },
  { method: 'GET', path: '/v1/overlay', call: (target) => json(target.overlay()) },
  {
    method: 'GET',
    path: '/v1/rpki',
    call: (target, _, query) => {
      parameters(query, {});
      return json(target.rpki());
    },
  },
  {
    method: 'GET',
    path: '/v1/vrps',
    call: (target, _, query) => {
      const { prefix } = parameters(query, { prefix: null });
      return { kind: 'rows', rows: target.vrps(prefix) };
    },
  },
  {
    method: 'POST',
    path: '/v1/reload',
    call: async (target, _, query) => {
      const { dryRun } = parameters(query, { dryRun: ['true', 'false'] });
      return json(await target.reload(dryRun === 'true'));
    },
  },
  ...(['shutdown', 'enable', 'reset'] as const).map(
    (action: PeerAction): Endpoint => ({
      method: 'POST',
      path: `/v1/peers/:name/${action}`,
      call: (target, [name], query) => {
        const known: { message?: null } = action === 'enable' ? {} : { message: null };
        const message = parameters(query, known as { message: null }).message;
        if (message === undefined) target.peerAction(name, action);
        else target.peerAction(name, action, message);
        return json({ peer: name, action });
      },
    }),
  ),
  {
    method: 'POST',
    path: '/v1/peers/:name/refresh',
    call: (target, [name], query) => {
      const { direction } = parameters(query, { direction: ['in', 'out'] as const });
      return json(target.refreshPeer(name, direction));
    },
  },
  {
    method: 'GET',
    path: '/v1/events',
    call: (target) => ({ kind: 'events', subscribe: (listener) => target.events(listener) }),
  },
];

/** `GET /v1/status` and so on: every endpoint there is. */
export const endpointNames: readonly string[] = endpoints.map(({ method, path }) => `${method} ${path}`);

const families = ['ipv4', 'ipv6'] as const;
const views = ['best', 'all', 'received', 'accepted', 'advertised'] as const;
const fibStates = ['pending', 'installed', 'conflict', 'failed', 'unresolved', 'removing', 'held'] as const;

/**
 * Reads the parameters that an endpoint knows: `null` takes any text, a list takes one of its words.
 * Throws ControlError 400 for any other parameter or word.
 */
function parameters<T extends Readonly<Record<string, readonly string[] | null>>>(
  query: URLSearchParams,
  known: T,
): { [K in keyof T]?: T[K] extends readonly (infer W)[] ? W : string } {
  const result: Record<string, string> = {};
  for (const [key, value] of query) {
    if (!Object.hasOwn(known, key)) {
      const names = Object.keys(known).join(', ');
      throw new ControlError(400, `unknown parameter ${key}; expected one of: ${names || '(none)'}`);
    }
    const words = known[key];
    if (words !== null && !words.includes(value)) {
      throw new ControlError(400, `${key} is ${JSON.stringify(value)}; expected one of: ${words.join(', ')}`);
    }
    result[key] = value;
  }
  return result as { [K in keyof T]?: T[K] extends readonly (infer W)[] ? W : string };
}

function routeQuery(query: URLSearchParams): RouteQuery {
  const parsed: RouteQuery = parameters(query, { prefix: null, family: families, peer: null, view: views });
  const needsPeer = parsed.view === 'received' || parsed.view === 'accepted' || parsed.view === 'advertised';
  if (needsPeer && parsed.peer === undefined) {
    throw new ControlError(400, `the view \`${parsed.view}\` is one of a peer; expected \`peer\` beside it`);
  }
  return parsed;
}

function fibQuery(query: URLSearchParams): {
  prefix?: string;
  family?: 'ipv4' | 'ipv6';
  state?: FibRow['state'];
} {
  return parameters(query, { prefix: null, family: families, state: fibStates });
}

/** The call that a request asks for. Throws ControlError 404 or 400 where there is none. */
export function matchEndpoint(method: string, url: URL): Call {
  const steps = url.pathname.split('/');
  let otherMethod: string | null = null;
  for (const endpoint of endpoints) {
    const pattern = endpoint.path.split('/');
    if (pattern.length !== steps.length) continue;
    if (!pattern.every((step, i) => step.startsWith(':') || step === steps[i])) continue;
    if (endpoint.method !== method) {
      otherMethod = endpoint.method;
      continue;
    }
    const wild = steps.filter((_, i) => pattern[i].startsWith(':')).map(decode);
    return (target) => endpoint.call(target, wild, url.searchParams);
  }
  if (otherMethod !== null)
    throw new ControlError(400, `${url.pathname} is asked with ${otherMethod}, not ${method}`);
  throw new ControlError(404, `nothing at ${url.pathname}; expected one of: ${endpointNames.join(', ')}`);
}

function decode(step: string): string {
  try {
    return decodeURIComponent(step);
  } catch {
    throw new ControlError(400, `${step} is not valid percent-encoding`);
  }
}
