/**
 * Regular expressions over AS_PATH, as Cisco, FRR and Quagga users write them: POSIX extended syntax over the path as
 * `show routes` prints it (`65001 65002 {65003 65004} (65010)`), in which `_` stands for a boundary: the beginning, the
 * end, a blank, a comma or a brace, parenthesis or bracket. An expression may match anywhere; `^` and `$` tie it to the ends.
 *
 * Paths are made by others, so matching takes time in proportion to the path's length, whatever the expression: it is
 * a set of states, the set a state of an automaton that is built as paths ask for it. Nothing goes back.
 */

/** Boundary characters that `_` stands for, besides both ends. */
const boundary = ' ,{}()[]';
/** States of a compiled expression at most: repetitions such as `{100}` are written out. */
const MOST_STATES = 4000;
/** Sets of states that are remembered at most, before all are forgotten. */
const MOST_SETS = 500;
/** Codes from here on are not in any path. */
const CODES = 128;

/** What is wrong with an expression. */
export class AsPathRegexError extends Error {}

type State =
  /** Takes one character that `codes` has, then goes to `next`. */
  | { readonly kind: 'take'; readonly codes: Uint8Array; next: number }
  | { readonly kind: 'start' | 'end'; next: number }
  | { readonly kind: 'either'; readonly next: number[] }
  | { readonly kind: 'found' };

interface StateSet {
  readonly states: readonly number[];
  /** Something was found, whatever comes. */
  readonly found: boolean;
  /** Something was found, if the path ends here. */
  readonly foundAtEnd: boolean;
  readonly after: (StateSet | undefined)[];
}

/** Part of an expression, before it becomes states. */
type Node =
  | { readonly kind: 'take'; readonly codes: Uint8Array }
  | { readonly kind: 'start' | 'end' | 'boundary' }
  | { readonly kind: 'sequence' | 'either'; readonly parts: readonly Node[] }
  | { readonly kind: 'repeat'; readonly part: Node; readonly least: number; readonly most: number };

export class AsPathRegex {
  private readonly states: State[] = [];
  private readonly first: number;
  private readonly sets = new Map<string, StateSet>();
  private initial: StateSet | null = null;

  /** Throws AsPathRegexError with what is wrong. */
  constructor(source: string) {
    const found = this.add({ kind: 'found' });
    this.first = this.compile(new Parser(source).parse(), found);
  }

  /** Whether the expression matches somewhere in `path`. */
  test(path: string): boolean {
    this.initial ??= this.setOf([this.first], true);
    let set = this.initial;
    for (let i = 0; i < path.length && !set.found; i++) {
      const code = path.charCodeAt(i);
      set = set.after[code] ?? this.step(set, code);
    }
    return set.found || set.foundAtEnd;
  }

  private step(set: StateSet, code: number): StateSet {
    const next: number[] = [this.first];
    for (const index of set.states) {
      const state = this.states[index];
      if (state.kind === 'take' && code < CODES && state.codes[code] === 1) next.push(state.next);
    }
    const result = this.setOf(next, false);
    if (code < CODES) set.after[code] = result;
    return result;
  }

  private setOf(from: readonly number[], atStart: boolean): StateSet {
    const states = this.reach(from, atStart, false);
    const key = `${atStart ? '^' : ''}${states.join(' ')}`;
    let set = this.sets.get(key);
    if (set === undefined) {
      if (this.sets.size >= MOST_SETS) {
        this.sets.clear();
        this.initial = null;
      }
      const found = states.some((index) => this.states[index].kind === 'found');
      set = { states, found, foundAtEnd: this.isFoundAtEnd(states, atStart), after: [] };
      this.sets.set(key, set);
    }
    return set;
  }

  private isFoundAtEnd(from: readonly number[], atStart: boolean): boolean {
    return this.reach(from, atStart, true).some((index) => this.states[index].kind === 'found');
  }

  /** All states that can be in without taking a character, in order. */
  private reach(from: readonly number[], atStart: boolean, atEnd: boolean): number[] {
    const seen = new Set<number>();
    const open = [...from];
    for (let index = open.pop(); index !== undefined; index = open.pop()) {
      if (seen.has(index)) continue;
      seen.add(index);
      const state = this.states[index];
      if (state.kind === 'either') open.push(...state.next);
      else if ((state.kind === 'start' && atStart) || (state.kind === 'end' && atEnd)) open.push(state.next);
    }
    return [...seen].sort((x, y) => x - y);
  }

  private add(state: State): number {
    if (this.states.length >= MOST_STATES) throw new AsPathRegexError('it repeats too much');
    return this.states.push(state) - 1;
  }

  /** The state where `node` begins if `next` comes behind it. */
  private compile(node: Node, next: number): number {
    switch (node.kind) {
      case 'take':
        return this.add({ kind: 'take', codes: node.codes, next });
      case 'start':
      case 'end':
        return this.add({ kind: node.kind, next });
      case 'boundary':
        return this.add({
          kind: 'either',
          next: [
            this.add({ kind: 'start', next }),
            this.add({ kind: 'end', next }),
            this.add({ kind: 'take', codes: codesOf(boundary), next }),
          ],
        });
      case 'sequence':
        return node.parts.reduceRight((behind, part) => this.compile(part, behind), next);
      case 'either':
        return this.add({ kind: 'either', next: node.parts.map((part) => this.compile(part, next)) });
      case 'repeat':
        return this.compileRepeat(node.part, node.least, node.most, next);
    }
  }

