/**
 * From files to documents. Values are read with js-yaml, which is quick; where an error must be placed, the file
 * is read once more with `yaml`, which knows where everything stands. Most runs never load it.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { CORE_SCHEMA, intCoreTag, loadAll, mergeTag, YAMLException } from 'js-yaml';
import type * as Yaml from 'yaml';
import type { ConfigIssue, Path } from './issues.js';

const require = createRequire(import.meta.url);
/** `+10` stays text: as a change of a number it means something else than `10`. */
const numberTag: typeof intCoreTag = {
  ...intCoreTag,
  resolve: (text, isExplicit, tagName) =>
    /^\+[0-9]+$/.test(text) ? (text as never) : intCoreTag.resolve(text, isExplicit, tagName),
};

/** A document may hold so many, those that aliases repeat counted each time. */
const maxValues = 2_000_000;

/** How values are read and written: YAML 1.2's core, and merge keys. */
export const yamlSchema = CORE_SCHEMA.withTags(mergeTag, numberTag);

/** One document of a file. */
export interface SourceDocument {
  readonly file: string;
  /** Maps without the keys whose value is empty: `peers:` with nothing behind it says nothing. */
  readonly value: unknown;
  /** Where the key or the value at `path` stands; of what is missing, the innermost thing that is there. */
  place(path: Path, what: 'key' | 'value'): { line: number; column: number };
}

/** A file as it was read. */
export interface SourceText {
  readonly file: string;
  readonly text: string;
}

export interface Sources {
  readonly documents: readonly SourceDocument[];
  readonly issues: readonly ConfigIssue[];
  /** Of all files that could be read. */
  readonly texts: readonly SourceText[];
}

/** Reads every document of `paths`: files as they are, folders by their `.yaml`, `.yml` and `.json` files in order of name. */
export function readSources(paths: readonly string[]): Sources {
  const documents: SourceDocument[] = [];
  const issues: ConfigIssue[] = [];
  const texts = readTexts(paths, issues);
  for (const { file, text } of texts) readText(file, text, documents, issues);
  return { documents, issues, texts };
}

/** The files of `paths` that can be read, in order; why others can't is added to `issues`. */
export function readTexts(paths: readonly string[], issues: ConfigIssue[]): SourceText[] {
  const texts: SourceText[] = [];
  for (const path of paths) {
    for (const file of filesOf(path, issues)) {
      try {
        texts.push({ file, text: readFileSync(file, 'utf8') });
      } catch (error) {
        issues.push(unplaced(file, `can't be read: ${reason(error)}`));
      }
    }
  }
  return texts;
}

/** The documents of a text, as `readSources` has their values. Throws YAMLException or RangeError. */
export function readValues(text: string): unknown[] {
  return loadAll(text, { schema: yamlSchema }).map((value) => withoutEmpty(value, 0, { nodes: maxValues }));
}

function filesOf(path: string, issues: ConfigIssue[]): readonly string[] {
  try {
    if (!statSync(path).isDirectory()) return [path];
    const files = readdirSync(path)
      // A mounted ConfigMap holds its files as links into a folder named `..data`; hidden names are not ours to read.
      .filter((name) => !name.startsWith('.') && /\.(ya?ml|json)$/.test(name))
      .sort()
      .map((name) => join(path, name));
    if (files.length === 0) {
      issues.push(
        unplaced(path, 'the folder holds no configuration; expected files named *.yaml, *.yml or *.json'),
      );
    }
    return files;
  } catch (error) {
    issues.push(unplaced(path, `can't be read: ${reason(error)}; expected a YAML file or a folder of them`));
    return [];
  }
}

function readText(file: string, text: string, documents: SourceDocument[], issues: ConfigIssue[]): void {
  let values: unknown[];
  try {
    values = loadAll(text, { schema: yamlSchema, filename: file });
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error;
    issues.push(...syntaxIssues(file, text, error));
    return;
  }
  const places = new Places(text);
  let index = 0;
  for (const value of values) {
    if (value === null || value === undefined) continue;
    const at = index++;
    const budget = { nodes: maxValues };
    try {
      documents.push({
        file,
        value: withoutEmpty(value, 0, budget),
        place: (path, what) => places.find(at, path, what),
      });
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      issues.push({ file, ...places.find(at, [], 'value'), message: error.message });
    }
  }
}

function unplaced(file: string, message: string): ConfigIssue {
  return { file, line: 1, column: 1, message };
}

function reason(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOENT') return 'no such file or folder';
  if (code === 'EACCES') return 'permission denied';
  return code ?? String(error);
}

