#!/usr/bin/env node
/** `npm run bench`: sets up what is missing, then hands over to the built benchmark. */
import { build, debianPackages, isRoot, nodeModules } from './setup.mjs';

nodeModules();
if (!isRoot) {
  console.log('bench: network namespaces need root');
  process.exit(1);
}
debianPackages();
build();
await import('../dist/bench/main.js');
