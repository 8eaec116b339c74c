import { LabError } from './errors.js';

/**
 * Splits a command line into words as a POSIX shell does (blanks, quotes, backslashes) without running one:
 * variables, pipes and redirections mean nothing here, as in containerlab's `exec` and `cmd`.
 * @throws LabError when a quote is left open.
 */
export function splitWords(line: string): string[] {
  const words: string[] = [];
  let word: string | null = null;
  for (let i = 0; i < line.length; i++) {
    const c = line[i] as string;
    if (c === "'" || c === '"') {
      const end = closingQuote(line, i);
      word = (word ?? '') + unquote(line.slice(i + 1, end), c);
      i = end;
    } else if (c === '\\' && i + 1 < line.length) {
      word = (word ?? '') + line[++i];
    } else if (/\s/.test(c)) {
      if (word !== null) words.push(word);
      word = null;
    } else {
      word = (word ?? '') + c;
    }
  }
  if (word !== null) words.push(word);
  return words;
}

function closingQuote(line: string, open: number): number {
  const quote = line[open];
  for (let i = open + 1; i < line.length; i++) {
    if (line[i] === '\\' && quote === '"') i++;
    else if (line[i] === quote) return i;
  }
  throw new LabError(`the quote ${quote} at column ${open + 1} is never closed: ${line}`);
}

/** Within double quotes a backslash escapes only what would mean something there; single quotes keep all. */
function unquote(text: string, quote: string): string {
  return quote === '"' ? text.replace(/\\(["\\$`\n])/g, '$1') : text;
}

/**
 * Expands `$NAME`, `${NAME}`, `${NAME:-default}` and `${NAME:=default}`; `$$` is a plain `$`.
 * What is neither set nor has a default stays as it stands.
 */
export function expandVariables(
  text: string,
  variables: Readonly<Record<string, string | undefined>>,
): string {
  return text.replace(
    /\$(?:\$|([A-Za-z_]\w*)|\{([A-Za-z_]\w*)(?:(:?[-=])([^}]*))?\})/g,
    (whole: string, plain?: string, braced?: string, operator?: string, fallback?: string) => {
      if (whole === '$$') return '$';
      const value = variables[plain ?? braced ?? ''];
      if (operator === undefined) return value ?? whole;
      const absent = value === undefined || (operator.startsWith(':') && value === '');
      return absent ? (fallback ?? '') : value;
    },
  );
}
