import { formatAddress } from '../address/index.js';
import type { RpkiConfig } from './router.js';

export function renderCache(cache: RpkiConfig['caches'][number]) {
  const address = formatAddress(cache.address);
  const { name, port, preference, refreshSeconds, retrySeconds, expireSeconds } = cache;
  return {
    // Not every address is a name that could be written.
    ...(name === address ? {} : { name }),
    address,
    port,
    preference,
    ...(refreshSeconds === undefined ? {} : { refresh: refreshSeconds }),
    ...(retrySeconds === undefined ? {} : { retry: retrySeconds }),
    ...(expireSeconds === undefined ? {} : { expire: expireSeconds }),
  };
}

export function renderRpki({ caches }: RpkiConfig) {
  return caches.length === 0 ? {} : { rpki: { caches: caches.map(renderCache) } };
}
