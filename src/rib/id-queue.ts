/** Ids of a page: 16 kB. */
const PAGE_IDS = 4096;

/**
 * A queue of ids: first in, first out. Whoever pushes keeps a flag by id against doubles. It lies in pages, so that one
 * that grows is not copied, and one that is worked off lets go of memory on the way.
 */
export class IdQueue {
  /** The first is read from, the last written to; never empty. */
  private readonly pages: Uint32Array[] = [new Uint32Array(PAGE_IDS)];
  private first: Uint32Array = this.pages[0];
  private last: Uint32Array = this.pages[0];
  private head = 0;
  private tail = 0;
  /** The page that was read last, for the next that is needed. */
  private spare: Uint32Array | null = null;

  get size(): number {
    return (this.pages.length - 1) * PAGE_IDS + this.tail - this.head;
  }

  push(id: number): void {
    if (this.tail === PAGE_IDS) this.addPage();
    this.last[this.tail++] = id;
  }

  /** The oldest id, or -1. */
  shift(): number {
    if (this.head === this.tail && this.first === this.last) return -1;
    const id = this.first[this.head++];
    if (this.first === this.last) {
      if (this.head === this.tail) {
        this.head = 0;
        this.tail = 0;
      }
    } else if (this.head === PAGE_IDS) this.dropPage();
    return id;
  }

  private addPage(): void {
    this.last = this.spare ?? new Uint32Array(PAGE_IDS);
    this.spare = null;
    this.pages.push(this.last);
    this.tail = 0;
  }

  private dropPage(): void {
    this.spare = this.first;
    this.pages.shift();
    this.first = this.pages[0];
    this.head = 0;
  }
}
