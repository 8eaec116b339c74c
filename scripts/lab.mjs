#!/usr/bin/env node
/** `npm run lab -- up|down|exec|inspect`: builds what is missing or older than its source, then runs the lab runner. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build, nodeModules } from './setup.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const built = `${root}dist/interop/cli.js`;

function isCurrent() {
  if (!existsSync(built)) return false;
  const since = statSync(built).mtimeMs;
  const sources = readdirSync(`${root}interop`, { recursive: true }).filter((name) => name.endsWith('.ts'));
  return sources.every((name) => statSync(`${root}interop/${name}`).mtimeMs <= since);
}

if (!isCurrent()) {
  nodeModules();
  build();
}
await import(built);
