#!/usr/bin/env node
/**
 * `npm run interop`: runs the tests that are cells of the interoperability table, and no others, and writes
 * interop/RESULTS.md from what they showed. Exit code 1 when a cell failed (the file says which).
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { build, debianPackages, isRoot, nodeModules } from './setup.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));

if (!isRoot) {
  console.error('interop: needs root: it makes network namespaces');
  process.exit(1);
}
nodeModules();
if (!debianPackages()) process.exit(1);
build();
const { daemons } = await import('../dist/interop/features.js');
const { combine, renderResults } = await import('../dist/interop/results.js');
const { runFacts } = await import('../dist/interop/versions.js');

const files = readdirSync(`${root}test/netns`)
  .filter((name) => name.endsWith('.test.ts'))
  .map((name) => `test/netns/${name}`)
  .filter((name) => readFileSync(root + name, 'utf8').includes("'./support/interop.js'"));
// A cell's title ends with its daemon.
const titles = `\\((${Object.keys(daemons).join('|')})\\)$`;
const folder = mkdtempSync(`${tmpdir()}/tartan-interop-`);
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
const collected = `${folder}/cells.json`;
const facts = await runFacts('npm run interop');
const { status } = spawnSync(
  'node_modules/.bin/vitest',
  ['run', '--project', 'netns', '--testNamePattern', titles, ...files],
  { cwd: root, stdio: 'inherit', env: { ...process.env, TARTAN_INTEROP_CELLS: collected } },
);
if (!existsSync(collected)) {
  console.error('interop: no cell was tested');
  process.exit(status || 1);
}
const cells = JSON.parse(readFileSync(collected, 'utf8'));
const results = `${root}interop/RESULTS.md`;
writeFileSync(results, renderResults(cells, facts));
const failed = cells.filter(({ passed }) => !passed);
console.log(`\ninterop: ${cells.length} tests, ${failed.length} failed; see interop/RESULTS.md`);
for (const cell of failed)
  console.log(`  ${combine([cell])}: ${cell.feature}, ${cell.daemon}: ${cell.title}\n    ${cell.error}`);
process.exit(failed.length > 0 ? 1 : (status ?? 1));
