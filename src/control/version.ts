/** The version of this Tartan, from its package.json. */
import { readFileSync } from 'node:fs';

/** Reads `version` of the package.json nearest above this file, which stands elsewhere in a build than in the sources. */
export function version(): string {
  for (let folder = new URL('.', import.meta.url); folder.pathname !== '/'; folder = new URL('..', folder)) {
    try {
      const read = JSON.parse(readFileSync(new URL('package.json', folder), 'utf8')) as {
        name?: string;
        version?: string;
      };
      if (read.name === 'tartan' && read.version !== undefined) return read.version;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  return 'unknown';
}
