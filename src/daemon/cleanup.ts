/**
 * Takes everything of ours out of the kernel, and nothing else: what is ours is told by the same marks by which a start
 * adopts it. Not while a daemon runs, which would put it back.
 */
import type { Router } from '../config/router.js';
import { createFib } from '../fib/index.js';
import type { FibEvent } from '../fib/types.js';
import { removeNatTable } from '../nftables/index.js';
import { Rib } from '../rib/rib.js';
import { kernelSettings } from './node.js';

export interface Cleaned {
  /** Routes that were there, per family. */
  readonly routes: readonly [number, number];
  /** What went wrong, a line each. */
  readonly problems: readonly string[];
}

export async function cleanUp(router: Router): Promise<Cleaned> {
  const problems: string[] = [];
  const rib = new Rib();
  const fib = await createFib({
    prefixes: [rib.families[0].prefixes.shared(), rib.families[1].prefixes.shared()],
    settings: { ...kernelSettings(router), install: true, nexthopCompat: null },
    log: (level, message, fields) => {
      if (level === 'warn' || level === 'error') problems.push(`${message} ${JSON.stringify(fields)}`);
    },
  });
  const ready = await new Promise<Extract<FibEvent, { type: 'ready' }>>((resolve, reject) => {
    fib.on((event) => {
      if (event.type === 'ready') resolve(event);
      else if (event.type === 'fatal') reject(new Error(event.message));
    });
  });
  fib.sweep();
  await fib.fence();
  fib.setOverlay({ devices: [], entries: [], sysctls: [] });
  await fib.overlayFence();
  await fib.close('remove');
  rib.close();
  try {
    await removeNatTable();
  } catch (error) {
    problems.push((error as Error).message);
  }
  return { routes: ready.adopted, problems };
}
