import { describe, expect, it } from 'vitest';
import { diffRouter } from '../../../src/config/index.js';
import { document, errorsOf, load, minimal } from './documents.js';

const withBmp = (text: string) => document(`${minimal}\nbmp: [${text}]`);

describe('bmp', () => {
  it('is read with its defaults', () => {
    const { bmp } = load(withBmp('{address: 192.0.2.9}'));
    expect(bmp).toEqual([
      {
        name: '192.0.2.9',
        address: { family: 0, a: 0xc0000209, b: 0, c: 0, d: 0 },
        port: 11019,
        routes: { received: true, accepted: false, locRib: false },
        mirror: false,
        statisticsSeconds: 60,
        connectRetrySeconds: 720,
        stallSeconds: 120,
      },
    ]);
    expect(load(document(minimal)).bmp).toEqual([]);
  });

  it.each([
    ['{name: a}', 'is missing; expected an IPv4 or IPv6 address'],
    ['{address: 192.0.2.9, port: 0}', '`spec.bmp[0].port` is 0; expected'],
    [
      '{address: 192.0.2.9, localAddress: "2001:db8::1"}',
      '`spec.bmp[0].localAddress` is 2001:db8::1, but the collector is at 192.0.2.9; expected an IPv4 address',
    ],
    [
      '{address: 192.0.2.9, routes: {received: false}}',
      '`spec.bmp[0]` is told of nothing; expected one of `received`, `accepted`, `locRib`, `mirror` to be `true`',
    ],
    [
      '{address: 192.0.2.9}, {address: 192.0.2.9, port: 1}',
      'collector `192.0.2.9` stands here a second time',
    ],
    [
      '{address: 192.0.2.9, name: a}, {address: 192.0.2.8, name: a}',
      'collector `a` stands here a second time',
    ],
  ])('refuses %s', (text, message) => {
    const errors = errorsOf(withBmp(text));
    expect(errors).toHaveLength(1);
    expect(errors[0]).toContain(message);
    expect(errors[0]).toMatch(/^7:\d+: /);
  });

  it('differs by name, and asks for nothing of any peer', () => {
    const before = load(withBmp('{name: a, address: 192.0.2.9}, {name: b, address: 192.0.2.8}'));
    const after = load(
      withBmp('{name: c, address: 192.0.2.7}, {name: a, address: 192.0.2.9, routes: {locRib: true}}'),
    );
    const diff = diffRouter(before, after);
    expect(diff.lines).toEqual([
      'collector b removed',
      'collector c added',
      'collector a: routes.locRib false → true',
    ]);
    expect(diff).toMatchObject({
      peers: { added: [], removed: [], changed: [] },
      restart: [],
      policies: null,
      overlay: false,
    });
  });
});
