/** Configuration files for each of the five daemons from one description of sessions and announcements. */
import type { DaemonId } from '../../../interop/features.js';
import {
  type BirdNeighbor,
  birdConfig,
  type ExabgpNeighbor,
  exabgpConfig,
  type FrrNeighbor,
  frrConfig,
  type GobgpNeighbor,
  gobgpConfig,
  type OpenbgpdNeighbor,
  openbgpdConfig,
} from '../../../interop/index.js';

export type Family = 'ipv4' | 'ipv6';
export const familyOf = (text: string): Family => (text.includes(':') ? 'ipv6' : 'ipv4');

/** A route that the daemon originates. */
export interface Announcement {
  prefix: string;
  med?: number;
  localPref?: number;
  /** `65002:7`, `no-export`. */
  communities?: string[];
  largeCommunities?: string[];
  /** Two-octet AS and number: `65002:9`. */
  routeTargets?: string[];
  nextHop?: string;
}

export interface RemoteSession {
  /** The daemon's own address, and Tartan's. */
  localAddress: string;
  address: string;
  remoteAsn: number;
  families?: Family[];
  /** Whether the daemon waits to be dialed. */
  passive?: boolean;
  password?: string;
  /** GTSM. */
  ttlSecurity?: boolean;
  reflectorClient?: boolean;
  holdTime?: number;
  /** More of the session, in the daemon's own words. */
  own?: {
    frr?: Partial<FrrNeighbor>;
    bird?: Partial<BirdNeighbor>;
    gobgp?: Partial<GobgpNeighbor>;
    openbgpd?: Partial<OpenbgpdNeighbor>;
    exabgp?: Partial<ExabgpNeighbor>;
  };
}

export interface RemoteOptions {
  asn: number;
  routerId: string;
  sessions: RemoteSession[];
  announcements?: Announcement[];
}

/** The name of a session's protocol in BIRD. */
export const birdName = (address: string): string => `s_${address.replace(/[.:]/g, '_')}`;

/** The daemon's configuration file. */
export function remoteConfig(daemon: DaemonId, options: RemoteOptions): string {
  const { asn, routerId, sessions, announcements = [] } = options;
  const common = { asn, routerId };
  const base = ({ address, remoteAsn, families, passive }: RemoteSession) => ({
    address,
    remoteAsn,
    families: families ?? [familyOf(address)],
    passive: passive ?? false,
  });
  switch (daemon) {
    case 'frr':
      return frrConfig({
        ...common,
        lines: announcements.flatMap(frrRouteMap),
        networks: announcements.map(({ prefix }, i) => `${prefix} route-map a${i}`),
        neighbors: sessions.map((session) => {
          const { settings = [], ...own } = session.own?.frr ?? {};
          return { ...base(session), ...own, settings: [...frrSettings(session), ...settings] };
        }),
      });
    case 'bird':
      return birdConfig({
        ...common,
        lines: announcements.flatMap(birdStatic),
        neighbors: sessions.map((session) => {
          const { settings = [], ...own } = session.own?.bird ?? {};
          const name = birdName(session.address);
          const channel = ['import all;', birdExport(announcements)];
          return {
            name,
            ...base(session),
            channel,
            ...own,
            settings: [...birdSettings(session), ...settings],
          };
        }),
      });
    case 'gobgp':
      return gobgpConfig({
        ...common,
        networks: announcements.map((route) => [route.prefix, ...gobgpWords(route)].join(' ')),
        neighbors: sessions.map((session) => {
          const { settings = {}, ...own } = session.own?.gobgp ?? {};
          return { ...base(session), ...own, settings: { ...gobgpSettings(session), ...settings } };
        }),
      });
    case 'openbgpd':
      return openbgpdConfig({
        ...common,
        networks: announcements.map(
          (route) => `${route.prefix} set { ${['origin igp', ...openbgpdWords(route)].join(' ')} }`,
        ),
        neighbors: sessions.map((session) => {
          const { settings = [], ...own } = session.own?.openbgpd ?? {};
          return { ...base(session), ...own, settings: [...openbgpdSettings(session), ...settings] };
        }),
      });
    case 'exabgp':
      return exabgpConfig({
        ...common,
        networks: announcements.map((route) => `${route.prefix} ${exabgpWords(route).join(' ')}`.trim()),
        neighbors: sessions.map((session) => {
          const { settings = [], ...own } = session.own?.exabgp ?? {};
          const { localAddress } = session;
          return {
            ...base(session),
            localAddress,
            ...own,
            settings: [...exabgpSettings(session), ...settings],
          };
        }),
      });
  }
}

