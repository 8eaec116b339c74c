#!/usr/bin/env node
/**
 * Builds dist/ from src/, interop/, bench/, fuzz/ and soak/: every module by itself, the validators of configurations,
 * and the command as a bundle, which is what bin/tartan runs.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { bundle } from './bundle.mjs';
import { writeValidators } from './validators.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const tsc = spawnSync('node_modules/.bin/tsc', ['-p', 'tsconfig.build.json'], {
  cwd: root,
  stdio: 'inherit',
});
if (tsc.status !== 0) process.exit(tsc.status ?? 1);
await writeValidators(`${root}dist/src/config`);
await bundle(`${root}dist`);
