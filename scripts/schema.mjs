#!/usr/bin/env node
/** `npm run schema`: writes conf/router.schema.json and the reference part of docs/configuration.md from src/config/schema.ts. */
import { readFileSync, writeFileSync } from 'node:fs';
import { build } from './setup.mjs';

build();
const { schemaFile, schemaReference } = await import('../dist/src/config/schema-text.js');
writeFileSync(new URL('../conf/router.schema.json', import.meta.url), schemaFile());
const guide = new URL('../docs/configuration.md', import.meta.url);
const [head] = readFileSync(guide, 'utf8').split('<!-- reference -->');
writeFileSync(guide, `${head}<!-- reference -->\n\n${schemaReference()}`);
