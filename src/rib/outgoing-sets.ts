/**
 * Attribute sets as an update group sends them. Nearly all differ from the accepted set that they are made of in the same
 * few ways: our AS in front, our next hop, no LOCAL_PREF. So what goes out is not kept as octets but as the accepted set
 * and the number of a recipe, and is written anew each time that it is encoded or compared. That is less work than to
 * intern it, and a table that is announced takes no second set of sets.
 *
 * An OutgoingId is the set's id with the recipe's number above it. Recipe 0 changes nothing: any attribute set goes
 * out as it is under its own id. A group has few recipes, one for each thing that its policy does to routes of one
 * kind of source; where there are too many, or where each set needs its own, whoever makes them interns the result.
 *
 * Two sets that differ may be the same once they are written; `areSame` tells. Whoever keeps an id holds a reference.
 */
import type { AttrSets } from './attr-sets.js';
import { type AttrSetId, type OutgoingId, REJECTED } from './ids.js';

/** Set ids are below 2^24 (see AttrSets), so that an OutgoingId is a small integer to V8. */
const SET_BITS = 0xffffff;
const RECIPE_SHIFT = 24;
const MAX_RECIPES = 128;
/** `intern` found no number that is free. */
export const NO_RECIPE = -1;

/** How an accepted set is made into one that goes out. A value: it gives the same octets for the same set each time. */
export interface Recipe {
  /** Equal recipes have equal hashes. */
  hash(): number;
  equals(other: Recipe): boolean;
  /** The same, to be kept; the one that is copied may then change. */
  copy(): Recipe;
  /** Writes what becomes of the canonical set in `from[start, end)` to `buffer[0, end)`. Returns false where it has no room. */
  rewrite(from: Buffer, start: number, end: number): boolean;
  readonly buffer: Buffer;
  readonly end: number;
  /** Whether what becomes of two sets differs in any case, as far as that can be seen without rewriting them. */
  tellsApart(a: Buffer, startA: number, endA: number, b: Buffer, startB: number, endB: number): boolean;
}

/** The set that goes out under the id, before the recipe. */
export function setOf(id: OutgoingId): AttrSetId {
  return (id & SET_BITS) as AttrSetId;
}

export class OutgoingSets {
  /** Goes up when a number is given to another recipe: who remembers ids without references forgets them then. */
  generation = 0;
  /** Where `load` left the canonical octets, until the next set is made, freed or loaded. */
  buffer: Buffer = Buffer.alloc(0);
  start = 0;
  end = 0;

  /** By number; that of 0 is never looked at. */
  private readonly recipes: Recipe[] = [];
  private readonly hashes = new Int32Array(MAX_RECIPES);
  /** References on ids with this recipe; not kept for 0. */
  private readonly uses = new Uint32Array(MAX_RECIPES);
  private count = 1;
  private recent = 0;
  /** The last two ids that were compared, the generations of their sets and of the recipes, and what came of it. */
  private comparedA = REJECTED as OutgoingId;
  private comparedB = REJECTED as OutgoingId;
  private generationA = 0;
  private generationB = 0;
  private comparedAt = 0;
  private wereSame = false;
  private scratch: Buffer = Buffer.allocUnsafeSlow(1024);

  constructor(private readonly sets: AttrSets) {}

  /**
   * The number of a recipe, which is copied if it is new; NO_RECIPE: there are too many. It stays the recipe's until the
   * next `intern`, and as long as there is a reference on an id with it.
   */
  intern(recipe: Recipe): number {
    const { recipes, hashes, recent } = this;
    const hash = recipe.hash() | 0;
    if (recent !== 0 && hashes[recent] === hash && recipes[recent].equals(recipe)) return recent;
    for (let number = 1; number < this.count; number++) {
      if (hashes[number] !== hash || !recipes[number].equals(recipe)) continue;
      this.recent = number;
      return number;
    }
    const number = this.freeNumber();
    if (number === NO_RECIPE) return NO_RECIPE;
    recipes[number] = recipe.copy();
    hashes[number] = hash;
    this.recent = number;
    return number;
  }

