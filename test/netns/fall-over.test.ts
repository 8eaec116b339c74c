/** Loss of a link and what becomes of sessions over it, while their hold timers have long to go. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { untilKernelRoute, untilNoKernelRoute } from '../../interop/index.js';
import { type Neighbour, ours, type Peering, peering } from './support/peering.js';

let scene: Peering;
const hold = { holdTime: 240 };
const network = (index: number) => `198.51.10${index}.0/24`;

/** `frr` and `bird` go with their links; `stays` is told to wait for its hold timer, and `far` might be reached otherwise. */
beforeAll(async () => {
  const neighbours: Neighbour[] = [
    { name: 'frr', image: 'frr', asn: 65002, peer: hold, frr: { settings: ['timers 80 240'] } },
    { name: 'bird', image: 'bird', asn: 65003, peer: hold },
    {
      name: 'stays',
      image: 'gobgp',
      asn: 65004,
      peer: { ...hold, fastFallover: false },
      gobgp: { settings: { timers: { config: { 'hold-time': 240 } } } },
    },
    {
      name: 'far',
      image: 'gobgp',
      asn: 65005,
      peer: { ...hold, multihop: true },
      gobgp: {
        settings: {
          timers: { config: { 'hold-time': 240 } },
          'ebgp-multihop': { config: { enabled: true, 'multihop-ttl': 64 } },
        },
      },
    },
  ];
  scene = await peering(
    'fall-over',
    neighbours.map((neighbour, i) => ({ ...neighbour, networks: [network(i)] })),
  );
  for (const { name } of neighbours) await scene.t.untilEstablished(name);
  for (const i of [0, 1, 2, 3]) await untilKernelRoute(scene.lab.node('t'), network(i));
});
afterAll(() => scene?.lab.down());

const links = ['frr', 'bird', 'stays', 'far'];
const device = (name: string) => `eth${links.indexOf(name) + 1}`;

describe('a link that is lost', () => {
  it.each([
    ['frr', 'its carrier goes, as the other end is taken down', 'frr', 'eth1'],
    ['bird', 'it is taken down here', 't', device('bird')],
  ])('takes the session with it (%s): %s', async (name, _, node, interfaceName) => {
    const { t, lab } = scene;
    const i = links.indexOf(name);
    expect(await t.peer(name)).toMatchObject({ state: 'established', holdTimeSeconds: 240 });
    await lab.exec(node, ['ip', 'link', 'set', interfaceName, 'down']);
    const lost = await t.untilPeer(name, (row) => row.state !== 'established', 'is lost');
    expect(lost.lastError).toBe(`${device(name)} is down`);
    await untilNoKernelRoute(lab.node('t'), network(i));
    await lab.exec(node, ['ip', 'link', 'set', interfaceName, 'up']);
    await t.untilEstablished(name, { timeoutSeconds: 60 });
    await untilKernelRoute(lab.node('t'), network(i));
  });

  it('leaves a session that may take another way, and one that is told to wait for its hold timer', async () => {
    const { t, lab } = scene;
    const since = async () => Promise.all(['stays', 'far'].map(async (name) => (await t.peer(name))?.since));
    const before = await since();
    for (const name of ['stays', 'far']) await lab.exec(name, ['ip', 'link', 'set', 'eth1', 'down']);
    for (const i of [2, 3]) await untilNoKernelRoute(lab.node('t'), network(i));
    for (const name of ['stays', 'far']) expect((await t.peer(name))?.state).toBe('established');
    for (const name of ['stays', 'far']) await lab.exec(name, ['ip', 'link', 'set', 'eth1', 'up']);
    for (const i of [2, 3]) await untilKernelRoute(lab.node('t'), network(i));
    // TCP goes on where it was: what is announced now comes over the same sessions.
    for (const [name, prefix] of [
      ['stays', '203.0.113.0/25'],
      ['far', '203.0.113.128/25'],
    ]) {
      await scene.gobgp(name).untilEstablished(ours(links.indexOf(name)));
      await scene.gobgp(name).announce(prefix);
      await t.untilRoute(prefix, () => true, { timeoutSeconds: 60 });
    }
    expect(await since()).toEqual(before);
  });
});
