/** The schema as the files that people and editors read: the JSON file, and the tables of docs/configuration.md. */
import { listNames } from './issues.js';
import { apiVersion, routerSchema } from './schema.js';

interface Node {
  readonly type?: string | readonly string[];
  readonly enum?: readonly string[];
  readonly const?: string;
  readonly default?: unknown;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Node>>;
  readonly additionalProperties?: boolean | Node;
  readonly items?: Node;
  readonly 'x-expected'?: string;
}

/** conf/router.schema.json. */
export function schemaFile(): string {
  return `${JSON.stringify(routerSchema, null, 2)}\n`;
}

/**
 * The reference part of docs/configuration.md: a section with a table for every map of a Router document, in the
 * order of the schema. What a peer and a template share is told once.
 */
export function schemaReference(): string {
  const sections: string[] = [];
  const { properties } = routerSchema;
  section(sections, 'The document', routerSchema, `\`apiVersion: ${apiVersion}\`, \`kind: Router\`.`);
  section(sections, '`metadata`', properties.metadata, '');
  walk(sections, 'spec', properties.spec);
  return sections.join('\n');
}

/** Maps whose keys have been told where they stand first. */
const sameAs: Readonly<Record<string, string>> = {
  'spec.peers[].gracefulRestart': 'The keys of `spec.gracefulRestart`.',
  'spec.peers[].maxPrefixes.ipv4': 'The keys of `maxPrefixes`, for IPv4 alone.',
  'spec.peers[].maxPrefixes.ipv6': 'The keys of `maxPrefixes`, for IPv6 alone.',
  'spec.peers[].addPath.ipv4': 'The keys of `addPath`, for IPv4 alone.',
  'spec.peers[].addPath.ipv6': 'The keys of `addPath`, for IPv6 alone.',
  'spec.peerRanges[]':
    'Every key of a peer but `address`, `interface`, `port` and `passive`, and `prefix` (required), `limit` (of peers at a time, default 100) and `asns` (a list of external ASes in place of `asn`). `name` is that of the range; its peers are called `NAME:ADDRESS`.',
  'spec.peerTemplates.NAME': 'Every key of a peer but `name`, `address` and `template`.',
};

function walk(sections: string[], path: string, node: Node): void {
  const same = sameAs[path];
  if (same !== undefined) {
    sections.push(`### \`${path}\`\n\n${same}\n`);
    return;
  }
  section(sections, `\`${path}\``, node, node.description ?? '');
  for (const [key, child] of Object.entries(node.properties ?? {})) inner(sections, `${path}.${key}`, child);
}

/** Goes on to the maps that a value holds, directly or in a list or under names. */
function inner(sections: string[], path: string, node: Node): void {
  if (node.properties !== undefined) walk(sections, path, node);
  else if (typeof node.additionalProperties === 'object')
    inner(sections, `${path}.NAME`, node.additionalProperties);
  else if (node.items !== undefined) inner(sections, `${path}[]`, node.items);
}

function section(sections: string[], title: string, node: Node, text: string): void {
  const rows = Object.entries(node.properties ?? {}).map(
    ([key, child]) =>
      `| \`${key}\` | ${value(child)} | ${fallback(child)} | ${cell(child.description ?? '')} |`,
  );
  sections.push(
    [
      `### ${title}`,
      '',
      ...(text === '' ? [] : [text, '']),
      '| Key | Value | Default | |',
      '|---|---|---|---|',
      ...rows,
      '',
    ].join('\n'),
  );
}

const cell = (text: string) => text.replaceAll('|', '\\|');

function value(node: Node): string {
  if (node.const !== undefined) return `\`${node.const}\``;
  if (node.enum !== undefined) return listNames(node.enum);
  if (node['x-expected'] !== undefined) return cell(node['x-expected']);
  const words: Readonly<Record<string, string>> = {
    boolean: '`true` or `false`',
    string: 'text',
    integer: 'a whole number',
    object: 'a map',
    array: 'a list',
  };
  const range = node as { minimum?: number; maximum?: number };
  const types = [node.type ?? []].flat().map((type) => words[type] ?? type);
  const bounds = range.minimum === undefined ? '' : ` from ${range.minimum} to ${range.maximum}`;
  return `${types.join(' or ')}${bounds}`;
}

function fallback(node: Node): string {
  if (node.default === undefined) return '';
  if (Array.isArray(node.default)) {
    const items = node.default.map((item: unknown) =>
      typeof item === 'string' ? `'${item}'` : Object.values(item as object).join(' port '),
    );
    return items.some((item) => item.includes(' port '))
      ? items.map((item) => `\`${item}\``).join(', ')
      : `\`[${items}]\``;
  }
  return `\`${JSON.stringify(node.default)}\``.replaceAll('"', '');
}
