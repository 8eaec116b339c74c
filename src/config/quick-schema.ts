/**
 * The schema as a question with yes and no for an answer. What explains faults is left out, and every map becomes a
 * definition, so that the compiled validator is one function per map: an engine then compiles those that a document
 * has, instead of one function for everything that a document might have.
 */

type Schema = Readonly<Record<string, unknown>>;

/** Keywords that validate nothing. */
const annotations: ReadonlySet<string> = new Set([
  'title',
  'description',
  'default',
  'examples',
  'x-expected',
]);
/** Keywords whose value maps names, which may be any, to schemas. */
const named: ReadonlySet<string> = new Set(['properties', 'patternProperties']);

/** A schema that accepts what `schema` (draft-07, without `$ref`) accepts. */
export function quickSchema(schema: Schema): Schema {
  const definitions: Record<string, unknown> = {};
  const names = new Map<string, string>();

  const rewritten = (node: Schema): Schema =>
    Object.fromEntries(
      Object.entries(node)
        .filter(([keyword]) => !annotations.has(keyword))
        .map(([keyword, value]) => [
          keyword,
          named.has(keyword)
            ? Object.fromEntries(
                Object.entries(value as Record<string, Schema>).map(([name, inner]) => [name, part(inner)]),
              )
            : Array.isArray(value)
              ? value.map((item) => (isSchema(item) ? part(item) : item))
              : isSchema(value)
                ? part(value)
                : value,
        ]),
    );

  const part = (node: Schema): Schema => {
    const plain = rewritten(node);
    if (plain.properties === undefined && plain.additionalProperties === undefined) return plain;
    const text = JSON.stringify(plain);
    let name = names.get(text);
    if (name === undefined) {
      name = `map${names.size}`;
      names.set(text, name);
      definitions[name] = plain;
    }
    return { $ref: `#/definitions/${name}` };
  };

  const root = rewritten(schema);
  return { ...root, definitions };
}

function isSchema(value: unknown): value is Schema {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}
