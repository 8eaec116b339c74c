/**
 * rtnetlink: what the kernel knows of links, addresses, routes and nexthop objects, and how it is changed.
 *
 *     route, route-view                        routes ⇄ bytes (pure)
 *     link, tunnel, interface-address, neighbour, nexthop   the rest ⇄ bytes (pure)
 *     message, builder                         headers and attributes (pure)
 *     batch, socket                            requests, batches, dumps, and their answers
 *     monitor, echo-filter                     notifications, without those of our own writes
 *     transport                                the kernel's socket
 *
 * Routes are many, so they never become objects: out, a RouteTemplate is stamped with one prefix after another
 * into a MessageBatch; in, a RouteView is laid over one message after another. Links, addresses and nexthop
 * objects are few, so they are plain objects.
 *
 * The kernel answers a refusal with an errno, a text and the place in the request (errors). Answers and
 * notifications can be lost when a queue overflows; then a batch's outcome is `unknown` and a monitor reports
 * an overflow, and the one remedy for either is to dump.
 *
 * All of it runs on whichever thread made the socket: a write costs the time that the kernel takes for it.
 */
export * from './batch.js';
export * from './builder.js';
export * from './constants.js';
export * from './errors.js';
export * from './interface-address.js';
export * from './link.js';
export * from './message.js';
export * from './monitor.js';
export * from './neighbour.js';
export * from './nexthop.js';
export * from './route.js';
export * from './route-view.js';
export * from './socket.js';
export * from './tunnel.js';
