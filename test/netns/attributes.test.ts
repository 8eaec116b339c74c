/** Attributes that we only carry: from ExaBGP, which says them octet by octet, to GoBGP and to another ExaBGP. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Exabgp, type GobgpAttribute } from '../../interop/index.js';
import { interop } from './support/interop.js';
import { type Peering, peering } from './support/peering.js';

let scene: Peering;
const prefix = '198.51.100.0/24';

/** An IPv6 address specific route target (RFC 5701). */
const ipv6Target = `000220010db8${'00'.repeat(12)}0007`;
const said = [
  // AS_PATHLIMIT, which died as a draft: optional, transitive.
  '0x15 0xc0 0x0500000001',
  `0x19 0xc0 0x${ipv6Target}`,
  // Unknown: transitive, transitive and partial already, not transitive.
  '0xf0 0xc0 0xdeadbeef',
  '0xf1 0xe0 0xcafe',
  '0xf2 0x80 0x01',
];

const gobgpValues = (attribute?: GobgpAttribute): unknown[] => (attribute?.value ?? []) as unknown[];

beforeAll(async () => {
  scene = await peering('attributes', [
    { name: 'from', image: 'exabgp', asn: 65002 },
    { name: 'gobgp', image: 'gobgp', asn: 65003 },
    { name: 'exa', image: 'exabgp', asn: 65004 },
    { name: 'inner', image: 'exabgp', asn: 65001 },
    { name: 'bird', image: 'bird', asn: 65005 },
    { name: 'open', image: 'openbgpd', asn: 65006 },
    // It shows no attribute that it does not know, but records every message that it gets.
    { name: 'frr', image: 'frr', asn: 65007, frr: { lines: ['dump bgp updates /var/log/frr/updates.mrt'] } },
  ]);
  for (const name of ['from', 'gobgp', 'exa', 'inner', 'bird', 'open', 'frr'])
    await scene.t.untilEstablished(name);
  await new Exabgp(scene.lab.node('from')).announce(
    prefix,
    `extended-community [ 0x4004fdea4b3ebc20 0x0002fdea00000007 ] ${said.map((each) => `attribute [ ${each} ]`).join(' ')}`,
  );
});
afterAll(() => scene?.lab.down());

describe('attributes that we only carry', () => {
  it('are shown, those of no concern to us with the partial bit, and what is not transitive is gone', async () => {
    await scene.t.untilRoute(prefix);
    const { paths } = await scene.t.client.explain(prefix);
    expect(paths[0].attributes).toMatchObject({
      extendedCommunities: ['bandwidth:65002:12500000', 'rt:65002:7'],
      ipv6ExtendedCommunities: [ipv6Target],
      others: [
        { code: 21, partial: true, value: '0500000001' },
        { code: 240, partial: true, value: 'deadbeef' },
        { code: 241, partial: true, value: 'cafe' },
      ],
    });
  });

  interop('carried-attributes', 'bird', 'come as they were', async () => {
    const shown = await scene.bird('bird').untilRoute(prefix);
    expect(shown).toMatch(/BGP\.f0 \[t\]: de ad be ef/);
    expect(shown).toMatch(/BGP\.f1 \[t\]: ca fe/);
    expect(shown).toMatch(/BGP\.19 \[t\]: 00 02 20 01 0d b8/);
    expect(shown).not.toMatch(/BGP\.f2/);
  });

  interop('carried-attributes', 'openbgpd', 'come as they were', async () => {
    type Shown = { extended_communities?: string[]; attributes?: object[] };
    const path = (await scene.openbgpd('open').untilPath(prefix)) as Shown;
    // Link bandwidth does not leave the AS (RFC 4360 §6).
    expect(path.extended_communities).toEqual(['rt 65002:7']);
    const flags = (partial: boolean) => ({ optional: true, transitive: true, partial });
    expect(path.attributes).toEqual([
      { type: 'Unknown Attribute #21', length: 5, flags: flags(true), data: '0500000001' },
      { type: 'Unknown Attribute #25', length: 20, flags: flags(false), data: ipv6Target },
      { type: 'Unknown Attribute #240', length: 4, flags: flags(true), data: 'deadbeef' },
      { type: 'Unknown Attribute #241', length: 2, flags: flags(true), data: 'cafe' },
    ]);
  });

  interop('carried-attributes', 'frr', 'come as they were', async () => {
    await scene.frr('frr').untilPath(prefix);
    const { stdout } = await scene.lab
      .node('frr')
      .exec(['sh', '-c', 'od -An -v -tx1 /var/log/frr/updates.mrt | tr -d " \\n"']);
    // Flags, code, length, value.
    for (const each of ['e0f004deadbeef', 'e0f102cafe', `c01914${ipv6Target}`])
      expect(stdout).toContain(each);
    expect(stdout).not.toContain('80f20101');
  });

  interop('carried-attributes', 'gobgp', 'come as they were', async () => {
    const { attrs } = await scene.gobgp('gobgp').untilPath(prefix);
    const carried = attrs.filter(({ type }) => type > 14);
    const base64 = (hex: string) => Buffer.from(hex, 'hex').toString('base64');
    // GoBGP writes IPv6 addresses within communities with a colon of its own between the fields.
    const [target] = gobgpValues(carried.find(({ type }) => type === 25));
    expect(target).toMatchObject({ type: 0, subtype: 2, value: expect.stringMatching(/^2001:db8::+7$/) });
    expect(carried.filter(({ type }) => type !== 25)).toEqual([
      // Link bandwidth does not leave the AS (RFC 4360 §6).
      { type: 16, value: [{ type: 0, subtype: 2, value: '65002:7' }] },
      // Optional, transitive, partial.
      { type: 21, flags: 0xe0, value: base64('0500000001') },
      { type: 240, flags: 0xe0, value: base64('deadbeef') },
      { type: 241, flags: 0xe0, value: base64('cafe') },
    ]);
  });

  interop(
    'carried-attributes',
    'exabgp',
    'come as they were; what stays within an AS stays there',
    async () => {
      const seen = async (name: string) =>
        (await new Exabgp(scene.lab.node(name)).untilRoute(prefix)).attributes as Record<string, unknown>;
      const passed = {
        'attribute-0x15-0xE0': '0x0500000001',
        'attribute-0xF0-0xE0': '0xdeadbeef',
        'attribute-0xF1-0xE0': '0xcafe',
      };
      const [outside, inside] = [await seen('exa'), await seen('inner')];
      for (const attributes of [outside, inside]) {
        expect(attributes).toMatchObject(passed);
        expect(Object.keys(attributes).filter((key) => /0xF2/i.test(key))).toEqual([]);
      }
      // Link bandwidth is not transitive (RFC 4360 §6), the route target is.
      expect(outside['extended-community']).toHaveLength(1);
      expect(JSON.stringify(outside['extended-community'])).toMatch(/target:65002:7/);
      expect(inside['extended-community']).toHaveLength(2);
    },
  );
});
