#!/usr/bin/env node
/** `npm run demo`: sets up what is missing, then hands over to the built demo. Its options: `npm run demo -- --help`. */
import { buildIfStale, debianPackages, isRoot, nodeModules } from './setup.mjs';

if (!isRoot) {
  console.error('demo: needs root, since it makes network namespaces (try: sudo npm run demo)');
  process.exit(1);
}
nodeModules();
if (!debianPackages()) process.exit(1);
buildIfStale();
await import('../dist/interop/demo/main.js');
