/**
 * The five daemons behind one face: the same questions and orders for each, so that one suite shows a feature with all
 * of them. What only one of them has stays with its own class in interop/.
 */
import type { DaemonId } from '../../../interop/features.js';
import {
  Bird,
  Exabgp,
  Frr,
  Gobgp,
  gobgpAttribute,
  type LabNode,
  Openbgpd,
  until,
} from '../../../interop/index.js';
import {
  type Announcement,
  birdName,
  exabgpWords,
  type Family,
  familyOf,
  gobgpWords,
  openbgpdWords,
  type RemoteOptions,
} from './remote-config.js';

/** A path as the daemon shows it. Communities are sorted. */
export interface RemotePath {
  asPath: number[];
  nextHop: string;
  med: number | null;
  localPref: number | null;
  communities: string[];
  largeCommunities: string[];
  routeTargets: string[];
  originatorId: string | null;
  clusterList: string[];
}

/** Asks and steers one of the daemons. `address`: Tartan's, by which the session is known. */
export interface Remote {
  untilEstablished(address: string): Promise<void>;
  untilNotEstablished(address: string): Promise<void>;
  path(prefix: string): Promise<RemotePath | undefined>;
  /** Stops to announce one of its announcements. */
  withdraw(prefix: string): Promise<void>;
  /** Announces it again. */
  announceAgain(prefix: string): Promise<void>;
  /** Has it ask for the routes of a family again (RFC 2918). */
  askAgain(address: string, family: Family): Promise<void>;
  /** How many UPDATEs it has received in the session. */
  updatesReceived(address: string): Promise<number>;
  /** Ends the session until `enable`, with words for the other side's operator where it has a way to (RFC 9003). */
  shutdown(address: string, words: string): Promise<void>;
  enable(address: string): Promise<void>;
  /** Where the words of a shutdown by the other side are found. */
  said(address: string): Promise<string>;
}

export async function untilRemotePath(
  remote: Remote,
  prefix: string,
  accept: (path: RemotePath) => boolean = () => true,
): Promise<RemotePath> {
  let last: RemotePath | undefined;
  return until(`the expected path to ${prefix}`, async () => {
    last = await remote.path(prefix);
    if (last !== undefined && !accept(last)) throw new Error(`there is ${JSON.stringify(last)}`);
    return last;
  });
}

export async function untilNoRemotePath(remote: Remote, prefix: string): Promise<void> {
  await until(`no path to ${prefix}`, async () => (await remote.path(prefix)) === undefined);
}

/** The daemon that runs in the node, by what its configuration was written from. */
export function remoteOf(daemon: DaemonId, node: LabNode, options: RemoteOptions): Remote {
  switch (daemon) {
    case 'frr':
      return frrRemote(new Frr(node), options);
    case 'bird':
      return birdRemote(new Bird(node), options);
    case 'gobgp':
      return gobgpRemote(new Gobgp(node), options);
    case 'openbgpd':
      return openbgpdRemote(new Openbgpd(node), options);
    case 'exabgp':
      return exabgpRemote(new Exabgp(node), options);
  }
}

const numbers = (text = ''): number[] => (text.match(/\d+/g) ?? []).map(Number);
const words = (text = ''): string[] => text.split(/\s+/).filter((word) => word !== '');

function find(options: RemoteOptions, prefix: string): { route: Announcement; index: number } {
  const index = (options.announcements ?? []).findIndex((route) => route.prefix === prefix);
  const route = options.announcements?.[index];
  if (route === undefined) throw new Error(`${prefix} is none of its announcements`);
  return { route, index };
}

function frrRemote(frr: Frr, options: RemoteOptions): Remote {
  const bgp = `router bgp ${options.asn}`;
  const network = async (no: string, prefix: string): Promise<void> => {
    const { index } = find(options, prefix);
    const family = `address-family ${familyOf(prefix)} unicast`;
    await frr.configure(bgp, family, `${no}network ${prefix} route-map a${index}`);
  };
  return {
    untilEstablished: async (address) => void (await frr.untilEstablished(address)),
    untilNotEstablished: async (address) => void (await frr.untilNotEstablished(address)),
    async path(prefix) {
      type Shown = Awaited<ReturnType<Frr['paths']>>[number] & {
        originatorId?: string;
        clusterList?: { list: string[] };
      };
      const path = (await frr.paths(prefix))[0] as Shown | undefined;
      if (path === undefined) return undefined;
      const hops = path.nexthops;
      return {
        asPath: numbers(path.aspath?.string),
        nextHop: (hops.find(({ scope }) => scope !== 'link-local') ?? hops[0])?.ip ?? '',
        med: path.metric ?? null,
        localPref: path.locPrf ?? null,
        communities: words(path.community?.string).sort(),
        largeCommunities: words(path.largeCommunity?.string).sort(),
        routeTargets: words(path.extendedCommunity?.string).map((text) => text.replace('RT:', '')),
        originatorId: path.originatorId ?? null,
        clusterList: path.clusterList?.list ?? [],
      };
    },
    withdraw: (prefix) => network('no ', prefix),
    announceAgain: (prefix) => network('', prefix),
    askAgain: async (address, family) =>
      void (await frr.vtysh(`clear bgp ${family} unicast ${address} soft in`)),
    async updatesReceived(address) {
      const state = (await frr.neighbor(address)) as { messageStats?: { updatesRecv: number } } | undefined;
      return state?.messageStats?.updatesRecv ?? 0;
    },
    shutdown: (address, message) => frr.configure(bgp, `neighbor ${address} shutdown message ${message}`),
    enable: (address) => frr.configure(bgp, `no neighbor ${address} shutdown`),
    said: async () => frr.node.process.output(),
  };
}

