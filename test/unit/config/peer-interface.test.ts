import { describe, expect, it } from 'vitest';
import { formatAddress } from '../../../src/address/index.js';
import { diffRouter, formatRouter } from '../../../src/config/index.js';
import { document, errorsOf, load, minimal } from './documents.js';

const peers = (...lines: string[]) =>
  document(`${minimal}\nebgpRequiresPolicy: false\npeers: [${lines.join(', ')}]`);
const byInterface = '{name: p, interface: eth1, asn: external}';

describe('a peer by interface', () => {
  it('has no address before it is learnt, speaks both families and may extend next hops', () => {
    const [peer] = load(peers(byInterface)).peers;
    expect(formatAddress(peer.address)).toBe('::');
    expect(peer).toMatchObject({
      interface: 'eth1',
      device: 'eth1',
      raIntervalSeconds: 10,
      asn: 0,
      learnsAsn: true,
      families: ['ipv4', 'ipv6'],
      extendedNextHop: true,
    });
  });

  it('is written as it was read', () => {
    const router = load(peers(byInterface, '{name: q, interface: eth2, asn: internal, raInterval: 0}'));
    const text = formatRouter(router, 'yaml');
    expect(text).toContain('interface: eth1');
    expect(text).toContain('asn: external');
    expect(text).not.toContain('device');
    expect(load(text)).toEqual(router);
  });

  it('may have its AS from the OPEN at an address, too, or our own', () => {
    const [p, q] = load(
      peers('{name: p, address: 192.0.2.2, asn: external}', '{name: q, address: 192.0.2.3, asn: internal}'),
    ).peers;
    expect([p.asn, p.learnsAsn, q.asn, q.learnsAsn]).toEqual([0, true, 65001, undefined]);
  });

  it('takes the number that it states in place of what its template says', () => {
    const text = document(
      `${minimal}\nebgpRequiresPolicy: false\npeerTemplates: {t: {asn: external}}\npeers: [{name: p, template: t, interface: eth1, asn: 65002}]`,
    );
    const [peer] = load(text).peers;
    expect([peer.asn, peer.learnsAsn]).toEqual([65002, undefined]);
  });

  it.each([
    [['{name: p, asn: 1}'], 'peer `p` has neither `address` nor `interface`; expected one of them'],
    [
      ['{name: p, address: 192.0.2.2, interface: eth1, asn: 1}'],
      'peer `p` has both `address` and `interface`; expected one of them (`device` beside an address says over which interface)',
    ],
    [
      ['{name: p, interface: eth1, device: eth1, asn: 1}'],
      'peer `p` has `interface` and `device`; expected `interface` alone: the peer is on that link',
    ],
    [
      ['{name: p, interface: eth1, multihop: true, asn: 1}'],
      'peer `p` has `interface` and `multihop`; expected `interface` alone: the peer is on that link',
    ],
    [
      [byInterface, '{name: q, interface: eth1, asn: 1}'],
      'a peer by the interface eth1 stands here a second time, first in line 8; expected it once',
    ],
    [
      ['{name: p, interface: eth1, asn: extern}'],
      '`spec.peers[0].asn` is "extern"; expected an AS number from 1 to 4294967295, `external` or `internal`',
    ],
  ])('is told what is wrong: %s', (lines, error) => {
    expect(errorsOf(peers(...lines)).map((each) => each.replace(/^\d+:\d+: /, ''))).toEqual([error]);
  });

  it('gets a new session for another interface or AS, and none for another interval', () => {
    const before = load(peers(byInterface));
    const change = (line: string) => diffRouter(before, load(peers(line))).peers.changed;
    expect(change('{name: p, interface: eth2, asn: external}')).toEqual([{ name: 'p', change: 'session' }]);
    expect(change('{name: p, interface: eth1, asn: 65002}')).toEqual([{ name: 'p', change: 'session' }]);
    expect(change('{name: p, interface: eth1, asn: external, raInterval: 3}')).toEqual([
      { name: 'p', change: 'none' },
    ]);
    expect(diffRouter(load(peers()), before).lines).toEqual(['peer p added: interface eth1, AS external']);
  });
});
