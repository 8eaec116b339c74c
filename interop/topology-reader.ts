import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { LabError } from './errors.js';
import {
  type Bind,
  type Endpoint,
  type HealthCheck,
  type LinkDefinition,
  type NodeDefinition,
  type ParseOptions,
  type Stage,
  type StageWait,
  stages,
  type Topology,
} from './topology-model.js';
import { splitWords } from './words.js';

type Json = string | number | boolean | null | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

const listKeys = ['binds', 'exec', 'env-files'];
const mapKeys = ['env', 'sysctls', 'labels', 'stages'];
const scalarKeys = [
  'kind',
  'image',
  'group',
  'cmd',
  'entrypoint',
  'startup-config',
  'startup-delay',
  'network-mode',
  'healthcheck',
  'extras',
];
/** Known to containerlab, without a meaning for a node that is a namespace. */
const ignoredKeys = [
  'type',
  'user',
  'ports',
  'license',
  'position',
  'runtime',
  'mgmt-ipv4',
  'mgmt-ipv6',
  'mgmt_ipv4',
  'mgmt_ipv6',
  'cpu',
  'cpu-set',
  'memory',
  'shm-size',
  'image-pull-policy',
  'restart-policy',
  'auto-remove',
  'dns',
  'certificate',
  'publish',
  'aliases',
  'config',
  'enforce-startup-config',
  'suppress-startup-config',
  'cap-add',
  'devices',
  'tmpfs',
  'privileged',
  'credentials',
];
const linuxKinds = ['linux', 'ext-container', 'frr'];

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Go's durations and plain seconds, in seconds. */
function seconds(value: Json | undefined, fallback: number): number {
  if (typeof value === 'number') return value;
  const match = /^(\d+(?:\.\d+)?)(ms|s|m)?$/.exec(String(value ?? ''));
  if (!match) return fallback;
  return Number(match[1]) * (match[2] === 'ms' ? 0.001 : match[2] === 'm' ? 60 : 1);
}

/** Reads one document; `place` finds the line of a path in it. Collects mistakes, and throws them all at once. */
export class TopologyReader {
  readonly #root: JsonObject;
  readonly #directory: string;
  readonly #options: ParseOptions;
  readonly #place: (path: (string | number)[]) => string;
  readonly #errors: string[] = [];
  readonly #warnings: string[] = [];
  readonly #interfaces = new Set<string>();
  #name = '';
  #prefix = 'clab';

  constructor(
    root: JsonObject,
    directory: string,
    options: ParseOptions,
    place: (path: (string | number)[]) => string,
  ) {
    this.#root = root;
    this.#directory = directory;
    this.#options = options;
    this.#place = place;
  }

