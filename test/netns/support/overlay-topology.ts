/** The lab of six nodes: what each is, what it is linked to, and what its daemon is told. */
import { birdConfig, frrConfig, tartanConfig } from '../../../interop/index.js';
import {
  addressOf,
  blockOf,
  type Family,
  families,
  numbers,
  podOf,
  type Scenario,
  subnetOf,
  vtepOf,
} from './overlay-scenario.js';

/** What a lab is made of. */
export interface Shape {
  readonly families: readonly Family[];
  /** BIRD is one process where FRR is four, and serves sooner where processes are slow. */
  readonly routers: 'frr' | 'bird';
}

const asn = 65100;
const routerAsn = (subnet: number) => 65000 + subnet;

/** What node n is to do. */
export function documentOf(n: number, scenario: Scenario, spoken = families): string {
  const { backend, mode, routes, profile = 'calico', receives } = scenario;
  const pool = { backend, mode };
  const byBgp = routes === 'bgp';
  const nodes = numbers.map((each) => ({
    name: `n${each}`,
    addresses: spoken.map((family) => `${addressOf(each, family)}/${family === 'ipv4' ? 24 : 64}`),
    // By BGP, a node says of the others' pods nothing, and of its own what it originates.
    ...(byBgp && each !== n ? {} : { podCIDRs: spoken.map((family) => blockOf(each, family)) }),
    vtep: Object.fromEntries(spoken.map((family) => [family, { address: vtepOf(each, family) }])),
    ...(receives === undefined ? {} : { receives }),
  }));
  const mesh = numbers
    .filter((each) => each !== n)
    .flatMap((each) =>
      spoken.map((family) => ({
        name: `n${each}-${family}`,
        address: addressOf(each, family),
        asn,
        nextHop: 'self',
      })),
    );
  const routers = spoken.map((family) => ({
    name: `router-${family}`,
    address: family === 'ipv4' ? `10.0.${subnetOf(n)}.254` : `fd00:${subnetOf(n)}::fe`,
    asn: routerAsn(subnetOf(n)),
    import: 'none',
    export: 'own',
  }));
  return tartanConfig({
    name: `n${n}`,
    asn,
    routerId: addressOf(n, 'ipv4'),
    spec: {
      listen: spoken.map((family) => ({ address: addressOf(n, family) })),
      overlay: { profile, sameSubnet: 'address', mac: 'name' },
      pools: spoken.map((family) =>
        family === 'ipv4'
          ? { cidr: '10.244.0.0/16', ...pool }
          : { cidr: 'fd10::/16', ...pool, ...(backend === 'ipip' ? { backend: 'none' } : {}) },
      ),
      nodes,
      filters: {
        none: [{ action: 'reject' }],
        own: [{ match: { source: 'originated' }, action: 'accept' }],
      },
      peers: byBgp ? [...mesh, ...routers] : [],
    },
  });
}

/** What the router of subnet s is to do. */
function routerDocument(s: number, { families: spoken, routers }: Shape): string {
  const others = [1, 2, 3].filter((each) => each !== s);
  const clients = numbers.filter((n) => subnetOf(n) === s);
  const neighbors = spoken.flatMap((family) => [
    ...others.map((each) => ({
      name: `r${each}_${family}`,
      address: linkOf(each, s, family),
      remoteAsn: routerAsn(each),
    })),
    ...clients.map((n) => ({ name: `n${n}_${family}`, address: addressOf(n, family), remoteAsn: asn })),
  ]);
  const base = { asn: routerAsn(s), routerId: gatewayOf(s, 'ipv4') };
  if (routers === 'frr') {
    const own = { ipv4: `10.0.${s}.0/24`, ipv6: `fd00:${s}::/64` };
    return frrConfig({
      ...base,
      networks: spoken.map((family) => own[family]),
      neighbors: neighbors.map((each) => ({ ...each, settings: ['timers connect 1'] })),
    });
  }
  return birdConfig({
    ...base,
    neighbors: neighbors.map((each) => ({
      ...each,
      settings: ['connect delay time 1;', 'connect retry time 1;', 'error wait time 1, 1;'],
      channel: ['import all;', 'export where source ~ [ RTS_DEVICE, RTS_BGP ];'],
    })),
  });
}

export interface Parts {
  readonly topology: { readonly nodes: Record<string, object>; readonly links: object[] };
  readonly files: Record<string, string>;
}

const lengthOf = (family: Family) => (family === 'ipv4' ? 24 : 64);
/** The router of subnet s. */
export const gatewayOf = (s: number, family: Family) =>
  family === 'ipv4' ? `10.0.${s}.254` : `fd00:${s}::fe`;
const podGatewayOf = (n: number, family: Family) => (family === 'ipv4' ? `10.244.${n}.1` : `fd10:${n}::1`);
const setAddress = (address: string, family: Family, device: string) =>
  `address add ${address}/${lengthOf(family)} dev ${device}`;
const setDefault = (gateway: string) => `route add default via ${gateway}`;
/** Commands of `ip` in one process: labs may be in a machine where each takes its time. */
const inOne = (commands: readonly string[]) => [`sh -c 'ip -batch - <<END\n${commands.join('\n')}\nEND'`];
/** Router s on its link to another. */
const linkOf = (s: number, other: number, family: Family) => {
  const link = [Math.min(s, other), Math.max(s, other)].join('');
  return family === 'ipv4' ? `172.16.${link}.${s}` : `fd02:${link}::${s}`;
};

export function partsOf(scenario: Scenario, shape: Shape): Parts {
  const spoken = shape.families;
  const files: Record<string, string> = {};
  const nodes: Record<string, object> = {};
  const links: object[] = [];
  for (const n of numbers) {
    files[`n${n}.yaml`] = documentOf(n, scenario, spoken);
    nodes[`n${n}`] = {
      image: 'tartan',
      binds: [`n${n}.yaml:/etc/tartan/router.yaml`],
      exec: inOne(
        spoken.flatMap((family) => [
          setAddress(addressOf(n, family), family, 'eth1'),
          setAddress(podGatewayOf(n, family), family, 'eth2'),
          setDefault(gatewayOf(subnetOf(n), family)),
        ]),
      ),
    };
    nodes[`p${n}`] = {
      image: 'alpine',
      exec: inOne(
        spoken.flatMap((family) => [
          setAddress(podOf(n, family), family, 'eth1'),
          setDefault(podGatewayOf(n, family)),
        ]),
      ),
    };
    links.push(
      { endpoints: [`n${n}:eth1`, `sw${subnetOf(n)}:port${n}`] },
      { endpoints: [`n${n}:eth2`, `p${n}:eth1`] },
    );
  }
  for (const s of [1, 2, 3]) {
    const others = [1, 2, 3].filter((each) => each !== s);
    nodes[`sw${s}`] = { kind: 'bridge' };
    nodes[`r${s}`] = {
      image: shape.routers,
      binds: [`r${s}.conf:/etc/${shape.routers}/${shape.routers}.conf`],
      exec: inOne(
        spoken.flatMap((family) => [
          setAddress(gatewayOf(s, family), family, 'eth1'),
          ...others.map((each) => setAddress(linkOf(s, each, family), family, `to${each}`)),
        ]),
      ),
    };
    files[`r${s}.conf`] = routerDocument(s, shape);
    links.push({ endpoints: [`r${s}:eth1`, `sw${s}:router`] });
    for (const each of others)
      if (each > s) links.push({ endpoints: [`r${s}:to${each}`, `r${each}:to${s}`] });
  }
  return { topology: { nodes, links }, files };
}
