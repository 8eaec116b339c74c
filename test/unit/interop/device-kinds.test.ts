import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { describe, expect, it } from 'vitest';
import { neededKinds } from '../../../interop/device-kinds.js';
import { loadTopology } from '../../../interop/topology.js';

const needs = (nodes: object, links: object[] = [], directory?: string): string[] =>
  neededKinds(
    loadTopology({ name: 'x', topology: { nodes, links } }, directory === undefined ? {} : { directory }),
  );

describe('the kinds of device that a topology needs', () => {
  it('are those of links and of `ip link add`, each once, dummies aside', () => {
    const a = {
      exec: ['ip link add t0 type ipip local 10.0.0.1', 'ip link add d type dummy', 'ip link set t0 up'],
    };
    const b = { exec: ['ip link add name v type vrf table 10'] };
    const links = [{ endpoints: ['a:eth1', 'b:eth1'] }];
    expect(needs({ a, b }, links)).toEqual(['ipip', 'veth', 'vrf']);
  });

  it('are those that a label names', () => {
    expect(needs({ a: { labels: { 'tartan.dev/device-kinds': 'gre, geneve' } } })).toEqual(['geneve', 'gre']);
  });

  it('are IP-in-IP where a pool of Tartan tunnels by it', () => {
    const directory = mkdtempSync(`${tmpdir()}/tartan-kinds-`);
    try {
      writeFileSync(`${directory}/a.yaml`, 'spec:\n  pools:\n    - cidr: 10.0.0.0/8\n      backend: ipip\n');
      writeFileSync(`${directory}/b.yaml`, 'spec:\n  pools:\n    - cidr: 10.0.0.0/8\n      backend: vxlan\n');
      const node = (file: string) => ({ image: 'tartan', binds: [`${file}:/etc/tartan/router.yaml`] });
      expect(needs({ a: node('a.yaml') }, [], directory)).toEqual(['ipip']);
      expect(needs({ b: node('b.yaml') }, [], directory)).toEqual([]);
      expect(needs({ c: { image: 'tartan', 'startup-config': 'a.yaml' } }, [], directory)).toEqual(['ipip']);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
