import type { SourceId } from './ids.js';

/** A set of route sources; asking is one look into an array. */
export class SourceSet {
  private marks = new Uint8Array(64);

  has(source: number): boolean {
    return source < this.marks.length && this.marks[source] === 1;
  }

  add(source: SourceId): void {
    if (source >= this.marks.length) {
      const grown = new Uint8Array(Math.max(source + 1, this.marks.length * 2));
      grown.set(this.marks);
      this.marks = grown;
    }
    this.marks[source] = 1;
  }

  delete(source: SourceId): void {
    if (source < this.marks.length) this.marks[source] = 0;
  }
}
