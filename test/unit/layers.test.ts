import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const src = fileURLToPath(new URL('../../src', import.meta.url));

/** From the bottom up. A file may import from its own layer's folder and from every layer below it. */
const layers: readonly (readonly string[])[] = [
  ['address', 'sockopt', 'contest', 'memory'],
  ['netlink', 'nftables', 'radv', 'bgp/wire', 'rpki'],
  ['bgp/fsm', 'bgp/mrt', 'bgp/bmp', 'policy', 'rib', 'overlay'],
  ['vxlan', 'ipip', 'hostgw'],
  ['fib'],
  ['bgp/session', 'bgp/speaker'],
  ['config', 'intent', 'datastore'],
  ['control'],
  ['cli', 'daemon', 'daemon.ts'],
];

function sourceFiles(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return sourceFiles(path);
    return /\.ts$/.test(entry.name) ? [path] : [];
  });
}

function layerOf(path: string): number {
  const parts = relative(src, path).split('/');
  return layers.findIndex((names) => names.includes(parts[0]) || names.includes(parts.slice(0, 2).join('/')));
}

const imports = /(?:^|\n)\s*(?:import|export)\b[^;'"]*?from\s*'(\.[^']+)'|import\('(\.[^']+)'\)/g;

describe('layers', () => {
  const files = sourceFiles(src);

  it('puts every file in a layer', () => {
    expect(files.filter((file) => layerOf(file) < 0).map((file) => relative(src, file))).toEqual([]);
  });

  it('imports downwards only', () => {
    const upwards: string[] = [];
    for (const file of files) {
      for (const match of readFileSync(file, 'utf8').matchAll(imports)) {
        const target = resolve(dirname(file), (match[1] ?? match[2]).replace(/\.js$/, '.ts'));
        if (layerOf(target) > layerOf(file))
          upwards.push(`${relative(src, file)} imports ${relative(src, target)}`);
      }
    }
    expect(upwards).toEqual([]);
  });

  it('keeps wire, rib and fib ignorant of what stands beside or above them', () => {
    const forbidden: [string, RegExp][] = [
      ['bgp/wire', /\/(rib|policy|fib|netlink|bgp\/(fsm|session|speaker))\//],
      ['netlink', /\/(bgp|rib|policy|fib)\//],
      ['rpki', /\/(bgp|rib|policy|fib|netlink)\//],
      ['policy', /\/rpki\/(?!types\.js)/],
      ['rib', /\/(fib|netlink|bgp\/(fsm|session|speaker))\//],
      ['fib', /\/bgp\//],
      ['control', /\/(bgp|rib|policy|fib|netlink|config)\//],
    ];
    const found: string[] = [];
    for (const [folder, pattern] of forbidden) {
      for (const file of files.filter((path) => relative(src, path).startsWith(`${folder}/`))) {
        for (const match of readFileSync(file, 'utf8').matchAll(imports)) {
          const target = resolve(dirname(file), match[1] ?? match[2]);
          if (pattern.test(`/${relative(src, target)}`))
            found.push(`${relative(src, file)} imports ${relative(src, target)}`);
        }
      }
    }
    expect(found).toEqual([]);
  });
});
