/** In `valueEnd`: the attribute came, and is to be treated as if it had not. */
const DROPPED = 0;

/**
 * Where each attribute of the UPDATE at hand stands, by type. begin() forgets the previous message by counting up, so that
 * nothing is cleared and nothing allocated.
 */
export class AttributeIndex {
  readonly valueStart = new Uint32Array(256);
  readonly valueEnd = new Uint32Array(256);
  readonly flags = new Uint8Array(256);
  /** Types that go into the canonical set, ascending; `typeCount` of them. */
  readonly types = new Uint8Array(256);
  typeCount = 0;
  /** Per type: number of the message that last had it. */
  private readonly seen = new Uint32Array(256);
  private message = 0;

  begin(): void {
    this.typeCount = 0;
    if (++this.message > 0x3fffffff) {
      this.message = 1;
      this.seen.fill(0);
    }
  }

  /** Notes an attribute; false if one of its type was there before, which then stays. */
  note(type: number, flags: number, valueStart: number, valueEnd: number): boolean {
    if (this.seen[type] === this.message) return false;
    this.seen[type] = this.message;
    this.valueStart[type] = valueStart;
    this.valueEnd[type] = valueEnd;
    this.flags[type] = flags;
    return true;
  }

  /** Whether the attribute stands in the message, dropped or not. */
  came(type: number): boolean {
    return this.seen[type] === this.message;
  }

  /** Whether the attribute stands in the message and counts. */
  has(type: number): boolean {
    return this.seen[type] === this.message && this.valueEnd[type] !== DROPPED;
  }

  /** The attribute no longer counts; another one of its type is still a second. */
  drop(type: number): void {
    this.valueEnd[type] = DROPPED;
  }

  /** Puts a type in its place among those of the canonical set; peers mostly send them in order. */
  keep(type: number): void {
    const { types } = this;
    let i = this.typeCount++;
    while (i > 0 && types[i - 1] > type) {
      types[i] = types[i - 1];
      i--;
    }
    types[i] = type;
  }
}
