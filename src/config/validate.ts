/**
 * The shape of a document: checked by Ajv against the schema, told in words that people understand.
 *
 * `scripts/build.mjs` compiles two validators into dist/, so that a start needs no compiler: one says whether there is
 * any fault, and is small and quick to load; the other finds every fault, and is loaded when there is one. Run from the
 * sources (as tests do), the latter is compiled on first use.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { ErrorObject, ValidateFunction } from 'ajv';
import { formatPath, listNames, nearest, type Path, showValue } from './issues.js';
import { routerSchema } from './schema.js';

const require = createRequire(import.meta.url);

export interface Fault {
  readonly path: Path;
  /** Whether the key itself is wrong or its value. */
  readonly what: 'key' | 'value';
  readonly message: string;
  /** Whether what stands at `path` must be taken out before anybody reads on. */
  readonly prune: boolean;
  /** The key that is missing, or the one that was probably meant. */
  readonly key?: string;
}

interface SchemaNode {
  readonly type?: string | readonly string[];
  readonly enum?: readonly string[];
  readonly const?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly 'x-expected'?: string;
}

/** Options that the build uses too. */
export const ajvOptions = {
  allErrors: true,
  strict: true,
  allowUnionTypes: true,
  strictTypes: false,
  strictRequired: false,
  keywords: ['x-expected'],
} as const;

let compiled: ValidateFunction | null = null;

/** A validator that the build left beside this file. */
function built(name: string): ValidateFunction | null {
  const path = fileURLToPath(new URL(`./${name}.cjs`, import.meta.url));
  return existsSync(path) ? (require(path) as ValidateFunction) : null;
}

function validator(): ValidateFunction {
  compiled ??= built('router-validator');
  if (compiled === null) {
    const { Ajv } = require('ajv') as typeof import('ajv');
    compiled = new Ajv({ ...ajvOptions, keywords: [...ajvOptions.keywords] }).compile(routerSchema);
  }
  return compiled;
}

/** Every fault of shape, in the order of the schema. Does not change `value`. */
export function validateShape(value: unknown): Fault[] {
  if (built('router-accepts')?.(value)) return [];
  const validate = validator();
  if (validate(value)) return [];
  const faults: Fault[] = [];
  const seen = new Set<string>();
  for (const error of validate.errors ?? []) {
    // The detail of a bad name; the error for the name itself follows.
    if (error.propertyName !== undefined) continue;
    const fault = explain(error, value);
    const key = `${fault.what} ${JSON.stringify(fault.path)} ${error.keyword === 'required' ? fault.message : ''}`;
    if (seen.has(key)) continue;
    seen.add(key);
    faults.push(fault);
  }
  return faults.filter((fault) => fault.prune || !faults.some((other) => isMisspelt(fault, other)));
}

/** Whether `missing` isn't there because `unknown` is its misspelling: told once is enough. */
function isMisspelt(missing: Fault, unknown: Fault): boolean {
  return (
    unknown.prune &&
    unknown.key !== undefined &&
    unknown.key === missing.key &&
    JSON.stringify(unknown.path.slice(0, -1)) === JSON.stringify(missing.path)
  );
}

/** Takes out of `value` what the faults say is unreadable. List items leave a hole, so that indexes stay. */
export function prune(value: unknown, faults: readonly Fault[]): void {
  for (const fault of faults) {
    if (!fault.prune || fault.path.length === 0) continue;
    const parent = at(value, fault.path.slice(0, -1));
    const last = fault.path[fault.path.length - 1];
    if (Array.isArray(parent)) parent[Number(last)] = undefined;
    else if (parent !== null && typeof parent === 'object') delete (parent as Record<string, unknown>)[last];
  }
}

function at(value: unknown, path: Path): unknown {
  let node = value;
  for (const step of path) {
    if (node === null || typeof node !== 'object') return undefined;
    node = (node as Record<string | number, unknown>)[step];
  }
  return node;
}

const fromPointer = (step: string) => step.replaceAll('~1', '/').replaceAll('~0', '~');

