import { checkout } from './checkout.js';
import type { Image } from './image.js';

/** Where a Tartan node's control socket is, within the node. */
export const tartanControl = '/run/tartan/tartan.sock';

export const tartan: Image = {
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
