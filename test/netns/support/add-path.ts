/**
 * The scene of ADD-PATH tests: a and b (BIRD) announce the same prefixes to `m` in the middle, which has a link to `e`
 * at the end. Between m and e several paths of a prefix go; one of the two is Tartan.
 *
 *     a (AS 65011) ── m (AS 65001) ── e (AS 65002)
 *     b (AS 65012) ──/
 */
import { Bird, Lab, Tartan, tartanConfig } from '../../../interop/index.js';

export const prefix4 = '198.51.100.0/24';
export const prefix6 = '2001:db8:100::/48';

/** A session as the configuration of m or e needs it. */
export interface Session {
  readonly name: string;
  readonly address: string;
  /** Our end of it. */
  readonly localAddress: string;
  readonly asn: number;
  /** Carries several paths per prefix. */
  readonly addPath: boolean;
}

/** A daemon that can stand in the middle or at the end; `config` writes what it is started with. */
export interface Speaker {
  readonly image: string;
  config(node: { name: string; asn: number; routerId: string; sessions: readonly Session[] }): string;
}

export function tartan(addPath: Record<string, unknown>, spec: Record<string, unknown> = {}): Speaker {
  return {
    image: 'tartan',
    config: ({ name, asn, routerId, sessions }) =>
      tartanConfig({
        name,
        asn,
        routerId,
        spec: {
          ...spec,
          peers: sessions.map((session) => ({
            name: session.name,
            address: session.address,
            asn: session.asn,
            families: ['ipv4', 'ipv6'],
            connectRetry: 1,
            ...(session.addPath ? { addPath } : {}),
          })),
        },
      }),
  };
}

export interface Chain {
  readonly lab: Lab;
  readonly a: Bird;
  readonly b: Bird;
  /** The Tartan among m and e. */
  readonly t: Tartan;
}

export async function chain(name: string, m: Speaker, e: Speaker): Promise<Chain> {
  const feeder = (n: 1 | 2) =>
    [
      `router id 10.1.${n}.2;`,
      'log stderr all;',
      'protocol device {}',
      `protocol static s4 { ipv4; route ${prefix4} unreachable; }`,
      `protocol static s6 { ipv6; route ${prefix6} unreachable; }`,
      'protocol bgp m {',
      `  local as ${65010 + n};`,
      `  neighbor 10.1.${n}.1 as 65001;`,
      '  connect delay time 1; connect retry time 1; error wait time 1, 2;',
      '  ipv4 { import none; export all; };',
      `  ipv6 { import none; export all; next hop address 2001:db8:${n}::2; };`,
      '}',
      '',
    ].join('\n');
  const speakers: readonly Session[] = [
    { name: 'a', address: '10.1.1.2', localAddress: '10.1.1.1', asn: 65011, addPath: false },
    { name: 'b', address: '10.1.2.2', localAddress: '10.1.2.1', asn: 65012, addPath: false },
    { name: 'e', address: '10.1.3.2', localAddress: '10.1.3.1', asn: 65002, addPath: true },
  ];
  const lab = await Lab.up(
    {
      name,
      topology: {
        nodes: {
          m: {
            image: m.image,
            'startup-config': 'm.conf',
            exec: [1, 2, 3].flatMap((n) => [
              `ip addr add 10.1.${n}.1/24 dev eth${n}`,
              `ip addr add 2001:db8:${n}::1/64 dev eth${n} nodad`,
            ]),
          },
          e: {
            image: e.image,
            'startup-config': 'e.conf',
            exec: ['ip addr add 10.1.3.2/24 dev eth1', 'ip addr add 2001:db8:3::2/64 dev eth1 nodad'],
          },
          ...Object.fromEntries(
            ([1, 2] as const).map((n) => [
              n === 1 ? 'a' : 'b',
              {
                image: 'bird',
                'startup-config': `${n}.conf`,
                exec: [
                  `ip addr add 10.1.${n}.2/24 dev eth1`,
                  `ip addr add 2001:db8:${n}::2/64 dev eth1 nodad`,
                ],
              },
            ]),
          ),
        },
        links: ['a', 'b', 'e'].map((node, i) => ({ endpoints: [`m:eth${i + 1}`, `${node}:eth1`] })),
      },
    },
    {
      files: {
        'm.conf': m.config({ name: 'm', asn: 65001, routerId: '10.1.3.1', sessions: speakers }),
        'e.conf': e.config({
          name: 'e',
          asn: 65002,
          routerId: '10.1.3.2',
          sessions: [{ name: 'm', address: '10.1.3.1', localAddress: '10.1.3.2', asn: 65001, addPath: true }],
        }),
        '1.conf': feeder(1),
        '2.conf': feeder(2),
      },
    },
  );
  return {
    lab,
    a: new Bird(lab.node('a')),
    b: new Bird(lab.node('b')),
    t: new Tartan(lab.node(m.image === 'tartan' ? 'm' : 'e')),
  };
}
