import { describe, expect, it } from 'vitest';
import { parseAddress } from '../../../src/address/index.js';
import { describeRecord } from '../../../src/bgp/mrt/index.js';
import { buildCanonical, UpdateEncoder, updateHasPathIds } from '../../../src/bgp/wire/index.js';

const address = (text: string) => {
  const parsed = parseAddress(text);
  if (parsed === null) throw new Error(`${text} is no address`);
  return parsed;
};

/** UPDATEs of one family with path identifiers: an announcement, and a withdrawal. */
function updates(family: 0 | 1): Buffer[] {
  const nextHop = address(family === 0 ? '192.0.2.1' : '2001:db8::1');
  const set = buildCanonical({ family, nextHop, asPath: [65001] });
  const add = (encoder: UpdateEncoder) =>
    family === 0 ? encoder.addPathIpv4(7, 0xc6336400, 24) : encoder.addPathIpv6(7, 0x20010db8, 0, 0, 0, 32);
  return [true, false].map((announces) => {
    const encoder = new UpdateEncoder(4096, true, true);
    if (announces) encoder.beginReach(set, 0, set.length);
    else encoder.beginUnreach(family);
    add(encoder);
    return encoder.take() ?? Buffer.alloc(0);
  });
}

describe('path identifiers in records (RFC 8050)', () => {
  it.each([0, 1] as const)('are told with prefixes of family %i', (family) => {
    const prefix = family === 0 ? '198.51.100.0/24' : '2001:db8::/32';
    const rows = updates(family).flatMap((message) => {
      const body = {
        kind: 'message' as const,
        fourOctetAs: true,
        addPath: true,
        local: false,
        peerAsn: 65001,
        localAsn: 65000,
        interfaceIndex: 0,
        peerAddress: address('192.0.2.1'),
        localAddress: address('192.0.2.2'),
        message,
      };
      return [...describeRecord({ time: 0, microseconds: null, body }, null)];
    });
    expect(rows).toMatchObject([
      { type: 'announce', prefix, pathId: 7, asPath: '65001' },
      { type: 'withdraw', prefix, pathId: 7 },
    ]);
  });

  it('are there in the families of the UPDATE for which they were negotiated', () => {
    for (const family of [0, 1] as const) {
      for (const message of updates(family)) {
        const has = (ipv4: boolean, ipv6: boolean) =>
          updateHasPathIds(message, 19, message.length, [ipv4, ipv6]);
        expect([has(false, false), has(true, true)]).toEqual([false, true]);
        expect([has(true, false), has(false, true)]).toEqual([family === 0, family === 1]);
      }
    }
  });

  it('are looked for in no more than the message has', () => {
    for (const message of [...updates(0), ...updates(1)]) {
      for (let end = 19; end < message.length; end++) {
        expect(updateHasPathIds(message.subarray(0, end), 19, end, [false, true])).toBeTypeOf('boolean');
      }
    }
  });
});
