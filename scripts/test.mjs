#!/usr/bin/env node
/**
 * `npm test`: sets up what is missing, then format and lint, types, and every suite.
 * Arguments go to vitest: `npm test -- test/unit/framer.test.ts`.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { build, debianPackages, isRoot, nodeModules } from './setup.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const only = process.argv.slice(2);

function step(name, command, args) {
  console.log(`\n== ${name}`);
  const { status } = spawnSync(command, args, { cwd: root, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

nodeModules();
const packages = debianPackages();
build();
if (only.length === 0) {
  step('format and lint', 'node_modules/.bin/biome', ['check', '.']);
  step('types', 'node_modules/.bin/tsc', ['-p', 'tsconfig.json', '--noEmit']);
}
const projects = ['--project', 'unit', '--project', 'property'];
if (isRoot && packages) projects.push('--project', 'netns');
else
  console.log(
    '\nskipped: the netns suite (network namespaces and real peers) needs root and the Debian packages above',
  );
step('tests', 'node_modules/.bin/vitest', ['run', '--passWithNoTests', ...(only.length ? only : projects)]);
