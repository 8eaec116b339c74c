/** Tells main of refused and conflicting routes one by one, unless there are too many: then of their number. */
import type { FamilyIndex } from '../address/index.js';
import type { FibEvent, FibRouteRow } from './types.js';

/** Single routes told of per second. */
const PER_SECOND = 50;

export class RouteErrors {
  private since = 0;
  private told = 0;
  private untold = 0;

  constructor(private readonly post: (event: FibEvent) => void) {}

  tell(family: FamilyIndex, row: () => FibRouteRow | null, now: number): void {
    if (now - this.since > 1000) {
      if (this.untold > 0) {
        const fields = { routes: this.untold };
        this.post({ type: 'log', level: 'warn', message: 'more routes are refused or in conflict', fields });
      }
      this.since = now;
      this.told = 0;
      this.untold = 0;
    }
    if (this.told === PER_SECOND) {
      this.untold++;
      return;
    }
    this.told++;
    const hindered = row();
    if (hindered !== null) this.post({ type: 'routeError', family, row: hindered });
  }
}
