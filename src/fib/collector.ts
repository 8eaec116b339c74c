import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** A collection of the thread that calls it, as a function: a full one, or of its young generation. */
export function collector(type: 'major' | 'minor' = 'major'): () => void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as (options?: { type: 'minor' }) => void;
  setFlagsFromString('--no-expose-gc');
  // With a type, even that of full ones, it lets go of less.
  return type === 'minor' ? () => collect({ type }) : () => collect();
}

/** Two of them: what the first one found unused is let go by then, and the young generation shrinks. */
export async function collectTwice(): Promise<void> {
  const collect = collector();
  collect();
  await setImmediate();
  collect();
}
