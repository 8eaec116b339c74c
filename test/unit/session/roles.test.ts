import { describe, expect, it } from 'vitest';
import type { SessionSettings } from '../../../src/bgp/session/index.js';
import { makeOpen, negotiate } from '../../../src/bgp/session/negotiate.js';
import { type Capability, isWireError, Role, type RoleName } from '../../../src/bgp/wire/index.js';
import { settings } from '../../support/session.js';

const names = Object.keys(Role) as RoleName[];
const ends = { localAddress: settings.remoteAddress, remoteAddress: settings.remoteAddress, scopeId: 0 };

/** What comes of our role and what the peer claims. */
function meet(ours: Partial<SessionSettings>, claims: readonly number[]) {
  const mine = { ...settings, ...ours };
  const roles = claims.map((role): Capability => ({ type: 'role', role }));
  const theirs = makeOpen({ ...settings, localAsn: Number(mine.remoteAsn), routerId: 7 }, roles);
  const result = negotiate(mine, makeOpen(mine, []), theirs, ends);
  return isWireError(result)
    ? `${result.code}/${result.subcode} ${result.message}`
    : { peerRole: result.peerRole };
}

// RFC 9234 §4.2, Table 2.
const pairs: readonly (readonly [RoleName, RoleName])[] = [
  ['provider', 'customer'],
  ['customer', 'provider'],
  ['routeServer', 'routeServerClient'],
  ['routeServerClient', 'routeServer'],
  ['peer', 'peer'],
];

describe('roles in OPENs (RFC 9234 §4)', () => {
  it.each(names.flatMap((ours) => names.map((theirs) => [ours, theirs] as const)))(
    '%s and %s',
    (ours, theirs) => {
      const fits = pairs.some(([x, y]) => x === ours && y === theirs);
      const outcome = meet({ role: ours }, [Role[theirs]]);
      if (fits) expect(outcome).toEqual({ peerRole: theirs });
      else
        expect(outcome).toMatch(
          /^2\/11 roles do not match: we are .* and the peer claims to be .*; expected/,
        );
    },
  );

  it('are the codes of Table 1', () => {
    expect(Role).toEqual({ provider: 0, routeServer: 1, routeServerClient: 2, customer: 3, peer: 4 });
    const { capabilities } = makeOpen({ ...settings, role: 'customer' }, []);
    expect(capabilities.filter(({ type }) => type === 'role')).toEqual([{ type: 'role', role: 3 }]);
  });

  it('may be missing at the peer, but not where strictness asks for it', () => {
    expect(meet({ role: 'provider' }, [])).toEqual({ peerRole: null });
    expect(meet({ role: 'provider', strictRole: true }, [])).toMatch(
      /^2\/11 the peer does not claim to be our customer, which `strictRole` asks for/,
    );
    expect(meet({ role: 'provider', strictRole: true }, [Role.customer])).toEqual({ peerRole: 'customer' });
  });

  it('may be said twice, but not differently, whether or not we have one', () => {
    expect(meet({ role: 'peer' }, [4, 4])).toEqual({ peerRole: 'peer' });
    expect(meet({ role: 'peer' }, [4, 3])).toMatch(/^2\/11 the peer claims to be peer and customer at once/);
    expect(meet({}, [4, 3])).toMatch(/^2\/11/);
    expect(meet({}, [4])).toEqual({ peerRole: null });
  });

  it('do not match where the number is not assigned', () => {
    expect(meet({ role: 'peer' }, [99])).toMatch(/^2\/11 .*the peer claims to be role 99; expected peer/);
  });

  it('mean nothing within an AS', () => {
    expect(meet({ remoteAsn: settings.localAsn }, [4, 3])).toEqual({ peerRole: null });
  });
});
