/**
 * Loads the files of the bundle that this one stands beside. Each is a function already, and has the code that V8 made of it
 * at build time beside it: where that is there, and is of this V8, no time goes into compiling.
 */
const { closeSync, fstatSync, openSync, readSync } = require('node:fs');
const { createRequire } = require('node:module');
const { join } = require('node:path');
const { Script } = require('node:vm');

const loaded = new Map();
/** Code is of one V8, which knows its own by little more than its version. */
const codeSuffix = `.${process.version}-${process.arch}.cache`;

/** For all files in turn: a buffer for each would stay until V8 collects. */
let buffer = Buffer.alloc(512 * 1024);

/** What a file holds, until the next one is read. */
function read(file) {
  const descriptor = openSync(file);
  try {
    const { size } = fstatSync(descriptor);
    if (size > buffer.length) buffer = Buffer.alloc(size);
    return buffer.subarray(0, readSync(descriptor, buffer, 0, size, 0));
  } finally {
    closeSync(descriptor);
  }
}

function codeOf(file) {
  try {
    return read(`${file}${codeSuffix}`);
  } catch {
    return undefined;
  }
}

/** The exports of a file of the bundle, which is run when it is asked for first. */
function load(name) {
  const file = join(__dirname, name);
  const known = loaded.get(file);
  if (known !== undefined) return known.exports;
  const module = { exports: {} };
  loaded.set(file, module);
  // The bundle is plain ASCII.
  const text = read(file).latin1Slice();
  const script = new Script(text, { filename: file, cachedData: codeOf(file) });
  const requireOther = createRequire(file);
  const requireAny = (wanted) => (/^\.\/.*\.js$/.test(wanted) ? load(wanted) : requireOther(wanted));
  script.runInThisContext().call(module.exports, module.exports, requireAny, module, file, __dirname);
  return module.exports;
}

exports.codeSuffix = codeSuffix;
exports.load = load;
