import { describe, expect, it } from 'vitest';
import { makeOpen, negotiate } from '../../../src/bgp/session/negotiate.js';
import { type Capability, isWireError } from '../../../src/bgp/wire/index.js';
import { settings } from '../../support/session.js';

const ends = { localAddress: settings.remoteAddress, remoteAddress: settings.remoteAddress, scopeId: 0 };

describe('a peer whose AS its OPEN tells', () => {
  const met = (asn: number) => {
    const mine = { ...settings, localAsn: 65001, remoteAsn: { not: [65001, 64999] } };
    const theirs = makeOpen({ ...settings, localAsn: asn, routerId: 7 }, []);
    const result = negotiate(mine, makeOpen(mine, []), theirs, ends);
    return isWireError(result) ? `${result.code}/${result.subcode} ${result.message}` : result.peerOpen.asn;
  };

  it('may be in any AS', () => {
    expect([met(65002), met(4200000000)]).toEqual([65002, 4200000000]);
  });

  it('is refused in one of ours, by any of its names (RFC 4271 §6.2)', () => {
    expect(met(65001)).toBe('2/2 peer says AS 65001, expected an external one');
    expect(met(64999)).toBe('2/2 peer says AS 64999, expected an external one');
  });
});

describe('the hold time that a peer offers', () => {
  const met = (holdTimeSeconds: number, minHoldSeconds?: number) => {
    const mine = { ...settings, ...(minHoldSeconds === undefined ? {} : { minHoldSeconds }) };
    const theirs = makeOpen({ ...settings, localAsn: 65002, routerId: 7, holdTimeSeconds }, []);
    const result = negotiate(mine, makeOpen(mine, []), theirs, ends);
    return isWireError(result)
      ? `${result.code}/${result.subcode} ${result.message}`
      : result.holdTimeSeconds;
  };

  it('may be any, unless the least is said', () => {
    expect([met(3), met(0), met(30, 30), met(300, 30)]).toEqual([3, 0, 30, 90]);
  });

  it('is refused below it, and so is none at all (RFC 4271 §6.2)', () => {
    expect(met(29, 30)).toBe('2/6 peer offers a hold time of 29 s, expected at least 30 s (`minHoldTime`)');
    expect(met(0, 30)).toBe('2/6 peer offers a hold time of 0 s, expected at least 30 s (`minHoldTime`)');
  });
});

describe('next hops of the other family (RFC 8950 §4)', () => {
  const offer = (afi: number, nextHopAfi: number): Capability => ({
    type: 'extendedNextHop',
    families: [{ afi, safi: 1, nextHopAfi }],
  });
  const agreed = (ours: Capability[], theirs: Capability[]) => {
    const mine = { ...settings, families: ['ipv4', 'ipv6'] as const };
    const peer = { ...mine, localAsn: Number(mine.remoteAsn), routerId: 7 };
    const result = negotiate(mine, makeOpen(mine, ours), makeOpen(peer, theirs), ends);
    return isWireError(result) ? result.message : result.extendedNextHop;
  };

  it('are agreed on where both offer IPv6 ones for IPv4 unicast', () => {
    expect(agreed([offer(1, 2)], [offer(1, 2)])).toBe(true);
  });

  it('are not where one side does not, or means others', () => {
    expect(agreed([offer(1, 2)], [])).toBe(false);
    expect(agreed([], [offer(1, 2)])).toBe(false);
    expect(agreed([offer(1, 2)], [offer(2, 1)])).toBe(false);
    expect(agreed([offer(1, 2)], [offer(1, 1)])).toBe(false);
  });
});
