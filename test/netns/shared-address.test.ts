import { afterEach, describe, expect, it } from 'vitest';
import { birdConfig, Lab, Tartan, tartanConfig, until } from '../../interop/index.js';

let lab: Lab | undefined;
afterEach(() => lab?.down());

const daemons = [
  { name: 'one', port: 1790, asn: 65002 },
  { name: 'two', port: 1791, asn: 65003 },
  { name: 'three', port: 1792, asn: 65004 },
] as const;

/** Three BIRDs behind the address 10.0.0.2, each listening on a port of its own; `dials` says who calls whom. */
async function shared(dials: 'we' | 'they' | 'both'): Promise<Tartan> {
  const config = ({ name, port, asn }: (typeof daemons)[number]): string => {
    const text = birdConfig({
      asn,
      routerId: `10.255.0.${port - 1788}`,
      networks: [`198.51.${port - 1690}.0/24`],
      kernel: false,
      neighbors: [
        {
          name,
          address: '10.0.0.1',
          remoteAsn: 65001,
          passive: dials === 'we',
          settings: ['connect delay time 1;', 'connect retry time 1;', 'error wait time 1, 2;'],
        },
      ],
    });
    return text.replace(`local as ${asn};`, `local 10.0.0.2 port ${port} as ${asn};`);
  };
  lab = await Lab.up(
    {
      name: 'shared-address',
      topology: {
        nodes: {
          t: { image: 'tartan', 'startup-config': 't.yaml', exec: ['ip addr add 10.0.0.1/24 dev eth1'] },
          b: {
            image: 'alpine',
            binds: daemons.map(({ name }) => `${name}.conf:/etc/bird/${name}.conf`),
            exec: ['ip addr add 10.0.0.2/24 dev eth1', 'mkdir -p /run/bird'],
          },
        },
        links: [{ endpoints: ['t:eth1', 'b:eth1'] }],
      },
    },
    {
      files: {
        't.yaml': tartanConfig({
          name: 't',
          asn: 65001,
          routerId: '10.255.0.1',
          spec: {
            peers: daemons.map(({ name, port, asn }) => {
              return { name, address: '10.0.0.2', port, asn, connectRetry: 1, passive: dials === 'they' };
            }),
          },
        }),
        ...Object.fromEntries(daemons.map((each) => [`${each.name}.conf`, config(each)])),
      },
    },
  );
  for (const { name } of daemons) {
    const words = ['-f', '-c', `/etc/bird/${name}.conf`, '-s', `/run/bird/${name}.ctl`];
    await lab.spawn('b', ['/usr/sbin/bird', ...words], { name });
  }
  return new Tartan(lab.node('t'));
}

describe('several daemons behind one address, on ports of their own', () => {
  it.each(['we', 'they', 'both'] as const)('each have their session: %s dial', async (dials) => {
    const t = await shared(dials);
    for (const { name } of daemons) await t.untilEstablished(name);
    for (const { name, port, asn } of daemons) {
      const route = await t.untilRoute(`198.51.${port - 1690}.0/24`, ({ peer }) => peer === name);
      expect(route.asPath).toBe(String(asn));
    }
    // One that is told to start anew finds its own place again, and the others keep theirs.
    const since = new Map((await t.client.peers()).map((peer) => [peer.name, peer.since]));
    await lab?.exec('b', ['birdc', '-s', '/run/bird/two.ctl', 'restart', 'two']);
    await until('the second is up again', async () => {
      const peer = await t.peer('two');
      return peer?.state === 'established' && peer.since !== since.get('two');
    });
    for (const name of ['one', 'three']) expect((await t.peer(name))?.since).toBe(since.get(name));
    await t.untilRoute('198.51.101.0/24', ({ peer }) => peer === 'two');
    expect((await t.routes({ prefix: '198.51.101.0/24' })).map(({ peer }) => peer)).toEqual(['two']);
  });
});
