/** Takes main's desires out of shared memory and hands them, with their prefixes, to the reconcilers. */
import type { SharedPrefixKeys } from '../rib/prefix-table.js';
import { PrefixKeys } from './prefix-keys.js';
import type { RouteReconciler } from './route-reconciler.js';
import type { DesiredRoutesReader } from './shared-fib.js';

export class Desires {
  private readonly keys: readonly [PrefixKeys, PrefixKeys];

  constructor(
    private readonly reader: DesiredRoutesReader,
    prefixes: readonly [SharedPrefixKeys, SharedPrefixKeys],
    private readonly reconcilers: readonly [RouteReconciler, RouteReconciler],
  ) {
    this.keys = [new PrefixKeys(prefixes[0]), new PrefixKeys(prefixes[1])];
  }

  /** At most `limit` of them. */
  drain(limit: number): void {
    this.reader.drain(limit, (family, prefix, desire) => {
      const { words, lengths } = this.keys[family].upTo(prefix);
      const reconciler = this.reconcilers[family];
      if (family === 0) {
        reconciler.desire(prefix, words[prefix], 0, 0, 0, lengths[prefix], desire);
      } else {
        const w = 4 * prefix;
        reconciler.desire(
          prefix,
          words[w],
          words[w + 1],
          words[w + 2],
          words[w + 3],
          lengths[prefix],
          desire,
        );
      }
    });
  }
}
