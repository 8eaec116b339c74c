/**
 * What runs in a node, by the name of its image. A container's image is stood in for by what Debian installs on the
 * machine: a line of the table says which daemon that is, how its folders are prepared, and which processes are
 * started in which order. Another router joins by another line; what no line knows is a plain shell node.
 */

import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { LabError } from './errors.js';
import { quote } from './namespaces.js';
import { untilAnswers } from './process.js';
import type { NodeDefinition } from './topology.js';

/** A process that an image starts. */
export interface ProcessRecipe {
  name: string;
  argv: string[];
  /** The Unix socket, as a path within the node, on which it listens when it serves. */
  socket: string | null;
  /**
   * What is sent there to get an answer; the answer is the sign that it serves. Empty: it greets by itself. null: it
   * accepts connections only when it serves.
   */
  question: string | null;
  /** What is run in the node after a restart to give it its configuration again. */
  configureAgain: string[] | null;
}

export interface Image {
  name: string;
  matches: RegExp;
  /** Whether its nodes forward packets. */
  router: boolean;
  /** Shell commands for the fresh namespaces, before the binds. */
  prepare(node: NodeDefinition): string;
  /** What to start, in this order; `run` executes a command in the node. */
  processes(node: NodeDefinition, run: (argv: string[]) => Promise<string>): Promise<ProcessRecipe[]>;
  /** Run in the node when all its processes serve. */
  configure(node: NodeDefinition): string[][];
  /** The process that stands for the node: `lab.node('a').process`. */
  main: string | null;
  /** The file that a `startup-config` stands for, within the node. */
  configFile: string | null;
}

/** The checkout this module belongs to, whether it runs from source or from dist/. */
export const checkout = (() => {
  let folder = new URL('.', import.meta.url);
  while (!existsSync(new URL('package.json', folder))) folder = new URL('..', folder);
  return fileURLToPath(folder).replace(/\/$/, '');
})();

/** Where a Tartan node's control socket is, within the node. */
export const tartanControl = '/run/tartan/tartan.sock';

const tartan: Image = {
  name: 'tartan',
  matches: /(^|\/)tartan(:|@|$)/,
  router: true,
  main: 'tartan',
  configFile: '/etc/tartan/router.yaml',
  prepare: () => 'mkdir -p /etc/tartan /run/tartan',
  async processes(node) {
    const config = node.startupConfig === null ? '/etc/tartan' : '/etc/tartan/router.yaml';
    const run = [
      process.execPath,
      `${checkout}/bin/tartan`,
      'run',
      '--config',
      config,
      '--control',
      tartanControl,
    ];
    return [
      {
        name: 'tartan',
        argv: run,
        socket: tartanControl,
        question: 'GET /v1/status HTTP/1.0\r\n\r\n',
        configureAgain: null,
      },
    ];
  },
  configure: () => [],
};

const frrDaemonOrder = ['zebra', 'mgmtd', 'staticd', 'bfdd', 'bgpd'];
const frrDefaultConfig = 'frr defaults traditional\nservice integrated-vtysh-config\n';

/** Each daemon runs in the foreground, without watchfrr, so that one that is killed stays dead until it is started. */
const frr: Image = {
  name: 'frr',
  matches: /frr/i,
  router: true,
  main: 'bgpd',
  configFile: '/etc/frr/frr.conf',
  prepare(node) {
    const daemons = node.frrDaemons ?? ['bgpd', 'bfdd'];
    return [
      'mkdir -p /run/frr /var/log/frr /var/lib/frr',
      'chown frr:frr /run/frr /var/log/frr /var/lib/frr',
      `printf %s ${quote(frrDefaultConfig)} > /etc/frr/frr.conf`,
      "printf 'service integrated-vtysh-config\\n' > /etc/frr/vtysh.conf",
      // A `cmd` of its own means that the file starts FRR by itself, from an untouched list of daemons.
      ...(node.command
        ? []
        : daemons.map((daemon) => `sed -i 's/^${quote(daemon)}=no/${daemon}=yes/' /etc/frr/daemons`)),
    ].join('\n');
  },
  async processes(_node, run) {
    const listed = await run(['sh', '-c', '. /etc/frr/daemons; set']);
    const setting = (name: string): string =>
      new RegExp(`^${name}='?(.*?)'?$`, 'm').exec(listed)?.[1]?.trim() ?? '';
    const wanted = [...listed.matchAll(/^([a-z0-9]+d)='?yes'?$/gm)].map((match) => match[1] as string);
    const names = [...new Set(['zebra', 'staticd', ...wanted])]
      .filter((name) => name !== 'watchfrrd' && existsSync(`/usr/lib/frr/${name}`))
      .sort((a, b) => (frrDaemonOrder.indexOf(a) + 1 || 99) - (frrDaemonOrder.indexOf(b) + 1 || 99));
    if (names[0] !== 'zebra') throw new LabError('FRR is not installed (/usr/lib/frr/zebra is missing)');
    return names.map((name) => ({
      name,
      argv: [
        `/usr/lib/frr/${name}`,
        ...['--log', 'stdout', '--log-level', 'informational'],
        ...setting(`${name}_options`).split(/\s+/),
        ...setting('frr_global_options').split(/\s+/),
      ].filter((word) => word !== ''),
      socket: `/run/frr/${name}.vty`,
      question: null,
      configureAgain: ['vtysh', '-b'],
    }));
  },
  configure: () => [['vtysh', '-b']],
};

const bird: Image = {
  name: 'bird',
  matches: /bird/i,
  router: true,
  main: 'bird',
  configFile: '/etc/bird/bird.conf',
  prepare: () => 'mkdir -p /run/bird',
  async processes(node) {
    // Labs bind either name; the one that is bound counts.
    const bound = node.binds.find((bind) => bind.target === '/etc/bird.conf')?.target;
    const argv = ['/usr/sbin/bird', '-f', '-c', bound ?? '/etc/bird/bird.conf'];
    return [{ name: 'bird', argv, socket: '/run/bird/bird.ctl', question: '', configureAgain: null }];
  },
  configure: () => [],
};

const shell: Image = {
  name: 'shell',
  matches: /^/,
  router: false,
  main: null,
  configFile: null,
  prepare: () => '',
  processes: async () => [],
  configure: () => [],
};

const table: readonly Image[] = [tartan, frr, bird, shell];

/** The first line of the table that knows the image's name. */
export function imageFor(name: string): Image {
  return table.find((image) => image.matches.test(name)) ?? shell;
}

/** Waits for a process's control socket, seen from outside the node. */
export function untilServes(recipe: ProcessRecipe, nodeDirectory: string): Promise<unknown> {
  // A node's /run is a folder of the registry.
  if (recipe.socket === null) return Promise.resolve();
  return untilAnswers(nodeDirectory + recipe.socket, recipe.question);
}

/** A `cmd` that would wait at a terminal for somebody to type: a container stays up with it, and nothing runs. */
export function isInteractiveShell(argv: readonly string[]): boolean {
  return argv.length === 1 && /(^|\/)(ba|da|a|z)?sh$/.test(argv[0] ?? '');
}
