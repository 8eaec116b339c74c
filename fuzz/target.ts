/** What is fuzzed: bytes go in, and nothing that follows may break the target's promises. */
export interface Target {
  readonly name: string;
  /** What the bytes are, and what is promised of them. */
  readonly promise: string;
  /** Sound inputs to begin with; the same each time. */
  seeds(): Buffer[];
  /**
   * Runs one input. Throws where a promise is broken. Returns what was seen, each in few words: an input that shows
   * something new is kept and changed further, which is what leads into the far corners.
   */
  run(input: Buffer): Iterable<string>;
}

/** A message without its numbers and quoted bytes, so that it stands for the place in the code that says it. */
export function withoutNumbers(message: string): string {
  return message.replace(/0x[0-9a-f]+|[0-9a-f]{8,}|\d+/gi, '#');
}

/** Sizes that differ little are the same: 0, 1, 2, 4, 8 … */
export function sizeClass(count: number): number {
  return count === 0 ? 0 : 2 ** Math.floor(Math.log2(count));
}
