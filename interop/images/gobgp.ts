import { quote } from '../namespaces.js';
import type { Image } from './image.js';

/** Where gobgpd takes orders, within the node. */
export const gobgpApi = 'unix:///run/gobgp/gobgp.sock';

const configFile = '/etc/gobgp/gobgpd.conf';

/**
 * The file is TOML, or YAML (of which JSON is a part) when it opens with a brace. GoBGP's own file has no word for
 * networks to announce: its lines `# announce PREFIX …` are handed to `gobgp global rib add` at every start.
 */
export const gobgp: Image = {
  name: 'gobgp',
  matches: /gobgp/i,
  router: true,
  main: 'gobgpd',
  configFile,
  prepare: () => `mkdir -p /run/gobgp /etc/gobgp; : > ${configFile}`,
  async processes(_node, run) {
    const text = await run(['cat', configFile]);
    const type = /^\s*(#.*\s+)*\{/.test(text) ? 'yaml' : 'toml';
    const neighbors = [...text.matchAll(/neighbor-address/g)].length;
    const configured = [
      `[ "$(gobgp --target ${gobgpApi} -q neighbor | wc -l)" -ge ${neighbors} ]`,
      `gobgp --target ${gobgpApi} global | grep -q Router-ID`,
      `sed -n 's/^# announce //p' ${configFile} | while read -r route; do`,
      `  gobgp --target ${gobgpApi} global rib add $route || exit 1`,
      'done',
    ];
    return [
      {
        name: 'gobgpd',
        argv: [
          '/usr/bin/gobgpd',
          ...['--log-plain', '--pprof-disable', '--api-hosts', gobgpApi],
          ...['-t', type, '-f', configFile],
        ],
        socket: '/run/gobgp/gobgp.sock',
        question: null,
        configureAgain: null,
        // The API answers before the file has been read to its end.
        probe: ['sh', '-ec', text.trim() === '' ? 'true' : configured.join('\n')],
      },
    ];
  },
  configure: () => [],
};

/** A line of the configuration file that has a route announced. */
export function announceLine(words: readonly string[]): string {
  return `# announce ${words.map(quote).join(' ')}`;
}
