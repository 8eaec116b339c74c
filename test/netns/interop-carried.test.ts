/** What daemons say of a route that Tartan acts upon, or that they see of what it did: OTC and the bandwidth of links. */
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { gobgpAttribute, until } from '../../interop/index.js';
import { interop, unsupported } from './support/interop.js';
import { type Neighbour, type Peering, peering, theirs } from './support/peering.js';

const shared = '198.51.100.0/24';
const sharedByGobgp = '198.51.101.0/24';
let scene: Peering;

/** A GoBGP that announces a network over a link of so many octets a second, as its export policy says. */
function overLink(name: string, asn: number, octets: number): Neighbour {
  const community = {
    options: 'add',
    'set-ext-community-method': { 'communities-list': [`lb:${asn}:${octets}`] },
  };
  const statement = {
    name: 'bandwidth',
    actions: { 'route-disposition': 'accept-route', 'bgp-actions': { 'set-ext-community': community } },
  };
  return {
    name,
    image: 'gobgp',
    asn,
    networks: [sharedByGobgp],
    gobgp: {
      global: { 'apply-policy': { config: { 'export-policy-list': ['link'] } } },
      sections: { 'policy-definitions': [{ name: 'link', statements: [statement] }] },
    },
  };
}

beforeAll(async () => {
  scene = await peering(
    'carried',
    [
      { name: 'slow', image: 'exabgp', asn: 65002 },
      { name: 'fast', image: 'exabgp', asn: 65003 },
      // What we are to each: their customer, their provider, their peer.
      { name: 'provider', image: 'exabgp', asn: 65004, peer: { role: 'customer' } },
      { name: 'customer', image: 'exabgp', asn: 65005, peer: { role: 'provider' } },
      { name: 'lateral', image: 'exabgp', asn: 65006, peer: { role: 'peer' } },
      {
        name: 'open',
        image: 'openbgpd',
        asn: 65007,
        networks: ['203.0.113.0/26'],
        peer: { role: 'customer', strictRole: true },
        openbgpd: { settings: ['announce policy provider'] },
      },
      {
        name: 'openCustomer',
        image: 'openbgpd',
        asn: 65008,
        peer: { role: 'provider', strictRole: true },
        openbgpd: { settings: ['announce policy customer'] },
      },
      { name: 'inner', image: 'gobgp', asn: 65001 },
      { name: 'goPeer', image: 'gobgp', asn: 65009, peer: { role: 'peer' } },
      { name: 'goCustomer', image: 'gobgp', asn: 65010, peer: { role: 'provider' } },
      overLink('goSlow', 65011, 12_500_000),
      overLink('goFast', 65012, 25_000_000),
    ],
    { maxPaths: 4 },
  );
  for (const { name } of await scene.t.client.peers()) await scene.t.untilEstablished(name);
});
afterAll(() => scene?.lab.down());

/** Weights that the kernel has, by gateway. */
async function weights(prefix: string): Promise<Record<string, number>> {
  const { stdout } = await scene.lab.node('t').exec(['ip', '-j', '-4', 'route', 'show', prefix]);
  const [route] = JSON.parse(stdout || '[]') as { nexthops?: { gateway: string; weight: number }[] }[];
  return Object.fromEntries((route?.nexthops ?? []).map(({ gateway, weight }) => [gateway, weight]));
}

async function untilWeights(prefix: string, wanted: Record<string, number>): Promise<void> {
  await until(`the kernel has both ways to ${prefix}, weighted`, async () => {
    const found = await weights(prefix);
    if (Object.keys(found).length !== Object.keys(wanted).length) return false;
    return Object.entries(wanted).every(([gateway, weight]) => found[gateway] === weight);
  });
}

