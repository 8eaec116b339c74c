/**
 * What is wrong in a configuration, and where: `file:line:col: what is wrong and what was expected`.
 */

export interface ConfigIssue {
  /** As the caller named it. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1. */
  readonly column: number;
  readonly message: string;
}

export function formatIssue(issue: ConfigIssue): string {
  return `${issue.file}:${issue.line}:${issue.column}: ${issue.message}`;
}

/** As many warnings of one document are worth a line each in a log. */
const FEW = 20;

/** A line each for a log; of many, the first ones and how many there are besides: `tartan check` tells them all. */
export function formatFewIssues(issues: readonly ConfigIssue[]): string[] {
  const lines = issues.slice(0, FEW).map(formatIssue);
  const rest = issues.length - lines.length;
  return rest === 0 ? lines : [...lines, `${rest} more: \`tartan check\` tells them`];
}

export function compareIssues(x: ConfigIssue, y: ConfigIssue): number {
  if (x.file !== y.file) return x.file < y.file ? -1 : 1;
  return x.line - y.line || x.column - y.column;
}

/** Keys from the document's root to a value. */
export type Path = readonly (string | number)[];

/** `spec.peers[2].holdTime`; keys that are not plain words in quotes. */
export function formatPath(path: Path): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else if (/^[A-Za-z_][\w-]*$/.test(step)) text += text === '' ? step : `.${step}`;
    else text += `["${step}"]`;
  }
  return text;
}

/** A value as an error message shows it, short. */
export function showValue(value: unknown): string {
  if (value === null || value === undefined) return 'empty';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'object') return 'a map';
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

const plain = (text: string) => text.toLowerCase().replaceAll(/[-_ .]/g, '');

/** Edit distance in which a transposition counts once. */
function distance(x: string, y: string): number {
  const rows: number[][] = [];
  for (let i = 0; i <= x.length; i++) {
    const row = [i];
    for (let j = 1; j <= y.length; j++) {
      if (i === 0) {
        row.push(j);
        continue;
      }
      const same = x[i - 1] === y[j - 1] ? 0 : 1;
      let best = Math.min(rows[i - 1][j] + 1, row[j - 1] + 1, rows[i - 1][j - 1] + same);
      if (i > 1 && j > 1 && x[i - 1] === y[j - 2] && x[i - 2] === y[j - 1]) {
        best = Math.min(best, rows[i - 2][j - 2] + 1);
      }
      row.push(best);
    }
    rows.push(row);
  }
  return rows[x.length][y.length];
}

/** The candidate that the writer probably meant, or null. Letter case, `-` and `_` don't count. */
export function nearest(text: string, candidates: Iterable<string>): string | null {
  const wanted = plain(text);
  let best: string | null = null;
  let bestDistance = Math.max(1, Math.floor(wanted.length / 3)) + 1;
  for (const candidate of candidates) {
    const other = plain(candidate);
    if (Math.abs(other.length - wanted.length) >= bestDistance) continue;
    const d = distance(wanted, other);
    if (d < bestDistance) {
      best = candidate;
      bestDistance = d;
    }
  }
  return best;
}

/** `a`, `b` or `c`; past `limit`, the first ones and how many more. */
export function listNames(names: readonly string[], limit = 12): string {
  const quoted = names.slice(0, limit).map((name) => `\`${name}\``);
  if (names.length > limit) return `${quoted.join(', ')} and ${names.length - limit} more`;
  if (quoted.length < 2) return quoted.join('');
  return `${quoted.slice(0, -1).join(', ')} or ${quoted[quoted.length - 1]}`;
}

/** What to say about a name that nothing has: a suggestion if one is near, otherwise what there is. */
export function suggest(text: string, candidates: readonly string[]): string {
  const near = nearest(text, candidates);
  if (near !== null) return `did you mean \`${near}\`?`;
  return candidates.length === 0 ? 'none is defined' : `expected ${listNames(candidates)}`;
}