  /** What the recipe with this number makes of a set. No reference is taken. */
  idOf(set: AttrSetId, recipe: number): OutgoingId {
    return (set | (recipe << RECIPE_SHIFT)) as OutgoingId;
  }

  /** One more reference. Nothing for REJECTED (0). */
  retain(id: OutgoingId): void {
    this.sets.retain(setOf(id));
    this.uses[id >>> RECIPE_SHIFT]++;
  }

  /** One reference less; the last one frees the set. Nothing for REJECTED (0). */
  release(id: OutgoingId): void {
    this.sets.release(setOf(id));
    this.uses[id >>> RECIPE_SHIFT]--;
  }

  /** Writes the set as it goes out; it then lies in `buffer[start, end)`. */
  load(id: OutgoingId): void {
    const { sets } = this;
    const set = setOf(id);
    const number = id >>> RECIPE_SHIFT;
    if (number === 0) {
      this.buffer = sets.buffer(set);
      this.start = sets.start(set);
      this.end = sets.end(set);
      return;
    }
    const recipe = this.recipes[number];
    if (!recipe.rewrite(sets.buffer(set), sets.start(set), sets.end(set))) {
      throw new RangeError(`attribute set ${set} has no room for what recipe ${number} adds to it`);
    }
    this.buffer = recipe.buffer;
    this.start = 0;
    this.end = recipe.end;
  }

  /** The canonical octets of what goes out, to be kept. */
  read(id: OutgoingId): Buffer {
    this.load(id);
    return Buffer.from(this.buffer.subarray(this.start, this.end));
  }

  /** Whether two sets are the same on the wire. Both are held. */
  areSame(a: OutgoingId, b: OutgoingId): boolean {
    if (a === b) return true;
    if (a === REJECTED || b === REJECTED) return false;
    const { generation } = this.sets;
    const generationA = generation[setOf(a)];
    const generationB = generation[setOf(b)];
    // What changes from one set to another mostly does so for many prefixes, one after the other.
    if (
      a === this.comparedA &&
      b === this.comparedB &&
      generationA === this.generationA &&
      generationB === this.generationB &&
      this.comparedAt === this.generation
    ) {
      return this.wereSame;
    }
    this.comparedA = a;
    this.comparedB = b;
    this.generationA = generationA;
    this.generationB = generationB;
    this.comparedAt = this.generation;
    this.wereSame = this.compare(a, b);
    return this.wereSame;
  }

  private compare(a: OutgoingId, b: OutgoingId): boolean {
    const number = a >>> RECIPE_SHIFT;
    if (number === b >>> RECIPE_SHIFT && (number === 0 || this.tellsApart(number, setOf(a), setOf(b)))) {
      return false;
    }
    this.load(a);
    const length = this.end - this.start;
    // One recipe writes both to the same place.
    if (this.scratch.length < length) this.scratch = Buffer.allocUnsafeSlow(2 * length);
    const { scratch } = this;
    this.buffer.copy(scratch, 0, this.start, this.end);
    this.load(b);
    if (this.end - this.start !== length) return false;
    const { buffer, start } = this;
    for (let i = length - 1; i >= 0; i--) if (buffer[start + i] !== scratch[i]) return false;
    return true;
  }

  private tellsApart(number: number, a: AttrSetId, b: AttrSetId): boolean {
    const { sets } = this;
    return this.recipes[number].tellsApart(
      sets.buffer(a),
      sets.start(a),
      sets.end(a),
      sets.buffer(b),
      sets.start(b),
      sets.end(b),
    );
  }

  /** A number that no recipe has, or whose recipe is not used any more. */
  private freeNumber(): number {
    if (this.count < MAX_RECIPES) return this.count++;
    const number = this.uses.indexOf(0, 1);
    if (number < 0) return NO_RECIPE;
    this.generation++;
    return number;
  }
}
