#!/usr/bin/env node
/** `npm run soak`: sets up what is missing, then hands over to the built soak. Its options: `npm run soak -- --help`. */
import { buildIfStale, debianPackages, isRoot, nodeModules } from './setup.mjs';

if (!isRoot) {
  console.error('soak: needs root, since it makes network namespaces');
  process.exit(1);
}
nodeModules();
if (!debianPackages()) process.exit(1);
buildIfStale();
await import('../dist/soak/main.js');
