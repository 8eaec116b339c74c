import { setFlagsFromString } from 'node:v8';

/**
 * Keeps V8's young generation at the size that it has now. Few objects are made per route, and those die at once: it need
 * not grow to its 32 MB for them.
 */
export function keepYoungGenerationSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
}
