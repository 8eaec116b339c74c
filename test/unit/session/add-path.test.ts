import { describe, expect, it } from 'vitest';
import { makeOpen, negotiate } from '../../../src/bgp/session/negotiate.js';
import { type AddPathFamily, type Capability, isWireError } from '../../../src/bgp/wire/index.js';
import { settings } from '../../support/session.js';

const ends = { localAddress: settings.remoteAddress, remoteAddress: settings.remoteAddress, scopeId: 0 };

/** What comes of our capability and the peer's; null: none. */
function meet(ours: readonly AddPathFamily[] | null, theirs: readonly AddPathFamily[] | null) {
  const open = (families: readonly AddPathFamily[] | null, own: typeof settings) =>
    makeOpen(own, families === null ? [] : [{ type: 'addPath', families } satisfies Capability]);
  const peer = { ...settings, localAsn: settings.remoteAsn as number, routerId: 7 };
  const result = negotiate(settings, open(ours, settings), open(theirs, peer), ends);
  if (isWireError(result)) throw new Error(result.message);
  return result.addPath;
}

const ipv4 = (receives: boolean, sends: boolean): AddPathFamily => ({ afi: 1, safi: 1, receives, sends });
const none = { receives: false, sends: false };

describe('path identifiers in OPENs (RFC 7911 §4)', () => {
  it('stand in a direction that one side sends and the other receives', () => {
    expect(meet([ipv4(true, true)], [ipv4(true, true)])).toEqual([{ receives: true, sends: true }, none]);
    expect(meet([ipv4(true, false)], [ipv4(false, true)])).toEqual([{ receives: true, sends: false }, none]);
    expect(meet([ipv4(false, true)], [ipv4(true, false)])).toEqual([{ receives: false, sends: true }, none]);
  });

  it('stand nowhere else', () => {
    expect(meet([ipv4(true, false)], [ipv4(true, false)])).toEqual([none, none]);
    expect(meet([ipv4(false, true)], [ipv4(false, true)])).toEqual([none, none]);
    expect(meet(null, [ipv4(true, true)])).toEqual([none, none]);
    expect(meet([ipv4(true, true)], null)).toEqual([none, none]);
  });

  it('are agreed on for each family by itself', () => {
    const ipv6 = { ...ipv4(true, true), afi: 2 };
    expect(meet([ipv4(true, true), ipv6], [ipv6])).toEqual([none, { receives: true, sends: true }]);
    expect(meet([ipv4(true, true)], [{ ...ipv4(true, true), safi: 4 }])).toEqual([none, none]);
  });
});
