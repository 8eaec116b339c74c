/** What `show peers` says of a session that is down, and of one that carries less than an operator may think. */
import type { Peer } from '../bgp/speaker/index.js';
import type { PeerRow } from '../control/api.js';

/** Since when and why it is down, and when it is tried again. */
export function downStatus({
  negotiated,
  outage,
  session,
  isShutdown,
}: Peer): Pick<PeerRow, 'down' | 'retryAt'> {
  if (negotiated !== null) return {};
  const { retryAt } = session;
  return {
    down: { since: outage.since.toISOString(), reason: outage.reason },
    ...(retryAt === null || isShutdown ? {} : { retryAt: retryAt.toISOString() }),
  };
}

/** RFC 8212: a session can be up and carry nothing for want of a filter. */
export function missingFilters({ relation, settings }: Peer, ebgpRequiresPolicy: boolean): string[] {
  if (relation !== 'ebgp' || !ebgpRequiresPolicy) return [];
  const missing = [
    ...(settings.import === undefined ? ['`import`: nothing is accepted'] : []),
    ...(settings.export === undefined ? ['`export`: nothing is announced'] : []),
  ];
  return missing.map((text) => `it has no ${text} (RFC 8212)`);
}
