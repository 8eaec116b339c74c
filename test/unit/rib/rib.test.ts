import { describe, expect, it } from 'vitest';
import {
  type Address,
  formatPrefix,
  type Prefix,
  parseAddress,
  parsePrefix,
} from '../../../src/address/index.js';
import { buildCanonical, type CanonicalAttributes } from '../../../src/bgp/wire/index.js';
import { LLGR_STALE } from '../../../src/rib/attr-sets.js';
import { type AttrSetId, NONE, type PrefixId, type SourceId } from '../../../src/rib/ids.js';
import { Rib } from '../../../src/rib/rib.js';
import { Slices } from '../../../src/rib/slices.js';
import type { SourceInfo } from '../../../src/rib/sources.js';

function address(text: string): Address {
  const parsed = parseAddress(text);
  if (parsed === null) throw new Error(`not an address: ${text}`);
  return parsed;
}

function prefix(text: string): Prefix {
  const parsed = parsePrefix(text);
  if (parsed === null) throw new Error(`not a prefix: ${text}`);
  return parsed;
}

const peer = (name: string, more: Partial<SourceInfo> = {}): SourceInfo => ({
  kind: 'bgp',
  name,
  preference: 100,
  ibgp: false,
  client: false,
  routerId: 1,
  peerAddress: address('192.0.2.1'),
  remoteAsn: 65001,
  forwarding: 'nextHop',
  ...more,
});

function connectedRib(options: ConstructorParameters<typeof Rib>[0] = {}): Rib {
  const rib = new Rib(options);
  rib.nextHops.setInterfaces([{ ifindex: 3, address: prefix('192.0.2.254/24'), peer: null }]);
  return rib;
}

function intern(rib: Rib, attributes: Partial<CanonicalAttributes> = {}): AttrSetId {
  const bytes = buildCanonical({ family: 0, nextHop: address('192.0.2.1'), ...attributes });
  return rib.sets.intern(bytes, 0, bytes.length);
}

/** Announces and leaves the references to the RIB alone. */
function announce(
  rib: Rib,
  source: SourceId,
  text: string,
  attributes: Partial<CanonicalAttributes> = {},
): PrefixId {
  const set = intern(rib, attributes);
  const id = rib.families[0].prefixes.intern(prefix(text));
  rib.families[0].announce(source, id, set, set);
  rib.sets.release(set);
  return id;
}

const settle = (rib: Rib): void => {
  expect(rib.decide(Number.POSITIVE_INFINITY)).toBe(false);
};

function bestSource(rib: Rib, id: PrefixId): string {
  const best = rib.families[0].best(id);
  return best === NONE ? 'none' : rib.sources.get(rib.families[0].paths.source[best] as SourceId).name;
}

function* permutations<T>(items: readonly T[]): Generator<T[]> {
  if (items.length === 0) yield [];
  for (let i = 0; i < items.length; i++) {
    for (const rest of permutations(items.toSpliced(i, 1))) yield [items[i], ...rest];
  }
}

