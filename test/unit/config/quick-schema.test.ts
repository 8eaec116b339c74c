/** The validator that only says yes or no says it of the same documents as the one that explains. */
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { loadAll } from 'js-yaml';
import { describe, expect, it } from 'vitest';
import { quickSchema } from '../../../src/config/quick-schema.js';
import { routerSchema } from '../../../src/config/schema.js';
import { yamlSchema } from '../../../src/config/source.js';
import { ajvOptions } from '../../../src/config/validate.js';

const { Ajv } = createRequire(import.meta.url)('ajv') as typeof import('ajv');
const options = { ...ajvOptions, keywords: [...ajvOptions.keywords] };
const explains = new Ajv(options).compile(routerSchema);
const quick = new Ajv({ ...options, allErrors: false, inlineRefs: false }).compile(quickSchema(routerSchema));

type Node = Readonly<Record<string, unknown>>;

/** A value that has every key that the schema knows, each with something plausible. */
function sample(schema: Node): unknown {
  if (schema.const !== undefined) return schema.const;
  if (schema.enum !== undefined) return (schema.enum as unknown[])[0];
  const properties = Object.entries((schema.properties ?? {}) as Record<string, Node>);
  const more = schema.additionalProperties;
  if (properties.length > 0 || (more !== null && typeof more === 'object')) {
    const known = properties.map(([key, inner]) => [key, sample(inner)]);
    return Object.fromEntries(
      more && typeof more === 'object' ? [...known, ['any', sample(more as Node)]] : known,
    );
  }
  switch ([schema.type].flat()[0]) {
    case 'array':
      return schema.items === undefined ? [] : [sample(schema.items as Node)];
    case 'integer':
      return schema.minimum ?? 1;
    case 'boolean':
      return true;
    case 'object':
      return {};
    default:
      return 'a';
  }
}

/** Every copy of `value` in which one thing is another, is missing, or has company. */
function* damaged(value: unknown): Generator<unknown> {
  for (const other of [null, true, -1, 1.5, 4294967296, '', 'x', ' ', [], ['x', 'x'], {}, { x: 1 }])
    yield other;
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) {
      for (const copy of damaged(item)) yield value.with(index, copy);
      yield [...value, item];
    }
  } else if (value !== null && typeof value === 'object') {
    yield { ...value, unheardOf: 1 };
    for (const [key, item] of Object.entries(value)) {
      const { [key]: _, ...rest } = value as Record<string, unknown>;
      yield rest;
      for (const copy of damaged(item)) yield { ...rest, [key]: copy };
    }
  }
}

const conf = fileURLToPath(new URL('../../../conf/', import.meta.url));
const examples = readdirSync(conf)
  .filter((name) => name.endsWith('.yaml'))
  .flatMap((name) => loadAll(readFileSync(conf + name, 'utf8'), { schema: yamlSchema }));

describe('the quick schema', () => {
  it.each([...examples, sample(routerSchema as Node)])(
    'judges a document and what damage makes of it alike: %#',
    (whole) => {
      let accepted = 0;
      let refused = 0;
      for (const document of [whole, ...damaged(whole)]) {
        const verdict = explains(document);
        if (quick(document) !== verdict)
          expect.fail(`${verdict ? 'refused' : 'accepted'}: ${JSON.stringify(document)}`);
        if (verdict) accepted++;
        else refused++;
      }
      expect(refused).toBeGreaterThan(0);
      expect(accepted).toBeGreaterThan(0);
    },
    // Every key of the schema, damaged in every way.
    60_000,
  );

  it('has each map of the document as a definition of its own', () => {
    const { definitions, ...root } = quickSchema(routerSchema as Node) as {
      definitions: Record<string, Node>;
    };
    for (const map of [root as Node, ...Object.values(definitions)]) {
      for (const inner of Object.values((map.properties ?? {}) as Record<string, Node>)) {
        expect(inner.properties).toBeUndefined();
        expect(inner.description).toBeUndefined();
      }
    }
  });
});
