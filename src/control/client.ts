/** The caller's end of the control socket. */
import { type IncomingMessage, request } from 'node:http';
import type {
  CacheRow,
  CollectorRow,
  DaemonEvent,
  Explanation,
  FibRow,
  LoopDelayReport,
  NodeRow,
  OverlayReport,
  PeerAction,
  PeerRow,
  PoolRow,
  RefreshDirection,
  RefreshReport,
  ReloadResult,
  RouteQuery,
  RouteRow,
  StatusReport,
  VrpRow,
} from './api.js';

/** The daemon can't be reached, or refused; `message` is for people. */
export class ControlClientError extends Error {
  constructor(
    message: string,
    /** HTTP status, or null if nobody answered. */
    readonly status: number | null,
    /** Of the system call by which nobody was reached, such as `ENOENT`. */
    readonly code: string | null = null,
  ) {
    super(message);
  }
}

/** The answer was cut in the middle: the daemon stopped, or failed while it wrote. */
export class ControlInterruptedError extends ControlClientError {
  constructor() {
    super('the daemon broke off in the middle of its answer; what came so far is incomplete', null);
  }
}

type Query = Readonly<Record<string, string | undefined>>;

export class ControlClient {
  constructor(readonly path: string) {}

  status(): Promise<StatusReport> {
    return this.#json('GET', '/v1/status');
  }
  clearLoopDelay(): Promise<LoopDelayReport> {
    return this.#json('POST', '/v1/loop-delay/clear');
  }
  peers(): Promise<PeerRow[]> {
    return this.#json('GET', '/v1/peers');
  }
  collectors(): Promise<CollectorRow[]> {
    return this.#json('GET', '/v1/bmp');
  }
  async *routes(query: RouteQuery = {}): AsyncGenerator<RouteRow> {
    yield* this.#lines<RouteRow>('/v1/routes', { ...query });
  }
  /** As `routes`, in pieces of whole lines of ndjson, unread: for passing on very many. */
  async *routesText(query: RouteQuery = {}): AsyncGenerator<string> {
    yield* this.#text('/v1/routes', { ...query });
  }
  async countRoutes(query: RouteQuery = {}): Promise<number> {
    return (await this.#json<{ count: number }>('GET', '/v1/routes/count', { ...query })).count;
  }
  async *fib(query: { prefix?: string; family?: string; state?: string } = {}): AsyncGenerator<FibRow> {
    yield* this.#lines<FibRow>('/v1/fib', query);
  }
  async *fibText(query: { prefix?: string; family?: string; state?: string } = {}): AsyncGenerator<string> {
    yield* this.#text('/v1/fib', query);
  }
  /** The table as the octets of an MRT file. */
  async *mrtTable(): AsyncGenerator<Buffer> {
    const response = await this.#request('GET', '/v1/mrt/table', {}, null);
    try {
      for await (const chunk of response) yield chunk as Buffer;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ECONNRESET') throw error;
      throw new ControlInterruptedError();
    } finally {
      response.destroy();
    }
  }
  explain(prefix: string): Promise<Explanation> {
    return this.#json('GET', '/v1/explain', { prefix });
  }
  reload(dryRun = false): Promise<ReloadResult> {
    return this.#json('POST', '/v1/reload', dryRun ? { dryRun: 'true' } : {});
  }
  pools(): Promise<PoolRow[]> {
    return this.#json('GET', '/v1/pools');
  }

  async *nodes(): AsyncGenerator<NodeRow> {
    yield* this.#lines<NodeRow>('/v1/nodes', {});
  }

  overlay(): Promise<OverlayReport> {
    return this.#json('GET', '/v1/overlay');
  }

  rpki(): Promise<CacheRow[]> {
    return this.#json('GET', '/v1/rpki');
  }
  async *vrps(prefix?: string): AsyncGenerator<VrpRow> {
    yield* this.#lines<VrpRow>('/v1/vrps', { prefix });
  }
  async peerAction(name: string, action: PeerAction, message?: string): Promise<void> {
    await this.#json('POST', `/v1/peers/${encodeURIComponent(name)}/${action}`, { message });
  }
  refreshPeer(name: string, direction?: RefreshDirection): Promise<RefreshReport> {
    return this.#json('POST', `/v1/peers/${encodeURIComponent(name)}/refresh`, { direction });
  }
  /** Ends when the daemon stops or the caller stops iterating. */
  async *events(): AsyncGenerator<DaemonEvent> {
    yield* this.#lines<DaemonEvent>('/v1/events', {});
  }

  async #json<T>(method: 'GET' | 'POST', path: string, query: Query = {}): Promise<T> {
    const response = await this.#request(method, path, query);
    return JSON.parse(await text(response)) as T;
  }

  async *#lines<T>(path: string, query: Query): AsyncGenerator<T> {
    for await (const lines of this.#text(path, query)) {
      for (const line of lines.slice(0, -1).split('\n')) yield JSON.parse(line) as T;
    }
  }

  /** The answer in pieces of whole lines. */
  async *#text(path: string, query: Query): AsyncGenerator<string> {
    const response = await this.#request('GET', path, query);
    let rest = '';
    try {
      for await (const chunk of response) {
        const text = rest + (chunk as string);
        const end = text.lastIndexOf('\n') + 1;
        rest = text.slice(end);
        if (end > 0) yield text.slice(0, end);
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ECONNRESET') throw error;
      throw new ControlInterruptedError();
    } finally {
      response.destroy();
    }
  }

  /** `encoding`: of the chunks of an answer; null: buffers. */
  #request(
    method: 'GET' | 'POST',
    path: string,
    query: Query,
    encoding: 'utf8' | null = 'utf8',
  ): Promise<IncomingMessage> {
    const given = Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== undefined);
    const search = given.length === 0 ? '' : `?${new URLSearchParams(given)}`;
    return new Promise((resolve, reject) => {
      const sent = request(
        { socketPath: this.path, method, path: path + search, agent: false },
        (response) => {
          if (encoding !== null || response.statusCode !== 200) response.setEncoding('utf8');
          if (response.statusCode === 200) return resolve(response);
          text(response).then(
            (body) => reject(new ControlClientError(messageOf(body), response.statusCode ?? null)),
            reject,
          );
        },
      );
      sent.on('error', (error: NodeJS.ErrnoException) =>
        reject(new ControlClientError(unreachable(this.path, error), null, error.code ?? null)),
      );
      sent.end();
    });
  }
}

async function text(response: IncomingMessage): Promise<string> {
  let body = '';
  for await (const chunk of response) body += chunk as string;
  return body;
}

function messageOf(body: string): string {
  try {
    return (JSON.parse(body) as { error: string }).error;
  } catch {
    return `an answer that is not Tartan's: ${body.slice(0, 100)}`;
  }
}

function unreachable(path: string, error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'ENOENT':
      return `no daemon runs with the control socket ${path}; start one with \`tartan run\`, or name its socket with --control`;
    case 'ECONNREFUSED':
      return `the daemon behind ${path} is gone (its socket is left over); start one with \`tartan run\``;
    case 'EACCES':
    case 'EPERM':
      return `no permission to use ${path}; run this as root or as a member of the socket's group`;
    case 'ENOTDIR':
    case 'ENOTSOCK':
      return `${path} is no socket; expected the daemon's control socket`;
    default:
      return `no answer on ${path}: ${error.message}`;
  }
}
