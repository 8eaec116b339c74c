/** The treatments that the overlay gives to routes: one for each family, source and pool, numbered as they come up. */
import { type FamilyIndex, formatPrefix } from '../../address/index.js';
import type { Treatment } from '../../fib/installer.js';
import type { Pool } from '../../policy/index.js';

export interface HowTreated {
  readonly family: FamilyIndex;
  readonly source: 'bgp' | 'inventory';
  readonly pool: Pool | null;
}

export class Treatments {
  /** By treatment; the first is PLAIN, of which the overlay has nothing to say. */
  private readonly how: (HowTreated | null)[] = [null];
  private readonly ids = new Map<string, Treatment>();
  /** It is asked for every route: by pool, so that no key is made. */
  private readonly byPool = {
    bgp: new WeakMap<Pool, Treatment>(),
    inventory: new WeakMap<Pool, Treatment>(),
  };

  /** Pools that read alike in another document keep their treatment. */
  of(family: FamilyIndex, source: HowTreated['source'], pool: Pool | null): Treatment {
    const cached = pool === null ? undefined : this.byPool[source].get(pool);
    if (cached !== undefined) return cached;
    const key = `${family} ${source} ${pool === null ? '' : `${formatPrefix(pool.cidr)} ${pool.backend} ${pool.mode}`}`;
    let id = this.ids.get(key);
    if (id === undefined) {
      id = (this.how.push({ family, source, pool }) - 1) as Treatment;
      this.ids.set(key, id);
    }
    if (pool !== null) this.byPool[source].set(pool, id);
    return id;
  }

  /** null: as the next hop is. */
  get(treatment: Treatment): HowTreated | null {
    return this.how[treatment] ?? null;
  }
}
