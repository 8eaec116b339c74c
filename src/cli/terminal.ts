/** Where a verb writes: answers to the output, what went wrong to the error stream. */
import { once } from 'node:events';
import type { Writable } from 'node:stream';
import colours from 'picocolors';
import { printable } from './text.js';

/** Tables are as wide as the terminal, or this wide where there is none. */
const defaultWidth = 100;

export interface Terminal {
  /** Columns that a table may take. */
  readonly width: number;
  readonly colour: ReturnType<typeof colours.createColors>;
  /** Resolves when the reader can take more. */
  write(text: string): Promise<void>;
  /** One line to the error stream. */
  complain(line: string): void;
}

export function createTerminal(
  out: Writable & { readonly isTTY?: boolean; readonly columns?: number },
  err: Writable,
): Terminal {
  return {
    width: out.columns ?? defaultWidth,
    colour: colours.createColors(out.isTTY === true && colours.isColorSupported),
    async write(text) {
      if (!out.write(text)) await once(out, 'drain');
    },
    complain: (line) => void err.write(`${line}\n`),
  };
}

/** Breaks text between words into lines of at most `width` columns, fit to be printed. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const paragraph of text.split('\n')) {
    let line = '';
    for (const word of printable(paragraph).split(' ')) {
      if (line !== '' && line.length + 1 + word.length > width) {
        lines.push(line);
        line = word;
      } else line = line === '' ? word : `${line} ${word}`;
    }
    lines.push(line);
  }
  return lines;
}
