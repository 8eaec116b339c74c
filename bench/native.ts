/** The C programs of the benchmark (native/*.c), compiled when they are first needed. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, statSync } from 'node:fs';
import { checkout } from './checkout.js';

/**
 * The path of a program of `native/`, compiled unless it is newer than its source.
 * Throws with the compiler's words where it does not compile, or where there is no gcc.
 */
export function nativeProgram(name: string): string {
  const source = `${checkout}/bench/native/${name}.c`;
  const folder = `${checkout}/dist/bench/native/`;
  const program = `${folder}${name}`;
  const sources = `${checkout}/bench/native/`;
  const headers = readdirSync(sources).filter((file) => file.endsWith('.h'));
  const changed = Math.max(
    ...[source, ...headers.map((file) => sources + file)].map((file) => statSync(file).mtimeMs),
  );
  if (existsSync(program) && statSync(program).mtimeMs > changed) return program;
  mkdirSync(folder, { recursive: true });
  const made = spawnSync('gcc', ['-O2', '-Wall', '-o', `${program}.${process.pid}`, source], {
    encoding: 'utf8',
  });
  if (made.error) throw new Error(`the benchmark needs gcc for ${source}: ${made.error.message}`);
  if (made.status !== 0) throw new Error(`gcc does not compile ${source}:\n${made.stderr}`);
  // Another run may be doing the same: whoever renames last wins, with the same program.
  renameSync(`${program}.${process.pid}`, program);
  return program;
}
