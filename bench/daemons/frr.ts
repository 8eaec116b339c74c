import { chmodSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import type { ImportPolicy } from '../policy.js';
import { daemonAddresses, daemonAsn, daemonRouterId } from '../stage.js';
import { type DaemonRecipe, versionText } from './recipe.js';

const folder = '/usr/lib/frr';

function policyLines({ maxLength, rejected, listed, community }: ImportPolicy): string[] {
  return [
    `ip prefix-list LONG seq 5 permit 0.0.0.0/0 ge ${maxLength + 1}`,
    ...listed.map((prefix, i) => `ip prefix-list LISTED seq ${i + 1} permit ${prefix}`),
    ...rejected.map((c, i) => `bgp community-list standard REJECTED seq ${i + 1} permit ${c}`),
    ...['route-map MEASURED deny 10', ' match ip address prefix-list LONG'],
    ...['route-map MEASURED deny 20', ' match community REJECTED'],
    'route-map MEASURED permit 30',
    ...[' match ip address prefix-list LISTED', ` set community ${community} additive`],
    'route-map MEASURED permit 40',
  ];
}

/** bgpd alone; with zebra where the kernel is programmed. */
export const frr: DaemonRecipe = {
  name: 'frr',
  once: true,
  policies: true,
  installed: () => existsSync(`${folder}/bgpd`),
  version: () => /version (\S+)/.exec(versionText(`${folder}/bgpd`, '--version'))?.[1] ?? '',
  start(stage, { peers, install = false, family = 4, policy, maxPaths = 1, farNextHops = false }) {
    const lines = [
      'frr defaults traditional',
      // Known before it is used: a route map that is not there rejects all.
      ...(policy ? policyLines(policy) : []),
      `router bgp ${daemonAsn}`,
      ` bgp router-id ${daemonRouterId}`,
      ' no bgp ebgp-requires-policy',
      ' no bgp default ipv4-unicast',
      // As the others do: the lower router id wins, whoever came first.
      ' bgp bestpath compare-routerid',
      ...(maxPaths > 1 ? [' bgp bestpath as-path multipath-relax'] : []),
      ...peers.flatMap((p) => [
        ` neighbor ${p.address} remote-as ${p.asn}`,
        ...(p.dialled ? [] : [` neighbor ${p.address} passive`]),
        ...(farNextHops ? [` neighbor ${p.address} ebgp-multihop`] : []),
      ]),
      ` address-family ipv${family} unicast`,
      `  maximum-paths ${maxPaths}`,
      ...peers.flatMap((p) => [
        `  neighbor ${p.address} activate`,
        ...(policy ? [`  neighbor ${p.address} route-map MEASURED in`] : []),
        ...(p.client ? [`  neighbor ${p.address} route-reflector-client`] : []),
      ]),
      ' exit-address-family',
    ];
    const config = stage.write('frr.conf', `${lines.join('\n')}\n`);
    const common = [
      '-S',
      '--vty_socket',
      stage.folder,
      '-P',
      '0',
      '--log',
      'stdout',
      '--log-level',
      'warnings',
    ];
    const zserv = join(stage.folder, 'zserv.api');
    // Zebra always becomes the user frr, who writes here too.
    chmodSync(stage.folder, 0o777);
    const zebra = [`${folder}/zebra`, ...common.slice(1), '-z', zserv, '-i', join(stage.folder, 'zebra.pid')];
    const bgpd = [`${folder}/bgpd`, ...common, '-f', config, '-i', join(stage.folder, 'bgpd.pid')];
    bgpd.push('-l', daemonAddresses[family], ...(install ? ['-z', zserv] : ['-Z', '-n']));
    return install ? stage.startDaemon('frr', zebra, bgpd) : stage.startDaemon('frr', bgpd);
  },
};