describe('decision process', () => {
  it('chooses the same path in whatever order they come, also where MED makes comparison intransitive', () => {
    // Two by two, a beats b and d beats c by MED, b beats c and d and c beats a by identifier: a circle.
    const paths = [
      { name: 'a', routerId: 3, attributes: { asPath: [65001], med: 0 } },
      { name: 'b', routerId: 1, attributes: { asPath: [65001], med: 10 } },
      { name: 'c', routerId: 2, attributes: { asPath: [65002], med: 5 } },
      { name: 'd', routerId: 4, attributes: { asPath: [65002], med: 1 } },
    ];
    for (const order of permutations(paths)) {
      const rib = connectedRib();
      let id: PrefixId | undefined;
      for (const { name, routerId, attributes } of order) {
        id = announce(rib, rib.addSource(peer(name, { routerId })), '10.0.0.0/8', attributes);
        settle(rib);
      }
      if (id === undefined) throw new Error('no path');
      // b falls to a and c to d, whatever their identifiers; of a and d, a has the lower one.
      expect(bestSource(rib, id)).toBe('a');
    }
  });

  it('compares MED between all paths, and takes its absence for the worst, where the rules say so', () => {
    const paths = [
      { name: 'none', routerId: 1, attributes: { asPath: [65001] } },
      { name: 'high', routerId: 2, attributes: { asPath: [65002], med: 10 } },
      { name: 'low', routerId: 3, attributes: { asPath: [65003], med: 5 } },
    ];
    for (const order of permutations(paths)) {
      const rib = connectedRib();
      let id: PrefixId | undefined;
      for (const { name, routerId, attributes } of order) {
        id = announce(rib, rib.addSource(peer(name, { routerId })), '10.0.0.0/8', attributes);
      }
      if (id === undefined) throw new Error('no path');
      for (const [alwaysCompare, missingAsWorst, best] of [
        [false, true, 'none'],
        [true, true, 'low'],
        [true, false, 'none'],
        [false, false, 'none'],
      ] as const) {
        rib.setMedRules({ alwaysCompare, missingAsWorst });
        settle(rib);
        expect(bestSource(rib, id)).toBe(best);
      }
    }
  });

  it('names the step at which each path lost', () => {
    const rib = connectedRib();
    const losers: [string, Partial<SourceInfo>, Partial<CanonicalAttributes>][] = [
      ['preference', { preference: 10 }, {}],
      ['localPref', {}, { localPref: 50 }],
      ['asPathLength', {}, { asPath: [65001, 65002] }],
      ['origin', {}, { origin: 2 }],
      ['med', {}, { med: 5 }],
      ['ebgp', { ibgp: true }, {}],
      ['routerId', { routerId: 9 }, {}],
      ['peerAddress', { peerAddress: address('192.0.2.9') }, {}],
      ['unresolved', {}, { nextHop: address('203.0.113.1') }],
    ];
    const id = announce(rib, rib.addSource(peer('winner')), '10.0.0.0/8', { asPath: [65001] });
    for (const [name, info, attributes] of losers) {
      announce(rib, rib.addSource(peer(name, info)), '10.0.0.0/8', { asPath: [65001], ...attributes });
    }
    const rejected = intern(rib);
    rib.families[0].announce(rib.addSource(peer('rejected')), id, rejected, 0 as AttrSetId);
    settle(rib);
    const told = rib
      .explain(0, id)
      .map(({ path, step }) => [rib.sources.get(rib.families[0].paths.source[path] as SourceId).name, step]);
    expect(told[0]).toEqual(['winner', null]);
    expect(new Map(told as [string, string][])).toEqual(
      new Map([['winner', null], ...losers.map(([name]) => [name, name]), ['rejected', 'rejected']] as [
        string,
        string,
      ][]),
    );
  });

  it('prefers the local route over the BGP route, and falls back to it', () => {
    const rib = connectedRib();
    const originated = rib.addSource(
      peer('originated', { kind: 'originated', preference: 250, forwarding: 'none', peerAddress: null }),
    );
    const id = announce(rib, rib.addSource(peer('bgp')), '10.0.0.0/8');
    announce(rib, originated, '10.0.0.0/8', { nextHop: null });
    settle(rib);
    expect(bestSource(rib, id)).toBe('originated');
    rib.families[0].withdraw(originated, id);
    settle(rib);
    expect(bestSource(rib, id)).toBe('bgp');
  });
});

describe('a refresh with a beginning and an end (RFC 7313)', () => {
  it('changes nothing until it ends, and then removes what was not announced again', () => {
    const rib = connectedRib();
    const [ipv4] = rib.families;
    const source = rib.addSource(peer('peer'));
    const ids = ['10.0.0.0/8', '11.0.0.0/8', '12.0.0.0/8'].map((text) => announce(rib, source, text));
    settle(rib);
    const changed: string[] = [];
    rib.onBestChange((_, id) => changed.push(formatPrefix(ipv4.prefixes.read(id))));
    expect(ipv4.beginRefresh(source)).toBe(true);
    announce(rib, source, '10.0.0.0/8');
    // Asked a second time, the peer begins anew.
    expect(ipv4.beginRefresh(source)).toBe(true);
    settle(rib);
    expect(changed).toEqual([]);
    expect([...ipv4.chain(ids[0])].map((path) => ipv4.isStale(path))).toEqual([false]);
    announce(rib, source, '11.0.0.0/8');
    expect(ipv4.endRefresh(source)).toBe(true);
    expect(ipv4.endRefresh(source)).toBe(false);
    settle(rib);
    expect(changed).toEqual(['10.0.0.0/8', '12.0.0.0/8']);
    expect(bestSource(rib, ids[1])).toBe('peer');
  });

  it('is refused to who begins it more often than the sweeps can follow, and nothing is lost track of', () => {
    const rib = connectedRib();
    const [ipv4] = rib.families;
    const source = rib.addSource(peer('peer'));
    announce(rib, source, '10.0.0.0/8');
    const begun = Array.from({ length: 1000 }, () => {
      const begins = ipv4.beginRefresh(source);
      ipv4.endRefresh(source);
      return begins;
    });
    expect(begun.filter((begins) => begins).length).toBe(100);
    announce(rib, source, '11.0.0.0/8');
    settle(rib);
    expect(ipv4.prefixes.count).toBe(1);
    expect(ipv4.beginRefresh(source)).toBe(true);
  });
});

