/** Tartan `t` and other daemons, each on a link of its own with it: the scene of many tests. */
import {
  Bird,
  type BirdNeighbor,
  birdConfig,
  Frr,
  type FrrNeighbor,
  frrConfig,
  Lab,
  Tartan,
  tartanConfig,
} from '../../../interop/index.js';

export interface Neighbour {
  /** Its node, and the peer's name in Tartan. */
  readonly name: string;
  readonly image: 'frr' | 'bird';
  readonly asn: number;
  readonly networks?: string[];
  /** Further keys of the peer in Tartan's document. */
  readonly peer?: Record<string, unknown>;
  /** Further lines of the session in FRR's or BIRD's configuration. */
  readonly frr?: Partial<FrrNeighbor> & { readonly lines?: string[] };
  readonly bird?: Partial<BirdNeighbor> & { readonly lines?: string[] };
}

export interface Peering {
  readonly lab: Lab;
  readonly t: Tartan;
  frr(name: string): Frr;
  bird(name: string): Bird;
}

/** Our address towards the neighbour with that index, and its own. */
export const ours = (index: number) => `10.0.${index}.1`;
export const theirs = (index: number) => `10.0.${index}.2`;

/**
 * Brings up `t`, AS 65001, and its neighbours. The neighbour with index i has 10.0.i.2 on the link to 10.0.i.1.
 * `spec`: further keys of Tartan's document.
 */
export async function peering(
  name: string,
  neighbours: readonly Neighbour[],
  spec: Record<string, unknown> = {},
): Promise<Peering> {
  const files: Record<string, string> = {
    't.yaml': tartanConfig({
      name: 't',
      asn: 65001,
      routerId: '10.255.0.1',
      spec: {
        ...spec,
        peers: neighbours.map(({ name, asn, peer }, i) => ({
          name,
          address: theirs(i),
          asn,
          connectRetry: 1,
          ...peer,
        })),
      },
    }),
  };
  for (const [i, neighbour] of neighbours.entries()) files[`${neighbour.name}.conf`] = configOf(neighbour, i);
  const lab = await Lab.up(
    {
      name,
      topology: {
        nodes: {
          t: {
            image: 'tartan',
            'startup-config': 't.yaml',
            exec: neighbours.map((_, i) => `ip addr add ${ours(i)}/24 dev eth${i + 1}`),
          },
          ...Object.fromEntries(
            neighbours.map(({ name, image }, i) => [
              name,
              {
                image,
                'startup-config': `${name}.conf`,
                exec: [`ip addr add ${theirs(i)}/24 dev eth1`],
              },
            ]),
          ),
        },
        links: neighbours.map(({ name }, i) => ({ endpoints: [`t:eth${i + 1}`, `${name}:eth1`] })),
      },
    },
    { files },
  );
  return {
    lab,
    t: new Tartan(lab.node('t')),
    frr: (name) => new Frr(lab.node(name)),
    bird: (name) => new Bird(lab.node(name)),
  };
}

function configOf({ image, asn, networks = [], frr = {}, bird = {} }: Neighbour, index: number): string {
  const routerId = theirs(index);
  if (image === 'frr') {
    const { lines, settings = [], ...rest } = frr;
    return frrConfig({
      asn,
      routerId,
      networks,
      ...(lines === undefined ? {} : { lines }),
      neighbors: [
        { address: ours(index), remoteAsn: 65001, settings: ['timers connect 1', ...settings], ...rest },
      ],
    });
  }
  const { lines, settings = [], ...rest } = bird;
  return birdConfig({
    asn,
    routerId,
    networks,
    ...(lines === undefined ? {} : { lines }),
    neighbors: [
      {
        name: 't',
        address: ours(index),
        remoteAsn: 65001,
        settings: ['connect delay time 1;', 'connect retry time 1;', 'error wait time 1, 2;', ...settings],
        ...rest,
      },
    ],
  });
}
