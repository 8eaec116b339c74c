import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The checkout this module belongs to, whether it runs from source or from dist/. */
export const checkout = (() => {
  let folder = new URL('.', import.meta.url);
  while (!existsSync(new URL('package.json', folder))) folder = new URL('..', folder);
  return fileURLToPath(folder).replace(/\/$/, '');
})();
