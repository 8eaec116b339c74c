import { existsSync } from 'node:fs';
import { LabError } from '../errors.js';
import { quote } from '../namespaces.js';
import type { Image } from './image.js';

const frrDaemonOrder = ['zebra', 'mgmtd', 'staticd', 'bfdd', 'bgpd'];
const frrDefaultConfig = 'frr defaults traditional\nservice integrated-vtysh-config\n';

/** Each daemon runs in the foreground, without watchfrr, so that one that is killed stays dead until it is started. */
export const frr: Image = {
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
        // Else it replaces an IPv6 route by deleting it first, and packets get lost in between.
        ...(name === 'zebra' ? ['--v6-rr-semantics'] : []),
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
