/** What `show status` and `show peers` say of restarts, ours and the peers'. */
import { familyNames } from '../address/index.js';
import type { Peer, Speaker } from '../bgp/speaker/index.js';
import { familyOf } from '../bgp/wire/index.js';
import type { PeerRow, StatusReport } from '../control/api.js';

/** Our own restart, while it is not over. */
export function restartStatus({ deferred }: Speaker): Pick<StatusReport, 'restart'> {
  if (deferred === null || deferred.awaited.length === 0) return {};
  return {
    restart: {
      announcing: deferred.announcing,
      absenceEnds: deferred.absenceEnds.toISOString(),
      ends: deferred.ends.toISOString(),
      waitingFor: deferred.awaited.map(({ peer, missing }) => ({
        peer,
        missing: missing === 'session' ? missing : missing.map((family) => familyNames[family]),
      })),
    },
  };
}

/** What is kept for a peer, and what would be. */
export function retentionStatus({
  retention,
  negotiated,
}: Peer): Pick<PeerRow, 'retained' | 'gracefulRestart'> {
  const retained: NonNullable<PeerRow['retained']> = {};
  for (const family of [0, 1] as const) {
    const kept = retention.retained(family);
    if (kept === null) continue;
    retained[familyNames[family]] = { longLived: kept.longLived, until: kept.until.toISOString() };
  }
  const capability = negotiated?.peerGracefulRestart ?? null;
  const namesOf = <T extends { afi: number; safi: number }>(list: readonly T[]): [string, T][] =>
    list.flatMap((entry): [string, T][] => {
      const family = familyOf(entry.afi, entry.safi);
      return family === -1 ? [] : [[familyNames[family], entry]];
    });
  return {
    ...(Object.keys(retained).length === 0 ? {} : { retained }),
    ...(negotiated === null || capability === null
      ? {}
      : {
          gracefulRestart: {
            restartTimeSeconds: capability.restartTimeSeconds,
            notification: negotiated.notificationRestart,
            families: namesOf(capability.families).map(([name]) => name),
            ...(negotiated.peerLongLived === null
              ? {}
              : {
                  longLived: Object.fromEntries(
                    namesOf(negotiated.peerLongLived.families).map(([name, entry]) => [
                      name,
                      entry.staleTimeSeconds,
                    ]),
                  ),
                }),
          },
        }),
  };
}