/** A copy without empty map values, in which aliases no longer share. Throws RangeError for a document without bottom. */
function withoutEmpty(value: unknown, depth: number, budget: { nodes: number }): unknown {
  if (depth > 64 || --budget.nodes < 0) {
    throw new RangeError(
      'the document is nested or repeated by aliases without end; expected a plain document',
    );
  }
  if (Array.isArray(value)) return value.map((item) => withoutEmpty(item, depth + 1, budget));
  if (value === null || typeof value !== 'object') return value;
  const copy: [string, unknown][] = [];
  for (const [key, item] of Object.entries(value)) {
    if (item !== null && item !== undefined) copy.push([key, withoutEmpty(item, depth + 1, budget)]);
  }
  return Object.fromEntries(copy);
}

/** All syntax errors that `yaml` finds, since js-yaml stops at its first. */
function syntaxIssues(file: string, text: string, first: YAMLException): ConfigIssue[] {
  const { LineCounter, parseAllDocuments } = require('yaml') as typeof Yaml;
  const lines = new LineCounter();
  const parsed = parseAllDocuments(text, { lineCounter: lines, merge: true });
  const issues: ConfigIssue[] = [];
  if (Array.isArray(parsed)) {
    for (const document of parsed) {
      for (const error of document.errors) {
        const { line, col } = lines.linePos(error.pos[0]);
        const message = error.message.split(/ at line \d+/)[0].split('\n')[0];
        issues.push({ file, line, column: col, message: explainSyntax(message) });
      }
    }
  }
  if (issues.length === 0) {
    const mark = first.mark;
    issues.push({
      file,
      line: (mark?.line ?? 0) + 1,
      column: (mark?.column ?? 0) + 1,
      message: `not valid YAML: ${first.reason}`,
    });
  }
  return issues;
}

function explainSyntax(message: string): string {
  if (message.startsWith('Map keys must be unique'))
    return 'this key stands twice in one map; expected it once';
  if (message.startsWith('Tabs are not allowed')) return 'a tab in the indentation; expected spaces';
  const first = message.charAt(0).toLowerCase() + message.slice(1);
  return `not valid YAML: ${first}`;
}

/** Looks up where things stand in one file. */
class Places {
  #documents: readonly Yaml.Document[] | null = null;
  #lines: Yaml.LineCounter | null = null;

  constructor(readonly text: string) {}

  find(index: number, path: Path, what: 'key' | 'value'): { line: number; column: number } {
    const yaml = require('yaml') as typeof Yaml;
    if (this.#documents === null || this.#lines === null) {
      this.#lines = new yaml.LineCounter();
      const parsed = yaml.parseAllDocuments(this.text, { lineCounter: this.#lines, merge: true });
      this.#documents = (Array.isArray(parsed) ? parsed : []).filter(
        (document) =>
          document.contents !== null &&
          !(yaml.isScalar(document.contents) && document.contents.value === null),
      );
    }
    const document = this.#documents[index];
    let offset = 0;
    if (document !== undefined) {
      let node: unknown = document.contents;
      offset = start(node) ?? 0;
      for (const [depth, step] of path.entries()) {
        const pair = child(yaml, document, node, step);
        if (pair === null) break;
        const wantsKey = what === 'key' && depth === path.length - 1;
        offset = (wantsKey ? start(pair.key) : start(pair.value)) ?? start(pair.key) ?? offset;
        node = pair.value;
      }
    }
    const { line, col } = this.#lines.linePos(offset);
    return { line, column: col };
  }
}

function start(node: unknown): number | undefined {
  return (node as { range?: [number, number, number] } | null)?.range?.[0];
}

/** The entry of a map (also one that it merges by `<<`) or of a list. */
function child(
  yaml: typeof Yaml,
  document: Yaml.Document,
  node: unknown,
  step: string | number,
): { key: unknown; value: unknown } | null {
  const resolved = yaml.isAlias(node) ? node.resolve(document) : node;
  if (yaml.isSeq(resolved)) {
    if (typeof step !== 'number' || step >= resolved.items.length) return null;
    return { key: resolved.items[step], value: resolved.items[step] };
  }
  if (!yaml.isMap(resolved)) return null;
  const keyOf = (key: unknown) => (yaml.isScalar(key) ? String(key.value) : null);
  for (const pair of resolved.items) {
    if (keyOf(pair.key) === String(step)) return { key: pair.key, value: pair.value ?? pair.key };
  }
  for (const pair of resolved.items) {
    if (keyOf(pair.key) !== '<<' && !(yaml.isScalar(pair.key) && typeof pair.key.value === 'symbol'))
      continue;
    const merged = yaml.isSeq(pair.value) ? pair.value.items : [pair.value];
    for (const item of merged) {
      const found = child(yaml, document, item, step);
      if (found !== null) return found;
    }
  }
  return null;
}
