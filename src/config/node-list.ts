/**
 * The list `nodes` as a text: where it stands in a document of thousands of nodes, and the text of each. Pure.
 *
 * Only lists are taken that a text tells for certain, as programs write them: `nodes:` alone on its line, each node
 * beginning with `- ` at one depth, and no character in them that could reach beyond a node or mean something else
 * elsewhere, such as an anchor, a comment or a block of text.
 */

export interface NodeList {
  /** What stands before the line `nodes:`, and behind the last node. */
  readonly head: string;
  readonly tail: string;
  /** The line `nodes:` itself, its end included. */
  readonly key: string;
  /** Spaces before each `- `. */
  readonly depth: number;
  /** The lines of each node. */
  readonly items: readonly string[];
}

const keyLine = /^ *nodes: *\n/gm;
const strange = /[^A-Za-z0-9 _.,:/[\]{}"'\n-]/;

/** The largest list `nodes` of a text; null: there is none that can be told for certain. */
export function findNodeList(text: string): NodeList | null {
  let best: { start: number; from: number; to: number; depth: number } | null = null;
  for (const match of text.matchAll(keyLine)) {
    const from = match.index + match[0].length;
    const depth = depthAt(text, from);
    const to = endOfList(text, from, depth);
    if (to > from && (best === null || to - from > best.to - best.from))
      best = { start: match.index, from, to, depth };
  }
  if (best === null) return null;
  const { start, from, to, depth } = best;
  const list = text.slice(from, to);
  if (strange.test(list) || !list.endsWith('\n')) return null;
  const items: string[] = [];
  let begin = 0;
  for (let at = list.indexOf('\n') + 1; at <= list.length; at = list.indexOf('\n', at) + 1) {
    if (at === list.length || beginsItem(list, at, depth)) {
      items.push(list.slice(begin, at));
      begin = at;
    }
    if (at === list.length) break;
  }
  return { head: text.slice(0, start), key: text.slice(start, from), tail: text.slice(to), depth, items };
}

function depthAt(text: string, at: number): number {
  let depth = 0;
  while (text.charCodeAt(at + depth) === 32) depth++;
  return depth;
}

function beginsItem(text: string, at: number, depth: number): boolean {
  return depthAt(text, at) === depth && text.startsWith('- ', at + depth);
}

/** Behind the last line that belongs to a list whose items stand at this depth. */
function endOfList(text: string, from: number, depth: number): number {
  if (!beginsItem(text, from, depth)) return from;
  let at = from;
  while (at < text.length) {
    const own = depthAt(text, at);
    const isEmpty = at + own >= text.length || text.charCodeAt(at + own) === 10;
    if (isEmpty || (own <= depth && !beginsItem(text, at, depth))) return at;
    const end = text.indexOf('\n', at);
    at = end < 0 ? text.length : end + 1;
  }
  return at;
}

/** The text with `value`, a quoted text, in place of the list. */
export function withoutNodes({ head, key, tail }: NodeList, value: string): string {
  return `${head}${key.trimEnd()} ${JSON.stringify(value)}\n${tail}`;
}
