import { describe, expect, it } from 'vitest';
import { diffRouter } from '../../../src/config/index.js';
import { document, errorsOf, load, minimal, warningsOf } from './documents.js';

const withCaches = (text: string) => document(`${minimal}\nrpki: {caches: [${text}]}`);

describe('caches in a document', () => {
  it('take what they do not say from the defaults, and their name from the address', () => {
    const { rpki } = load(
      withCaches('{address: 192.0.2.1}, {name: b, address: "2001:db8::1", port: 8282, expire: 700}'),
    );
    expect(rpki.caches).toMatchObject([
      { name: '192.0.2.1', port: 323, preference: 100 },
      { name: 'b', port: 8282, preference: 100, expireSeconds: 700 },
    ]);
  });

  it.each([
    ['{name: a}', '7:19: `spec.rpki.caches[0].address` is missing; expected an IPv4 or IPv6 address'],
    [
      '{address: 224.0.0.1}',
      '7:29: `spec.rpki.caches[0].address` is 224.0.0.1, which no single host can have; expected a unicast address',
    ],
    [
      '{name: a, address: 192.0.2.1}, {name: a, address: 192.0.2.2}',
      '7:57: cache a stands here a second time, first in line 7; expected it once',
    ],
    [
      '{address: 192.0.2.1, refresh: 60, expire: 60}',
      '7:61: `spec.rpki.caches[0].expire` is 60; expected more than `refresh`, which is 60 (RFC 8210 §6)',
    ],
  ])('%s is refused', (text, error) => {
    expect(errorsOf(withCaches(text))).toEqual([error]);
  });

  it('are missed where a filter asks what they say', () => {
    const asks = `${minimal}\nfilters: {f: [{match: {rpki: [invalid, notFound]}, action: accept}]}`;
    expect(warningsOf(document(asks))).toEqual([
      '7:26: `spec.filters.f[0].match.rpki` asks for origin validation and `spec.rpki.caches` names no cache: every route is `notFound`',
    ]);
    expect(warningsOf(document(`${asks}\nrpki: {caches: [{address: 192.0.2.1}]}`))).toEqual([]);
    expect(
      errorsOf(document(`${minimal}\nfilters: {f: [{match: {rpki: unknown}, action: accept}]}`)),
    ).toEqual([
      '7:32: `spec.filters.f[0].match.rpki` is "unknown"; expected `valid`, `invalid`, `notFound` or a list of these',
    ]);
  });

  it('are known by their names in a diff, which concerns no session', () => {
    const before = load(withCaches('{name: a, address: 192.0.2.1}, {name: b, address: 192.0.2.2}'));
    const after = load(
      withCaches(
        '{name: c, address: 192.0.2.3}, {name: b, address: 192.0.2.2, retry: 5}, {name: a, address: 192.0.2.1}',
      ),
    );
    expect(diffRouter(before, after)).toMatchObject({
      peers: { added: [], removed: [], changed: [] },
      policies: null,
      overlay: false,
      lines: ['cache c added', 'cache b: retry unset → 5', 'rpki.caches: [a, b] → [b, a]'],
    });
    expect(diffRouter(after, load(document(minimal))).lines).toEqual([
      'cache c removed',
      'cache b removed',
      'cache a removed',
    ]);
  });
});
