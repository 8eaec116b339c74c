import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkout } from '../checkout.js';
import type { ImportPolicy } from '../policy.js';
import { daemonAddresses, daemonAsn, daemonRouterId, type Stage } from '../stage.js';
import type { DaemonRecipe } from './recipe.js';

function policyLines({ maxLength, rejected, listed, community }: ImportPolicy): string[] {
  return [
    `  prefixSets: {listed: [${listed.join(', ')}]}`,
    '  filters:',
    '    measured:',
    `      - {match: {prefix: {prefix: 0.0.0.0/0, ge: ${maxLength + 1}}}, action: reject}`,
    `      - {match: {communities: {any: [${rejected.map((c) => `"${c}"`).join(', ')}]}}, action: reject}`,
    `      - {match: {prefixSet: listed}, set: {communities: {add: ["${community}"]}}, action: accept}`,
    '      - {action: accept}',
  ];
}

const controlSocket = (stage: Stage): string => join(stage.folder, 'tartan.sock');

export const tartan: DaemonRecipe = {
  name: 'tartan',
  policies: true,
  installed: () => true,
  version: () =>
    (JSON.parse(readFileSync(`${checkout}/package.json`, 'utf8')) as { version: string }).version,
  start(stage, setup) {
    const { peers, install = false, family = 4, policy, maxPaths = 1, profile = null } = setup;
    const lines = [
      'apiVersion: tartan.dev/v1',
      'kind: Router',
      'metadata: {name: dut}',
      'spec:',
      `  asn: ${daemonAsn}`,
      `  routerId: ${daemonRouterId}`,
      `  listen: [{address: "${daemonAddresses[family]}", port: 179}]`,
      '  ebgpRequiresPolicy: false',
      `  maxPaths: ${maxPaths}`,
      `  kernel: {install: ${install}${setup.quietNexthops ? ', nexthopCompat: false' : ''}}`,
      ...(policy ? policyLines(policy) : []),
      '  peers:',
      ...peers.map(
        (p) =>
          `    - {name: ${p.name}, address: "${p.address}", asn: ${p.asn}, passive: ${!p.dialled}${policy ? ', import: measured' : ''}${p.client ? ', routeReflectorClient: true' : ''}${setup.farNextHops ? ', multihop: true' : ''}}`,
      ),
    ];
    const config = stage.write('tartan.yaml', setup.document ?? `${lines.join('\n')}\n`);
    const profiling = profile === null ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`];
    return stage.startDaemon('tartan', [
      process.execPath,
      ...profiling,
      `${checkout}/bin/tartan`,
      'run',
      '--config',
      config,
      '--control',
      controlSocket(stage),
    ]);
  },
  loopDelaySocket: controlSocket,
};
