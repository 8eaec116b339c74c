/**
 * The control socket: how `tartan show`, scripts and tests talk to a running daemon. JSON over HTTP on a Unix
 * socket (mode 0660, never a TCP port): `curl --unix-socket /run/tartan/tartan.sock http://tartan/v1/peers` works.
 *
 * `api` says what can be asked, as types; `routes` maps method and path to it; `server` and `client` are the two
 * ends; `ndjson` streams long lists and events. The server knows the {@link ControlTarget} and nothing behind it.
 * docs/control.md describes every endpoint.
 */
export * from './api.js';
export { ControlClient, ControlClientError, ControlInterruptedError } from './client.js';
export { defaultControlPath } from './path.js';
export { type ControlServer, type ControlServerOptions, startControlServer } from './server.js';
export { version } from './version.js';
