import { checkout } from './checkout.js';
import type { Image } from './image.js';

/** Within the node: where ExaBGP takes commands, and what it was sent, a JSON object per line (see exabgp-api.ts). */
export const exabgpApi = '/run/exabgp/api.sock';
export const exabgpHeard = '/run/exabgp/heard';

/** The `process` section that joins ExaBGP to both. */
export const exabgpApiSection = [
  'process api {',
  `  run ${process.execPath} ${checkout}/dist/interop/exabgp-api.js;`,
  '  encoder json;',
  '}',
];

const settings = [
  'exabgp.daemon.drop=false',
  'exabgp.api.cli=false',
  'exabgp.api.ack=true',
  'exabgp.api.respawn=false',
  'exabgp.api.terminate=true',
  'exabgp.log.destination=stdout',
];

/** ExaBGP has no socket of its own to ask; the process that its configuration starts makes one. */
export const exabgp: Image = {
  name: 'exabgp',
  matches: /exabgp/i,
  router: true,
  main: 'exabgp',
  configFile: '/etc/exabgp/exabgp.conf',
  prepare: () =>
    [
      'mkdir -p /run/exabgp',
      // It binds its sessions' addresses, which the node may get later, at once.
      'echo 1 > /proc/sys/net/ipv4/ip_nonlocal_bind',
      'echo 1 > /proc/sys/net/ipv6/ip_nonlocal_bind',
    ].join('\n'),
  async processes(_node, run) {
    const text = await run(['cat', '/etc/exabgp/exabgp.conf']);
    return [
      {
        name: 'exabgp',
        argv: ['env', ...settings, '/usr/sbin/exabgp', '/etc/exabgp/exabgp.conf'],
        socket: text.includes('exabgp-api.js') ? exabgpApi : null,
        question: 'version\n',
        configureAgain: null,
      },
    ];
  },
  configure: () => [],
};
