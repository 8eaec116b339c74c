#!/usr/bin/env node
/** `npm run fuzz`: builds what is older than its source, then hands over to the fuzzer. Its options: `npm run fuzz -- --help`. */
import { buildIfStale, nodeModules } from './setup.mjs';

nodeModules();
buildIfStale();
await import('../dist/fuzz/main.js');
