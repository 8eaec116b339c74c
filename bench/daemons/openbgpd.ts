import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { daemonAddresses, daemonAsn, daemonRouterId } from '../stage.js';
import { type DaemonRecipe, packageVersion } from './recipe.js';

/** On Linux it has no hand in the kernel's routes. */
export const openbgpd: DaemonRecipe = {
  name: 'openbgpd',
  once: true,
  installed: () => existsSync('/usr/sbin/bgpd'),
  version: () => packageVersion('openbgpd'),
  start(stage, { peers, family = 4 }) {
    const lines = [
      `AS ${daemonAsn}`,
      `router-id ${daemonRouterId}`,
      `listen on ${daemonAddresses[family]}`,
      `socket "${join(stage.folder, 'bgpd.sock')}"`,
      'fib-update no',
      ...peers.map(
        (p) =>
          `neighbor ${p.address} { remote-as ${p.asn}; ${p.dialled ? '' : 'passive; '}${p.client ? 'route-reflector; ' : ''}announce IPv4 ${family === 4 ? 'unicast' : 'none'}; announce IPv6 ${family === 6 ? 'unicast' : 'none'} }`,
      ),
      'allow from any',
      'allow to any',
    ];
    // Its parts lock themselves in here.
    mkdirSync('/run/openbgpd', { recursive: true });
    // It reads no file that others may write to or read.
    const config = stage.write(
      'bgpd.conf',
      `${lines.join('\n').replaceAll('; ', '\n').replaceAll('{ ', '{\n').replaceAll(' }', '\n}')}\n`,
      0o600,
    );
    return stage.startDaemon('openbgpd', ['/usr/sbin/bgpd', '-d', '-f', config]);
  },
};
