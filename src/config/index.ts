/**
 * Configuration: from YAML files to a {@link Router}, the only thing that the daemon knows of them.
 *
 *     files ──source──▶ documents ──validate──▶ shapes ──read-router──▶ Router ──diff──▶ what a reload changes
 *             (YAML)                (schema.ts)          (peers, filters)       ──render─▶ a document again
 *
 * A mistake never stops the reading: what the schema refuses is taken out and the rest is still looked at, so that
 * one run tells every mistake, each as `file:line:col: what is wrong and what was expected`. Nothing is applied
 * unless there is none. Values come from the fast YAML reader; only when something must be placed is the file read
 * again by the one that knows lines and columns.
 *
 * A reload of a large document reads the nodes that changed alone, where nothing else did (load-aside, changed-nodes).
 *
 * The schema is the source of keys, defaults and descriptions; names, addresses and everything that spans several
 * values is checked while the Router is built. Where a value comes from: the peer, else its template, else the
 * default. A key without a value counts as not given.
 */
export { diffRouter, type PeerChange, type PolicyChange, type RouterDiff } from './diff.js';
export { type ConfigIssue, formatFewIssues, formatIssue } from './issues.js';
export { checkRouters, type LoadResult, loadRouter } from './load.js';
export { ConfigLoader } from './load-aside.js';
export { formatRouter, renderRouter, type WrittenRouter } from './render.js';
export type * from './router.js';
export { formatCommunity, kernelProtocols, parseCommunity } from './values.js';