  read(): Topology {
    const root = isObject(this.#root) ? this.#root : {};
    const topology = root.topology;
    if (typeof root.name !== 'string' || !/^[A-Za-z0-9][\w.-]*$/.test(root.name))
      this.#fail(['name'], 'a lab needs a name of letters, digits, dots, dashes and underscores');
    else this.#name = root.name;
    if (typeof root.prefix === 'string') this.#prefix = root.prefix;
    for (const key of Object.keys(root)) {
      if (key === 'mgmt' || key === 'settings' || key === 'debug')
        this.#warnings.push(`${key}: ignored, there is no management network`);
      else if (!['name', 'prefix', 'topology'].includes(key)) this.#fail([key], 'unknown key');
    }
    const nodes: NodeDefinition[] = [];
    const links: LinkDefinition[] = [];
    if (!isObject(topology) || !isObject(topology.nodes)) {
      this.#fail(['topology', 'nodes'], 'a lab needs at least one node');
    } else {
      for (const key of Object.keys(topology))
        if (!['defaults', 'kinds', 'groups', 'nodes', 'links'].includes(key))
          this.#fail(['topology', key], 'unknown key');
      for (const name of Object.keys(topology.nodes)) {
        const node = this.#node(topology, name);
        if (node) nodes.push(node);
      }
      const byName = new Map(nodes.map((node) => [node.name, node]));
      for (const node of nodes) this.#checkReferences(node, byName);
      const list = Array.isArray(topology.links) ? topology.links : [];
      list.forEach((value, index) => {
        const path = ['topology', 'links', index];
        const link = this.#link(value, path, byName);
        if (link === null) return;
        this.#checkInterfaces(link, path);
        links.push(link);
      });
    }
    if (this.#errors.length > 0) throw new LabError(this.#errors.join('\n'));
    return {
      name: this.#name,
      prefix: this.#prefix,
      directory: this.#directory,
      nodes,
      links,
      warnings: this.#warnings,
    };
  }

  #fail(path: (string | number)[], what: string): void {
    this.#errors.push(`${this.#place(path)}: ${path.join('.')}: ${what}`);
  }

  /** The node's own settings laid over those of its group, its kind and the defaults. */
  #inherit(topology: JsonObject, name: string): { kind: string; merged: JsonObject } {
    const pick = (section: string, key: Json | undefined): JsonObject => {
      const all = topology[section];
      const one = isObject(all) && typeof key === 'string' ? all[key] : undefined;
      return isObject(one) ? one : {};
    };
    const own = pick('nodes', name);
    const defaults = isObject(topology.defaults) ? topology.defaults : {};
    const groupName = own.group ?? pick('kinds', own.kind ?? defaults.kind).group ?? defaults.group;
    const group = pick('groups', groupName);
    if (typeof groupName === 'string' && !isObject((topology.groups as JsonObject | undefined)?.[groupName]))
      this.#warnings.push(`${name}: group ${groupName} has no settings of its own`);
    const kind = String(own.kind ?? group.kind ?? defaults.kind ?? 'linux');
    const layers: [JsonObject, (string | number)[]][] = [
      [defaults, ['topology', 'defaults']],
      [pick('kinds', kind), ['topology', 'kinds', kind]],
      [group, ['topology', 'groups', String(groupName)]],
      [own, ['topology', 'nodes', name]],
    ];
    const merged: JsonObject = {};
    for (const [layer, path] of layers) {
      for (const [key, value] of Object.entries(layer)) {
        if (listKeys.includes(key) && Array.isArray(value))
          merged[key] = [...((merged[key] as Json[] | undefined) ?? []), ...value];
        else if (mapKeys.includes(key) && isObject(value))
          merged[key] = { ...((merged[key] as JsonObject | undefined) ?? {}), ...value };
        else if (scalarKeys.includes(key)) merged[key] = value;
        else if (ignoredKeys.includes(key)) this.#ignore(key);
        else this.#fail([...path, key], 'unknown key, or not of the expected type');
      }
    }
    if (groupName !== undefined) merged.group = groupName;
    return { kind, merged };
  }

  #ignore(key: string): void {
    const warning = `${key}: ignored, it means nothing to a node that is a namespace`;
    if (!this.#warnings.includes(warning)) this.#warnings.push(warning);
  }

