/**
 * Routes that are not ours, in our table and the main table: to know a conflict before writing, and to tell the main
 * thread what changed. Several may stand at one prefix, even at one metric. What a route is besides its prefix (its
 * form) is an interned object, so that a million routes of another daemon cost a few integers each.
 */
import type { FamilyIndex } from '../address/index.js';
import { NO_SLOT, PrefixIndex, resized } from './prefix-index.js';
import type { ForeignRoute, Hop } from './types.js';

export interface ForeignForm {
  /** In the table that we write to: such a route can be in our way. */
  readonly inOwnTable: boolean;
  readonly table: number;
  readonly protocol: number;
  readonly metric: number;
  /** Differs: another route of the kernel's, at the same prefix and metric. */
  readonly tos: number;
  readonly type: ForeignRoute['type'];
  readonly hops: readonly Hop[];
  readonly nexthopId: number;
}

const NO_ENTRY = -1;

/** Chains of entries per prefix. */
class ForeignSlots extends PrefixIndex {
  head: Int32Array;

  constructor(family: FamilyIndex) {
    super(family);
    this.head = new Int32Array(this.capacity).fill(NO_ENTRY);
  }

  protected override resizeFields(capacity: number): void {
    this.head = resized(this.head, capacity);
  }

  protected override clearFields(slot: number): void {
    this.head[slot] = NO_ENTRY;
  }
}

export class ForeignRoutes {
  private readonly slots: ForeignSlots;
  /** Interned forms by id; 0 is none. */
  private readonly forms: (ForeignForm | null)[] = [null];
  private readonly references: number[] = [0];
  private readonly freeForms: number[] = [];
  private readonly formIds = new Map<string, number>();
  private readonly formKeys: string[] = [''];

  private entryForm = new Uint32Array(64);
  private entryNext = new Int32Array(64);
  private entrySeen = new Uint8Array(64);
  private entryEnd = 0;
  private freeEntry = NO_ENTRY;
  private entries = 0;

  constructor(readonly family: FamilyIndex) {
    this.slots = new ForeignSlots(family);
  }

  get count(): number {
    return this.entries;
  }

  /**
   * The id of a form, known by `key` (whatever names it uniquely). `make` is asked only when it is new.
   * Valid as long as an entry uses it.
   */
  internForm(key: string, make: () => ForeignForm): number {
    const known = this.formIds.get(key);
    if (known !== undefined) return known;
    const id = this.freeForms.pop() ?? this.forms.length;
    this.forms[id] = make();
    this.references[id] = 0;
    this.formKeys[id] = key;
    this.formIds.set(key, id);
    return id;
  }

  /** The id of a form by its key, 0 when no route has it. */
  findForm(key: string): number {
    return this.formIds.get(key) ?? 0;
  }

  form(id: number): ForeignForm {
    const form = this.forms[id];
    if (form === null || form === undefined) throw new RangeError(`no foreign form ${id}`);
    return form;
  }

  /** Whether a nexthop object is used by one of these routes. */
  usesNexthop(id: number): boolean {
    return this.forms.some((f, i) => f?.nexthopId === id && this.references[i] > 0);
  }

  /** Form of a route that holds this metric at our table, 0 when nobody does. */
  holder(a: number, b: number, c: number, d: number, length: number, metric: number): number {
    if (this.entries === 0) return 0;
    const slot = this.slots.find(a, b, c, d, length);
    if (slot === NO_SLOT) return 0;
    for (let e = this.slots.head[slot]; e !== NO_ENTRY; e = this.entryNext[e]) {
      const form = this.form(this.entryForm[e]);
      if (form.inOwnTable && form.metric === metric && form.tos === 0) return this.entryForm[e];
    }
    return 0;
  }

