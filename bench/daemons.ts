/** How each daemon is told to be the one in the middle: passive eBGP towards every tester, no policy. */
import type { ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { daemonAddress, daemonAsn, type Stage } from './stage.js';

export interface BenchPeer {
  readonly name: string;
  readonly address: string;
  readonly asn: number;
}

export interface DaemonRecipe {
  readonly name: string;
  installed(): boolean;
  /** Starts the daemon on the stage. `install`: program the kernel. The process that is measured. */
  start(stage: Stage, peers: readonly BenchPeer[], install: boolean): ChildProcess;
}

const tartan: DaemonRecipe = {
  name: 'tartan',
  installed: () => true,
  start(stage, peers, install) {
    const lines = [
      'apiVersion: tartan.dev/v1',
      'kind: Router',
      'metadata: {name: dut}',
      'spec:',
      `  asn: ${daemonAsn}`,
      `  routerId: ${daemonAddress}`,
      `  listen: [{address: ${daemonAddress}, port: 179}]`,
      '  ebgpRequiresPolicy: false',
      `  kernel: {install: ${install}}`,
      '  peers:',
      ...peers.map((p) => `    - {name: ${p.name}, address: ${p.address}, asn: ${p.asn}, passive: true}`),
    ];
    const config = stage.write('tartan.yaml', `${lines.join('\n')}\n`);
    const command = fileURLToPath(new URL('../../bin/tartan', import.meta.url));
    return stage.startDaemon(
      'tartan',
      process.execPath,
      command,
      'run',
      '--config',
      config,
      '--control',
      join(stage.folder, 'tartan.sock'),
    );
  },
};

const bird: DaemonRecipe = {
  name: 'bird',
  installed: () => existsSync('/usr/sbin/bird'),
  start(stage, peers, install) {
    const lines = [
      `router id ${daemonAddress};`,
      'log stderr { warning, error, fatal };',
      'protocol device { }',
      install ? 'protocol kernel { ipv4 { export all; }; }' : '',
      ...peers.map(
        (p) =>
          `protocol bgp ${p.name} { local ${daemonAddress} as ${daemonAsn}; neighbor ${p.address} as ${p.asn}; passive; direct; ipv4 { import all; export all; }; }`,
      ),
    ];
    const config = stage.write('bird.conf', `${lines.join('\n')}\n`);
    return stage.startDaemon(
      'bird',
      '/usr/sbin/bird',
      '-f',
      '-c',
      config,
      '-s',
      join(stage.folder, 'bird.ctl'),
    );
  },
};

export const daemons: readonly DaemonRecipe[] = [tartan, bird];
