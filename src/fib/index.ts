/**
 * The FIB: the routes that the kernel should have, and a thread of its own that sees to it that it has them.
 *
 *     main thread                shared memory                     kernel thread
 *     setRoute ─────▶ desired forwarding per PrefixId ────▶ RouteReconciler ⇄ RouteWriter ⇄ kernel
 *     defineForwarding ───────── message ─────────────────▶ Forwardings, NexthopObjects ⇄ NexthopWriter ⇄ kernel
 *     events ◀────────────────── message ────────────────── KernelObserver ◀── dumps, notifications
 *
 * Nothing is replayed: what is desired is compared with what the kernel was seen to have, and one step per prefix is
 * written (reconcile), until they are the same. That is how start, restart, someone's deletion, a lost device and lost
 * notifications are all one case.
 *
 * Ours are the routes of our table with our protocol, and nexthop objects of our id range with our protocol. What
 * others made is never written over and never removed: a new route is created, never forced; a replacement goes only
 * over a route of ours that was seen; a deletion names protocol and metric, in IPv6 also the hops, as the kernel would
 * take siblings along. Where another's route holds the prefix and metric, ours waits (state `conflict`).
 *
 * shared-fib           the memory that both threads share
 * prefix-index, prefix-slots, foreign-routes, route-forms    the kernel thread's tables
 * route-queue          in which order routes are written
 * reconcile, route-reconciler, forwardings, nexthop-objects  what to do next: no I/O
 * route-writer, nexthop-writer, kernel-observer              the kernel's rim
 * neighbour-watch      routers on links, for peers by interface; beside the rest, and only while it is wanted
 * overlay/             tunnel devices, neighbours and FDB entries, beside the routes and after the same manner
 * kernel-programmer    the order of it all; kernel-thread, fib: the two ends of the worker
 */
export { collector, collectTwice } from './collector.js';
export { createFib, type FibLog, type FibOptions, KernelThread } from './fib.js';
export { optimiseAsUsual } from './optimiser.js';
export * from './types.js';
