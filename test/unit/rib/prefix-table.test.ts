import { describe, expect, it } from 'vitest';
import {
  formatPrefix,
  networkOf,
  type Prefix,
  parseAddress,
  parsePrefix,
} from '../../../src/address/index.js';
import { PrefixKeys } from '../../../src/fib/prefix-keys.js';
import { NONE, type PrefixId } from '../../../src/rib/ids.js';
import { PrefixTable } from '../../../src/rib/prefix-table.js';

function prefix(text: string): Prefix {
  const parsed = parsePrefix(text);
  if (parsed === null) throw new Error(`not a prefix: ${text}`);
  return parsed;
}

/** Pseudo-random prefixes that repeat from run to run. */
function* prefixes(family: 0 | 1, n: number): Generator<Prefix> {
  let x = 1;
  const next = () => {
    x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
    return x;
  };
  for (let i = 0; i < n; i++) {
    const length = family === 0 ? 8 + (next() >>> 24) / 11 : 16 + (next() >>> 24) / 3;
    yield networkOf({ family, a: next(), b: next(), c: next(), d: next() }, Math.floor(length));
  }
}

describe('PrefixTable', () => {
  for (const family of [0, 1] as const) {
    it(`gives each IPv${family === 0 ? 4 : 6} prefix one id and finds it again, as a Map does`, () => {
      const table = new PrefixTable(family);
      const model = new Map<string, PrefixId>();
      const all = [...prefixes(family, 20_000)];
      for (const each of all) {
        const id = table.intern(each);
        const known = model.get(formatPrefix(each));
        if (known !== undefined) expect(id).toBe(known);
        model.set(formatPrefix(each), id);
      }
      expect(table.count).toBe(model.size);
      expect(new Set(model.values()).size).toBe(model.size);
      for (const each of all.filter((_, i) => i % 3 === 0)) {
        const text = formatPrefix(each);
        const id = model.get(text);
        if (id === undefined) continue;
        table.release(id);
        model.delete(text);
      }
      for (const each of all) expect(table.find(each)).toBe(model.get(formatPrefix(each)) ?? NONE);
      for (const id of table.walk()) expect(model.get(formatPrefix(table.read(id)))).toBe(id);
      expect([...table.walk()].length).toBe(model.size);
    });
  }

  for (const [family, bits] of [
    [0, 32],
    [1, 128],
  ] as const) {
    it(`keeps neighbours apart while they come and go, IPv${family === 0 ? 4 : 6}`, () => {
      const table = new PrefixTable(family);
      const model = new Map<string, PrefixId>();
      const tree: Prefix[] = [];
      // Every prefix of some lengths under a few roots, also where the last four bits straddle two words.
      for (const length of [0, 1, 3, 5, 9, 12, bits / 2 - 8, bits / 2 + 2, bits - 9, bits]) {
        for (let i = 0; i < 2 ** Math.min(length, 9); i++) {
          const words = [0, 0, 0, 0];
          for (let bit = 0; bit < Math.min(length, 9); bit++) {
            const at = length - 1 - bit;
            words[at >>> 5] |= ((i >>> bit) & 1) << (31 - (at & 31));
          }
          const [a, b, c, d] = words.map((word) => word >>> 0);
          tree.push({ family, a, b, c, d, length });
        }
      }
      for (const step of [1, 2, 3, 5]) {
        for (const each of tree) {
          const known = model.get(formatPrefix(each));
          const id = table.intern(each);
          if (known !== undefined) expect(id).toBe(known);
          model.set(formatPrefix(each), id);
        }
        for (let i = 0; i < tree.length; i += step) {
          table.release(model.get(formatPrefix(tree[i])) as PrefixId);
          model.delete(formatPrefix(tree[i]));
        }
        for (const each of tree) expect(table.find(each)).toBe(model.get(formatPrefix(each)) ?? NONE);
        for (const [text, id] of model) expect(formatPrefix(table.read(id))).toBe(text);
        expect(table.count).toBe(model.size);
      }
    });
  }

  it('tells a prefix from a longer one with the same address', () => {
    const table = new PrefixTable(0);
    const short = table.intern(prefix('10.0.0.0/8'));
    expect(table.intern(prefix('10.0.0.0/16'))).not.toBe(short);
    expect(table.intern(prefix('0.0.0.0/0'))).not.toBe(table.intern(prefix('0.0.0.0/1')));
  });

  it('gives released ids to new prefixes', () => {
    const table = new PrefixTable(1);
    const first = table.intern(prefix('2001:db8::/32'));
    table.release(first);
    expect(table.intern(prefix('2001:db8:1::/48'))).toBe(first);
    expect(table.find(prefix('2001:db8::/32'))).toBe(NONE);
  });

  it('lists prefixes by address and length', () => {
    const table = new PrefixTable(0);
    for (const text of ['192.0.2.0/24', '10.0.0.0/16', '255.255.255.255/32', '10.0.0.0/8', '0.0.0.0/0']) {
      table.intern(prefix(text));
    }
    expect([...table.inOrder()].map((id) => formatPrefix(table.read(id)))).toEqual([
      '0.0.0.0/0',
      '10.0.0.0/8',
      '10.0.0.0/16',
      '192.0.2.0/24',
      '255.255.255.255/32',
    ]);
  });

  it('walks in order through changes that happen in its pauses, and names nothing twice', () => {
    const table = new PrefixTable(0);
    const count = 100_000;
    for (let i = 0; i < count; i++) table.intern4((i << 12) >>> 0, 24);
    const walk = table.inOrderWithPauses();
    const walked: number[] = [];
    let pauses = 0;
    for (const id of walk) {
      if (id !== NONE) {
        walked.push(table.words[id]);
        continue;
      }
      // Half of what was there gives way to prefixes in other places.
      if (++pauses !== 4) continue;
      for (let i = 0; i < count; i += 2) table.release(table.find4((i << 12) >>> 0, 24) as PrefixId);
      for (let i = 0; i < count; i++) table.intern4(((i << 12) | 0x800) >>> 0, 24);
    }
    expect(pauses).toBe(6);
    expect(walked.filter((word, i) => i > 0 && word <= walked[i - 1])).toEqual([]);
    const stayed = new Set(walked);
    for (let i = 1; i < count; i += 2) expect(stayed.has((i << 12) >>> 0)).toBe(true);
  });

  it('finds the longest prefix that the caller accepts', () => {
    const table = new PrefixTable(0);
    const ids = ['0.0.0.0/0', '10.0.0.0/8', '10.1.0.0/16'].map((text) => table.intern(prefix(text)));
    const address = parseAddress('10.1.2.3');
    if (address === null) throw new Error('unreachable');
    expect(table.longestMatch(address)).toBe(ids[2]);
    expect(table.longestMatch(address, (id) => id !== ids[2])).toBe(ids[1]);
    expect(table.longestMatch(address, undefined, 7)).toBe(ids[0]);
    expect(table.longestMatch(address, () => false)).toBe(NONE);
  });

  it('shows its keys to another thread, after growing too', () => {
    const table = new PrefixTable(0);
    const { words, lengths } = table.shared();
    const ids = [...prefixes(0, 5000)].map((each) => table.intern(each));
    const id = ids[4999];
    expect(new Uint32Array(words, 0, words.byteLength / 4)[id]).toBe(table.read(id).a);
    expect(new Uint8Array(lengths)[id]).toBe(table.read(id).length);
  });

  it('has every key read that way as both columns grow, one of them further ahead', () => {
    const table = new PrefixTable(0);
    const keys = new PrefixKeys(table.shared());
    const wrong: number[] = [];
    for (let n = 0; n < 1_700_000; n++) {
      const id = table.intern4(n << 8, 24);
      if (n % 4096 === 0 && keys.upTo(id).words[id] !== (n << 8) >>> 0) wrong.push(n);
    }
    expect(wrong).toEqual([]);
  });

  it('gives memory back after a mass withdrawal and uses low ids first', () => {
    const table = new PrefixTable(0);
    const ids = new Set<PrefixId>();
    for (const each of prefixes(0, 200_000)) ids.add(table.intern(each));
    const full = table.memoryBytes();
    const kept = [...ids].filter((id) => id % 1000 === 0 && id < 50_000);
    for (const id of ids) if (!kept.includes(id)) table.release(id);
    table.trim();
    expect(table.count).toBe(kept.length);
    expect(table.memoryBytes()).toBeLessThan(full / 3);
    expect(table.highWater).toBeLessThanOrEqual(50_000);
    expect(table.intern(prefix('1.2.3.4/32'))).toBeLessThan(50_000);
    for (const id of kept) expect(table.find(table.read(id))).toBe(id);
  });
});
