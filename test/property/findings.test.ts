import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Fuzzer } from '../../fuzz/fuzzer.js';
import { targets } from '../../fuzz/targets/index.js';

const folder = (name: string) => new URL(`../findings/${name}/`, import.meta.url);

describe.each(targets)('fuzz target $name', (target) => {
  const kept = existsSync(folder(target.name)) ? readdirSync(folder(target.name)) : [];
  it.each(kept)('no longer breaks on %s', (file) => {
    target.run(readFileSync(new URL(file, folder(target.name))));
  });

  it('keeps its promise for its seeds and what is near them', () => {
    const fuzzer = new Fuzzer(target, 1);
    for (const { error } of fuzzer.begin([])) throw error;
    const begun = fuzzer.corners;
    for (let i = 0; i < 200; i++) {
      const finding = fuzzer.run(fuzzer.next());
      if (finding !== null) throw finding.error;
    }
    // A target that sees the same in everything would search blindly.
    expect(fuzzer.corners).toBeGreaterThan(begun);
  });
});

it('findings lie where a target replays them', () => {
  const root = new URL('../findings/', import.meta.url);
  const folders = existsSync(root) ? readdirSync(root) : [];
  expect(folders.filter((name) => !targets.some((target) => target.name === name))).toEqual([]);
});
