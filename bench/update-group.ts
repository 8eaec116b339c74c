/**
 * An update group alone, without sockets: a table is announced to members in memory, changed as a whole and withdrawn,
 * several times over, and once announced to one more member that joins late.
 */
import { parseAddress } from '../src/address/index.js';
import { buildCanonical } from '../src/bgp/wire/index.js';
import { compileFilters, Exporter, type ExportFacts } from '../src/policy/index.js';
import { type AttrSetId, type PrefixId, Rib, type SourceId, UpdateGroup } from '../src/rib/index.js';

export interface UpdateGroupBenchOptions {
  readonly prefixes: number;
  readonly attributeSets: number;
  readonly members: number;
  /** How often the table comes, changes and goes, for the code to get warm. */
  readonly rounds: number;
  /** External members get an own AS_PATH and next hop per set; internal ones LOCAL_PREF. */
  readonly kind: 'ebgp' | 'ibgp';
}

export interface UpdateGroupBenchResult {
  /** From marked prefixes to octets handed to every member, of each round: the table is new, and all of it changes. */
  readonly announceSeconds: readonly number[];
  readonly changeSeconds: readonly number[];
  /** Of the last round, octets per member. */
  readonly octets: number;
  readonly joinSeconds: number;
  readonly withdrawSeconds: readonly number[];
}

/** Throws when members were not told of every prefix. */
export function updateGroupBench(options: UpdateGroupBenchOptions): UpdateGroupBenchResult {
  const rib = new Rib();
  const [ipv4] = rib.families;
  const address = (text: string) => {
    const parsed = parseAddress(text);
    if (parsed === null) throw new Error(`${text} is no address`);
    return parsed;
  };
  const addPeer = (index: number): SourceId =>
    rib.addSource({
      kind: 'bgp',
      name: `peer${index}`,
      preference: 100,
      ibgp: false,
      client: false,
      routerId: index + 1,
      peerAddress: address(`192.0.2.${index + 1}`),
      remoteAsn: 64512 + index,
      forwarding: 'none',
    });
  const feeder = addPeer(0);
  const facts: ExportFacts = {
    kind: options.kind,
    localAsn: 65000,
    peerAsn: null,
    routerId: 99,
    clusterId: 99,
    nextHop: 'auto',
    self: [{ address: address('198.51.100.1'), linkLocal: null }, null],
    sharedSubnet: [null, null],
    extendedNextHop: false,
  };
  const group = new UpdateGroup({
    rib,
    family: 0,
    exporter: new Exporter(rib, 0, facts, compileFilters([], 0)),
    maxLength: 4096,
    fourOctetAs: true,
  });
  const octets: number[] = [];
  const join = (index: number): void => {
    octets[index] = 0;
    group.addMember({
      name: `peer${index}`,
      source: addPeer(index),
      send: (messages) => {
        octets[index] += messages.length;
        return true;
      },
      writable: () => true,
      endOfRib: () => {},
    });
  };
  const settle = (): number => {
    const begin = performance.now();
    while (group.run(performance.now() + 4));
    return (performance.now() - begin) / 1000;
  };
  const changed: PrefixId[] = [];
  rib.onBestChange((_family, prefix) => changed.push(prefix));
  // The table comes back: its prefixes keep their ids.
  rib.addClaim(() => true);
  const tell = (): number => {
    while (rib.decide(Number.POSITIVE_INFINITY));
    const begin = performance.now();
    for (const prefix of changed) group.prefixChanged(prefix);
    changed.length = 0;
    return (performance.now() - begin) / 1000 + settle();
  };

  for (let i = 1; i <= options.members; i++) join(i);
  settle();
  const ids = Array.from({ length: options.prefixes }, (_, i) =>
    ipv4.prefixes.intern4(0x01000000 + i * 256, 24),
  );
  const perSet = options.prefixes / options.attributeSets;
  const announce = (variant: number): number => {
    let set = 0 as AttrSetId;
    let index = -1;
    for (let i = 0; i < ids.length; i++) {
      if (Math.floor(i / perSet) !== index) {
        rib.sets.release(set);
        index = Math.floor(i / perSet);
        const canonical = buildCanonical({
          family: 0,
          nextHop: address('192.0.2.1'),
          asPath: [64512, 64600 + variant, 100000 + index, 3356],
          communities: [64512 * 65536 + 100],
        });
        set = rib.sets.intern(canonical, 0, canonical.length);
      }
      ipv4.announce(feeder, ids[i], set, set);
    }
    rib.sets.release(set);
    octets.fill(0);
    const seconds = tell();
    if (group.announcedCount(1 as SourceId) !== options.prefixes) throw new Error('not all was announced');
    return seconds;
  };
  const result = {
    announceSeconds: [0],
    changeSeconds: [0],
    withdrawSeconds: [0],
    octets: 0,
    joinSeconds: 0,
  };
  for (let round = 0; round < options.rounds; round++) {
    result.announceSeconds[round] = announce(0);
    result.changeSeconds[round] = announce(1);
    result.octets = octets[1];
    if (round === options.rounds - 1) {
      join(options.members + 1);
      result.joinSeconds = settle();
      if (octets[options.members + 1] < result.octets * 0.9) throw new Error('the joiner was not told all');
    }
    for (const id of ids) ipv4.withdraw(feeder, id);
    result.withdrawSeconds[round] = tell();
    if (group.announcedCount(1 as SourceId) !== 0) throw new Error('something was left');
  }
  return result;
}
