#!/usr/bin/env node
/** Builds dist/ from src/, interop/ and bench/, and compiles the validator of configurations into it. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const tsc = spawnSync('node_modules/.bin/tsc', ['-p', 'tsconfig.build.json'], {
  cwd: root,
  stdio: 'inherit',
});
if (tsc.status !== 0) process.exit(tsc.status ?? 1);

const { Ajv } = await import('ajv');
const { default: standalone } = await import('ajv/dist/standalone/index.js');
const { routerSchema } = await import('../dist/src/config/schema.js');
const { ajvOptions } = await import('../dist/src/config/validate.js');
const ajv = new Ajv({ ...ajvOptions, code: { source: true, optimize: true } });
writeFileSync(
  `${root}dist/src/config/router-validator.cjs`,
  // Ajv hands out its generator as a CommonJS default.
  (standalone.default ?? standalone)(ajv, ajv.compile(routerSchema)),
);
