/** Tartan `t` and other daemons, each on a link of its own with it: the scene of many tests. */
import {
  Bird,
  type BirdNeighbor,
  birdConfig,
  Exabgp,
  type ExabgpNeighbor,
  exabgpConfig,
  Frr,
  type FrrNeighbor,
  frrConfig,
  Gobgp,
  type GobgpBgp,
  type GobgpNeighbor,
  gobgpConfig,
  Lab,
  Openbgpd,
  type OpenbgpdBgp,
  type OpenbgpdNeighbor,
  openbgpdConfig,
  Tartan,
  tartanConfig,
} from '../../../interop/index.js';

export interface Neighbour {
  /** Its node, and the peer's name in Tartan. */
  readonly name: string;
  readonly image: 'frr' | 'bird' | 'gobgp' | 'openbgpd' | 'exabgp';
  readonly asn: number;
  /** Its own address if left out. */
  readonly routerId?: string;
  readonly networks?: string[];
  /** Further keys of its node in the topology, and files that they name. */
  readonly node?: Record<string, unknown>;
  readonly files?: Record<string, string>;
  /** Tartan's document does not name it: it dials from a range. */
  readonly unnamed?: boolean;
  /** Further keys of the peer in Tartan's document. */
  readonly peer?: Record<string, unknown>;
  /** Further lines of the session, and of the file, in the configuration of the daemon that it is. `bgp`: of FRR's `router bgp`. */
  readonly frr?: Partial<FrrNeighbor> & { readonly lines?: string[]; readonly bgp?: string[] };
  readonly bird?: Partial<BirdNeighbor> & { readonly lines?: string[] };
  readonly gobgp?: Partial<GobgpNeighbor> & Pick<GobgpBgp, 'global' | 'sections'>;
  readonly openbgpd?: Partial<OpenbgpdNeighbor> & Pick<OpenbgpdBgp, 'lines' | 'filters'>;
  readonly exabgp?: Partial<ExabgpNeighbor> & { readonly lines?: string[] };
}

export interface Peering {
  readonly lab: Lab;
  readonly t: Tartan;
  frr(name: string): Frr;
  bird(name: string): Bird;
  gobgp(name: string): Gobgp;
  openbgpd(name: string): Openbgpd;
  exabgp(name: string): Exabgp;
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
        peers: neighbours.flatMap(({ name, asn, peer, unnamed }, i) =>
          unnamed ? [] : [{ name, address: theirs(i), asn, connectRetry: 1, ...peer }],
        ),
      },
    }),
  };
  for (const [i, neighbour] of neighbours.entries()) {
    files[`${neighbour.name}.conf`] = configOf(neighbour, i);
    Object.assign(files, neighbour.files);
  }
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
            neighbours.map(({ name, image, node }, i) => [
              name,
              {
                ...node,
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
    gobgp: (name) => new Gobgp(lab.node(name)),
    openbgpd: (name) => new Openbgpd(lab.node(name)),
    exabgp: (name) => new Exabgp(lab.node(name)),
  };
}

function configOf(neighbour: Neighbour, index: number): string {
  const { image, asn, networks = [] } = neighbour;
  const common = { asn, routerId: neighbour.routerId ?? theirs(index), networks };
  const session = { address: ours(index), remoteAsn: 65001 };
  switch (image) {
    case 'frr': {
      const { lines = [], bgp = [], settings = [], ...rest } = neighbour.frr ?? {};
      const neighbors = [{ ...session, settings: ['timers connect 1', ...settings], ...rest }];
      return frrConfig({ ...common, settings: bgp, lines, neighbors });
    }
    case 'bird': {
      const { lines = [], settings = [], ...rest } = neighbour.bird ?? {};
      const eager = ['connect delay time 1;', 'connect retry time 1;', 'error wait time 1, 2;'];
      const neighbors = [{ name: 't', ...session, settings: [...eager, ...settings], ...rest }];
      return birdConfig({ ...common, lines, neighbors });
    }
    case 'gobgp': {
      const { global = {}, sections = {}, ...rest } = neighbour.gobgp ?? {};
      return gobgpConfig({ ...common, global, sections, neighbors: [{ ...session, ...rest }] });
    }
    case 'openbgpd': {
      const { lines = [], filters, ...rest } = neighbour.openbgpd ?? {};
      const rules = filters === undefined ? {} : { filters };
      return openbgpdConfig({ ...common, ...rules, lines, neighbors: [{ ...session, ...rest }] });
    }
    case 'exabgp': {
      const { lines = [], ...rest } = neighbour.exabgp ?? {};
      const neighbors = [{ ...session, localAddress: theirs(index), ...rest }];
      return exabgpConfig({ ...common, lines, neighbors });
    }
  }
}
