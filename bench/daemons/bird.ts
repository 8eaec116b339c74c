import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { ImportPolicy } from '../policy.js';
import { daemonAsn, daemonRouterId } from '../stage.js';
import { type DaemonRecipe, packageVersion } from './recipe.js';

function policyLines({ maxLength, rejected, listed, community }: ImportPolicy): string[] {
  const pair = (text: string): string => `(${text.replace(':', ',')})`;
  return [
    `define LISTED = [ ${listed.join(', ')} ];`,
    `define REJECTED = [ ${rejected.map(pair).join(', ')} ];`,
    'filter measured {',
    `  if net.len > ${maxLength} then reject;`,
    '  if bgp_community ~ REJECTED then reject;',
    `  if net ~ LISTED then bgp_community.add(${pair(community)});`,
    '  accept;',
    '}',
  ];
}

export const bird: DaemonRecipe = {
  name: 'bird',
  policies: true,
  installed: () => existsSync('/usr/sbin/bird'),
  version: () => packageVersion('bird2'),
  start(stage, { peers, install = false, family = 4, policy, maxPaths = 1, farNextHops = false }) {
    const kernel = `${maxPaths > 1 ? `merge paths yes limit ${maxPaths}; ` : ''}${farNextHops ? 'learn; ' : ''}`;
    const table = `ipv${family}`;
    const lines = [
      `router id ${daemonRouterId};`,
      'log stderr { warning, error, fatal };',
      'protocol device { }',
      `protocol direct { ${table}; }`,
      install ? `protocol kernel { ${kernel}${table} { export where source = RTS_BGP; }; }` : '',
      ...(policy ? policyLines(policy) : []),
      ...peers.map(
        (p) =>
          `protocol bgp ${p.name} { local as ${daemonAsn}; neighbor ${p.address} as ${p.asn}; ${p.dialled ? '' : 'passive; '}${p.client ? 'rr client; ' : ''}${farNextHops ? 'multihop; ' : 'direct; '}${table} { ${farNextHops ? 'gateway recursive; ' : ''}import ${policy ? 'filter measured' : 'all'}; export where source = RTS_BGP; }; }`,
      ),
    ];
    const config = stage.write('bird.conf', `${lines.join('\n')}\n`);
    return stage.startDaemon('bird', [
      '/usr/sbin/bird',
      '-f',
      '-c',
      config,
      '-s',
      join(stage.folder, 'bird.ctl'),
    ]);
  },
};
