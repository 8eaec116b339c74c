/** A queue of ids in one typed array: first in, first out. Whoever pushes keeps a flag by id against doubles. */
export class IdQueue {
  private ids = new Uint32Array(1024);
  private head = 0;
  private tail = 0;

  get size(): number {
    return this.tail - this.head;
  }

  push(id: number): void {
    if (this.tail === this.ids.length) this.makeRoom();
    this.ids[this.tail++] = id;
  }

  /** The oldest id, or -1. */
  shift(): number {
    if (this.head === this.tail) return -1;
    const id = this.ids[this.head++];
    if (this.head === this.tail) {
      this.head = 0;
      this.tail = 0;
      if (this.ids.length > 65536) this.ids = new Uint32Array(1024);
    }
    return id;
  }

  private makeRoom(): void {
    const size = this.size;
    const to = size > this.ids.length >> 1 ? new Uint32Array(this.ids.length * 2) : this.ids;
    to.set(this.ids.subarray(this.head, this.tail));
    this.ids = to;
    this.head = 0;
    this.tail = size;
  }
}
