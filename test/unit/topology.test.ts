import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { imageFor, isInteractiveShell } from '../../interop/images.js';
import {
  type LinkDefinition,
  loadTopology,
  type NodeDefinition,
  parseTopology,
} from '../../interop/topology.js';
import { expandVariables, splitWords } from '../../interop/words.js';

const folder = mkdtempSync(join(tmpdir(), 'topology-'));
afterAll(() => rmSync(folder, { recursive: true }));
for (const name of ['a.conf', 'b.conf']) writeFileSync(join(folder, name), '');
writeFileSync(join(folder, 'node.env'), '# colours\nCOLOUR=red\nexport SHAPE="round"\n');

function parse(text: string, options = {}) {
  return parseTopology(text, join(folder, 'lab.clab.yml'), { environment: {}, ...options });
}

function node(text: string, name: string): NodeDefinition {
  const found = parse(text).nodes.find((one) => one.name === name);
  if (!found) throw new Error(`no node ${name}`);
  return found;
}

function links(text: string): LinkDefinition[] {
  return parse(`name: x\ntopology:\n  nodes: {a: {}, b: {}, sw: {kind: bridge}}\n  links:\n${text}`).links;
}

describe('inheritance', () => {
  const text = `
name: inherit
topology:
  defaults:
    kind: linux
    env: {FROM: defaults, ONLY: defaults}
    exec: [echo defaults]
    binds: ["a.conf:/etc/x"]
  kinds:
    linux:
      image: of-the-kind
      env: {FROM: kind}
      exec: [echo kind]
  groups:
    routers:
      image: frr
      env: {FROM: group}
      exec: [echo group]
      binds: ["b.conf:/etc/x:ro", "b.conf:/etc/y"]
      sysctls: {net.ipv4.ip_forward: 1}
  nodes:
    plain: {}
    r1:
      group: routers
      env: {FROM: node}
      exec: [echo node]
    r2: {group: routers, image: bird}
`;

  it('takes scalars from the most specific level: node, group, kind, defaults', () => {
    expect(node(text, 'plain').image).toBe('of-the-kind');
    expect(node(text, 'r1').image).toBe('frr');
    expect(node(text, 'r2').image).toBe('bird');
  });

  it('merges maps key by key and lists one behind the other', () => {
    expect(node(text, 'r1').env).toEqual({ FROM: 'node', ONLY: 'defaults' });
    expect(node(text, 'r1').exec.map((words) => words[1])).toEqual(['defaults', 'kind', 'group', 'node']);
    expect(node(text, 'r1').sysctls).toEqual({ 'net.ipv4.ip_forward': '1' });
  });

  it('lets a more specific bind take the place of one with the same target', () => {
    expect(node(text, 'r1').binds).toEqual([
      { source: join(folder, 'b.conf'), target: '/etc/x', readOnly: true },
      { source: join(folder, 'b.conf'), target: '/etc/y', readOnly: false },
    ]);
    expect(node(text, 'plain').binds).toEqual([
      { source: join(folder, 'a.conf'), target: '/etc/x', readOnly: false },
    ]);
  });

  it('takes a kind from the group and a group from the defaults', () => {
    const parsed = parse(`
name: g
topology:
  defaults: {group: switches}
  groups: {switches: {kind: bridge}}
  nodes: {sw: {}}
`);
    expect(parsed.nodes[0]).toMatchObject({ kind: 'bridge', group: 'switches' });
  });
});

