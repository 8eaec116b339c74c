import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

const read = (path: string): string =>
  readFileSync(fileURLToPath(new URL(`../../${path}`, import.meta.url)), 'utf8');

describe('README', () => {
  it('explains the configuration that stands in conf/first.yaml', () => {
    const shown = /```yaml\n([\s\S]*?)```/.exec(read('README.md'))?.[1] ?? '';
    expect(parse(shown)).toEqual(parse(read('conf/first.yaml')));
  });

  it('names commands that package.json has, and files that exist', () => {
    const readme = read('README.md');
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    for (const [, name] of readme.matchAll(/npm run ([a-z]+)/g)) expect(scripts, name).toHaveProperty(name);
    for (const [, path] of readme.matchAll(/\]\(([A-Za-z][^)#]*)\)/g)) {
      if (!path.endsWith('/')) expect(() => read(path), path).not.toThrow();
    }
  });
});
