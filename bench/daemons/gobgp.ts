import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { daemonAddresses, daemonAsn, daemonRouterId } from '../stage.js';
import { type DaemonRecipe, versionText } from './recipe.js';

/** Programs no kernel without FRR's zebra. */
export const gobgp: DaemonRecipe = {
  name: 'gobgp',
  once: true,
  slow: true,
  installed: () => existsSync('/usr/bin/gobgpd'),
  version: () => /(\d+\.\d+\.\d+)/.exec(versionText('/usr/bin/gobgpd', '--version'))?.[1] ?? '',
  start(stage, { peers, family = 4 }) {
    const document = {
      global: {
        config: {
          as: daemonAsn,
          'router-id': daemonRouterId,
          port: 179,
          'local-address-list': [daemonAddresses[family]],
        },
        'route-selection-options': { config: { 'external-compare-router-id': true } },
      },
      neighbors: peers.map((p) => ({
        config: { 'neighbor-address': p.address, 'peer-as': p.asn },
        timers: { config: { 'hold-time': 180, 'keepalive-interval': 60, 'idle-hold-time-after-reset': 1 } },
        transport: { config: { 'passive-mode': !p.dialled } },
        'afi-safis': [{ config: { 'afi-safi-name': `ipv${family}-unicast` } }],
        ...(p.client
          ? {
              'route-reflector': {
                config: { 'route-reflector-client': true, 'route-reflector-cluster-id': daemonRouterId },
              },
            }
          : {}),
      })),
    };
    const config = stage.write('gobgpd.json', JSON.stringify(document));
    const socket = `unix://${join(stage.folder, 'gobgp.sock')}`;
    return stage.startDaemon('gobgp', [
      '/usr/bin/gobgpd',
      ...[
        '--log-plain',
        '--log-level',
        'warn',
        '--pprof-disable',
        '--api-hosts',
        socket,
        '-t',
        'json',
        '-f',
        config,
      ],
    ]);
  },
};