function instancePath(pointer: string, value: unknown): (string | number)[] {
  const path: (string | number)[] = [];
  let node = value;
  for (const raw of pointer.split('/').slice(1)) {
    const step = fromPointer(raw);
    path.push(Array.isArray(node) ? Number(step) : step);
    node = at(node, [step]);
  }
  return path;
}

/** The part of the schema that holds the keyword that failed. */
function schemaAt(pointer: string): SchemaNode {
  let node: unknown = routerSchema;
  for (const raw of pointer.split('/').slice(1, -1)) {
    node = at(node, [fromPointer(decodeURIComponent(raw))]);
  }
  return (node ?? {}) as SchemaNode;
}

function explain(error: ErrorObject, value: unknown): Fault {
  const path = instancePath(error.instancePath, value);
  const schema = schemaAt(error.schemaPath);
  const name = path.length === 0 ? 'the document' : `\`${formatPath(path)}\``;
  switch (error.keyword) {
    case 'additionalProperties': {
      const key = String(error.params.additionalProperty);
      const known = Object.keys(schema.properties ?? {});
      const near = nearest(key, known);
      const where = path.length === 0 ? '' : ` in ${name}`;
      const hint = near === null ? `expected ${listNames(known, 30)}` : `did you mean \`${near}\`?`;
      return {
        path: [...path, key],
        what: 'key',
        message: `unknown key \`${key}\`${where}; ${hint}`,
        prune: true,
        ...(near === null ? {} : { key: near }),
      };
    }
    case 'required': {
      const key = String(error.params.missingProperty);
      const missing = schema.properties?.[key];
      const expected = missing === undefined ? '' : `; expected ${expectation(missing)}`;
      return {
        path,
        what: 'key',
        message: `\`${formatPath([...path, key])}\` is missing${expected}`,
        prune: false,
        key,
      };
    }
    case 'propertyNames': {
      const key = String(error.params.propertyName);
      const names = (schema as { propertyNames?: SchemaNode }).propertyNames ?? {};
      const message = `\`${key}\` can't be a name in ${name}; expected ${expectation(names)}`;
      return { path: [...path, key], what: 'key', message, prune: true };
    }
    case 'uniqueItems': {
      const item = showValue(at(value, [...path, Number(error.params.i)]));
      return {
        path: [...path, Math.max(Number(error.params.i), Number(error.params.j))],
        what: 'value',
        message: `${name} holds ${item} twice; expected ${expectation(schema)}`,
        prune: true,
      };
    }
    default: {
      const found = at(value, path);
      let hint = '';
      if (typeof found === 'string' && schema.enum !== undefined) {
        const near = nearest(found, schema.enum);
        if (near !== null) hint = `; did you mean \`${near}\`?`;
      } else if (typeof found === 'string' && /^[0-9]+$/.test(found) && wantsNumber(schema)) {
        hint = ' (without quotes)';
      }
      return {
        path,
        what: 'value',
        message: `${name} is ${showValue(found)}; expected ${expectation(schema)}${hint}`,
        prune: true,
      };
    }
  }
}

function wantsNumber(schema: SchemaNode): boolean {
  return [schema.type].flat().includes('integer');
}

const typeNames: Readonly<Record<string, string>> = {
  boolean: '`true` or `false`',
  string: 'text',
  integer: 'a whole number',
  object: 'a map',
  array: 'a list',
};

/** What the schema wants here, as the end of a sentence. */
function expectation(schema: SchemaNode): string {
  if (schema['x-expected'] !== undefined) return schema['x-expected'];
  if (schema.const !== undefined) return `\`${schema.const}\``;
  if (schema.enum !== undefined) return listNames(schema.enum);
  const types = [schema.type ?? []].flat().map((type) => typeNames[type] ?? type);
  const text = types.join(' or ');
  if (schema.minimum !== undefined && schema.maximum !== undefined) {
    return `${text} from ${schema.minimum} to ${schema.maximum}`;
  }
  return text;
}
