/** What a stop leaves of an overlay in the kernel, and what a start finds of an earlier one. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkout, Lab, tartanConfig, until } from '../../interop/index.js';

const tartan = `${checkout}/bin/tartan`;
let lab: Lab;

function document(spec: object): string {
  return tartanConfig({ name: 't', asn: 65001, routerId: '192.0.2.1', spec: { listen: [], ...spec } });
}

const overlay = {
  pools: [{ cidr: '10.244.0.0/16', backend: 'vxlan', natOutgoing: true }],
  nodes: [
    { name: 't', addresses: ['192.0.2.1/24'], podCIDRs: ['10.244.1.0/24'] },
    { name: 'other', addresses: ['192.0.2.7/24'], podCIDRs: ['10.244.7.0/24'] },
  ],
};

beforeAll(async () => {
  lab = await Lab.up(
    {
      name: 'overlay-stop',
      topology: {
        nodes: {
          t: {
            image: 'alpine',
            binds: ['plain.yaml:/etc/plain.yaml', 'keep.yaml:/etc/keep.yaml', 'remove.yaml:/etc/remove.yaml'],
            exec: ['ip address add 192.0.2.1/24 dev eth1'],
          },
          other: { image: 'alpine' },
        },
        links: [{ endpoints: ['t:eth1', 'other:eth1'] }],
      },
    },
    {
      files: {
        'plain.yaml': document({}),
        'keep.yaml': document({ ...overlay, onStop: { routes: 'keep' } }),
        'remove.yaml': document({ ...overlay, onStop: { routes: 'remove' } }),
      },
    },
  );
});
afterAll(() => lab?.down());

async function seen() {
  const said = async (command: string) => (await lab.exec('t', command, { allowFailure: true })).stdout;
  return {
    routes: (await said('ip route show proto 84')).includes('10.244.7.0/24'),
    tunnel: (await said('ip link show type vxlan')).includes('vxlan.calico'),
    table: (await said('nft list tables')).includes('inet tartan'),
  };
}

const all = { routes: true, tunnel: true, table: true };
const nothing = { routes: false, tunnel: false, table: false };

async function run(config: string) {
  const daemon = await lab.spawn('t', [
    tartan,
    'run',
    '--config',
    `/etc/${config}`,
    '--control',
    '/run/stop.sock',
  ]);
  await daemon.untilOutput(/"type":"running"/);
  return daemon;
}

async function untilSeen(wanted: typeof all): Promise<void> {
  await until(
    'the kernel has what is wanted',
    async () => JSON.stringify(await seen()) === JSON.stringify(wanted),
  );
}

describe('an overlay whose daemon stops', () => {
  it('stays with `keep`, and is adopted', async () => {
    const first = await run('keep.yaml');
    await untilSeen(all);
    await first.kill('SIGTERM');
    expect(await seen()).toEqual(all);
  });

  it('goes with `remove`: routes, tunnel and table', async () => {
    const second = await run('remove.yaml');
    await untilSeen(all);
    await second.kill('SIGTERM');
    expect(await seen()).toEqual(nothing);
  });

  it('leaves nothing that a start without pools would keep', async () => {
    const before = await run('keep.yaml');
    await untilSeen(all);
    await before.kill('SIGKILL');
    const daemon = await run('plain.yaml');
    await untilSeen(nothing);
    await daemon.kill('SIGTERM');
  });
});
