import { describe, expect, it } from 'vitest';
import { diffRouter, formatRouter } from '../../../src/config/index.js';
import { document, errorsOf, load, minimal, warningsOf } from './documents.js';

const base = `${minimal}\nconfederation: {id: 100, members: [65002, 65003]}`;
const withPeer = (settings: string, spec = base) =>
  document(`${spec}\npeers: [{name: p, address: 192.0.2.9, ${settings}}]`);

describe('a confederation', () => {
  it('is read, and written as it was', () => {
    const router = load(document(base));
    expect(router.confederation).toEqual({ id: 100, members: [65002, 65003] });
    expect(formatRouter(router, 'yaml')).toMatch(/confederation:\n +id: 100\n +members:\n +- 65002/);
    expect(load(document(`${minimal}\nconfederation: {id: 100}`)).confederation?.members).toEqual([]);
    expect(load(document(minimal)).confederation).toBeNull();
  });

  it.each([
    ['asn: 100', '8:46: peer `p` is said to be in AS 100, which is what the outside calls our confederation'],
    ['asn: 65002, localAs: {asn: 65009}', 'is in our confederation and has `localAs`; expected an eBGP peer'],
    ['asn: 65002, routeReflectorClient: true', 'is a route reflector client but in AS 65002'],
  ])('is not what a peer with `%s` is in', (settings, message) => {
    expect(errorsOf(withPeer(settings)).join()).toContain(message);
  });

  it('may have its own number as that of a member', () => {
    expect(errorsOf(withPeer('asn: 100', `${minimal}\nconfederation: {id: 100, members: [100]}`))).toEqual(
      [],
    );
  });

  it('needs no filters within it (RFC 8212)', () => {
    expect(warningsOf(withPeer('asn: 65002'))).toEqual([]);
    expect(warningsOf(withPeer('asn: 65009'))).toEqual([expect.stringContaining('RFC 8212')]);
  });

  it('begins with the next start; members come and go with the sessions that they are about', () => {
    const diff = (spec: string, asn: number) =>
      diffRouter(load(withPeer(`asn: ${asn}`)), load(withPeer(`asn: ${asn}`, spec)));
    expect(diff(minimal, 65001)).toMatchObject({
      restart: ['confederation.id'],
      lines: ['confederation.id: 100 → unset; takes a restart'],
    });
    const fewer = `${minimal}\nconfederation: {id: 100, members: [65003]}`;
    expect(diff(fewer, 65003)).toMatchObject({
      restart: [],
      peers: { changed: [] },
      lines: ['confederation.members: [65002, 65003] → [65003]'],
    });
    expect(diff(fewer, 65002)).toMatchObject({
      peers: { changed: [{ name: 'p', change: 'session' }] },
      lines: [expect.any(String), 'peer p: confed → ebgp; its session is reset'],
    });
    const withRange = (spec: string) =>
      load(document(`${spec}\npeerRanges: [{name: r, prefix: 192.0.2.0/24, asn: 65002}]`));
    expect(diffRouter(withRange(base), withRange(fewer))).toMatchObject({
      ranges: new Map([['r', 'session']]),
      lines: [expect.any(String), 'peer range r: confed → ebgp; its session is reset'],
    });
  });
});
