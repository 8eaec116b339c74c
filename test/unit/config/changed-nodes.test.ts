/** Reloads of documents of many nodes: those that changed are read alone, and what comes out is what the whole says. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ChangedNodes } from '../../../src/config/changed-nodes.js';
import { ConfigLoader, loadRouter } from '../../../src/config/index.js';
import { folder } from './documents.js';

interface Item {
  readonly at: number;
  readonly version: number;
}

const head = [
  'apiVersion: tartan.dev/v1',
  'kind: Router',
  'metadata: {name: node0}',
  'spec:',
  '  asn: 64512',
  '  routerId: 192.0.2.1',
  '  pools: [{cidr: 10.128.0.0/9, backend: vxlan}]',
].join('\n');

function flow({ at, version }: Item): string {
  const mac = version === 0 ? '' : `, vtep: {ipv4: {mac: "02:00:00:00:00:${(16 + version).toString(16)}"}}`;
  return `    - {name: node${at}, addresses: [10.1.${at >> 8}.${at & 255}${at === 0 ? '/16' : ''}], podCIDRs: [10.${128 + (at >> 8)}.${at & 255}.0/24]${mac}}`;
}

function block({ at }: Item): string {
  return [
    `    - name: node${at}`,
    `      addresses: ["10.1.${at >> 8}.${at & 255}${at === 0 ? '/16' : ''}"]`,
    '      podCIDRs:',
    `        - 10.${128 + (at >> 8)}.${at & 255}.0/24`,
  ].join('\n');
}

const items = (count: number): Item[] => Array.from({ length: count }, (_, at) => ({ at, version: 0 }));

const text = (lines: readonly string[], tail = ''): string =>
  `${head}\n  nodes:\n${lines.join('\n')}\n${tail}`;

/** Loads a first text, then others, each as the whole is loaded; tells which nodes were taken over as they were. */
async function reload(first: string, ...later: string[]): Promise<number[]> {
  const path = folder({ 'a.yaml': first });
  const loader = new ConfigLoader([path]);
  let before = loader.loadNow();
  const kept: number[] = [];
  for (const next of later) {
    writeFileSync(join(path, 'a.yaml'), next);
    const now = await loader.load();
    expect(now).toStrictEqual(loadRouter([path]));
    const known = new Set(before.router?.nodes);
    kept.push(now.router?.nodes.filter((node) => known.has(node)).length ?? -1);
    if (now.router !== null) before = now;
  }
  return kept;
}

