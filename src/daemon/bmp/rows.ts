/** Collectors as `show bmp` tells of them. */
import { formatAddress } from '../../address/index.js';
import type { CollectorRow } from '../../control/api.js';
import type { Collector } from './collector.js';

export function collectorRow(collector: Collector): CollectorRow {
  const { config, feed, retryAt } = collector;
  return {
    name: config.name,
    address: formatAddress(config.address),
    port: config.port,
    state: feed?.isSynced === false ? 'dumping' : collector.state,
    since: collector.since.toISOString(),
    routes: { ...config.routes },
    mirror: config.mirror,
    peersUp: feed?.peersUp ?? 0,
    connections: collector.connections,
    sent: { messages: collector.messagesSent, octets: collector.bytesSent },
    pending: { prefixes: feed?.pending ?? 0, octets: collector.queuedBytes },
    ...(config.mirror ? { mirroringLost: collector.mirroringLost } : {}),
    lastError: collector.lastError,
    ...(retryAt === null ? {} : { retryAt: retryAt.toISOString() }),
  };
}
