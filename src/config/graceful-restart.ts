/** `gracefulRestart` of a document ↔ of a Router. */
import type { GracefulRestartDocument } from './document.js';
import type { GracefulRestartConfig } from './router.js';

type LongLivedConfig = GracefulRestartConfig['longLived'];

/** What one place of the document states. */
export type PartialGracefulRestart = Partial<Omit<GracefulRestartConfig, 'longLived'>> & {
  readonly longLived?: Partial<LongLivedConfig>;
};

/** Leaves out what is undefined. */
function stated<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

export function readGracefulRestart(document: GracefulRestartDocument): PartialGracefulRestart {
  const { longLived } = document;
  const staleTime = longLived?.staleTime;
  return stated({
    enabled: document.enabled,
    restartTimeSeconds: document.restartTime,
    notification: document.notification,
    stalePathTimeSeconds: document.stalePathTime,
    deferralSeconds: document.deferral,
    absenceSeconds: document.absence,
    longLived:
      longLived === undefined
        ? undefined
        : stated({
            enabled: longLived.enabled,
            staleTimeSeconds:
              staleTime === undefined
                ? undefined
                : typeof staleTime === 'number'
                  ? { ipv4: staleTime, ipv6: staleTime }
                  : { ipv4: staleTime.ipv4 ?? 0, ipv6: staleTime.ipv6 ?? 0 },
            maxStaleTimeSeconds: longLived.maxStaleTime,
            announceToOthers: longLived.announceToOthers,
          }),
  });
}

/** What is stated last counts. */
export function mergeGracefulRestart(
  base: GracefulRestartConfig,
  ...over: readonly (PartialGracefulRestart | undefined)[]
): GracefulRestartConfig {
  let merged = base;
  for (const more of over) {
    if (more !== undefined) {
      merged = { ...merged, ...more, longLived: { ...merged.longLived, ...more.longLived } };
    }
  }
  return merged;
}

export function renderGracefulRestart(settings: GracefulRestartConfig) {
  const { longLived } = settings;
  return {
    enabled: settings.enabled,
    restartTime: settings.restartTimeSeconds,
    notification: settings.notification,
    stalePathTime: settings.stalePathTimeSeconds,
    deferral: settings.deferralSeconds,
    absence: settings.absenceSeconds,
    longLived: {
      enabled: longLived.enabled,
      staleTime: { ...longLived.staleTimeSeconds },
      maxStaleTime: longLived.maxStaleTimeSeconds,
      announceToOthers: longLived.announceToOthers,
    },
  };
}