describe('graceful restart of a peer', () => {
  it('keeps stale paths, takes those announced anew, and removes the rest at End-of-RIB', () => {
    const rib = connectedRib();
    const [ipv4] = rib.families;
    const source = rib.addSource(peer('peer'));
    const ids = ['10.0.0.0/8', '11.0.0.0/8', '12.0.0.0/8'].map((text) => announce(rib, source, text));
    settle(rib);
    const changed: string[] = [];
    rib.onBestChange((_, id) => changed.push(formatPrefix(ipv4.prefixes.read(id))));
    ipv4.markStale(source);
    settle(rib);
    expect(ids.map((id) => bestSource(rib, id))).toEqual(['peer', 'peer', 'peer']);
    expect([...ipv4.chain(ids[0])].map((path) => ipv4.isStale(path))).toEqual([true]);
    announce(rib, source, '10.0.0.0/8');
    announce(rib, source, '11.0.0.0/8', { med: 7 });
    expect([...ipv4.chain(ids[0])].map((path) => ipv4.isStale(path))).toEqual([false]);
    settle(rib);
    ipv4.sweepStale(source);
    settle(rib);
    expect(ids.slice(0, 2).map((id) => bestSource(rib, id))).toEqual(['peer', 'peer']);
    expect(ipv4.prefixes.find(prefix('12.0.0.0/8'))).toBe(NONE);
    expect(changed).toEqual(['11.0.0.0/8', '12.0.0.0/8']);
    expect(ipv4.hasStale(source)).toBe(false);
    expect(rib.sources.counts(source)[0]).toEqual({ received: 2, upToDate: 2, accepted: 2 });
  });

  it('begins no refresh while paths are kept over a restart', () => {
    const rib = connectedRib();
    const [ipv4] = rib.families;
    const source = rib.addSource(peer('peer'));
    announce(rib, source, '10.0.0.0/8');
    ipv4.markStale(source);
    expect(ipv4.beginRefresh(source)).toBe(false);
    ipv4.sweepStale(source);
    expect(ipv4.beginRefresh(source)).toBe(true);
  });

  it('removes what was stale already when the peer restarts a second time', () => {
    const rib = connectedRib();
    const [ipv4] = rib.families;
    const source = rib.addSource(peer('peer'));
    const old = announce(rib, source, '10.0.0.0/8');
    ipv4.markStale(source);
    const anew = announce(rib, source, '11.0.0.0/8');
    ipv4.markStale(source);
    settle(rib);
    expect(ipv4.prefixes.has(old)).toBe(false);
    expect(bestSource(rib, anew)).toBe('peer');
    ipv4.sweepStale(source);
    settle(rib);
    expect(ipv4.prefixes.count).toBe(0);
  });

  it('leaves long-lived stale paths marked when they are judged anew, and no others (RFC 9494 §4.3)', () => {
    const rib = connectedRib();
    const [ipv4] = rib.families;
    const source = rib.addSource(peer('peer'));
    const stale = [0xffff0006];
    const mark = () => intern(rib, { communities: stale });
    const isMarked = (id: PrefixId) =>
      [...ipv4.chain(id)].map((path) => {
        return (rib.sets.communityFlags[ipv4.paths.accepted[path]] & LLGR_STALE) !== 0;
      });
    const old = announce(rib, source, '10.0.0.0/8');
    ipv4.markStale(source, true);
    ipv4.markLongLived(source, mark);
    settle(rib);
    expect(isMarked(old)).toEqual([true]);
    // As when the data of origin validation changes, and when filters do.
    const judge = () => intern(rib, { med: 5 });
    ipv4.refilterPrefix(old, Object.assign([], { [source]: judge }));
    settle(rib);
    expect(isMarked(old)).toEqual([true]);
    const anew = announce(rib, source, '11.0.0.0/8');
    ipv4.markStale(source, true);
    ipv4.refilter(source, judge);
    settle(rib);
    expect([isMarked(old), isMarked(anew)]).toEqual([[true], [false]]);
    ipv4.markLongLived(source, mark);
    settle(rib);
    expect(isMarked(anew)).toEqual([true]);
  });

  it('keeps what a peer announces anew while its former paths are still being removed', () => {
    const rib = connectedRib();
    const source = rib.addSource(peer('peer'));
    announce(rib, source, '10.0.0.0/8');
    const kept = announce(rib, source, '11.0.0.0/8');
    rib.withdrawAll(source);
    announce(rib, source, '11.0.0.0/8');
    settle(rib);
    expect(rib.families[0].prefixes.find(prefix('10.0.0.0/8'))).toBe(NONE);
    expect(bestSource(rib, kept)).toBe('peer');
  });
});