function birdRemote(bird: Bird, options: RemoteOptions): Remote {
  const all = (address: string): Promise<string> => bird.birdc(`show protocols all ${birdName(address)}`);
  return {
    untilEstablished: (address) => bird.untilEstablished(birdName(address)),
    untilNotEstablished: (address) => bird.untilNotEstablished(birdName(address)),
    async path(prefix) {
      const text = await bird.route(prefix);
      if (text === '') return undefined;
      const field = (name: string): string | undefined =>
        new RegExp(`BGP\\.${name}: (.*)`).exec(text)?.[1]?.trim();
      const number = (name: string): number | null => {
        const value = field(name);
        return value === undefined ? null : Number(value);
      };
      const tuples = (name: string): string[] =>
        [...(field(name) ?? '').matchAll(/\(([^)]*)\)/g)]
          .map(([, tuple]) => (tuple ?? '').replace(/\s/g, '').replaceAll(',', ':'))
          .sort();
      return {
        asPath: numbers(field('as_path')),
        nextHop: field('next_hop')?.split(' ')[0] ?? '',
        med: number('med'),
        localPref: number('local_pref'),
        communities: tuples('community'),
        largeCommunities: tuples('large_community'),
        routeTargets: tuples('ext_community').map((text) => text.replace('rt:', '')),
        originatorId: field('originator_id') ?? null,
        clusterList: words(field('cluster_list')),
      };
    },
    withdraw: async (prefix) => void (await bird.birdc(`disable a${find(options, prefix).index}`)),
    announceAgain: async (prefix) => void (await bird.birdc(`enable a${find(options, prefix).index}`)),
    askAgain: async (address) => void (await bird.birdc(`reload in ${birdName(address)}`)),
    updatesReceived: async (address) => numbers(/Import updates:(.*)/.exec(await all(address))?.[1])[0] ?? 0,
    shutdown: async (address, message) =>
      void (await bird.node.exec(['birdc', 'disable', birdName(address), `"${message}"`])),
    enable: async (address) => void (await bird.birdc(`enable ${birdName(address)}`)),
    said: all,
  };
}

function gobgpRemote(gobgp: Gobgp, options: RemoteOptions): Remote {
  return {
    untilEstablished: async (address) => void (await gobgp.untilEstablished(address)),
    untilNotEstablished: async (address) => void (await gobgp.untilNotEstablished(address)),
    async path(prefix) {
      const path = (await gobgp.paths(prefix))[0];
      if (path === undefined) return undefined;
      const of = (type: number) => gobgpAttribute(path, type);
      const large = (of(32)?.value ?? []) as { ASN: number; LocalData1: number; LocalData2: number }[];
      const extended = (of(16)?.value ?? []) as { type: number; subtype: number; value: string }[];
      const community = (value: number): string =>
        value === 0xffffff01 ? 'no-export' : `${value >>> 16}:${value & 0xffff}`;
      return {
        asPath: (of(2)?.as_paths ?? []).flatMap(({ asns }) => asns),
        nextHop: of(3)?.nexthop ?? of(14)?.nexthop ?? '',
        med: of(4)?.metric ?? null,
        localPref: (of(5)?.value as number | undefined) ?? null,
        communities: (of(8)?.communities ?? []).map(community).sort(),
        largeCommunities: large
          .map(({ ASN, LocalData1, LocalData2 }) => `${ASN}:${LocalData1}:${LocalData2}`)
          .sort(),
        routeTargets: extended.filter(({ subtype }) => subtype === 2).map(({ value }) => value),
        originatorId: (of(9)?.value as string | undefined) ?? null,
        clusterList: (of(10)?.value as string[] | undefined) ?? [],
      };
    },
    withdraw: (prefix) => gobgp.withdraw(prefix),
    announceAgain: (prefix) => gobgp.announce(prefix, gobgpWords(find(options, prefix).route).join(' ')),
    askAgain: async (address, family) =>
      void (await gobgp.gobgp('neighbor', address, 'softresetin', '-a', family)),
    updatesReceived: async (address) => (await gobgp.neighbor(address))?.state.messages.received.update ?? 0,
    shutdown: async (address, message) =>
      void (await gobgp.gobgp('neighbor', address, 'shutdown', '--reason', message)),
    // It does so by itself.
    enable: async () => {},
    said: async () => gobgp.node.process.output(),
  };
}