describe('nodes', () => {
  it('reads env files, with env over them', () => {
    const text = 'name: e\ntopology: {nodes: {a: {env-files: [node.env], env: {COLOUR: blue}}}}';
    expect(node(text, 'a').env).toEqual({ COLOUR: 'blue', SHAPE: 'round' });
  });

  it('expands variables of the environment and keeps unknown ones', () => {
    const text = `name: v\ntopology: {nodes: {a: {image: "\${IMAGE:-frr}:$TAG", exec: ["echo $$HOME \${NOWHERE}"]}}}`;
    const [a] = parse(text, { environment: { TAG: '8.4' } }).nodes;
    expect(a?.image).toBe('frr:8.4');
    expect(a?.exec).toEqual([['echo', '$HOME', `\${NOWHERE}`]]);
  });

  it("puts a node's name into its binds and commands", () => {
    const text =
      'name: m\ntopology: {nodes: {a: {binds: ["__clabNodeName__.conf:/etc/a"], cmd: run __clabNodeName__}}}';
    expect(node(text, 'a').binds[0]?.source).toBe(join(folder, 'a.conf'));
    expect(node(text, 'a').command).toEqual(['run', 'a']);
  });

  it('reads stages, health checks and a shared network', () => {
    const text = `
name: s
topology:
  nodes:
    a:
      healthcheck: {test: [CMD-SHELL, "test -e /run/ok"], interval: 2, timeout: 500ms, retries: 4}
    b:
      network-mode: container:clab-s-a
      startup-delay: 3
      stages: {create: {wait-for: [{node: a, stage: healthy}]}}
`;
    expect(node(text, 'a').healthCheck).toEqual({
      test: ['sh', '-c', 'test -e /run/ok'],
      intervalSeconds: 2,
      timeoutSeconds: 0.5,
      retries: 4,
      startPeriodSeconds: 0,
    });
    expect(node(text, 'b').waits).toEqual([{ stage: 'create', node: 'a', until: 'healthy' }]);
    expect(node(text, 'b')).toMatchObject({ sharesNetworkOf: 'a', startupDelaySeconds: 3 });
  });

  it('warns about what means nothing here and goes on', () => {
    const { warnings, nodes } = parse(`
name: w
mgmt: {network: x}
topology: {nodes: {a: {ports: ["80:80"], memory: 1gb}, c: {kind: k8s-kind}}}
`);
    expect(nodes.map((one) => one.name)).toEqual(['a']);
    expect(warnings.join('\n')).toMatch(/mgmt.*\n.*ports.*\n.*memory.*\n.*k8s-kind/s);
  });
});

describe('links', () => {
  it('reads brief and extended veth links', () => {
    expect(
      links(`
    - endpoints: ["a:eth1", "b:eth1"]
      mtu: 1400
    - type: veth
      endpoints: [{node: a, interface: eth2, mac: "02:00:00:00:00:01"}, {node: sw, interface: p1}]
`),
    ).toEqual([
      {
        type: 'veth',
        mtu: 1400,
        ends: [
          { node: 'a', interface: 'eth1', mac: null },
          { node: 'b', interface: 'eth1', mac: null },
        ],
      },
      {
        type: 'veth',
        mtu: null,
        ends: [
          { node: 'a', interface: 'eth2', mac: '02:00:00:00:00:01' },
          { node: 'sw', interface: 'p1', mac: null },
        ],
      },
    ]);
  });

  it('reads host, macvlan, dummy and vxlan links', () => {
    const end = { node: 'a', interface: 'eth1', mac: null };
    expect(links('    - endpoints: ["host:lab0", "a:eth1"]')).toEqual([
      { type: 'host', end, hostInterface: 'lab0', mtu: null },
    ]);
    expect(links('    - endpoints: ["a:eth1", "macvlan:ens3"]')).toEqual([
      { type: 'macvlan', end, hostInterface: 'ens3', mode: 'bridge', mtu: null },
    ]);
    expect(links('    - {type: dummy, endpoint: {node: a, interface: eth1}}')).toEqual([
      { type: 'dummy', end, mtu: null },
    ]);
    expect(
      links(
        '    - {type: vxlan, endpoint: {node: a, interface: eth1}, remote: 10.0.0.1, vni: 7, dst-port: 4000}',
      ),
    ).toEqual([{ type: 'vxlan', end, remote: '10.0.0.1', vni: 7, port: 4000, mtu: null }]);
  });
});

