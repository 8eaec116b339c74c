/** Where a peer is: an address, or whoever is on an interface; and its AS where the OPEN tells it. Document → Router. */
import { type Address, unspecified6 } from '../address/index.js';
import type { PeerDocument } from './document.js';
import type { Path } from './issues.js';
import type { PeerConfig } from './router.js';
import { defaults } from './schema.js';
import type { Reader } from './values.js';

/** `asn` of a peer or template. 0: what the peer's OPEN says, as long as it is not ours. */
export function readRemoteAs(asn: PeerDocument['asn'], ours: number | undefined): { asn?: number } {
  if (asn === 'external') return { asn: 0 };
  if (asn === 'internal') return ours === undefined ? {} : { asn: ours };
  return asn === undefined ? {} : { asn };
}

/** The peer's address; `::` where it is to be learnt on an interface. */
export function readEnd(
  document: PeerDocument,
  label: string,
  reader: Reader,
  path: Path,
): Address | undefined {
  const address = reader.unicast(document.address, [...path, 'address']);
  const isNamed = reader.isGiven([...path, 'address']) || reader.isGiven([...path, 'interface']);
  if (!isNamed) {
    reader.error(path, `${label} has neither \`address\` nor \`interface\`; expected one of them`);
    return undefined;
  }
  if (document.interface === undefined) return address;
  if (reader.isGiven([...path, 'address'])) {
    return reader.error(
      [...path, 'interface'],
      `${label} has both \`address\` and \`interface\`; expected one of them (\`device\` beside an address says over which interface)`,
    );
  }
  return unspecified6;
}

/** What a peer by interface is beyond its end. */
export function interfaceSettings(
  document: PeerDocument,
  merged: {
    readonly device?: string;
    readonly multihop?: number | null;
    readonly raIntervalSeconds?: number;
  },
  label: string,
  reader: Reader,
  path: Path,
): Partial<Pick<PeerConfig, 'interface' | 'device' | 'raIntervalSeconds'>> {
  const { interface: name } = document;
  if (name === undefined) return {};
  for (const key of ['device', 'multihop'] as const) {
    const value = merged[key];
    if (value === undefined || value === null) continue;
    reader.error(
      document[key] === undefined ? path : [...path, key],
      `${label} has \`interface\` and \`${key}\`; expected \`interface\` alone: the peer is on that link`,
    );
  }
  return {
    interface: name,
    device: name,
    raIntervalSeconds: merged.raIntervalSeconds ?? defaults.raInterval,
  };
}