function openbgpdRemote(openbgpd: Openbgpd, options: RemoteOptions): Remote {
  return {
    untilEstablished: async (address) => void (await openbgpd.untilEstablished(address)),
    untilNotEstablished: async (address) => void (await openbgpd.untilNotEstablished(address)),
    async path(prefix) {
      const path = (await openbgpd.paths(prefix))[0];
      if (path === undefined) return undefined;
      return {
        asPath: numbers(path.aspath),
        nextHop: path.exit_nexthop,
        med: path.metric ?? null,
        localPref: path.localpref ?? null,
        communities: (path.communities ?? []).map((text) => text.toLowerCase().replace('_', '-')).sort(),
        largeCommunities: (path.large_communities ?? []).sort(),
        routeTargets: (path.extended_communities ?? []).map((text) => text.replace('rt ', '')),
        originatorId: path.originator ?? null,
        clusterList: path.cluster ?? [],
      };
    },
    withdraw: (prefix) => openbgpd.withdraw(prefix),
    announceAgain: (prefix) =>
      openbgpd.announce(prefix, openbgpdWords(find(options, prefix).route).join(' ')),
    askAgain: async (address) => void (await openbgpd.bgpctl('neighbor', address, 'refresh')),
    updatesReceived: async (address) =>
      (await openbgpd.neighbor(address))?.stats.message.received.updates ?? 0,
    shutdown: async (address, message) => void (await openbgpd.bgpctl('neighbor', address, 'down', message)),
    enable: async (address) => void (await openbgpd.bgpctl('neighbor', address, 'up')),
    said: async (address) =>
      openbgpd.node.process
        .output()
        .split('\n')
        .filter((line) => line.includes(`${address}:`))
        .join('\n'),
  };
}

function exabgpRemote(exabgp: Exabgp, options: RemoteOptions): Remote {
  const heard = (address: string) =>
    exabgp.heard().filter(({ neighbor }) => neighbor.address.peer === address);
  const ordered = (prefix: string): string => exabgpWords(find(options, prefix).route).join(' ');
  return {
    untilEstablished: (address) => exabgp.untilEstablished(address),
    untilNotEstablished: (address) => exabgp.untilNotEstablished(address),
    async path(prefix) {
      const route = exabgp.routes().find((found) => found.prefix === prefix);
      return route === undefined ? undefined : exabgpPath(route);
    },
    withdraw: (prefix) => exabgp.withdraw(prefix, ordered(prefix)),
    announceAgain: (prefix) => exabgp.announce(prefix, ordered(prefix)),
    askAgain: async (address, family) =>
      void (await exabgp.command(`neighbor ${address} announce route-refresh ${family} unicast`)),
    updatesReceived: async (address) => heard(address).filter(({ type }) => type === 'update').length,
    shutdown: async (address) => void (await exabgp.command(`neighbor ${address} teardown 2`)),
    // It dials, or is to be dialed, at once.
    enable: async () => {},
    said: async (address) => JSON.stringify(heard(address).filter(({ type }) => type === 'notification')),
  };
}

/** A route that ExaBGP was told of, as the other daemons show theirs. */
export function exabgpPath({ attributes, nextHop }: ReturnType<Exabgp['routes']>[number]): RemotePath {
  const joined = (tuples: number[][] = []): string[] =>
    tuples.map((tuple) => (tuple.join(':') === '65535:65281' ? 'no-export' : tuple.join(':'))).sort();
  return {
    asPath: attributes['as-path'] ?? [],
    nextHop,
    med: attributes.med ?? null,
    localPref: attributes['local-preference'] ?? null,
    communities: joined(attributes.community),
    largeCommunities: joined(attributes['large-community']),
    routeTargets: (attributes['extended-community'] ?? []).map(({ string }) => string.replace('target:', '')),
    originatorId: attributes['originator-id'] ?? null,
    clusterList: attributes['cluster-list'] ?? [],
  };
}
