/** What the demo shows: headings, short aligned lines, commands with their answers, and one line of progress. */
import colours from 'picocolors';

const barWidth = 24;

/** `0.07 ms`, `340 ms`, `2.41 s`, `48 s`. */
export function duration(milliseconds: number): string {
  if (milliseconds > 0 && milliseconds < 1) return `${milliseconds.toFixed(2)} ms`;
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  const seconds = milliseconds / 1000;
  return `${seconds.toFixed(seconds < 10 ? 2 : seconds < 30 ? 1 : 0)} s`;
}

export function grouped(value: number): string {
  return value.toLocaleString('en-US');
}

export function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1048576)} MiB`;
}

export class Screen {
  readonly colour: ReturnType<typeof colours.createColors>;
  readonly #out: NodeJS.WriteStream;
  readonly #live: boolean;
  #acts = 0;
  #blank = false;
  #overwrites = false;
  #quarter = 0;

  constructor(out: NodeJS.WriteStream) {
    this.#out = out;
    this.#live = out.isTTY === true;
    this.colour = colours.createColors(this.#live && colours.isColorSupported);
  }

  line(text = ''): void {
    this.#clear();
    this.#out.write(text === '' ? '\n' : `  ${text.trimEnd()}\n`);
    this.#blank = text === '';
  }

  /** An empty line, unless there is one. */
  gap(): void {
    this.progressEnds();
    if (!this.#blank) this.line();
  }

  /** Opens the next act. */
  act(title: string): void {
    this.gap();
    this.#out.write(`${this.colour.bold(`${++this.#acts}. ${title}`)}\n\n`);
    this.#blank = true;
  }

  /** A thing that came true: what, a few words on it, how long it took. */
  done(what: string, about: string, milliseconds?: number): void {
    const took = milliseconds === undefined ? '' : duration(milliseconds);
    this.line(
      `${this.colour.green('✓')} ${what.padEnd(18)} ${about.padEnd(44)} ${this.colour.dim(took.padStart(8))}`.trimEnd(),
    );
  }

  /** A command as typed in a node, and what it answered. */
  command(node: string, command: string, answer: string): void {
    this.line(`${this.colour.dim(`${node} $`)} ${this.colour.cyan(command)}`);
    for (const line of answer.trimEnd().split('\n')) this.line(line === '' ? '' : `  ${line}`);
    this.line();
  }

  /** How far something is: a bar that moves on a terminal, a line per quarter elsewhere. */
  progress(have: number, of: number, what: string, milliseconds: number): void {
    const share = of === 0 ? 1 : Math.min(1, have / of);
    const filled = Math.floor(share * barWidth);
    const bar = `${'█'.repeat(filled)}${'░'.repeat(barWidth - filled)}`;
    const text = `${bar} ${grouped(have).padStart(grouped(of).length)} ${what.padEnd(16)} ${duration(milliseconds).padStart(8)}`;
    if (this.#live) {
      this.#out.write(`\r\x1b[K  ${text}`);
      this.#overwrites = true;
      return;
    }
    const quarter = Math.floor(share * 4);
    if (quarter > this.#quarter) this.line(text);
    this.#quarter = quarter;
  }

  /** Leaves the last progress as it stands. */
  progressEnds(): void {
    if (this.#overwrites) {
      this.#out.write('\n');
      this.#blank = false;
    }
    this.#overwrites = false;
    this.#quarter = 0;
  }

  #clear(): void {
    if (this.#overwrites) this.#out.write('\r\x1b[K');
    this.#overwrites = false;
  }
}
