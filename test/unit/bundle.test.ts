/** The bundle, as bin/tartan and the threads load it, with the code that lies beside it. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, readdirSync, writeFileSync } from 'node:fs';
import Module, { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { temporaryFolder } from './cli/harness.js';

const bundle = fileURLToPath(new URL('../../dist/bundle/', import.meta.url));
const { codeSuffix } = createRequire(import.meta.url)(join(bundle, 'loader.cjs')) as { codeSuffix: string };

/** In a process of its own, as code is of use to a V8 with the same flags alone. */
function evaluate(text: string): unknown {
  const { stdout, stderr } = spawnSync(process.execPath, ['-e', text], { encoding: 'utf8' });
  if (stderr !== '') throw new Error(stderr);
  return JSON.parse(stdout);
}

describe('code that was compiled when the bundle was built', () => {
  test('is taken by V8', () => {
    const files = readdirSync(bundle).flatMap((name) =>
      name.endsWith(codeSuffix) ? [name.slice(0, -codeSuffix.length)] : [],
    );
    for (const name of ['main-body.js', 'daemon.js', 'node.js', 'kernel-thread-body.js'])
      expect(files).toContain(name);
    const rejected = evaluate(`
      const { Script } = require('node:vm');
      const taken = [];
      class Watched extends Script {
        constructor(text, options) {
          super(text, options);
          taken.push([options.filename, this.cachedDataRejected]);
        }
        // What it would do is another matter.
        runInThisContext() {
          return () => {};
        }
      }
      require('node:vm').Script = Watched;
      const { load } = require(${JSON.stringify(join(bundle, 'loader.cjs'))});
      for (const name of ${JSON.stringify(files)}) load('./' + name);
      console.log(JSON.stringify(taken));`);
    expect(rejected).toEqual(files.map((name) => [join(bundle, name), false]));
  });

  test.each(['not code', ''])('is done without where it is something else: %j', (text) => {
    const folder = temporaryFolder();
    copyFileSync(join(bundle, 'loader.cjs'), join(folder, 'loader.cjs'));
    writeFileSync(join(folder, 'a.js'), Module.wrap("exports.answer = require('./b.js').half * 2;"));
    writeFileSync(join(folder, 'b.js'), Module.wrap('exports.half = 21;'));
    writeFileSync(join(folder, `a.js${codeSuffix}`), text);
    const loader = JSON.stringify(join(folder, 'loader.cjs'));
    expect(evaluate(`console.log(JSON.stringify(require(${loader}).load('./a.js')))`)).toEqual({
      answer: 42,
    });
  });
});
