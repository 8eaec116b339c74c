/**
 * Bundles the command and its threads: a start reads a handful of files instead of some three hundred modules,
 * in half the time and with a quarter less memory. Nothing is renamed, so that stack traces and profiles read well.
 *
 * They are CommonJS, as V8 takes code that was compiled beforehand for scripts alone (bundle/loader.cjs); for that the
 * bundle is run once (bundle/keep-code.cjs).
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import Module from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const aside = fileURLToPath(new URL('bundle', import.meta.url));

/** Left in node_modules: native code, and what most runs never load. */
const external = ['koffi', /^netlink\b/, 'yaml', 'ajv'];

/**
 * One character beyond ASCII makes the engine keep the whole text in two bytes a character. Done to what was written: what
 * a plugin renders is parsed and printed once more, with the characters themselves.
 */
function escapeBeyondAscii(path) {
  const escaped = readFileSync(path, 'utf8').replace(
    /[\u0080-\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  writeFileSync(path, escaped);
}

async function write(input, output) {
  const bundled = await rolldown({ input, external, platform: 'node', tsconfig: false });
  await bundled.write({ comments: false, ...output });
  await bundled.close();
  for (const name of readdirSync(output.dir)) {
    if (/\.c?js$/.test(name)) escapeBeyondAscii(`${output.dir}/${name}`);
  }
}

/** What runs as a script, main or of a thread: where its module is in src. */
const starts = {
  'kernel-thread': 'fib/kernel-thread.js',
  'load-thread': 'config/load-thread.js',
  main: 'cli/main.js',
};

/** From the modules in `dist`/src to `dist`/bundle. */
export async function bundle(dist) {
  const dir = `${dist}/bundle`;
  rmSync(dir, { recursive: true, force: true });
  const config = `${dist}/src/config`;
  await write(
    {
      'router-accepts': `${config}/router-accepts.cjs`,
      'router-validator': `${config}/router-validator.cjs`,
    },
    { dir, format: 'cjs', minify: true, entryFileNames: '[name].cjs', chunkFileNames: '[name].cjs' },
  );
  await write(
    Object.fromEntries(Object.entries(starts).map(([name, path]) => [name, `${dist}/src/${path}`])),
    {
      dir,
      format: 'cjs',
      entryFileNames: '[name]-body.js',
      chunkFileNames: '[name].js',
      sourcemap: true,
    },
  );
  // For the loader: a text that is wrapped as it is loaded is there twice.
  for (const name of readdirSync(dir)) {
    if (name.endsWith('.js'))
      writeFileSync(`${dir}/${name}`, Module.wrap(readFileSync(`${dir}/${name}`, 'utf8')));
  }
  writeFileSync(`${dir}/package.json`, '{ "type": "commonjs" }\n');
  copyFileSync(`${aside}/loader.cjs`, `${dir}/loader.cjs`);
  for (const name of Object.keys(starts)) {
    writeFileSync(`${dir}/${name}.js`, `require('./loader.cjs').load('./${name}-body.js');\n`);
  }
  await keepCode(`${dir}/main.js`);
}

/** Runs a daemon and a verb until both have ended, so that what V8 compiled for them is kept. Without, a start is slower. */
async function keepCode(main) {
  const folder = mkdtempSync(join(tmpdir(), 'tartan-build-'));
  const control = join(folder, 'control');
  const start = (...words) =>
    spawn(process.execPath, ['-r', `${aside}/keep-code.cjs`, main, ...words, '--control', control], {
      stdio: ['ignore', 'pipe', 'pipe'],
      // Wherever it cannot run, the build goes on.
      timeout: 60_000,
      killSignal: 'SIGKILL',
    });
  try {
    const daemon = start('run', '--config', `${aside}/first-run.yaml`);
    const ended = once(daemon, 'close');
    let said = '';
    const runs = new Promise((resolve) => {
      daemon.stdout.on('data', (chunk) => {
        said += chunk;
        if (said.includes('"running"')) resolve(true);
      });
      daemon.stderr.on('data', (chunk) => {
        said += chunk;
      });
    });
    if (await Promise.race([runs, ended.then(() => false)])) {
      const verb = start('show', 'peers');
      await once(verb.stdout.resume(), 'close');
      daemon.kill('SIGTERM');
      const [code] = await ended;
      if (code === 0) return;
    }
    console.warn(
      `build: Tartan is built, but starts will take longer than they need, as it could not be run here once:\n${said}`,
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
