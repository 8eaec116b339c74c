/** From paths to the Router of this node. */
import { hostname } from 'node:os';
import { type ConfigIssue, compareIssues, listNames, showValue, suggest } from './issues.js';
import { readRouter } from './read-router.js';
import type { Router } from './router.js';
import { apiVersion } from './schema.js';
import { readSources, type SourceDocument, type SourceText } from './source.js';

export interface LoadResult {
  /** null if there is any error. */
  readonly router: Router | null;
  /** In order of file, line and column. */
  readonly errors: readonly ConfigIssue[];
  /** What is allowed, but hardly meant. */
  readonly warnings: readonly ConfigIssue[];
}

export interface Loaded {
  readonly result: LoadResult;
  readonly texts: readonly SourceText[];
}

/**
 * Reads the Router of `node` from files and folders of YAML. Without `node`: the only Router there is, or the one
 * with the host's name. Every file must be readable and every document known; what is wrong inside the Router of
 * another node is not this node's concern.
 */
export function loadRouter(paths: readonly string[], node?: string): LoadResult {
  return loadWithTexts(paths, node).result;
}

/** As `loadRouter`, with the files that it was read from. */
export function loadWithTexts(paths: readonly string[], node?: string): Loaded {
  const { routers, errors, texts } = findRouters(paths);
  if (errors.length > 0) return { result: result(null, errors, []), texts };
  const chosen = choose(routers, node, paths);
  if ('message' in chosen) return { result: result(null, [chosen], []), texts };
  const { router, reader } = readRouter(chosen);
  return { result: result(router, reader.errors, reader.warnings), texts };
}

/** Checks every Router document of `paths`; with `node`, also that there is one for it. */
export function checkRouters(
  paths: readonly string[],
  node?: string,
): {
  readonly routers: readonly Router[];
  readonly errors: readonly ConfigIssue[];
  readonly warnings: readonly ConfigIssue[];
} {
  const found = findRouters(paths);
  const errors = [...found.errors];
  const warnings: ConfigIssue[] = [];
  const routers: Router[] = [];
  for (const source of found.routers) {
    const { router, reader } = readRouter(source);
    errors.push(...reader.errors);
    warnings.push(...reader.warnings);
    if (router !== null) routers.push(router);
  }
  if (found.routers.length === 0 || node !== undefined) {
    const chosen = choose(found.routers, node, paths);
    if ('message' in chosen && found.errors.length === 0) errors.push(chosen);
  }
  return { routers, errors: errors.sort(compareIssues), warnings: warnings.sort(compareIssues) };
}

function result(
  router: Router | null,
  errors: readonly ConfigIssue[],
  warnings: readonly ConfigIssue[],
): LoadResult {
  return { router, errors: [...errors].sort(compareIssues), warnings: [...warnings].sort(compareIssues) };
}

function nameOf(source: SourceDocument): string | undefined {
  const name = (source.value as { metadata?: { name?: unknown } }).metadata?.name;
  return typeof name === 'string' ? name : undefined;
}

/** The documents that say they are Routers; everything else is an error. */
function findRouters(paths: readonly string[]): {
  routers: SourceDocument[];
  errors: ConfigIssue[];
  texts: readonly SourceText[];
} {
  const { documents, issues, texts } = readSources(paths);
  const errors = [...issues];
  const routers: SourceDocument[] = [];
  const names = new Map<string, SourceDocument>();
  for (const source of documents) {
    const issue = (path: readonly string[], message: string) =>
      errors.push({ file: source.file, ...source.place(path, 'value'), message });
    if (source.value === null || typeof source.value !== 'object' || Array.isArray(source.value)) {
      issue(
        [],
        `the document is ${showValue(source.value)}; expected a map with \`apiVersion: ${apiVersion}\` and \`kind: Router\``,
      );
      continue;
    }
    const { apiVersion: version, kind } = source.value as { apiVersion?: unknown; kind?: unknown };
    const before = errors.length;
    if (version !== apiVersion) {
      issue(
        ['apiVersion'],
        `\`apiVersion\` is ${version === undefined ? 'missing' : showValue(version)}; expected \`${apiVersion}\``,
      );
    }
    if (kind !== 'Router') {
      issue(['kind'], `\`kind\` is ${kind === undefined ? 'missing' : showValue(kind)}; expected \`Router\``);
    }
    if (errors.length > before && kind !== 'Router') continue;
    if (errors.length > before) {
      // Still told what else is wrong with it, by reading it as if the version were right.
      const as = { ...source, value: { ...source.value, apiVersion } };
      errors.push(...readRouter(as).reader.errors);
      continue;
    }
    const name = nameOf(source);
    const first = name === undefined ? undefined : names.get(name);
    if (first !== undefined) {
      const place = first.place(['metadata', 'name'], 'value');
      issue(
        ['metadata', 'name'],
        `a Router named \`${name}\` stands in ${first.file}:${place.line} already; expected one per node`,
      );
      continue;
    }
    if (name !== undefined) names.set(name, source);
    routers.push(source);
  }
  return { routers, errors, texts };
}

function choose(
  routers: readonly SourceDocument[],
  node: string | undefined,
  paths: readonly string[],
): SourceDocument | ConfigIssue {
  const nowhere = { file: routers[0]?.file ?? paths[0] ?? '', line: 1, column: 1 };
  const names = routers.map(nameOf).filter((name) => name !== undefined);
  if (routers.length === 0) {
    return {
      ...nowhere,
      message: `holds no Router; expected a document with \`apiVersion: ${apiVersion}\` and \`kind: Router\``,
    };
  }
  if (node !== undefined) {
    const found = routers.find((source) => nameOf(source) === node);
    return found ?? { ...nowhere, message: `no Router is named \`${node}\`; ${suggest(node, names)}` };
  }
  if (routers.length === 1) return routers[0];
  const host = hostname();
  const found = routers.find((source) => nameOf(source) === host);
  return (
    found ?? {
      ...nowhere,
      message: `${routers.length} Routers, and none is named like this host, \`${host}\`; expected \`--node\` with one of ${listNames(names)}`,
    }
  );
}