describe('a reload of many nodes', { timeout: 60_000 }, () => {
  it('reads those that are new or others alone', async () => {
    const nodes = items(300);
    const changed = nodes.map((node) => (node.at === 70 ? { ...node, version: 1 } : node));
    for (const write of [flow, block]) {
      const more = text(items(301).map(write));
      const fewer = text(nodes.toSpliced(5, 1).map(write));
      expect(await reload(text(nodes.map(write)), more, fewer)).toEqual([300, 299]);
    }
    const moved = text([...nodes.slice(0, 10), ...nodes.slice(10).reverse()].map(flow));
    expect(await reload(text(nodes.map(flow)), text(changed.map(flow)), moved)).toEqual([299, 299]);
  });

  it('reads some hundreds in turns, and sees what stands twice among them', async () => {
    const nodes = items(600);
    const other = nodes.map((node) =>
      node.at > 0 && node.at < 400 ? { ...node, version: 1 + (node.at % 2) } : node,
    );
    const alone = other.map((node) => ({ ...node, version: node.version === 0 ? 0 : 3 }));
    // Two MACs for hundreds: refused, wherever the twins are read.
    expect(await reload(text(nodes.map(flow)), text(other.map(flow)))).toEqual([-1]);
    const blocks = text(alone.map((node) => (node.version === 0 ? flow(node) : block(node))));
    expect(await reload(text(nodes.map(flow)), blocks)).toEqual([201]);
  });

  it('takes all over where nothing changed', async () => {
    const same = text(items(300).map(flow));
    expect(await reload(same, same)).toEqual([300]);
  });

  it('is right between other keys and beside other files', async () => {
    const tail = '  maxPaths: 4\n  networks: [198.51.100.0/24]\n';
    expect(await reload(text(items(300).map(flow), tail), text(items(302).map(flow), tail))).toEqual([300]);
  });

  it.each([
    ['another key', text(items(300).map(flow), '  maxPaths: 4\n')],
    ['a node that is no node', text([...items(300).map(flow), '    - {nam: x}'])],
    ['a name that stands twice', text([...items(300).map(flow), flow({ at: 7, version: 0 })])],
    [
      'an address that stands twice',
      text([...items(300).map(flow), '    - {name: x, addresses: [10.1.0.7]}']),
    ],
    [
      'a block that stands twice',
      text([...items(300).map(flow), '    - {name: x, podCIDRs: [10.128.7.0/24]}']),
    ],
    ['a comment', text([...items(300).map(flow), `${flow({ at: 300, version: 0 })} # new`])],
    ['a value that is not closed', text([...items(299).map(flow), '    - {name: "a', '    - b"}'])],
    ['a map that is not closed', text([...items(299).map(flow), '    - {name: a,', '    - b}'])],
    ['a warning', text([...items(300).map(flow), '    - {name: x, podCIDRs: [172.16.0.0/24]}'])],
    ['our own node', text(items(300).map(flow)).replace('10.1.0.0/16', '10.1.0.0/24')],
    [
      'an empty line among the nodes',
      text(items(300).map(flow)).replace('\n    - {name: node9,', '\n\n    - {name: node9,'),
    ],
    ['an anchor', text([...items(300).map(flow), '    - &x {name: x}'])],
  ])('reads the whole for %s', async (_, next) => {
    const [kept] = await reload(text(items(300).map(flow)), next);
    expect(kept).toBeLessThanOrEqual(0);
  });

  it('says where a mistake in a new node stands, and goes on from what was right', async () => {
    const path = folder({ 'a.yaml': text(items(300).map(flow)) });
    const loader = new ConfigLoader([path]);
    const before = loader.loadNow();
    writeFileSync(
      join(path, 'a.yaml'),
      text([...items(300).map(flow), '    - {name: x, addresses: [10.1.0.999]}']),
    );
    const wrong = await loader.load();
    expect(wrong.router).toBeNull();
    expect(wrong.errors[0]).toMatchObject({ line: 309, column: 29 });
    writeFileSync(join(path, 'a.yaml'), text(items(301).map(flow)));
    const right = await loader.load();
    expect(right.router?.nodes.slice(0, 300)).toEqual(before.router?.nodes);
    expect(right.router?.nodes[3]).toBe(before.router?.nodes[3]);
  });

  it('is not misled by a list that only looks like one', () => {
    const { router } = loadRouter([folder({ 'a.yaml': text(items(300).map(flow)) })]);
    if (router === null) throw new Error('refused');
    const inText = text(items(300).map(flow)).replace('  nodes:', '  description: |\n    nodes:');
    expect(ChangedNodes.of(inText, router)).toBeNull();
    const elsewhere = text(items(300).map(flow)).replace('  nodes:', '  x:\n    nodes:');
    expect(ChangedNodes.of(elsewhere, router)).toBeNull();
    expect(ChangedNodes.of(text(items(299).map(flow)), router)).toBeNull();
  });

  it('gives what the whole gives, whatever changes', async () => {
    const node = fc.record({ at: fc.integer({ min: 0, max: 330 }), version: fc.constantFrom(0, 0, 0, 1, 2) });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(node, { maxLength: 6 }), { minLength: 1, maxLength: 4 }),
        async (steps) => {
          let nodes = items(200);
          const texts = steps.map((step) => {
            for (const { at, version } of step) {
              // Takes a node out, puts one in, or changes one; sometimes it stands twice then.
              if (at < 40) nodes = nodes.toSpliced(1 + at, 1);
              else if (at < 250) nodes = nodes.map((each) => (each.at === at ? { at, version } : each));
              else nodes = [...nodes, { at, version }];
            }
            return text(nodes.map((each) => (each.version === 2 ? block(each) : flow(each))));
          });
          await reload(text(items(200).map(flow)), ...texts);
        },
      ),
      { numRuns: 12 },
    );
  });
});
