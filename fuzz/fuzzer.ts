/**
 * The loop: take an input that once showed something new, change it, run it, keep it if it shows something new again.
 *
 * What tells inputs apart is what the target says it saw (which checks spoke up, which attributes were there), so that the
 * search walks towards the corners that a person would name, and needs no instrumented build.
 */
import { mutate } from './mutate.js';
import { Random } from './random.js';
import type { Target } from './target.js';

/** Inputs kept at most. */
const MAX_CORPUS = 20_000;

export interface Finding {
  readonly input: Buffer;
  readonly error: Error;
}

export class Fuzzer {
  runs = 0;
  private readonly seen = new Set<string>();
  private readonly corpus: Buffer[] = [];
  private readonly random: Random;

  constructor(
    readonly target: Target,
    seed: number,
  ) {
    this.random = new Random(seed);
  }

  /** Different things seen so far. */
  get corners(): number {
    return this.seen.size;
  }

  /** Runs the seeds, and `known` inputs of earlier findings. */
  *begin(known: readonly Buffer[]): Generator<Finding> {
    for (const input of [...this.target.seeds(), ...known]) {
      const finding = this.run(input);
      if (finding !== null) yield finding;
      else if (!this.corpus.includes(input)) this.corpus.push(input);
    }
  }

  /** The next input. */
  next(): Buffer {
    const { corpus, random } = this;
    if (corpus.length === 0) return Buffer.from([random.below(256)]);
    // The newest lead on: half of the time, one of the last hundred.
    const recent = random.below(2) === 0 ? Math.max(0, corpus.length - 100) : 0;
    const input = corpus[recent + random.below(corpus.length - recent)];
    return mutate(input, random.pick(corpus), random);
  }

  /** Runs one input; what it breaks, or null. */
  run(input: Buffer): Finding | null {
    this.runs++;
    let seen: Iterable<string>;
    try {
      seen = this.target.run(input);
    } catch (error) {
      return { input, error: error instanceof Error ? error : new Error(String(error)) };
    }
    const before = this.seen.size;
    for (const each of seen) this.seen.add(each);
    if (this.seen.size > before && this.corpus.length < MAX_CORPUS) this.corpus.push(input);
    return null;
  }
}