function frrRouteMap(route: Announcement, i: number): string[] {
  const { med, localPref, communities, largeCommunities, routeTargets, nextHop } = route;
  return [
    `route-map a${i} permit 10`,
    ...(med === undefined ? [] : [` set metric ${med}`]),
    ...(localPref === undefined ? [] : [` set local-preference ${localPref}`]),
    ...(communities === undefined ? [] : [` set community ${communities.join(' ')}`]),
    ...(largeCommunities === undefined ? [] : [` set large-community ${largeCommunities.join(' ')}`]),
    ...(routeTargets === undefined ? [] : [` set extcommunity rt ${routeTargets.join(' ')}`]),
    ...(nextHop === undefined
      ? []
      : [` set ${familyOf(nextHop) === 'ipv4' ? 'ip next-hop' : 'ipv6 next-hop global'} ${nextHop}`]),
    'exit',
  ];
}

function frrSettings({ localAddress, password, ttlSecurity, holdTime }: RemoteSession): string[] {
  return [
    'timers connect 1',
    `update-source ${localAddress}`,
    ...(password === undefined ? [] : [`password ${password}`]),
    ...(ttlSecurity ? ['ttl-security hops 1'] : []),
    ...(holdTime === undefined ? [] : [`timers ${Math.floor(holdTime / 3)} ${holdTime}`]),
  ];
}

const birdTuple = (text: string): string => {
  const known: Record<string, string> = { 'no-export': '65535:65281', 'no-advertise': '65535:65282' };
  return `(${(known[text] ?? text).replaceAll(':', ', ')})`;
};

/** A protocol of its own for each, so that it can be withdrawn. */
function birdStatic(route: Announcement, i: number): string[] {
  const { prefix, localPref, communities = [], largeCommunities = [], routeTargets = [] } = route;
  const attributes = [
    ...(localPref === undefined ? [] : [`bgp_local_pref = ${localPref};`]),
    ...communities.map((community) => `bgp_community.add(${birdTuple(community)});`),
    ...largeCommunities.map((community) => `bgp_large_community.add(${birdTuple(community)});`),
    ...routeTargets.map((target) => `bgp_ext_community.add((rt, ${target.replace(':', ', ')}));`),
  ];
  return [
    `protocol static a${i} {`,
    `  ${familyOf(prefix)};`,
    `  route ${prefix} unreachable { ${attributes.join(' ')} };`,
    '}',
  ];
}

/** To another AS, BIRD sends only the MED that the export filter sets. */
function birdExport(announcements: readonly Announcement[]): string {
  const meds = announcements.map(({ prefix, med }) =>
    med === undefined
      ? ''
      : `if net.type = NET_IP${familyOf(prefix) === 'ipv4' ? 4 : 6} then if net = ${prefix} then bgp_med = ${med};`,
  );
  return `export filter { ${meds.join(' ')} if source ~ [ RTS_STATIC, RTS_BGP ] then accept; reject; };`;
}

function birdSettings({ localAddress, password, ttlSecurity, holdTime }: RemoteSession): string[] {
  return [
    'connect delay time 1;',
    'connect retry time 1;',
    'error wait time 1, 2;',
    `source address ${localAddress};`,
    'enable extended messages on;',
    ...(password === undefined ? [] : [`password "${password}";`]),
    ...(ttlSecurity ? ['ttl security on;'] : []),
    ...(holdTime === undefined ? [] : [`hold time ${holdTime};`]),
  ];
}

