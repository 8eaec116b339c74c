import { splitWords } from '../words.js';
import type { Image } from './image.js';

export const stayrtrVrps = '/etc/stayrtr/vrps.json';

/** An RPKI cache on port 323. Its node's environment may say more, as Debian's service file does: STAYRTR_ARGS. */
export const stayrtr: Image = {
  name: 'stayrtr',
  matches: /stayrtr/i,
  router: false,
  main: 'stayrtr',
  configFile: stayrtrVrps,
  prepare: () => `mkdir -p /etc/stayrtr; echo '{"roas": []}' > ${stayrtrVrps}`,
  async processes(node) {
    return [
      {
        name: 'stayrtr',
        argv: [
          '/usr/bin/stayrtr',
          ...['-bind', ':323', '-metrics.addr', '', '-cache', stayrtrVrps, '-checktime=false'],
          ...splitWords(node.env.STAYRTR_ARGS ?? ''),
        ],
        socket: null,
        question: null,
        configureAgain: null,
        probe: ['rtrdump', '-connect', '127.0.0.1:323', '-file', '/run/rtrdump.json'],
      },
    ];
  },
  configure: () => [],
};
