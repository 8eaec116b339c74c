/**
 * A reload in parts. A part that throws, which is a bug, keeps no other from being done; until a reload goes through, every
 * document that may still be in force somewhere is remembered, and the next reload does whatever leads from any of them.
 */
import type { PeerChange, PolicyChange, Router, RouterDiff } from '../config/index.js';

const byStrength: readonly PeerChange[] = ['none', 'policy', 'session'];

function stronger(x: PeerChange, y: PeerChange | undefined): PeerChange {
  return y !== undefined && byStrength.indexOf(y) > byStrength.indexOf(x) ? y : x;
}

function eitherPolicy(x: PolicyChange | null, y: PolicyChange | null): PolicyChange | null {
  if (x === null || y === null) return x ?? y;
  if (x === 'all' || y === 'all') return 'all';
  return {
    filters: new Set([...x.filters, ...y.filters]),
    withoutFilters: x.withoutFilters || y.withoutFilters,
  };
}

function both(x: readonly string[], y: readonly string[]): string[] {
  return [...new Set([...x, ...y])];
}

/** What two differences from one document ask for together. */
export function eitherDiff(x: RouterDiff, y: RouterDiff): RouterDiff {
  const changed = new Map(x.peers.changed.map(({ name, change }) => [name, change]));
  for (const { name, change } of y.peers.changed) changed.set(name, stronger(change, changed.get(name)));
  const ranges = new Map(x.ranges);
  for (const [name, change] of y.ranges) ranges.set(name, stronger(change, ranges.get(name)));
  return {
    peers: {
      added: both(x.peers.added, y.peers.added),
      removed: both(x.peers.removed, y.peers.removed),
      changed: [...changed].map(([name, change]) => ({ name, change })),
    },
    ranges,
    listen: x.listen || y.listen,
    kernel: x.kernel || y.kernel,
    policies: eitherPolicy(x.policies, y.policies),
    overlay: x.overlay || y.overlay,
    restart: both(x.restart, y.restart),
    lines: both(x.lines, y.lines),
  };
}

export class ReloadParts {
  /** What the last reload could not do, a line each; empty: the document is in force wholly. */
  failures: readonly string[] = [];
  /** Documents before the one in force of which something may have stayed. */
  private unfinished: readonly Router[] = [];
  private under: string[] = [];

  /** What leads to a document from `current` and from what may have stayed of others. */
  diff(current: Router, of: (from: Router) => RouterDiff): RouterDiff {
    return this.unfinished.map(of).reduce(eitherDiff, of(current));
  }

  /** Does one part. */
  do(name: string, part: () => void): void {
    try {
      part();
    } catch (error) {
      this.failed(name, error);
    }
  }

  /** Does one part that takes its time. */
  async doing(name: string, part: () => Promise<void>): Promise<void> {
    try {
      await part();
    } catch (error) {
      this.failed(name, error);
    }
  }

  /** All parts are done, or failed; `former`: the document until now. */
  end(former: Router): void {
    this.failures = this.under;
    this.under = [];
    this.unfinished = this.failures.length === 0 ? [] : [...this.unfinished, former].slice(-8);
  }

  private failed(name: string, error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    this.under.push(`the last reload did not do all of ${name}: ${message}`);
  }
}