  private compileRepeat(part: Node, least: number, most: number, next: number): number {
    let at = next;
    if (most === Number.POSITIVE_INFINITY) {
      const again: number[] = [next];
      at = this.add({ kind: 'either', next: again });
      again.push(this.compile(part, at));
    } else {
      for (let i = least; i < most; i++) {
        at = this.add({ kind: 'either', next: [next, this.compile(part, at)] });
      }
    }
    for (let i = 0; i < least; i++) at = this.compile(part, at);
    return at;
  }
}

function codesOf(characters: string): Uint8Array {
  const codes = new Uint8Array(CODES);
  for (const character of characters) codes[character.charCodeAt(0)] = 1;
  return codes;
}

class Parser {
  private at = 0;
  private depth = 0;

  constructor(private readonly source: string) {
    if (/[^\x20-\x7e]/.test(source)) throw new AsPathRegexError('it holds characters that no AS_PATH has');
  }

  parse(): Node {
    const node = this.either();
    if (this.at < this.source.length) throw new AsPathRegexError('a `)` closes nothing (`\\)` for itself)');
    return node;
  }

  private either(): Node {
    const parts = [this.sequence()];
    while (this.source[this.at] === '|') {
      this.at++;
      parts.push(this.sequence());
    }
    return parts.length === 1 ? parts[0] : { kind: 'either', parts };
  }

  private sequence(): Node {
    const parts: Node[] = [];
    while (this.at < this.source.length && this.source[this.at] !== '|' && this.source[this.at] !== ')') {
      parts.push(this.repeated(this.single()));
    }
    return { kind: 'sequence', parts };
  }

  private repeated(part: Node): Node {
    const { source } = this;
    for (;;) {
      const sign = source[this.at];
      if (sign === '*' || sign === '+' || sign === '?') {
        this.at++;
        const most = sign === '?' ? 1 : Number.POSITIVE_INFINITY;
        part = { kind: 'repeat', part, least: sign === '+' ? 1 : 0, most };
        continue;
      }
      if (sign !== '{') return part;
      const bounds = /^\{([0-9]{1,3})(?:(,)([0-9]{1,3})?)?\}/.exec(source.slice(this.at));
      if (bounds === null) {
        throw new AsPathRegexError('a `{` begins no repetition such as `{2,3}` (`\\{` for itself)');
      }
      this.at += bounds[0].length;
      const least = Number(bounds[1]);
      let most = least;
      if (bounds[2] !== undefined)
        most = bounds[3] === undefined ? Number.POSITIVE_INFINITY : Number(bounds[3]);
      if (most < least) throw new AsPathRegexError(`\`${bounds[0]}\` ends below where it begins`);
      part = { kind: 'repeat', part, least, most };
    }
  }

  private single(): Node {
    const character = this.source[this.at++];
    switch (character) {
      case '^':
        return { kind: 'start' };
      case '$':
        return { kind: 'end' };
      case '_':
        return { kind: 'boundary' };
      case '.':
        return { kind: 'take', codes: new Uint8Array(CODES).fill(1) };
      case '[':
        return this.bracket();
      case '(':
        return this.group();
      case '*':
      case '+':
      case '?':
      case '{':
        throw new AsPathRegexError(`a \`${character}\` has nothing before it to repeat`);
      case '\\': {
        const escaped = this.source[this.at++];
        if (escaped === undefined) throw new AsPathRegexError('it ends with a `\\`');
        if (/[A-Za-z0-9]/.test(escaped)) {
          throw new AsPathRegexError(`\`\\${escaped}\` means nothing; digits are \`[0-9]\``);
        }
        return { kind: 'take', codes: codesOf(escaped) };
      }
      default:
        return { kind: 'take', codes: codesOf(character) };
    }
  }

  private group(): Node {
    if (this.source[this.at] === '?') throw new AsPathRegexError('`(?` is not supported');
    // Deeper nesting than anyone needs, long before it could exhaust the stack.
    if (++this.depth > 50) throw new AsPathRegexError('its parentheses are nested too deep');
    const node = this.either();
    if (this.source[this.at] !== ')') throw new AsPathRegexError('a `(` is not closed (`\\(` for itself)');
    this.at++;
    this.depth--;
    return node;
  }

  /** `[0-9]`, `[^ ]`; a `]` that comes first stands for itself, `_` for every boundary character. */
  private bracket(): Node {
    const { source } = this;
    const codes = new Uint8Array(CODES);
    const inverted = source[this.at] === '^';
    if (inverted) this.at++;
    for (let first = true; ; first = false) {
      const character = source[this.at++];
      if (character === undefined) throw new AsPathRegexError('a `[` is not closed (`\\[` for itself)');
      if (character === ']' && !first) break;
      if (character === '[' && /[:.=]/.test(source[this.at] ?? '')) {
        throw new AsPathRegexError(`\`[${source[this.at]}\` is not supported; digits are \`[0-9]\``);
      }
      const from = character.charCodeAt(0);
      let to = from;
      if (source[this.at] === '-' && this.at + 1 < source.length && source[this.at + 1] !== ']') {
        to = source.charCodeAt(this.at + 1);
        if (to < from) {
          throw new AsPathRegexError(
            `\`${source.slice(this.at - 1, this.at + 2)}\` ends below where it begins`,
          );
        }
        this.at += 2;
      } else if (character === '_') {
        for (const each of boundary) codes[each.charCodeAt(0)] = 1;
        continue;
      }
      codes.fill(1, from, to + 1);
    }
    return { kind: 'take', codes: inverted ? codes.map((code) => 1 - code) : codes };
  }
}
