import { afterEach, describe, expect, it } from 'vitest';
import { Frr, frrConfig, Lab, Tartan, tartanConfig, until } from '../../interop/index.js';
import { interop } from './support/interop.js';

const labs: Lab[] = [];
afterEach(async () => {
  for (const lab of labs.splice(0)) await lab.down();
});

/** t (Tartan) reflects between the FRR routers a and b of its AS, on links of their own. */
async function reflector(clients: boolean): Promise<Lab> {
  const client = (n: number, networks: string[]) =>
    frrConfig({
      asn: 65001,
      routerId: `10.0.${n}.2`,
      networks,
      neighbors: [{ address: `10.0.${n}.1`, remoteAsn: 65001, settings: ['timers connect 1'] }],
    });
  const node = (n: number) => ({
    image: 'frr',
    'startup-config': `${n}.conf`,
    exec: [`ip addr add 10.0.${n}.2/24 dev eth1`, `ip route add 10.0.0.0/16 via 10.0.${n}.1`],
  });
  const lab = await Lab.up(
    {
      name: 'reflect',
      topology: {
        nodes: {
          t: {
            image: 'tartan',
            'startup-config': 't.yaml',
            exec: ['ip addr add 10.0.1.1/24 dev eth1', 'ip addr add 10.0.2.1/24 dev eth2'],
          },
          a: node(1),
          b: node(2),
        },
        links: [{ endpoints: ['t:eth1', 'a:eth1'] }, { endpoints: ['t:eth2', 'b:eth1'] }],
      },
    },
    {
      files: {
        't.yaml': tartanConfig({
          name: 't',
          asn: 65001,
          routerId: '10.0.1.1',
          spec: {
            peers: [1, 2].map((n) => ({
              name: n === 1 ? 'a' : 'b',
              address: `10.0.${n}.2`,
              asn: 65001,
              routeReflectorClient: clients,
            })),
          },
        }),
        '1.conf': client(1, ['198.51.100.0/24']),
        '2.conf': client(2, []),
      },
    },
  );
  labs.push(lab);
  return lab;
}

describe('inside an AS', () => {
  interop(
    'reflection',
    'frr',
    'reflects from client to client with ORIGINATOR_ID and CLUSTER_LIST, and sends again when asked to',
    async () => {
      const lab = await reflector(true);
      const t = new Tartan(lab.node('t'));
      const b = new Frr(lab.node('b'));
      await b.untilPath('198.51.100.0/24');
      const [path] = await b.paths('198.51.100.0/24');
      expect(path).toMatchObject({ originatorId: '10.0.1.2', clusterList: { list: ['10.0.1.1'] } });

      const updates = async (): Promise<number> => {
        const shown = await b.json<Record<string, { messageStats: { updatesRecv: number } }>>(
          'show bgp neighbors 10.0.2.1',
        );
        return shown['10.0.2.1'].messageStats.updatesRecv;
      };
      const before = await updates();
      await b.vtysh('clear bgp ipv4 unicast 10.0.2.1 soft in');
      await until('the route refresh is answered', async () => (await updates()) > before);
      expect(await b.paths('198.51.100.0/24')).toHaveLength(1);
      expect((await t.peer('b'))?.state).toBe('established');
    },
  );

  it('keeps from an internal peer what another one said, where neither is a client', async () => {
    const lab = await reflector(false);
    const t = new Tartan(lab.node('t'));
    await t.untilRoute('198.51.100.0/24');
    await t.untilEstablished('b');
    const { advertised } = await t.client.explain('198.51.100.0/24');
    expect(advertised.find(({ peer }) => peer === 'b')).toMatchObject({
      announced: false,
      reason: expect.stringMatching(/4456/),
    });
    expect(await t.client.countRoutes({ peer: 'b', view: 'advertised' })).toBe(0);
  });
});