describe('mistakes', () => {
  it('names every one with its place in the file', () => {
    const text = `name: bad
topology:
  nodes:
    a: {kind: nokia_srlinux}
    b: {imge: frr}
    c: {binds: ["nowhere.conf:/etc/x"]}
    d: {network-mode: host}
    e: {exec: ["echo 'open"]}
  links:
    - endpoints: ["b:eth1", "z:eth1"]
    - type: mgmt-net
      endpoint: {node: b, interface: eth2}
      host-interface: m0
    - endpoints: ["b:eth3", "c:an-interface-name-too-long"]
    - endpoints: ["b:eth4", "c:eth4"]
    - endpoints: ["b:eth4", "d:eth4"]
`;
    let message = '';
    try {
      parse(text);
    } catch (error) {
      message = (error as Error).message;
    }
    const lines = message.split('\n').map((line) => line.replace(`${folder}/`, ''));
    expect(lines).toEqual([
      expect.stringMatching(
        /^lab\.clab\.yml:4:8: topology\.nodes\.a: kind nokia_srlinux is not supported .*--replace/,
      ),
      expect.stringMatching(/^lab\.clab\.yml:5:15: topology\.nodes\.b\.imge: unknown key/),
      expect.stringMatching(/^lab\.clab\.yml:6:16: .*nowhere\.conf does not exist/),
      expect.stringMatching(/^lab\.clab\.yml:7:23: .*own network namespace/),
      expect.stringMatching(/^lab\.clab\.yml:8:15: .*never closed/),
      expect.stringMatching(/^lab\.clab\.yml:10:7: .*z is no node of this lab/),
      expect.stringMatching(
        /^lab\.clab\.yml:11:7: .*link type mgmt-net is not supported \(known: veth, host/,
      ),
      expect.stringMatching(/^lab\.clab\.yml:14:7: .*an-interface-name-too-long/),
      expect.stringMatching(/^lab\.clab\.yml:16:7: .*b:eth4 is already part of another link/),
    ]);
  });

  it('names the place of broken YAML and a missing file', () => {
    expect(() => parse('name: x\ntopology: [')).toThrow(/lab\.clab\.yml:2:\d+: /);
    expect(() => loadTopology(join(folder, 'absent.yml'))).toThrow(/absent\.yml: there is no such/);
  });

  it('plays an unsupported kind with the image it is replaced by', () => {
    const parsed = parse('name: r\ntopology: {nodes: {a: {kind: ceos, image: "ceos:4.30"}}}', {
      replace: { ceos: 'frr' },
    });
    expect(parsed.nodes[0]).toMatchObject({ kind: 'linux', image: 'frr' });
  });
});

describe('words', () => {
  it('splits as a shell does, without its expansions', () => {
    expect(splitWords(`vtysh -c 'conf t' -c "log \\"x\\" \\n" a\\ b ''`)).toEqual([
      'vtysh',
      '-c',
      'conf t',
      '-c',
      'log "x" \\n',
      'a b',
      '',
    ]);
    expect(splitWords('  a | b > c\t$HOME ')).toEqual(['a', '|', 'b', '>', 'c', '$HOME']);
  });

  it('tells unset from empty in defaults', () => {
    const variables = { EMPTY: '' };
    expect(expandVariables(`\${EMPTY:-x} \${EMPTY-x} \${UNSET-y} \${UNSET:=z}`, variables)).toBe('x  y z');
  });
});

describe('images', () => {
  it.each([
    ['quay.io/frrouting/frr:10.2', 'frr'],
    ['frrouting/frr:v8.4.0', 'frr'],
    ['ghcr.io/someone/bird:2.15', 'bird'],
    ['pierky/bird', 'bird'],
    ['tartan', 'tartan'],
    ['registry.example/net/tartan:dev', 'tartan'],
    ['wbitt/network-multitool', 'shell'],
    ['alpine:3', 'shell'],
    ['', 'shell'],
  ])('plays %s with %s', (image, name) => {
    expect(imageFor(image).name).toBe(name);
  });

  it('runs Tartan with its folder of documents, or with its start-up configuration', async () => {
    const text =
      'name: t\ntopology: {nodes: {a: {image: tartan}, b: {image: tartan, startup-config: a.conf}}}';
    const [a] = await imageFor('tartan').processes(node(text, 'a'), async () => '');
    const [b] = await imageFor('tartan').processes(node(text, 'b'), async () => '');
    expect(a?.argv.slice(2)).toEqual([
      'run',
      '--config',
      '/etc/tartan',
      '--control',
      '/run/tartan/tartan.sock',
    ]);
    expect(b?.argv.slice(3, 5)).toEqual(['--config', '/etc/tartan/router.yaml']);
  });

  it('takes a shell without arguments for a container that merely stays up', () => {
    expect(isInteractiveShell(['/bin/bash'])).toBe(true);
    expect(isInteractiveShell(['sh', '-c', 'x'])).toBe(false);
  });
});
