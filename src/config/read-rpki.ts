/** `rpki` of a document → caches. */
import { formatAddress } from '../address/index.js';
import type { CacheSettings } from '../rpki/types.js';
import type { CacheDocument, SpecDocument } from './document.js';
import { formatPath, type Path } from './issues.js';
import type { RpkiConfig } from './router.js';
import { defaults } from './schema.js';
import type { Reader } from './values.js';

export function readRpki(spec: SpecDocument, reader: Reader): RpkiConfig {
  const caches: CacheSettings[] = [];
  const names = new Map<string, Path>();
  for (const [i, document] of (spec.rpki?.caches ?? []).entries()) {
    if (document === undefined) continue;
    const path = ['spec', 'rpki', 'caches', i];
    const cache = readCache(document, reader, path);
    if (cache === undefined) continue;
    const at = document.name === undefined ? [...path, 'address'] : [...path, 'name'];
    if (!reader.duplicate(names, cache.name, at, `cache ${cache.name}`)) caches.push(cache);
  }
  if (caches.length === 0) warnOfNoData(spec, reader);
  return { caches };
}

function readCache(document: CacheDocument, reader: Reader, path: Path): CacheSettings | undefined {
  const { refresh, retry, expire, port, preference } = document;
  for (const [key, value] of Object.entries({ refresh, retry })) {
    if (expire === undefined || value === undefined || value < expire) continue;
    const at = [...path, 'expire'];
    reader.error(
      at,
      `\`${formatPath(at)}\` is ${expire}; expected more than \`${key}\`, which is ${value} (RFC 8210 §6)`,
    );
  }
  const address = reader.unicast(document.address, [...path, 'address']);
  if (address === undefined) return undefined;
  return {
    name: document.name ?? formatAddress(address),
    address,
    port: port ?? defaults.rpki.port,
    preference: preference ?? defaults.rpki.preference,
    ...(refresh === undefined ? {} : { refreshSeconds: refresh }),
    ...(retry === undefined ? {} : { retrySeconds: retry }),
    ...(expire === undefined ? {} : { expireSeconds: expire }),
  };
}

/** Filters that ask for a state which is always the same. */
function warnOfNoData(spec: SpecDocument, reader: Reader): void {
  for (const [name, rules] of Object.entries(spec.filters ?? {})) {
    for (const [i, rule] of (rules ?? []).entries()) {
      if (rule?.match?.rpki === undefined) continue;
      const at = ['spec', 'filters', name, i, 'match', 'rpki'];
      reader.warn(
        at,
        `\`${formatPath(at)}\` asks for origin validation and \`spec.rpki.caches\` names no cache: every route is \`notFound\``,
        'key',
      );
    }
  }
}
