/**
 * Preloaded (`node -r`) into a Tartan that is started for this alone: when a thread ends, the code that V8 made of the bundle's
 * files, with the functions that were called, is written beside them for the loader.
 */
const { existsSync, statSync, writeFileSync } = require('node:fs');
const v8 = require('node:v8');
const vm = require('node:vm');
const { codeSuffix } = require('./loader.cjs');

const kept = new Map();

class KeptScript extends vm.Script {
  constructor(text, options) {
    super(text, options);
    if (existsSync(`${options?.filename}.map`)) kept.set(options.filename, this);
  }
}
vm.Script = KeptScript;

// Code is of use only to a V8 with the same flags, and those of a start are the defaults.
const { setFlagsFromString } = v8;
v8.setFlagsFromString = (flag) => {
  if (flag.endsWith('expose-gc')) setFlagsFromString(flag);
};

process.on('exit', () => {
  for (const [file, script] of kept) {
    const code = script.createCachedData();
    const path = `${file}${codeSuffix}`;
    // What two threads load is kept as the one has it that called more of it.
    if (!existsSync(path) || statSync(path).size < code.length) writeFileSync(path, code);
  }
});