describe('ids', () => {
  it('of sources are not given out to the last to whoever comes', () => {
    const { sources } = new Rib();
    const ids = Array.from({ length: 65535 - 1024 }, (_, n) => {
      if (n % 8192 === 0) expect(sources.isFull).toBe(false);
      return sources.add(peer('p'));
    });
    expect(sources.isFull).toBe(true);
    sources.delete(ids[7]);
    expect(sources.isFull).toBe(false);
  });

  it('asks of each id in a round once whether it is claimed, however many slices the round takes', () => {
    const rib = connectedRib();
    const source = rib.addSource(peer('a'));
    const set = intern(rib);
    for (const family of rib.families) {
      for (let i = 0; i < 300; i++) {
        const id =
          family.family === 0 ? family.prefixes.intern4(i << 8, 24) : family.prefixes.intern6(i, 0, 0, 0, 32);
        family.announce(source, id, set, set);
      }
    }
    settle(rib);
    let asked = 0;
    rib.addClaim(() => ++asked > 0);
    rib.families[0].withdrawAll(source);
    rib.families[1].withdrawAll(source);
    settle(rib);
    expect(asked).toBe(600);
    while (rib.reclaim(0));
    expect(asked).toBe(1200);
  });

  it('keeps the id of a withdrawn prefix as long as a consumer claims it', () => {
    const rib = connectedRib();
    const [ipv4] = rib.families;
    let claimed = true;
    rib.addClaim((family, id) => claimed && family === 0 && id === first);
    const source = rib.addSource(peer('peer'));
    const first = announce(rib, source, '10.0.0.0/8');
    ipv4.withdraw(source, first);
    settle(rib);
    expect(announce(rib, source, '11.0.0.0/8')).not.toBe(first);
    expect(announce(rib, source, '10.0.0.0/8')).toBe(first);
    ipv4.withdraw(source, first);
    claimed = false;
    settle(rib);
    expect(ipv4.prefixes.has(first)).toBe(false);
    expect(announce(rib, source, '12.0.0.0/8')).toBe(first);
  });

  it('gives ids and memory back after a mass withdrawal, and keeps the routes that stay', () => {
    const rib = connectedRib({ maxPaths: 2 });
    const [ipv4] = rib.families;
    const gone = rib.addSource(peer('gone'));
    const stays = rib.addSource(peer('stays', { routerId: 2 }));
    for (let i = 0; i < 100_000; i++) {
      const id = ipv4.prefixes.intern4(0x0b000000 + (i << 8), 24);
      // A set of its own for every second prefix.
      const set = intern(rib, { med: i >> 1 });
      ipv4.announce(gone, id, set, set);
      if (i % 1000 === 999) ipv4.announce(stays, id, set, set, 5);
      rib.sets.release(set);
    }
    settle(rib);
    expect(ipv4.bestCount).toBe(100_000);
    const full = ipv4.memoryBytes() + rib.sets.memoryBytes();
    rib.removeSource(gone);
    settle(rib);
    expect([ipv4.bestCount, ipv4.paths.count, ipv4.prefixes.count, rib.sets.count]).toEqual([
      100, 100, 100, 100,
    ]);
    expect(ipv4.paths.memoryBytes()).toBeLessThan(1_000_000);
    expect(ipv4.memoryBytes() + rib.sets.memoryBytes()).toBeLessThan(full / 1.5);
    for (let i = 999; i < 100_000; i += 1000) {
      const id = ipv4.prefixes.find4(0x0b000000 + (i << 8), 24) as PrefixId;
      expect(bestSource(rib, id)).toBe('stays');
      const [path] = ipv4.multipath(id);
      expect(rib.sets.med[ipv4.paths.accepted[path]]).toBe(i >> 1);
      expect(ipv4.paths.receivedPathId(path)).toBe(5);
    }
    rib.removeSource(stays);
    settle(rib);
    expect(ipv4.memoryBytes() + rib.sets.memoryBytes()).toBeLessThan(full / 10);
  });
});

