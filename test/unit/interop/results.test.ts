import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { features } from '../../../interop/features.js';
import { combine, type RunFacts, renderResults, type SeenCell } from '../../../interop/results.js';

const seen = (cell: Partial<SeenCell>): SeenCell => ({
  feature: 'ipv4-unicast',
  daemon: 'frr',
  outcome: 'works',
  title: 'announces and withdraws',
  file: 'test/netns/a.test.ts',
  passed: true,
  ...cell,
});

const facts: RunFacts = {
  date: '2026-01-02',
  kernel: 'Linux 6.1.0',
  node: 'v20.1.0',
  tartan: '0.1.0 (commit 0123456789ab)',
  command: 'npm run interop',
  daemons: {
    frr: { version: '8.4.4', debian: 'frr 8.4.4-1' },
    bird: { version: '2.0.12', debian: 'bird2 2.0.12-7' },
    gobgp: { version: '3.10.0', debian: null },
    openbgpd: { version: 'not installed', debian: null },
    exabgp: { version: '4.2.21', debian: 'exabgp 4.2.21-1' },
  },
};

/** The cells of the row of that feature. */
function rowOf(text: string, feature: string): string[] {
  const row = text.split('\n').find((line) => line.startsWith(`| ${feature} `));
  return (row ?? '').split('|').map((cell) => cell.trim());
}

describe('a cell of several tests', () => {
  const works = seen({});
  const unsupported = seen({ outcome: 'unsupported' });
  const failed = seen({ passed: false, error: 'no' });

  it.each([
    ['', []],
    ['passed', [works, works]],
    ['not supported', [unsupported]],
    ['in part', [works, unsupported]],
    ['failed', [works, failed, unsupported]],
    ['failed', [seen({ outcome: 'unsupported', passed: false })]],
  ] as const)('is "%s"', (result, tests) => {
    expect(combine(tests)).toBe(result);
  });
});

describe('RESULTS.md', () => {
  const text = renderResults(
    [
      seen({}),
      seen({ title: 'takes `x|y` back', file: 'test/netns/b.test.ts' }),
      seen({ daemon: 'bird', passed: false, error: 'not within 30 s: a <path>' }),
      seen({ daemon: 'exabgp', outcome: 'unsupported', title: 'has no word for it' }),
      seen({ feature: 'ipv6-unicast', daemon: 'gobgp' }),
    ],
    facts,
  );

  it('has a column per daemon with its version, and a row per feature', () => {
    const head = text.split('\n').find((line) => line.startsWith('| Feature')) ?? '';
    expect(head.split('|').map((cell) => cell.trim())).toEqual([
      '',
      'Feature',
      'FRR 8.4.4',
      'BIRD 2.0.12',
      'GoBGP 3.10.0',
      'OpenBGPD not installed',
      'ExaBGP 4.2.21',
      '',
    ]);
    for (const feature of Object.values(features)) expect(rowOf(text, feature), feature).toHaveLength(8);
    expect(rowOf(text, features['ipv4-unicast']).slice(2, -1)).toEqual([
      'passed',
      'failed',
      '',
      '',
      'not supported',
    ]);
    expect(rowOf(text, features['ipv6-unicast']).slice(2, -1)).toEqual(['', '', 'passed', '', '']);
  });

  it('says when, on what and how it was made', () => {
    for (const fact of [facts.date, facts.kernel, facts.node, facts.tartan, '`npm run interop`'])
      expect(text).toContain(fact);
    expect(text).toContain('- FRR: 8.4.4 (frr 8.4.4-1)');
    expect(text).toContain('- GoBGP: 3.10.0\n');
  });

  it('lists what was seen, a line per test', () => {
    const list = text.slice(text.indexOf('## What was seen')).split('\n');
    expect(list.filter((line) => line.startsWith('- '))).toEqual([
      '- FRR, passed: announces and withdraws (`test/netns/a.test.ts`)',
      '- FRR, passed: takes \\`x\\|y\\` back (`test/netns/b.test.ts`)',
      '- BIRD, failed: announces and withdraws (`test/netns/a.test.ts`): not within 30 s: a \\<path\\>',
      '- ExaBGP, not supported: has no word for it (`test/netns/a.test.ts`)',
      '- GoBGP, passed: announces and withdraws (`test/netns/a.test.ts`)',
    ]);
    expect(list.filter((line) => line.startsWith('### '))).toEqual([
      `### ${features['ipv4-unicast']}`,
      `### ${features['ipv6-unicast']}`,
    ]);
  });
});

describe('features', () => {
  const folder = fileURLToPath(new URL('../../netns/', import.meta.url));
  const tests = readdirSync(folder)
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => readFileSync(folder + name, 'utf8'))
    .filter((text) => text.includes("'./support/interop.js'"));

  it.each(Object.keys(features))('%s is what some test shows', (id) => {
    expect(tests.some((text) => text.includes(`'${id}'`))).toBe(true);
  });
});
