/** The server's end of the control socket: HTTP requests to calls of a {@link ControlTarget}. */
import { chmodSync, lstatSync, mkdirSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { ControlError, type ControlTarget } from './api.js';
import { streamEvents, streamOctets, streamRows } from './ndjson.js';
import { matchEndpoint } from './routes.js';

export interface ControlServer {
  readonly path: string;
  /** Ends every request, also event streams, and removes the socket. */
  close(): Promise<void>;
}

export interface ControlServerOptions {
  /** Where the Unix socket is made, mode 0660; its folder is made if it's missing. */
  readonly path: string;
  /** Requests that come before it is there wait for it. */
  readonly target: ControlTarget | Promise<ControlTarget>;
  /** Told of errors that are nobody's request's fault. */
  readonly onError?: (error: Error) => void;
}

/**
 * Listens on the control socket. A socket file that a dead daemon left behind is replaced.
 * Throws an Error that says what to do if another daemon answers there, or if something else lies at the path.
 */
export async function startControlServer(options: ControlServerOptions): Promise<ControlServer> {
  const { path } = options;
  // sun_path holds 108 bytes; Linux would cut a longer one off silently or refuse it with a bare EINVAL.
  if (Buffer.byteLength(path) > 107)
    throw new Error(`the control socket's path is longer than 107 bytes: ${path}`);
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  await removeStale(path);
  const server = createServer((request, response) => {
    handle(options, request, response).catch((error: unknown) => {
      options.onError?.(error as Error);
      answerError(response, error);
    });
  });
  server.keepAliveTimeout = 1000;
  await listen(server, path);
  chmodSync(path, 0o660);
  server.on('error', (error) => options.onError?.(error));
  return {
    path,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(new Error(`can't listen on ${path}: ${error.message}`)));
    server.listen(path, () => {
      server.removeAllListeners('error');
      resolve();
    });
  });
}

async function removeStale(path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket()) {
    throw new Error(`${path} is not a socket; expected the control socket's path to be free`);
  }
  if (await answers(path)) {
    throw new Error(`another daemon answers on ${path}; stop it first, or give this one another --control`);
  }
  rmSync(path, { force: true });
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

async function handle(
  { target }: ControlServerOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  // Nothing here takes a body.
  request.resume();
  try {
    const url = new URL(request.url ?? '/', 'http://tartan');
    const answer = await matchEndpoint(request.method ?? 'GET', url)(await target);
    if (answer.kind === 'json') {
      const body = `${JSON.stringify(answer.value)}\n`;
      response.writeHead(200, {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
      });
      response.end(body);
      return;
    }
    if (answer.kind === 'octets') {
      response.setHeader('content-type', 'application/octet-stream');
      await streamOctets(answer.chunks, response);
      return;
    }
    // Not written yet: until the first row is there, an error may still become a status of its own.
    response.setHeader('content-type', 'application/x-ndjson');
    if (answer.kind === 'rows') await streamRows(answer.rows, response);
    else await streamEvents(answer.subscribe, response);
  } catch (error) {
    answerError(response, error);
    if (!(error instanceof ControlError)) throw error;
  }
}

function answerError(response: ServerResponse, error: unknown): void {
  if (response.headersSent) {
    // Cutting the connection is the one way to say that the list did not end here.
    response.destroy();
    return;
  }
  const status = error instanceof ControlError ? error.status : 500;
  const message = error instanceof Error ? error.message : String(error);
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(`${JSON.stringify({ error: message })}\n`);
}
