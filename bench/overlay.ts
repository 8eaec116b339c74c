/** A cluster as the load `overlay` has it: its document, and what follows from that in the kernel (native/overlay.h). */
import { type ChildProcess, execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createInterface } from 'node:readline';
import { nativeProgram } from './native.js';
import { daemonAddresses, daemonAsn, daemonRouterId, type Stage } from './stage.js';

export interface ClusterNode {
  readonly name: string;
  /** Places its addresses and its blocks: unlike any other node's. */
  readonly at: number;
  /** Changes its MAC. */
  readonly version: number;
}

/** The daemon's own node and `count` others. */
export function clusterNodes(count: number): ClusterNode[] {
  return Array.from({ length: count + 1 }, (_, at) => ({ name: `node${at}`, at, version: 0 }));
}

const families = [4, 6] as const;
type Family = (typeof families)[number];
export type Families = readonly Family[];
const devices = { 4: 'vxlan.calico', 6: 'vxlan-v6.calico' } as const;
const pools = { 4: '10.128.0.0/9', 6: 'fd00:10::/32' } as const;
const blockLengths = { 4: 24, 6: 64 } as const;

function addressOf({ at }: ClusterNode, family: Family): string {
  if (at === 0) return daemonAddresses[family];
  return family === 4
    ? `10.91.${Math.floor(at / 250)}.${2 + (at % 250)}`
    : `fd91::${(0x1000 + at).toString(16)}`;
}

/** The first address of its block, which is its VTEP's. */
function blockOf({ at }: ClusterNode, family: Family): string {
  return family === 4 ? `10.${128 + (at >> 8)}.${at & 255}.0` : `fd00:10:0:${at.toString(16)}::`;
}

function octets(text: string): string {
  return [...createHash('sha1').update(text).digest().subarray(0, 5)]
    .map((byte) => byte.toString(16).padStart(2, '0'))
    .join(':');
}

/** As Calico gives it; a later version is given by the document. */
function macOf({ name, version }: ClusterNode, family: Family): string {
  if (version > 0) return `02:${octets(`${name} ${version} ${family}`)}`;
  return `66:${octets(family === 4 ? name : `${name}-v6`)}`;
}

function nodeLine(node: ClusterNode, all: Families): string {
  const addresses = all.map((family) => {
    const length = node.at === 0 ? (family === 4 ? '/16' : '/64') : '';
    return `"${addressOf(node, family)}${length}"`;
  });
  const blocks = all.map((family) => `"${blockOf(node, family)}/${blockLengths[family]}"`);
  const macs = all.map((family) => `ipv${family}: {mac: "${macOf(node, family)}"}`);
  const vtep = node.version === 0 ? '' : `, vtep: {${macs.join(', ')}}`;
  return `    - {name: ${node.name}, addresses: [${addresses.join(', ')}], podCIDRs: [${blocks.join(', ')}]${vtep}}`;
}

export function clusterDocument(nodes: readonly ClusterNode[], all: Families): string {
  const lines = [
    'apiVersion: tartan.dev/v1',
    'kind: Router',
    'metadata: {name: node0}',
    'spec:',
    `  asn: ${daemonAsn}`,
    `  routerId: ${daemonRouterId}`,
    '  listen: []',
    '  pools:',
    ...all.map((family) => `    - {cidr: "${pools[family]}", backend: vxlan, mode: always}`),
    '  nodes:',
    ...nodes.map((node) => nodeLine(node, all)),
  ];
  return `${lines.join('\n')}\n`;
}

/** What the kernel is to have for other nodes. */
export function remoteObjects(nodes: readonly ClusterNode[], all: Families): string[] {
  return nodes.flatMap((node) =>
    all.flatMap((family) => {
      const device = devices[family];
      const vtep = blockOf(node, family);
      const mac = macOf(node, family);
      return [
        `fdb ${device} ${mac} ${addressOf(node, family)}`,
        `neighbour ${device} ${vtep} ${mac}`,
        // By way of it alone does the kernel take the route of the block.
        ...(family === 6 ? [`link ${vtep} 128 ${device}`] : []),
        `route ${vtep} ${blockLengths[family]} ${device} ${vtep}`,
      ];
    }),
  );
}

/** All of it: that of the others, and our own blocks. */
export function clusterObjects([own, ...others]: readonly ClusterNode[], all: Families): string {
  const blackholes = all.map((family) => `blackhole ${blockOf(own, family)} ${blockLengths[family]}`);
  return `${[...remoteObjects(others, all), ...blackholes].join('\n')}\n`;
}

/** Seconds of CLOCK_MONOTONIC, as native programs tell them. */
export function monotonicSeconds(): number {
  return Number(process.hrtime.bigint()) / 1e9;
}

interface WatchEvent {
  readonly event: string;
  readonly at: number;
  readonly wrong?: number;
  readonly first?: string;
}

/** The kernel objects of the daemon's namespace (native/overlay-watch.c). */
export class OverlayWatch {
  private readonly lines: AsyncIterator<string>;

  private constructor(
    private readonly stage: Stage,
    private readonly child: ChildProcess,
  ) {
    if (!child.stdout) throw new Error('the watcher needs its standard output');
    this.lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  }

  static async open(stage: Stage): Promise<OverlayWatch> {
    const watch = new OverlayWatch(stage, stage.startBeside(nativeProgram('overlay-watch')));
    await watch.next();
    return watch;
  }

  private async next(): Promise<WatchEvent> {
    const line = await this.lines.next();
    if (line.done) throw new Error('the watcher of the overlay ended');
    return JSON.parse(line.value) as WatchEvent;
  }

  private ask(order: string): Promise<WatchEvent> {
    this.child.stdin?.write(`${order}\n`);
    return this.next();
  }

  /** From now on the kernel is to have just these objects. */
  async expect(objects: string): Promise<void> {
    await this.ask(`expect ${this.stage.write('expected', objects)}`);
  }

  /** When the kernel had just what is expected, by what it told. Throws after `limitSeconds`. */
  async complete(limitSeconds = 60): Promise<number> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new Error(`the overlay is not complete after ${limitSeconds} s`)),
        limitSeconds * 1000,
      );
    });
    try {
      return (await Promise.race([this.ask('await'), late])).at;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Reads all of the kernel, and throws unless it has just what is expected. */
  async check(): Promise<void> {
    const { wrong = 0, first = '' } = await this.ask('compare');
    if (wrong > 0) throw new Error(`${wrong} objects are not as they should be, such as ${first}`);
  }
}

export interface LoopSeconds {
  readonly add: number;
  readonly one: number;
}

/** Runs the loop (native/overlay-loop.c) in the daemon's namespace of a stage, where it makes the devices first. */
export function overlayLoop(stage: Stage, nodes: readonly ClusterNode[], all: Families): LoopSeconds {
  const namespace = stage.daemonNamespace;
  for (const family of all) {
    const name = devices[family];
    const kind = ['type', 'vxlan', 'id', '4096', 'dstport', '4789', 'nolearning', 'dev', 'eth0'];
    stage.ip('-n', namespace, 'link', 'add', name, ...kind, 'local', daemonAddresses[family]);
    stage.ip('-n', namespace, 'link', 'set', name, 'up');
  }
  const more = clusterNodes(nodes.length).slice(-1);
  const program = [
    nativeProgram('overlay-loop'),
    stage.write('objects', clusterObjects(nodes, all)),
    stage.write('more', `${remoteObjects(more, all).join('\n')}\n`),
  ];
  const out = execFileSync('ip', ['netns', 'exec', namespace, ...program], { encoding: 'utf8' });
  return JSON.parse(out) as LoopSeconds;
}
