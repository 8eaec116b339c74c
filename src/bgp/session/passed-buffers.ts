/** Octets after which what they were in is worth a collection. */
const muchBytes = 4e6;

/**
 * Counts the buffers that were read into and written from. They die at once, but V8 sees only the few small objects that stand
 * for them, and would keep some fifteen megabytes before it collects.
 */
export class PassedBuffers {
  private bytes = 0;
  private much: (() => void) | null = null;

  /** Has `much` called, in a turn of its own, whenever much has passed. */
  whenMuch(much: () => void): void {
    this.much = much;
  }

  add(bytes: number): void {
    this.bytes += bytes;
    if (this.bytes < muchBytes) return;
    this.bytes = 0;
    if (this.much !== null) setImmediate(this.much);
  }
}

/** Of all connections of the process. */
export const passedBuffers = new PassedBuffers();