  /** Forms at the same table, prefix, metric and TOS as `form`, itself included if it is there. */
  rivals(a: number, b: number, c: number, d: number, length: number, form: ForeignForm): number[] {
    const found: number[] = [];
    const slot = this.slots.find(a, b, c, d, length);
    if (slot === NO_SLOT) return found;
    for (let e = this.slots.head[slot]; e !== NO_ENTRY; e = this.entryNext[e]) {
      const other = this.form(this.entryForm[e]);
      if (other.table === form.table && other.metric === form.metric && other.tos === form.tos)
        found.push(this.entryForm[e]);
    }
    return found;
  }

  /** Adds a route, or marks it as seen in the running dump. Returns whether it is new. */
  add(a: number, b: number, c: number, d: number, length: number, form: number): boolean {
    const slot = this.slots.intern(a, b, c, d, length);
    for (let e = this.slots.head[slot]; e !== NO_ENTRY; e = this.entryNext[e]) {
      if (this.entryForm[e] === form) {
        this.entrySeen[e] = 1;
        return false;
      }
    }
    let entry = this.freeEntry;
    if (entry !== NO_ENTRY) {
      this.freeEntry = this.entryNext[entry];
    } else {
      if (this.entryEnd === this.entryForm.length) {
        const capacity = this.entryEnd * 2;
        this.entryForm = resized(this.entryForm, capacity);
        this.entryNext = resized(this.entryNext, capacity);
        this.entrySeen = resized(this.entrySeen, capacity);
      }
      entry = this.entryEnd++;
    }
    this.entryForm[entry] = form;
    this.entrySeen[entry] = 1;
    this.entryNext[entry] = this.slots.head[slot];
    this.slots.head[slot] = entry;
    this.references[form]++;
    this.entries++;
    return true;
  }

  /** Returns whether it was there. */
  remove(a: number, b: number, c: number, d: number, length: number, form: number): boolean {
    const slot = this.slots.find(a, b, c, d, length);
    if (slot === NO_SLOT) return false;
    return this.unlink(slot, (entry) => this.entryForm[entry] === form, null);
  }

  /** A dump begins: what it does not show is gone at its end. */
  beginDump(): void {
    this.entrySeen.fill(0);
  }

  /** Ends a dump: removes what was not seen and hands each to `gone`. */
  endDump(gone: (route: ForeignRoute) => void): void {
    for (let slot = 0; slot < this.slots.end; slot++) {
      if (this.slots.isLive(slot)) this.unlink(slot, (entry) => this.entrySeen[entry] === 0, gone);
    }
  }

  /** Every route, in no order. */
  *routes(): Generator<ForeignRoute> {
    for (let slot = 0; slot < this.slots.end; slot++) {
      if (!this.slots.isLive(slot)) continue;
      for (let e = this.slots.head[slot]; e !== NO_ENTRY; e = this.entryNext[e])
        yield this.route(slot, this.entryForm[e]);
    }
  }

  private route(slot: number, form: number): ForeignRoute {
    const { protocol, metric, type, hops } = this.form(form);
    return { prefix: this.slots.read(slot), protocol, metric, type, hops };
  }

  private unlink(
    slot: number,
    goes: (entry: number) => boolean,
    gone: ((route: ForeignRoute) => void) | null,
  ): boolean {
    let before = NO_ENTRY;
    let any = false;
    for (let entry = this.slots.head[slot]; entry !== NO_ENTRY; ) {
      const next = this.entryNext[entry];
      if (goes(entry)) {
        any = true;
        const form = this.entryForm[entry];
        gone?.(this.route(slot, form));
        if (before === NO_ENTRY) this.slots.head[slot] = next;
        else this.entryNext[before] = next;
        this.entryNext[entry] = this.freeEntry;
        this.freeEntry = entry;
        this.entries--;
        if (--this.references[form] === 0) {
          this.formIds.delete(this.formKeys[form]);
          this.forms[form] = null;
          this.freeForms.push(form);
        }
      } else {
        before = entry;
      }
      entry = next;
    }
    if (this.slots.head[slot] === NO_ENTRY) this.slots.remove(slot);
    return any;
  }
}
