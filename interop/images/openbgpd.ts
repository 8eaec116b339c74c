import type { Image } from './image.js';

export const openbgpdConfigFile = '/etc/bgpd.conf';

/**
 * Debian's /usr/sbin/bgpd. Its parts lock themselves into /run/openbgpd, where the control socket is, too. On Linux it
 * has no hand in the kernel's routes and takes every next hop for reachable.
 */
export const openbgpd: Image = {
  name: 'openbgpd',
  matches: /openbgp/i,
  router: true,
  main: 'bgpd',
  configFile: openbgpdConfigFile,
  prepare: () => 'mkdir -p /run/openbgpd',
  async processes() {
    return [
      {
        name: 'bgpd',
        argv: ['/usr/sbin/bgpd', '-d', '-v', '-f', openbgpdConfigFile],
        // The name ends with the routing domain.
        socket: '/run/openbgpd/bgpd.sock.0',
        question: null,
        configureAgain: null,
        probe: ['bgpctl', 'show', 'summary'],
      },
    ];
  },
  configure: () => [],
};
