/** Compiles the validators of configurations; src/config/validate.ts says what each is for. */
import { writeFileSync } from 'node:fs';

/** Writes them into a folder of built modules. */
export async function writeValidators(folder) {
  const { Ajv } = await import('ajv');
  const { default: standalone } = await import('ajv/dist/standalone/index.js');
  const { routerSchema } = await import(`${folder}/schema.js`);
  const { quickSchema } = await import(`${folder}/quick-schema.js`);
  const { ajvOptions } = await import(`${folder}/validate.js`);
  const write = (name, schema, options) => {
    const ajv = new Ajv({ ...ajvOptions, ...options, code: { source: true, optimize: true } });
    // Ajv hands out its generator as a CommonJS default.
    writeFileSync(`${folder}/${name}.cjs`, (standalone.default ?? standalone)(ajv, ajv.compile(schema)));
  };
  write('router-accepts', quickSchema(routerSchema), {
    allErrors: false,
    messages: false,
    inlineRefs: false,
  });
  write('router-validator', routerSchema, {});
}
