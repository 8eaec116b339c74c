/** What is asked for all paths of a source, until a sweep over the paths has done it. What comes during a sweep waits for the next one. */
import type { Epochs } from './epochs.js';
import type { AttrSetId, PrefixId, SourceId } from './ids.js';

/** Applies a new import filter: the accepted set (0 = rejected) for a received one. The reference it returns is taken over. */
export type Refilter = (prefix: PrefixId, received: AttrSetId) => AttrSetId;

/** What to do with the paths of one source when the sweep comes to them. */
export interface SourceJob {
  /** Remove paths of this epoch and earlier ones. */
  removeUpTo: number | null;
  refilter: Refilter | null;
  redecide: boolean;
  /** Bring paths of earlier epochs together in this one. */
  ageTo: number | null;
  /** Mark stale paths as long-lived. */
  mark: boolean;
}

export class SourceJobs {
  private requested = new Map<SourceId, SourceJob>();
  /** Of the sweep under way. */
  private current: (SourceJob | undefined)[] = [];
  /** It removes paths of more than one source. */
  removesSeveral = false;

  get isEmpty(): boolean {
    return this.requested.size === 0;
  }

  /** Whether something is asked for the source that has not been done yet. */
  has(source: SourceId): boolean {
    return this.requested.has(source) || this.current[source] !== undefined;
  }

  /** What the next sweep is to do for the source, to be filled in. */
  request(source: SourceId): SourceJob {
    let job = this.requested.get(source);
    if (job === undefined) {
      job = { removeUpTo: null, refilter: null, redecide: false, ageTo: null, mark: false };
      this.requested.set(source, job);
    }
    return job;
  }

  /** A sweep begins. */
  begin(): void {
    this.current = [];
    let removing = 0;
    for (const [source, job] of this.requested) {
      this.current[source] = job;
      if (job.removeUpTo !== null) removing++;
    }
    this.removesSeveral = removing > 1;
    this.requested.clear();
  }

  /** The jobs of the sweep under way, by source. */
  get bySource(): readonly (SourceJob | undefined)[] {
    return this.current;
  }

  /** The sweep has passed: which epochs are gone now. */
  done(epochs: Epochs): void {
    for (const [source, job] of this.current.entries()) {
      if (job === undefined) continue;
      if (job.removeUpTo !== null) epochs.removed(source as SourceId, job.removeUpTo);
      else if (job.ageTo !== null) epochs.removed(source as SourceId, (job.ageTo - 1) & 255);
    }
    this.current = [];
  }
}
