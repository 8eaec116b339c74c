/**
 * A containerlab topology file, read and resolved: inheritance (defaults → kind → group → node) is applied, paths
 * are absolute, commands are words, and every link names its ends. What this runner cannot play is an error with
 * its place in the file; what it can safely ignore (ports, management network, licences …) is a warning.
 */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { isNode, LineCounter, parseDocument } from 'yaml';
import { LabError } from './errors.js';
import type { ParseOptions, Topology } from './topology-model.js';
import { type JsonObject, TopologyReader } from './topology-reader.js';
import { expandVariables } from './words.js';

export * from './topology-model.js';

/**
 * Reads a topology: the path of a file, or the same as an object.
 * @throws LabError with every mistake found, one a line: `file:line:col: path: what is wrong`.
 */
export function loadTopology(source: string | object, options: ParseOptions = {}): Topology {
  if (typeof source !== 'string') {
    const directory = resolve(options.directory ?? '.');
    return new TopologyReader(source as JsonObject, directory, options, () => 'topology').read();
  }
  if (!existsSync(source)) throw new LabError(`${source}: there is no such topology file`);
  return parseTopology(readFileSync(source, 'utf8'), source, options);
}

/** Reads the text of a topology file; `file` gives errors their place and relative paths their start. */
export function parseTopology(text: string, file: string, options: ParseOptions = {}): Topology {
  const lines = new LineCounter();
  const document = parseDocument(expandVariables(text, options.environment ?? process.env), {
    lineCounter: lines,
  });
  const at = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${line}:${col}`;
  };
  const broken = document.errors[0];
  if (broken) throw new LabError(`${at(broken.pos[0])}: ${broken.message.split('\n')[0]}`);
  const place = (path: (string | number)[]): string => {
    for (let depth = path.length; depth >= 0; depth--) {
      const node = document.getIn(path.slice(0, depth), true);
      if (isNode(node) && node.range) return at(node.range[0]);
    }
    return file;
  };
  return new TopologyReader(document.toJS() as JsonObject, dirname(resolve(file)), options, place).read();
}
