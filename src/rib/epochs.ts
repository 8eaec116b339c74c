/**
 * Which of a source's paths are older than which: every path bears the epoch in which it was last announced. To begin an
 * epoch is to call all there is old, in no time; to remove what is old is one sweep over the paths.
 *
 * Epochs are octets and go round, so that those in use must lie close together. `oldest` is the bound that is known: it
 * moves when a sweep has passed.
 */
import type { SourceId } from './ids.js';

/** Epochs of one source that paths may have at a time. A path counts as removed up to half of the round away. */
const MOST_IN_USE = 100;

export class Epochs {
  private current = new Uint8Array(64);
  private oldest = new Uint8Array(64);
  /** No path of an earlier epoch is of the source's present session. */
  private session = new Uint8Array(64);

  /** The epoch that is announced in now. */
  of(source: SourceId): number {
    return this.current[source] ?? 0;
  }

  /** Whether another epoch may begin for a peer's asking, before what is old is gone. */
  hasRoom(source: SourceId): boolean {
    return ((this.current[source] - this.oldest[source]) & 255) < MOST_IN_USE;
  }

  begin(source: SourceId): void {
    this.current[source]++;
  }

  /** Likewise, and what was announced before is none of the present session's. */
  beginSession(source: SourceId): void {
    this.begin(source);
    this.session[source] = this.current[source];
  }

  /** Whether a path of this epoch was announced in the source's present session. */
  isOfSession(source: SourceId, epoch: number): boolean {
    return !Epochs.isUpTo(epoch, ((this.session[source] ?? 0) - 1) & 255);
  }

  /** The last epoch before the current one. */
  before(source: SourceId): number {
    return (this.current[source] - 1) & 255;
  }

  /** No path of this epoch or an earlier one is left. */
  removed(source: SourceId, upTo: number): void {
    this.oldest[source] = upTo + 1;
    // Which are so many fewer to tell apart, as epochs go round.
    if (Epochs.isUpTo(this.session[source], upTo)) this.session[source] = upTo + 1;
  }

  /** Whether `epoch` is `upTo` or earlier. */
  static isUpTo(epoch: number, upTo: number): boolean {
    return ((upTo - epoch) & 255) < 128;
  }

  /** Makes room for a new source. */
  reserve(source: SourceId): void {
    if (source < this.current.length) return;
    const grow = (from: Uint8Array<ArrayBuffer>) => {
      const larger = new Uint8Array(Math.max(source + 1, from.length * 2));
      larger.set(from);
      return larger;
    };
    this.current = grow(this.current);
    this.oldest = grow(this.oldest);
    this.session = grow(this.session);
  }
}
