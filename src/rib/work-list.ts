/** Work on many things of a kind, each once: some at once, the rest in slices, so that a few never wait. */
import type { Slices, SliceTask } from './slices.js';

/** Milliseconds that are worked at once. */
const AT_ONCE_MS = 2;

export class WorkList<T> {
  private readonly waiting = new Set<T>();

  /** Without `slices` all is done at once. */
  constructor(
    private readonly work: (item: T) => void,
    private readonly slices: Pick<Slices, 'add'> | null,
  ) {}

  get pending(): boolean {
    return this.waiting.size > 0;
  }

  add(items: Iterable<T>): void {
    for (const item of items) this.waiting.add(item);
    const deadline = this.slices === null ? Number.POSITIVE_INFINITY : performance.now() + AT_ONCE_MS;
    if (this.run(deadline)) this.slices?.add(this.run);
  }

  /** It needs no work any more. */
  delete(item: T): void {
    this.waiting.delete(item);
  }

  private readonly run: SliceTask = (deadline) => {
    let n = 0;
    for (const item of this.waiting) {
      this.waiting.delete(item);
      this.work(item);
      if ((++n & 7) === 0 && performance.now() >= deadline) break;
    }
    return this.waiting.size > 0;
  };
}
