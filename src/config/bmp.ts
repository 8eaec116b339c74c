/** `bmp` ⇄ collectors. */
import { formatAddress } from '../address/index.js';
import type { CollectorDocument, SpecDocument } from './document.js';
import { formatPath, type Path } from './issues.js';
import type { CollectorConfig } from './router.js';
import { bmpDefaults } from './schema-bmp.js';
import { familyLabel, type Reader } from './values.js';

export function readBmp(spec: SpecDocument, reader: Reader): CollectorConfig[] {
  const collectors: CollectorConfig[] = [];
  const names = new Map<string, Path>();
  for (const [i, document] of (spec.bmp ?? []).entries()) {
    if (document === undefined) continue;
    const path = ['spec', 'bmp', i];
    const collector = readCollector(document, reader, path);
    if (collector === undefined) continue;
    const at = document.name === undefined ? path : [...path, 'name'];
    if (reader.duplicate(names, collector.name, at, `collector \`${collector.name}\``)) continue;
    collectors.push(collector);
  }
  return collectors;
}

function readCollector(document: CollectorDocument, reader: Reader, path: Path): CollectorConfig | undefined {
  const address = reader.unicast(document.address, [...path, 'address']);
  const localAddress = reader.unicast(document.localAddress, [...path, 'localAddress']);
  if (address !== undefined && localAddress !== undefined && address.family !== localAddress.family) {
    const at = formatPath([...path, 'localAddress']);
    reader.error(
      [...path, 'localAddress'],
      `\`${at}\` is ${document.localAddress}, but the collector is at ${document.address}; expected an ${familyLabel(address.family)} address`,
    );
  }
  const { received, accepted, locRib } = document.routes ?? {};
  const routes = {
    received: received ?? bmpDefaults.received,
    accepted: accepted ?? bmpDefaults.accepted,
    locRib: locRib ?? bmpDefaults.locRib,
  };
  const mirror = document.mirror ?? bmpDefaults.mirror;
  if (!mirror && !Object.values(routes).includes(true)) {
    reader.error(
      [...path, 'routes'],
      `\`${formatPath(path)}\` is told of nothing; expected one of \`received\`, \`accepted\`, \`locRib\`, \`mirror\` to be \`true\``,
    );
  }
  if (address === undefined) return undefined;
  return {
    name: document.name ?? formatAddress(address),
    address,
    port: document.port ?? bmpDefaults.port,
    ...(localAddress === undefined ? {} : { localAddress }),
    routes,
    mirror,
    statisticsSeconds: document.statistics ?? bmpDefaults.statistics,
    connectRetrySeconds: document.connectRetry ?? bmpDefaults.connectRetry,
    stallSeconds: document.stallTime ?? bmpDefaults.stallTime,
  };
}

export function renderCollector(collector: CollectorConfig) {
  const { localAddress } = collector;
  return {
    name: collector.name,
    address: formatAddress(collector.address),
    port: collector.port,
    ...(localAddress === undefined ? {} : { localAddress: formatAddress(localAddress) }),
    routes: { ...collector.routes },
    mirror: collector.mirror,
    statistics: collector.statisticsSeconds,
    connectRetry: collector.connectRetrySeconds,
    stallTime: collector.stallSeconds,
  };
}
