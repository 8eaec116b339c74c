/** Link-local IPv6 next hops (RFC 2545 §3) from peers on our link, and from those that are not. */
import { afterEach, expect, it } from 'vitest';
import { checkout, Lab, Tartan, tartanConfig } from '../../interop/index.js';

const GLOBAL = '20010db8000100000000000000000002';
const LINK_LOCAL = 'fe800000000000000000000000000bad';
const BOTH = '2001:db8:100::/48';
const ALONE = '2001:db8:200::/48';

let lab: Lab | undefined;
afterEach(async () => {
  await lab?.down();
  lab = undefined;
});

/** An UPDATE of our own AS for the /48 that these six octets are, with this next hop. Hex in and out. */
function update(prefix: string, nextHop: string): string {
  const octets = (text: string, width: number) => (text.length / 2).toString(16).padStart(width, '0');
  const reach = `000201${octets(nextHop, 2)}${nextHop}0030${prefix}`;
  const attributes = `40010100${'400200'}${'40050400000064'}800e${octets(reach, 2)}${reach}`;
  const body = `0000${octets(attributes, 4)}${attributes}`;
  return `${'ff'.repeat(16)}${(19 + body.length / 2).toString(16).padStart(4, '0')}02${body}`;
}

/** `t` and `p` on one link, with a session of one AS between these addresses on which `p` has announced both prefixes. */
async function between(own: string, peer: string): Promise<Tartan> {
  lab = await Lab.up(
    {
      name: 'llnh',
      topology: {
        nodes: {
          t: {
            image: 'tartan',
            'startup-config': 't.yaml',
            exec: [
              'ip addr add 10.255.0.1/32 dev lo',
              'ip addr add 10.0.1.1/24 dev eth1',
              'ip -6 addr add 2001:db8:1::1/64 dev eth1 nodad',
              'ip -6 addr add fe80::1/64 dev eth1 nodad',
              'ip route add 10.255.0.2/32 via 10.0.1.2',
            ],
          },
          p: {
            image: 'alpine',
            exec: [
              'ip addr add 10.255.0.2/32 dev lo',
              'ip addr add 10.0.1.2/24 dev eth1',
              'ip route add 10.255.0.1/32 via 10.0.1.1',
            ],
          },
        },
        links: [{ endpoints: ['t:eth1', 'p:eth1'] }],
      },
    },
    {
      files: {
        't.yaml': tartanConfig({
          name: 't',
          asn: 65001,
          routerId: '10.0.1.1',
          spec: {
            peers: [{ name: 'p', address: peer, asn: 65001, passive: true, families: ['ipv4', 'ipv6'] }],
          },
        }),
      },
    },
  );
  const both = update('20010db80100', GLOBAL + LINK_LOCAL);
  const alone = update('20010db80200', LINK_LOCAL);
  await lab.spawn('p', [
    process.execPath,
    `${checkout}/dist/bench/tester.js`,
    ...['--asn', '65001', '--router-id', '10.0.1.2', '--ipv6', '--connect', own, '--source', peer],
    ...['--script', `established:raw ${both}${alone}`],
  ]);
  const t = new Tartan(lab.node('t'));
  await t.untilPeer('p', ({ families }) => families.ipv6?.received === 2, 'has announced both');
  await t.untilInstalled(BOTH);
  return t;
}

it('are used of a peer on the link', async () => {
  const t = await between('10.0.1.1', '10.0.1.2');
  await t.untilInstalled(ALONE);
  for (const prefix of [BOTH, ALONE]) {
    expect((await t.fib({ prefix }))[0].nextHops).toMatchObject([{ gateway: 'fe80::bad', device: 'eth1' }]);
  }
});

it('say nothing of a peer between loopback addresses', async () => {
  const t = await between('10.255.0.1', '10.255.0.2');
  expect((await t.fib({ prefix: BOTH }))[0].nextHops).toMatchObject([
    { gateway: '2001:db8:1::2', device: 'eth1' },
  ]);
  const [path] = (await t.client.explain(ALONE)).paths;
  expect(path.verdict).toBe('unresolved');
  expect(path.nextHopResolution).toMatch(/^fe80::bad is link-local on a link that this router is not on/);
  expect(await t.fib({ prefix: ALONE, state: 'installed' })).toEqual([]);
});
