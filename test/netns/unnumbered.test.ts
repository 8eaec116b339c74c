/** Peers that are named by their interface: IPv4 between loopbacks over links that nobody gave an address. */
import { afterEach, describe, expect } from 'vitest';
import { frrConfig, Lab, Tartan, tartanConfig, untilKernelRoute, untilPings } from '../../interop/index.js';
import { interop } from './support/interop.js';

const labs: Lab[] = [];
afterEach(async () => {
  for (const lab of labs.splice(0)) await lab.down();
});

const loopback = (n: number) => `ip addr add 10.255.0.${n}/32 dev lo`;

const tartanNode = (n: number, peers: Record<string, unknown>[], spec: Record<string, unknown> = {}) =>
  tartanConfig({
    name: 't',
    asn: 65000 + n,
    routerId: `10.255.0.${n}`,
    spec: {
      networks: [`10.255.0.${n}/32`],
      kernel: { source: { ipv4: `10.255.0.${n}` } },
      ...spec,
      peers: peers.map((peer) => ({ connectRetry: 1, asn: 'external', ...peer })),
    },
  });

const frrNode = (n: number, interfaces: string[]) =>
  frrConfig({
    asn: 65000 + n,
    routerId: `10.255.0.${n}`,
    networks: [`10.255.0.${n}/32`],
    neighbors: interfaces.map((address) => ({
      address,
      remoteAsn: 'external',
      families: ['ipv4'],
      settings: ['timers connect 1'],
    })),
  });

describe('a peer by its interface', () => {
  interop('unnumbered', 'frr', 'both learn each other by router advertisements', async () => {
    const lab = await Lab.up(
      {
        name: 'unnumbered',
        topology: {
          nodes: {
            t: { image: 'tartan', 'startup-config': 't.yaml', exec: [loopback(1)] },
            p: { image: 'frr', 'startup-config': 'p.conf', exec: [loopback(2)] },
          },
          links: [{ endpoints: ['t:eth1', 'p:eth1'] }],
        },
      },
      {
        files: {
          't.yaml': tartanNode(1, [{ name: 'p', interface: 'eth1' }]),
          'p.conf': frrNode(2, ['eth1']),
        },
      },
    );
    labs.push(lab);
    const t = new Tartan(lab.node('t'));
    const peer = await t.untilEstablished('p');
    expect(peer).toMatchObject({ interface: 'eth1', device: 'eth1', asn: 65002, extendedNextHop: true });
    expect(peer.address).toMatch(/^fe80::/);
    const route = await untilKernelRoute(lab.node('t'), '10.255.0.2', ({ dev }) => dev === 'eth1');
    expect(route.via).toEqual({ family: 'inet6', host: peer.address });
    await untilPings(lab.node('t'), '10.255.0.2');
  });
});