  #node(topology: JsonObject, name: string): NodeDefinition | null {
    const path = ['topology', 'nodes', name];
    if (!/^[A-Za-z0-9][\w.-]*$/.test(name)) {
      this.#fail(path, 'a node name has letters, digits, dots, dashes and underscores');
      return null;
    }
    const { kind, merged } = this.#inherit(topology, name);
    const replacement = this.#options.replace?.[kind];
    if (kind === 'k8s-kind' && replacement === undefined) {
      this.#warnings.push(
        `${name}: a k8s-kind cluster is not started; its ext-container nodes are plain nodes`,
      );
      return null;
    }
    if (kind !== 'bridge' && !linuxKinds.includes(kind) && replacement === undefined) {
      const known = [...linuxKinds, 'bridge', 'k8s-kind'].join(', ');
      this.#fail(
        path,
        `kind ${kind} is not supported (known: ${known}); --replace ${kind}=IMAGE plays it with another`,
      );
      return null;
    }
    const macros = (text: string): string =>
      text.replaceAll('__clabNodeName__', name).replaceAll('__clabDir__', this.#directory);
    const strings = (key: string): string[] => {
      const value = merged[key];
      return Array.isArray(value) ? value.map((item) => macros(String(item))) : [];
    };
    const words = (key: string): string[] | null => {
      const value = merged[key];
      if (value === undefined || value === null || value === '') return null;
      return Array.isArray(value) ? value.map(String) : this.#words(macros(String(value)), [...path, key]);
    };
    const map = (key: string): Record<string, string> => {
      const value = merged[key];
      if (!isObject(value)) return {};
      return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, macros(String(v))]));
    };
    const entrypoint = words('entrypoint');
    const command = words('cmd');
    const startupConfig =
      typeof merged['startup-config'] === 'string' ? macros(merged['startup-config']) : null;
    const extras =
      isObject(merged.extras) && isObject(merged.extras.frr) ? merged.extras.frr.daemons : undefined;
    return {
      name,
      kind: kind === 'bridge' ? 'bridge' : 'linux',
      image: replacement ?? String(merged.image ?? (kind === 'frr' ? 'frr' : '')),
      command: entrypoint || command ? [...(entrypoint ?? []), ...(command ?? [])] : null,
      exec: strings('exec').map((line) => this.#words(line, [...path, 'exec'])),
      binds: this.#binds(strings('binds'), path),
      env: { ...this.#envFiles(strings('env-files'), path), ...map('env') },
      sysctls: map('sysctls'),
      startupConfig:
        startupConfig === null ? null : this.#existing(startupConfig, [...path, 'startup-config']),
      startupDelaySeconds: seconds(merged['startup-delay'], 0),
      sharesNetworkOf: this.#networkMode(merged['network-mode'], topology, path),
      labels: map('labels'),
      group: typeof merged.group === 'string' ? merged.group : null,
      waits: this.#stages(merged.stages, path),
      healthCheck: this.#healthCheck(merged.healthcheck, path),
      frrDaemons: Array.isArray(extras)
        ? extras.map(String)
        : kind === 'frr'
          ? ['bgpd', 'bfdd', 'ospfd', 'isisd']
          : null,
    };
  }

  #words(line: string, path: (string | number)[]): string[] {
    try {
      return splitWords(line);
    } catch (error) {
      this.#fail(path, (error as Error).message);
      return [];
    }
  }

  #existing(path: string, at: (string | number)[]): string {
    const absolute = resolve(this.#directory, path.replace(/^~(?=\/)/, process.env.HOME ?? '~'));
    if (!existsSync(absolute)) this.#fail(at, `${absolute} does not exist`);
    return absolute;
  }

  /** A more specific bind of the same target takes the place of the inherited one. */
  #binds(lines: string[], path: (string | number)[]): Bind[] {
    const byTarget = new Map<string, Bind>();
    for (const line of lines) {
      const [source, target, mode = 'rw'] = line.split(':');
      if (!source || !target?.startsWith('/')) {
        this.#fail([...path, 'binds'], `${line}: expected source:/target[:ro]`);
        continue;
      }
      const readOnly = mode.split(',').includes('ro');
      byTarget.set(target, { source: this.#existing(source, [...path, 'binds']), target, readOnly });
    }
    return [...byTarget.values()];
  }

  #envFiles(files: string[], path: (string | number)[]): Record<string, string> {
    const env: Record<string, string> = {};
    for (const file of files) {
      const absolute = this.#existing(file, [...path, 'env-files']);
      if (!existsSync(absolute)) continue;
      for (const line of readFileSync(absolute, 'utf8').split('\n')) {
        const match = /^\s*(?:export\s+)?([A-Za-z_]\w*)=(.*)$/.exec(line);
        if (match?.[1] !== undefined) env[match[1]] = (match[2] ?? '').replace(/^(['"])(.*)\1$/, '$2');
      }
    }
    return env;
  }

  #networkMode(mode: Json | undefined, topology: JsonObject, path: (string | number)[]): string | null {
    if (mode === undefined || mode === null || mode === 'none' || mode === 'bridge') return null;
    const container = /^container:(.+)$/.exec(String(mode))?.[1];
    if (container === undefined) {
      const why =
        mode === 'host' ? "a lab's node never stands in the machine's own network namespace" : 'unknown';
      this.#fail([...path, 'network-mode'], `${String(mode)}: ${why}; expected none or container:NODE`);
      return null;
    }
    const own = `${this.#prefix}-${this.#name}-`;
    const node = container.startsWith(own) ? container.slice(own.length) : container;
    if (isObject(topology.nodes) && node in topology.nodes) return node;
    this.#warnings.push(
      `${path[2]}: container ${container} is not part of this lab; the node gets a network of its own`,
    );
    return null;
  }

  #stages(value: Json | undefined, path: (string | number)[]): StageWait[] {
    const waits: StageWait[] = [];
    if (!isObject(value)) return waits;
    const isStage = (name: Json | undefined): name is Stage => stages.some((stage) => stage === name);
    for (const [stage, settings] of Object.entries(value)) {
      const at = [...path, 'stages', stage];
      if (!isStage(stage) || !isObject(settings)) {
        this.#fail(at, `unknown stage; expected one of ${stages.join(', ')}`);
        continue;
      }
      if (settings.exec !== undefined) this.#warnings.push(`${path[2]}: stages.${stage}.exec is ignored`);
      for (const wait of Array.isArray(settings['wait-for']) ? settings['wait-for'] : []) {
        if (isObject(wait) && typeof wait.node === 'string' && isStage(wait.stage))
          waits.push({ stage, node: wait.node, until: wait.stage });
        else this.#fail(at, `wait-for needs a node and a stage, one of ${stages.join(', ')}`);
      }
    }
    return waits;
  }

  #healthCheck(value: Json | undefined, path: (string | number)[]): HealthCheck | null {
    if (!isObject(value)) return null;
    const test = Array.isArray(value.test) ? value.test.map(String) : [];
    const [form, ...rest] = test;
    const shell = form === 'CMD-SHELL';
    if ((form !== 'CMD' && !shell) || rest.length === 0) {
      this.#fail([...path, 'healthcheck', 'test'], 'expected [CMD, word…] or [CMD-SHELL, line]');
      return null;
    }
    return {
      test: shell ? ['sh', '-c', rest.join(' ')] : rest,
      intervalSeconds: seconds(value.interval, 1),
      timeoutSeconds: seconds(value.timeout, 5),
      retries: typeof value.retries === 'number' ? value.retries : 3,
      startPeriodSeconds: seconds(value['start-period'], 0),
    };
  }

  #checkReferences(node: NodeDefinition, nodes: Map<string, NodeDefinition>): void {
    for (const wait of node.waits)
      if (!nodes.has(wait.node))
        this.#fail(
          ['topology', 'nodes', node.name, 'stages'],
          `waits for ${wait.node}, which is no node of this lab`,
        );
    const host = node.sharesNetworkOf === null ? undefined : nodes.get(node.sharesNetworkOf);
    if (host && host.sharesNetworkOf !== null)
      this.#fail(
        ['topology', 'nodes', node.name, 'network-mode'],
        `${host.name} shares another node's network itself`,
      );
  }

  #link(value: Json, path: (string | number)[], nodes: Map<string, NodeDefinition>): LinkDefinition | null {
    if (!isObject(value)) {
      this.#fail(path, 'expected a link with endpoints');
      return null;
    }
    const mtu = typeof value.mtu === 'number' ? value.mtu : null;
    for (const key of ['vars', 'labels']) if (key in value) this.#ignore(`links.${key}`);
    if (value.type !== undefined) return this.#typedLink(value, mtu, path, nodes);
    const ends = Array.isArray(value.endpoints) ? value.endpoints : [];
    const pairs = ends.map((end) => /^([^:]+):([^:]+)$/.exec(typeof end === 'string' ? end : ''));
    const [first, second] = pairs;
    if (ends.length !== 2 || !first || !second) {
      this.#fail([...path, 'endpoints'], 'expected two endpoints like ["a:eth1", "b:eth1"]');
      return null;
    }
    for (const [special, other] of [
      [first, second],
      [second, first],
    ] as const) {
      const hostInterface = special[2] as string;
      if (special[1] === 'host' && !nodes.has('host')) {
        const end = this.#endpoint(other[1], other[2], undefined, path, nodes);
        return end && { type: 'host', end, hostInterface, mtu };
      }
      if (special[1] === 'macvlan' && !nodes.has('macvlan')) {
        const end = this.#endpoint(other[1], other[2], undefined, path, nodes);
        return end && { type: 'macvlan', end, hostInterface, mode: 'bridge', mtu };
      }
    }
    const a = this.#endpoint(first[1], first[2], undefined, path, nodes);
    const b = this.#endpoint(second[1], second[2], undefined, path, nodes);
    return a && b && { type: 'veth', ends: [a, b], mtu };
  }

  #typedLink(
    link: JsonObject,
    mtu: number | null,
    path: (string | number)[],
    nodes: Map<string, NodeDefinition>,
  ): LinkDefinition | null {
    const read = (value: Json | undefined): Endpoint | null => {
      if (!isObject(value)) {
        this.#fail(path, 'expected an endpoint with node and interface');
        return null;
      }
      return this.#endpoint(value.node, value.interface, value.mac, path, nodes);
    };
    if (link.type === 'veth') {
      const [first, second] = Array.isArray(link.endpoints) ? link.endpoints : [];
      const a = read(first);
      const b = read(second);
      return a && b && { type: 'veth', ends: [a, b], mtu };
    }
    const end = read(link.endpoint);
    if (!end) return null;
    const hostInterface = String(link['host-interface'] ?? '');
    if ((link.type === 'host' || link.type === 'macvlan') && hostInterface === '') {
      this.#fail(path, `a ${link.type} link needs host-interface`);
      return null;
    }
    switch (link.type) {
      case 'host':
        return { type: 'host', end, hostInterface, mtu };
      case 'macvlan':
        return { type: 'macvlan', end, hostInterface, mode: String(link.mode ?? 'bridge'), mtu };
      case 'dummy':
        return { type: 'dummy', end, mtu };
      case 'vxlan': {
        if (typeof link.remote === 'string' && typeof link.vni === 'number') {
          const port = Number(link['dst-port'] ?? link['udp-port'] ?? 4789);
          return { type: 'vxlan', end, remote: link.remote, vni: link.vni, port, mtu };
        }
        this.#fail(path, 'a vxlan link needs remote and vni');
        return null;
      }
      default:
        this.#fail(
          path,
          `link type ${String(link.type)} is not supported (known: veth, host, macvlan, dummy, vxlan)`,
        );
        return null;
    }
  }

  #endpoint(
    node: Json | undefined,
    name: Json | undefined,
    mac: Json | undefined,
    path: (string | number)[],
    nodes: Map<string, NodeDefinition>,
  ): Endpoint | null {
    if (typeof node !== 'string' || !nodes.has(node)) {
      this.#fail(path, `${String(node)} is no node of this lab`);
      return null;
    }
    if (typeof name !== 'string' || !/^[^\s/:]{1,15}$/.test(name)) {
      this.#fail(
        path,
        `${String(name)}: an interface name has 1 to 15 characters, without blanks, slashes and colons`,
      );
      return null;
    }
    return { node, interface: name, mac: typeof mac === 'string' ? mac : null };
  }

  /** Two links on one interface would fail half-way through the set-up. */
  #checkInterfaces(link: LinkDefinition, path: (string | number)[]): void {
    for (const end of link.type === 'veth' ? link.ends : [link.end]) {
      const key = `${end.node}:${end.interface}`;
      if (this.#interfaces.has(key)) this.#fail(path, `${key} is already part of another link`);
      this.#interfaces.add(key);
    }
  }
}