describe('what is known of a source', () => {
  /** How many prefixes were told of since it was asked last. */
  const tolds = (rib: Rib) => {
    let told = 0;
    rib.onBestChange(() => told++);
    return () => {
      settle(rib);
      const n = told;
      told = 0;
      return n;
    };
  };

  it('decides its paths again where it is something else than before, and nothing where it is the same', () => {
    const rib = connectedRib();
    const source = rib.addSource(peer('r1'));
    const other = rib.addSource(peer('r2', { routerId: 2 }));
    announce(rib, source, '11.0.0.0/8');
    announce(rib, other, '12.0.0.0/8');
    const told = tolds(rib);
    expect(told()).toBe(2);
    rib.updateSource(source, peer('r1', { peerAddress: address('192.0.2.1') }));
    expect(rib.hasWork).toBe(false);
    const changes: Partial<SourceInfo>[] = [
      { preference: 7 },
      { client: true },
      { clusterId: 9 },
      { routerId: 8 },
      { peerAddress: null },
      { peerAddress: address('192.0.2.7') },
      { remoteAsn: 65002 },
      { ibgp: true },
      { confed: true },
      { forwarding: 'none' },
      { forwarding: { ifindex: 3 } },
      { forwarding: { ifindex: 4 } },
    ];
    for (const change of changes) {
      rib.updateSource(source, peer('r1', change));
      expect(told(), JSON.stringify(change)).toBe(1);
    }
  });

  it('is no work where the source has no paths', () => {
    const rib = connectedRib();
    const source = rib.addSource(peer('r1', { routerId: 0 }));
    rib.updateSource(source, peer('r1', { routerId: 7 }));
    expect(rib.hasWork).toBe(false);
  });
});

describe('slices', () => {
  it('decides a large table by and by, while the event loop goes on', async () => {
    const slices = new Slices({ budgetMs: 0.05 });
    const rib = connectedRib({ slices });
    const [ipv4] = rib.families;
    const source = rib.addSource(peer('peer'));
    const set = intern(rib);
    for (let i = 0; i < 50_000; i++) {
      ipv4.announce(source, ipv4.prefixes.intern4(0x0b000000 + (i << 8), 24), set, set);
    }
    let turns = 0;
    const tick = (): void => {
      turns++;
      if (rib.hasWork) setImmediate(tick);
    };
    setImmediate(tick);
    await slices.idle();
    expect(ipv4.bestCount).toBe(50_000);
    expect(turns).toBeGreaterThan(3);
    rib.removeSource(source);
    await slices.idle();
    expect([ipv4.bestCount, ipv4.prefixes.count]).toEqual([0, 0]);
    rib.close();
  });

  it.each([
    [0, 1],
    [1, 0],
  ] as const)('decides what the other family has while family %i is never done', (busy, other) => {
    const rib = connectedRib({ slices: new Slices() });
    const source = rib.addSource(peer('r1'));
    const set = intern(rib);
    const add = (family: 0 | 1, i: number): void => {
      const text = family === 0 ? `11.${i >> 8}.${i & 255}.0/24` : `2001:db8:${i.toString(16)}::/48`;
      const { prefixes } = rib.families[family];
      rib.families[family].announce(source, prefixes.intern(prefix(text)), set, set);
    };
    // A deadline that has passed: each turn decides 64 prefixes of one family, and as many are new in the busy one.
    let next = 0;
    for (; next < 256; next++) add(busy, next);
    for (let i = 0; i < 100; i++) add(other, i);
    for (let turn = 0; turn < 4; turn++) {
      expect(rib.decide(0)).toBe(true);
      for (let i = 0; i < 64; i++) add(busy, next++);
    }
    expect(rib.families[other].bestCount).toBe(100);
    expect(rib.families[busy].dirtyCount).toBeGreaterThanOrEqual(256);
    rib.close();
  });

  it('lets the other tasks and the failing one go on when a task throws', async () => {
    const errors: unknown[] = [];
    const slices = new Slices({ onError: (error) => errors.push(error) });
    const done: string[] = [];
    let left = 3;
    slices.add(() => {
      if (left === 2) {
        left--;
        throw new Error('one bad item');
      }
      done.push(`a${left}`);
      return --left > 0;
    });
    slices.add(() => {
      done.push('b');
      return false;
    });
    await slices.idle();
    expect(errors.map(String)).toEqual(['Error: one bad item']);
    expect(done).toEqual(['a3', 'b', 'a1']);
  });
});
