import { afterEach, describe, expect } from 'vitest';
import { type Lab, until } from '../../interop/index.js';
import { interop, unsupported } from './support/interop.js';
import { ours, type Peering, peering } from './support/peering.js';

const labs: Lab[] = [];
afterEach(async () => {
  for (const lab of labs.splice(0)) await lab.down();
});

async function up(...args: Parameters<typeof peering>): Promise<Peering> {
  const scene = await peering(...args);
  labs.push(scene.lab);
  return scene;
}

/** The Only-to-Customer attribute that `explain` shows of each path to the prefix, by peer. */
async function otcs({ t }: Peering, prefix: string): Promise<Record<string, unknown>> {
  const { paths } = await t.client.explain(prefix);
  return Object.fromEntries(paths.map(({ peer, attributes }) => [peer, attributes.onlyToCustomer]));
}

describe('roles (RFC 9234)', () => {
  interop('role', 'frr', 'the session comes up where roles match, and not where they do not', async () => {
    const scene = await up('roles', [
      {
        name: 'good',
        image: 'frr',
        asn: 65002,
        peer: { role: 'provider', strictRole: true },
        frr: { settings: ['local-role customer strict-mode'] },
      },
      {
        name: 'bad',
        image: 'frr',
        asn: 65003,
        peer: { role: 'provider' },
        frr: { settings: ['local-role provider'] },
      },
      { name: 'mute', image: 'frr', asn: 65004, peer: { role: 'peer', strictRole: true } },
      {
        name: 'strict',
        image: 'frr',
        asn: 65005,
        frr: { settings: ['local-role provider strict-mode'] },
      },
      { name: 'lax', image: 'frr', asn: 65006, peer: { role: 'customer' } },
    ]);
    const { t } = scene;
    expect(await t.untilEstablished('good')).toMatchObject({
      role: { local: 'provider', remote: 'customer' },
    });
    expect(await t.untilEstablished('lax')).toMatchObject({ role: { local: 'customer', remote: null } });
    const shown = await scene
      .frr('good')
      .json<Record<string, { localRole: string; remoteRole: string }>>(`show bgp neighbors ${ours(0)}`);
    expect(shown[ours(0)]).toMatchObject({ localRole: 'customer', remoteRole: 'provider' });
    const errorOf = async (name: string, pattern: RegExp) =>
      t.untilPeer(name, ({ lastError }) => pattern.test(lastError ?? ''), `says ${pattern}`);
    await errorOf('bad', /Role Mismatch/);
    await errorOf('mute', /does not claim to be our peer.*Role Mismatch/);
    await errorOf('strict', /received NOTIFICATION OPEN Message Error: Role Mismatch/);
    expect((await t.peer('bad'))?.state).not.toBe('established');
  });

  interop('role', 'bird', 'the session comes up where roles match, and not where they do not', async () => {
    const scene = await up('roles', [
      {
        name: 'good',
        image: 'bird',
        asn: 65002,
        peer: { role: 'routeServerClient', strictRole: true },
        bird: { settings: ['local role rs_server;', 'require roles yes;'] },
      },
      {
        name: 'bad',
        image: 'bird',
        asn: 65003,
        peer: { role: 'customer' },
        bird: { settings: ['local role peer;'] },
      },
    ]);
    expect(await scene.t.untilEstablished('good')).toMatchObject({
      role: { local: 'routeServerClient', remote: 'routeServer' },
    });
    await scene.t.untilPeer('bad', ({ lastError }) => /Role Mismatch/.test(lastError ?? ''), 'is refused');
    await until('BIRD says why', async () =>
      /Role [Mm]ismatch/.test(await scene.bird('bad').birdc('show protocols all t')),
    );
  });

  interop(
    'only-to-customer',
    'frr',
    'what comes from a provider goes to customers alone, marked',
    async () => {
      const scene = await up(
        'otc',
        [
          {
            name: 'provider',
            image: 'frr',
            asn: 65002,
            networks: ['198.51.100.0/24'],
            peer: { role: 'customer' },
            frr: { settings: ['local-role provider'] },
          },
          {
            name: 'customer',
            image: 'frr',
            asn: 65003,
            networks: ['203.0.113.0/24'],
            peer: { role: 'provider' },
            frr: { settings: ['local-role customer'] },
          },
          {
            name: 'other',
            image: 'frr',
            asn: 65004,
            peer: { role: 'peer' },
            frr: { settings: ['local-role peer'] },
          },
        ],
        { networks: ['192.0.2.0/24'] },
      );
      const otcAt = async (name: string, prefix: string) => {
        const { otc } = await until(`${name} has ${prefix}`, async () => {
          const paths = await scene.frr(name).paths(prefix);
          return paths[0] as unknown as { otc?: number };
        });
        return otc;
      };
      expect(await otcAt('customer', '198.51.100.0/24')).toBe(65002);
      expect(await otcAt('customer', '192.0.2.0/24')).toBe(65001);
      expect(await otcAt('other', '203.0.113.0/24')).toBe(65001);
      expect(await otcAt('provider', '203.0.113.0/24')).toBe(undefined);
      expect(await otcs(scene, '198.51.100.0/24')).toEqual({ provider: 65002 });
      const { advertised } = await scene.t.client.explain('198.51.100.0/24');
      expect(advertised.find(({ peer }) => peer === 'other')).toEqual({
        peer: 'other',
        announced: false,
        reason: 'it carries OTC, and the peer is no customer of ours (RFC 9234 §5)',
      });
      expect(await scene.frr('other').paths('198.51.100.0/24')).toEqual([]);
    },
  );

  interop('role', 'openbgpd', 'the session comes up where roles match', async () => {
    const { t } = await up('roles', [
      {
        name: 'p',
        image: 'openbgpd',
        asn: 65002,
        peer: { role: 'provider', strictRole: true },
        openbgpd: { settings: ['announce policy customer'] },
      },
    ]);
    expect(await t.untilEstablished('p')).toMatchObject({ role: { local: 'provider', remote: 'customer' } });
  });

  for (const image of ['gobgp', 'exabgp'] as const) {
    unsupported('role', image, 'its OPEN has no role, and ours is ignored', async () => {
      const { t } = await up('roles', [{ name: 'p', image, asn: 65002, peer: { role: 'provider' } }]);
      expect(await t.untilEstablished('p')).toMatchObject({ role: { local: 'provider', remote: null } });
    });
  }

  interop('only-to-customer', 'bird', 'a leak is rejected, and told so', async () => {
    const leaking = {
      // BIRD adds none towards who has no role: here the attribute is forged.
      channel: [
        'import all;',
        'export filter { if source = RTS_STATIC then { bgp_otc = 65099; accept; } reject; };',
      ],
    };
    const scene = await up('otc', [
      {
        name: 'customer',
        image: 'bird',
        asn: 65002,
        networks: ['198.51.100.0/24'],
        peer: { role: 'provider' },
        bird: leaking,
      },
      {
        name: 'equal',
        image: 'bird',
        asn: 65003,
        networks: ['198.51.100.0/24', '203.0.113.0/24'],
        peer: { role: 'peer' },
        bird: leaking,
      },
      { name: 'provider', image: 'bird', asn: 65004, peer: { role: 'customer' }, networks: ['192.0.2.0/24'] },
      {
        name: 'below',
        image: 'bird',
        asn: 65005,
        peer: { role: 'provider' },
        bird: { settings: ['local role customer;'] },
      },
    ]);
    const { t } = scene;
    for (const name of ['customer', 'equal'])
      await t.untilPeer(name, ({ families }) => (families.ipv4?.received ?? 0) > 0, 'has announced');
    const { paths } = await t.client.explain('198.51.100.0/24');
    expect(Object.fromEntries(paths.map(({ peer, verdict, reason }) => [peer, { verdict, reason }]))).toEqual(
      {
        customer: {
          verdict: 'rejected',
          reason: expect.stringMatching(/it is a route leak: it carries OTC/),
        },
        equal: {
          verdict: 'rejected',
          reason: "it is a route leak: its OTC names another AS than the peer's (RFC 9234 §5)",
        },
      },
    );
    await scene.bird('below').untilRoute('192.0.2.0/24', /BGP\.otc: 65004/);
    expect(await scene.bird('below').route('203.0.113.0/24')).toBe('');
  });
});