describe('the bandwidth of links', () => {
  interop('link-bandwidth', 'exabgp', 'shares traffic in proportion', async () => {
    // 12,500,000 and 25,000,000 octets a second as floats.
    await scene.exabgp('slow').announce(shared, 'extended-community [ 0x4004fdea4b3ebc20 ]');
    await scene.exabgp('fast').announce(shared, 'extended-community [ 0x4004fdeb4bbebc20 ]');
    await untilWeights(shared, { [theirs(0)]: 1, [theirs(1)]: 2 });
  });

  interop('link-bandwidth', 'gobgp', 'shares traffic in proportion', async () => {
    await untilWeights(sharedByGobgp, { [theirs(10)]: 1, [theirs(11)]: 2 });
    const { paths } = await scene.t.client.explain(sharedByGobgp);
    const said = paths.map(({ peer, attributes }) => [peer, attributes?.extendedCommunities]);
    expect(said.sort()).toEqual([
      ['goFast', ['bandwidth:65012:25000000']],
      ['goSlow', ['bandwidth:65011:12500000']],
    ]);
  });

  interop('link-bandwidth', 'gobgp', 'is told within the AS, and not beyond it', async () => {
    const communities = async (name: string) =>
      gobgpAttribute(await scene.gobgp(name).untilPath(shared), 16)?.value;
    const { paths } = await scene.t.client.explain(shared);
    const best = paths.find(({ verdict }) => verdict === 'best')?.peer;
    expect(await communities('inner')).toEqual([
      best === 'slow'
        ? { type: 0x40, subtype: 4, asn: 65002, bandwidth: 12_500_000 }
        : { type: 0x40, subtype: 4, asn: 65003, bandwidth: 25_000_000 },
    ]);
    expect(await communities('goCustomer')).toBeUndefined();
  });

  unsupported('link-bandwidth', 'openbgpd', 'its configuration has no such community', async () => {
    const check = (community: string) =>
      scene.lab
        .node('open')
        .exec(
          [
            'sh',
            '-c',
            '{ cat /etc/bgpd.conf; echo "match to any set ext-community $1"; } > /tmp/c; bgpd -nf /tmp/c',
            'check',
            community,
          ],
          { allowFailure: true },
        );
    expect((await check('rt 65007:1')).status).toBe(0);
    for (const words of ['bandwidth 65007:1', 'lb 65007:1', '0x4004 65007:1']) {
      expect(await check(words)).toMatchObject({
        stderr: expect.stringMatching(/unknown type|syntax error/),
      });
    }
  });
});

describe('OTC', () => {
  const fromProvider = '203.0.113.128/26';
  const base64 = (hex: string) => Buffer.from(hex, 'hex').toString('base64');
  const otc = (asn: number) => `0x${asn.toString(16).padStart(8, '0')}`;

  interop('only-to-customer', 'exabgp', 'marks what a provider says, for customers alone', async () => {
    await scene.exabgp('provider').announce(fromProvider);
    const { attributes } = await scene.exabgp('customer').untilRoute(fromProvider);
    const said = Object.entries(attributes as Record<string, unknown>).find(([key]) => /0x23-/i.test(key));
    expect(String(said?.[1]).toLowerCase()).toBe(otc(65004));
    const { advertised } = await scene.t.client.explain(fromProvider);
    expect(advertised.find(({ peer }) => peer === 'lateral')).toMatchObject({
      announced: false,
      reason: expect.stringMatching(/9234/),
    });
  });

  interop('only-to-customer', 'exabgp', 'shows what a customer leaks', async () => {
    const leak = '203.0.113.192/26';
    await scene.exabgp('customer').announce(leak, `attribute [ 0x23 0xc0 ${otc(65099)} ]`);
    const path = await until('the leak is there', async () => {
      return (await scene.t.client.explain(leak)).paths[0];
    });
    expect(path).toMatchObject({ verdict: 'rejected', reason: expect.stringMatching(/route leak.*9234/) });
  });

  interop('only-to-customer', 'openbgpd', 'is told by a provider and to a customer', async () => {
    const prefix = '203.0.113.0/26';
    await scene.t.untilRoute(prefix);
    const { paths } = await scene.t.client.explain(prefix);
    expect(JSON.stringify(paths[0].attributes)).toMatch(/65007/);
    await scene.openbgpd('openCustomer').untilPath(prefix);
    const shown = await scene.openbgpd('openCustomer').bgpctl('show', 'rib', 'detail', prefix);
    expect(shown).toMatch(/OTC: 65007|otc.*65007/i);
    const { advertised } = await scene.t.client.explain(prefix);
    expect(advertised.find(({ peer }) => peer === 'lateral')).toMatchObject({ announced: false });
  });

  interop('only-to-customer', 'gobgp', 'comes to a customer, and what has it to no peer', async () => {
    const path = await scene.gobgp('goCustomer').untilPath(fromProvider);
    // Optional and transitive, and the AS number of the provider that marked it, octet by octet.
    expect(gobgpAttribute(path, 35)).toEqual({ type: 35, flags: 0xc0, value: base64('0000fdec') });
    const { advertised } = await scene.t.client.explain(fromProvider);
    expect(advertised.find(({ peer }) => peer === 'goPeer')).toMatchObject({ announced: false });
    expect(await scene.gobgp('goPeer').paths(fromProvider)).toEqual([]);
  });
});
