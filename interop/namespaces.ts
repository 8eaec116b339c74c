/**
 * A node's place: a named network namespace, and a holder process that keeps a private mount and UTS namespace
 * open. Within them the node has its own host name, /run, /sys, and copy-on-write /etc and /var; the rest of the file
 * system is the machine's. Nothing a node writes under /etc, /var or /run reaches the machine.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { mustRun } from './command.js';
import { LabError } from './errors.js';
import { labMark, type ProcessId, processId } from './registry.js';
import type { Bind } from './topology.js';

export interface NodePlace {
  lab: string;
  node: string;
  netns: string;
  /** The node's folder in the registry. */
  directory: string;
  binds: Bind[];
  sysctls: Readonly<Record<string, string>>;
  /** Shell commands of the node's image, run once in the fresh namespaces. */
  prepare: string;
}

/** The directories that are laid over, copy-on-write. */
const privateDirectories = ['/etc', '/var'];

/** What every node starts from; a node's own `sysctls` come after these. */
const baseSysctls: Readonly<Record<string, string>> = {
  // Duplicate address detection would hold each IPv6 address back for a second.
  'net.ipv6.conf.all.accept_dad': '0',
  'net.ipv6.conf.default.accept_dad': '0',
  'net.ipv6.conf.all.dad_transmits': '0',
  'net.ipv6.conf.default.dad_transmits': '0',
  'net.ipv6.conf.all.disable_ipv6': '0',
  'net.ipv6.conf.default.disable_ipv6': '0',
  'net.ipv6.conf.default.accept_ra': '0',
  // A new namespace inherits the machine's setting; asymmetric paths are normal among routers.
  'net.ipv4.conf.all.rp_filter': '0',
  'net.ipv4.conf.default.rp_filter': '0',
};

export const routerSysctls: Readonly<Record<string, string>> = {
  'net.ipv4.ip_forward': '1',
  'net.ipv6.conf.all.forwarding': '1',
  'net.ipv6.conf.default.forwarding': '1',
};

export function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** Makes the named network namespaces, all in one run of `ip`. */
export async function addNetworkNamespaces(names: readonly string[]): Promise<void> {
  await mustRun(['ip', '-batch', '-'], { input: names.map((name) => `netns add ${name}\n`).join('') });
}

/**
 * Starts a node's holder and prepares its file system.
 * @throws LabError with what the set-up said when it fails.
 */
export function startHolder(place: NodePlace): Promise<ProcessId> {
  for (const name of ['run/tartan-lab', 'run/lock', 'layers'])
    mkdirSync(`${place.directory}/${name}`, { recursive: true });
  const argv = [
    `--net=/run/netns/${place.netns}`,
    ...['unshare', '--mount', '--uts', '--propagation', 'private'],
    ...['sh', '-ec', holderScript(place)],
  ];
  const [name, value] = labMark(place.lab).split('=');
  const child = spawn('nsenter', argv, {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, [name as string]: value, TARTAN_LAB_NODE: place.node },
  });
  return new Promise((resolve, reject) => {
    let said = '';
    let ready = '';
    child.stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    child.stdout.on('data', (chunk: Buffer) => {
      ready += chunk.toString();
      if (!ready.includes('ready\n') || child.pid === undefined) return;
      child.stdout.destroy();
      child.stderr.destroy();
      child.unref();
      resolve(processId(child.pid));
    });
    child.on('error', (error) => reject(new LabError(`node ${place.node}: ${error.message}`)));
    child.on('close', (status) =>
      reject(new LabError(`node ${place.node}: its set-up failed (${status}): ${said.trim()}`)),
    );
  });
}

function holderScript(place: NodePlace): string {
  const layers = `${place.directory}/layers`;
  const overlays = new Set(privateDirectories);
  for (const bind of place.binds) {
    const missing = missingParent(bind.target);
    if (missing !== null) overlays.add(missing);
  }
  const upper = [...overlays].map((directory, index) => ({
    directory,
    above: `${layers}/${index}`,
    work: `${layers}/${index}.work`,
  }));
  // As few processes as may be: a machine can be slow to start one.
  const lines = [
    setSysctl('kernel.hostname', place.node),
    `mount -t tmpfs -o mode=755 tmpfs ${quote(layers)}`,
    `mkdir ${upper.flatMap(({ above, work }) => [quote(above), quote(work)]).join(' ')}`,
    ...upper.map(
      ({ directory, above, work }) =>
        `mount -t overlay overlay -o ${quote(`lowerdir=${directory},upperdir=${above},workdir=${work}`)} ${quote(directory)}`,
    ),
    'mount -t sysfs sysfs /sys',
    // The registry stays visible, since configuration files may lie in it.
    `mount --bind /run/tartan-lab ${quote(`${place.directory}/run/tartan-lab`)}`,
    `mount --rbind ${quote(`${place.directory}/run`)} /run`,
    `printf '127.0.0.1 localhost %s\\n::1 localhost\\n' ${quote(place.node)} > /etc/hosts`,
    ...Object.entries({ ...baseSysctls, ...place.sysctls }).map(([key, value]) => setSysctl(key, value)),
    place.prepare,
    ...place.binds.flatMap(bindLines),
    'echo ready',
    'exec sleep infinity >/dev/null 2>&1 </dev/null',
  ];
  return lines.filter((line) => line !== '').join('\n');
}

/** A sysctl's dots are its path's slashes; an interface name with a dot is written with a slash there (sysctl(8)). */
function setSysctl(key: string, value: string): string {
  const path = key.includes('/')
    ? key.replace(/[./]/g, (c) => (c === '.' ? '/' : '.'))
    : key.replaceAll('.', '/');
  return `echo ${quote(value)} > ${quote(`/proc/sys/${path}`)}`;
}

function bindLines(bind: Bind): string[] {
  const target = quote(bind.target);
  const folder = statSync(bind.source).isDirectory();
  return [
    folder
      ? `mkdir -p ${target}`
      : `mkdir -p ${quote(dirname(bind.target))}; [ -e ${target} ] || : > ${target}`,
    `mount --bind ${quote(bind.source)} ${target}`,
    bind.readOnly ? `mount -o remount,bind,ro ${target}` : '',
  ];
}

/**
 * A bind's target that the machine lacks needs a place that can be written to without touching the machine: the
 * nearest existing folder above it, laid over. Null when the target exists, or lies in what is private anyway.
 */
function missingParent(target: string): string | null {
  if ([...privateDirectories, '/run', '/tmp'].some((directory) => target.startsWith(`${directory}/`)))
    return null;
  if (existsSync(target)) return null;
  let parent = dirname(target);
  while (!existsSync(parent)) parent = dirname(parent);
  if (parent === '/')
    throw new LabError(
      `bind to ${target}: / cannot be laid over; choose a target under /etc, /opt, /srv or /var`,
    );
  return parent;
}

/** The words that put a command into a node's namespaces: `[...enter(pid), 'ip', 'route']`. */
export function enter(holder: ProcessId): string[] {
  return ['nsenter', `--target=${holder.pid}`, '--net', '--mount', '--uts', '--'];
}
