import { describe, expect, it } from 'vitest';
import { callTree } from '../../../bench/flame.js';
import { Holding, play, signature, Universe } from '../../../bench/model.js';
import { svgPlot } from '../../../bench/plot.js';
import { median } from '../../../bench/runner.js';
import { assemble6, generatedAttributes, generatedTable, randomNumbers } from '../../../bench/tables.js';

describe('the model of what a sink must hold', () => {
  it('has the table after its UPDATEs, and nothing after their withdrawal', () => {
    const universe = new Universe();
    const held = new Holding(universe);
    const table = generatedTable(3000, 65001, 0x0a000001);
    play(universe, held, table.updates, { prepend: 65000 });
    expect([held.count, universe.size]).toEqual([3000, 3000]);
    expect(universe.cidr(0)).toBe('1.0.0.0/24');
    play(universe, held, table.withdrawals, { prepend: 65000 });
    expect([held.count, universe.size]).toEqual([0, 3000]);
  });

  it('reads IPv6 as assembled', () => {
    const universe = new Universe();
    const held = new Holding(universe);
    const nlri = Buffer.from([48, 0x20, 1, 0xd, 0xb8, 0, 1, 32, 0x2a, 0, 0, 1]);
    const attributes = generatedAttributes(randomNumbers(), 65001, null);
    const table = assemble6([{ attributes, nlri, count: 2 }], Buffer.alloc(16, 1));
    play(universe, held, table.updates, { prepend: 65000 });
    expect(held.count).toBe(2);
    expect(universe.bytes().subarray(0, 8)).toEqual(Buffer.from([6, 48, 0x20, 1, 0xd, 0xb8, 0, 1]));
    play(universe, held, table.withdrawals, { prepend: 65000 });
    expect(held.count).toBe(0);
  });

  it('asks the policy', () => {
    const universe = new Universe();
    const held = new Holding(universe);
    const table = generatedTable(100, 65001, 0x0a000001);
    play(universe, held, table.updates, { prepend: null, policy: ({ prefix }) => (prefix % 2 ? null : [7]) });
    expect(held.count).toBe(50);
  });

  it('tells paths and communities apart, and not the order of communities', () => {
    const path = Buffer.from([2, 1, 0, 0, 0xfd, 0xe9]);
    const one = signature(path, [1, 2], 65000);
    expect(signature(path, [2, 1], 65000)).toBe(one);
    expect(signature(path, [1], 65000)).not.toBe(one);
    expect(signature(path, [1, 2], null)).not.toBe(one);
    // The AS number in front goes into the first sequence.
    const prepended = Buffer.from([2, 2, 0, 0, 0xfd, 0xe8, 0, 0, 0xfd, 0xe9]);
    expect(signature(prepended, [1, 2], null)).toBe(one);
  });
});

describe('what the benchmark makes of figures', () => {
  it('takes the middle', () => {
    expect([median([3, 1, 2]), median([4, 1]), median([5])]).toEqual([2, 2.5, 5]);
  });

  it('draws points where they belong on logarithmic axes', () => {
    const svg = svgPlot({
      title: 'T < U',
      x: 'x',
      y: 'y',
      series: [
        {
          name: 's',
          colour: 'red',
          points: [
            [1, 0.1],
            [10, 1],
            [100, 10],
          ],
        },
      ],
    });
    expect(svg).toContain('points="70,350 300,195 530,40"');
    expect(svg).toContain('T &lt; U');
  });

  it('merges calls of the same function and leaves out the time in which nothing ran', () => {
    const frame = (functionName: string) => ({ functionName, url: 'file:///a.js', lineNumber: 0 });
    const tree = callTree({
      nodes: [
        { id: 1, callFrame: frame('(root)'), children: [2, 3, 4] },
        { id: 2, callFrame: frame('f'), children: [5] },
        { id: 3, callFrame: frame('f') },
        { id: 4, callFrame: frame('(idle)') },
        { id: 5, callFrame: frame('g') },
      ],
      samples: [2, 3, 4, 5],
      timeDeltas: [10, 20, 1000, 5],
    });
    expect(tree.microseconds).toBe(35);
    const f = tree.children.get('f a.js:1');
    expect([f?.microseconds, f?.children.get('g a.js:1')?.microseconds]).toEqual([35, 5]);
  });
});