export function gobgpWords(route: Announcement): string[] {
  const { prefix, med, localPref, communities, largeCommunities, routeTargets, nextHop } = route;
  return [
    ...(nextHop === undefined && familyOf(prefix) === 'ipv4' ? [] : ['nexthop', nextHop ?? '::']),
    ...(med === undefined ? [] : ['med', String(med)]),
    ...(localPref === undefined ? [] : ['local-pref', String(localPref)]),
    ...(communities === undefined ? [] : ['community', communities.join(',')]),
    ...(largeCommunities === undefined ? [] : ['large-community', largeCommunities.join(',')]),
    ...(routeTargets === undefined ? [] : ['rt', ...routeTargets]),
  ];
}

function gobgpSettings(session: RemoteSession): Record<string, unknown> {
  const { localAddress, password, ttlSecurity, holdTime, reflectorClient, address, remoteAsn } = session;
  return {
    config: {
      'neighbor-address': address,
      'peer-as': remoteAsn,
      ...(password === undefined ? {} : { 'auth-password': password }),
    },
    transport: {
      config: { 'passive-mode': session.passive ?? false, 'local-address': localAddress },
    },
    timers: {
      config: {
        'connect-retry': 1,
        'idle-hold-time-after-reset': 1,
        ...(holdTime === undefined
          ? {}
          : { 'hold-time': holdTime, 'keepalive-interval': Math.floor(holdTime / 3) }),
      },
    },
    ...(ttlSecurity ? { 'ttl-security': { config: { enabled: true, 'ttl-min': 255 } } } : {}),
    ...(reflectorClient ? { 'route-reflector': { config: { 'route-reflector-client': true } } } : {}),
  };
}

export function openbgpdWords(route: Announcement): string[] {
  const { med, localPref, communities = [], largeCommunities = [], routeTargets = [], nextHop } = route;
  const names: Record<string, string> = { 'no-export': 'NO_EXPORT', 'no-advertise': 'NO_ADVERTISE' };
  return [
    ...(med === undefined ? [] : ['med', String(med)]),
    ...(localPref === undefined ? [] : ['localpref', String(localPref)]),
    ...(nextHop === undefined ? [] : ['nexthop', nextHop]),
    ...communities.flatMap((community) => ['community', names[community] ?? community]),
    ...largeCommunities.flatMap((community) => ['large-community', community]),
    ...routeTargets.flatMap((target) => ['ext-community', 'rt', target]),
  ];
}

function openbgpdSettings({ localAddress, password, ttlSecurity, holdTime }: RemoteSession): string[] {
  return [
    `local-address ${localAddress}`,
    ...(password === undefined ? [] : [`tcp md5sig password ${password}`]),
    ...(ttlSecurity ? ['ttl-security yes'] : []),
    ...(holdTime === undefined ? [] : [`holdtime ${holdTime}`]),
  ];
}

export function exabgpWords(route: Announcement): string[] {
  const { med, localPref, communities, largeCommunities, routeTargets, nextHop } = route;
  return [
    ...(nextHop === undefined ? [] : [`next-hop ${nextHop}`]),
    ...(med === undefined ? [] : [`med ${med}`]),
    ...(localPref === undefined ? [] : [`local-preference ${localPref}`]),
    ...(communities === undefined ? [] : [`community [ ${communities.join(' ')} ]`]),
    ...(largeCommunities === undefined ? [] : [`large-community [ ${largeCommunities.join(' ')} ]`]),
    ...(routeTargets === undefined
      ? []
      : [`extended-community [ ${routeTargets.map((target) => `target:${target}`).join(' ')} ]`]),
  ];
}

function exabgpSettings({ password, ttlSecurity, holdTime }: RemoteSession): string[] {
  return [
    ...(password === undefined ? [] : [`md5-password "${password}";`]),
    ...(ttlSecurity ? ['outgoing-ttl 255;', 'incoming-ttl 255;'] : []),
    ...(holdTime === undefined ? [] : [`hold-time ${holdTime};`]),
  ];
}
