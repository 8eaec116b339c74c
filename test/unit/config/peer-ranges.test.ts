import { describe, expect, it } from 'vitest';
import { diffRouter, formatRouter } from '../../../src/config/index.js';
import { document, errorsOf, load, minimal } from './documents.js';

const ranges = (lines: string, more = '') =>
  document(`${minimal}\nebgpRequiresPolicy: false\n${more}\npeerRanges: [${lines}]`);

describe('ranges of peers', () => {
  it('take what a peer takes, from a template as well, and are written as they are read', () => {
    const text = ranges(
      '{name: r, template: t, prefix: 10.0.0.0/8, holdTime: 30}, {name: s, prefix: "2001:db8::/32", asns: [65002, 65003], limit: 7}',
      'peerTemplates: {t: {asn: external, ttlSecurity: true, port: 1179}}',
    );
    const router = load(text);
    expect(router.peerRanges).toMatchObject([
      {
        name: 'r',
        limit: 100,
        settings: {
          learnsAsn: true,
          ttlSecurity: 1,
          holdTimeSeconds: 30,
          families: ['ipv4'],
          port: 179,
          passive: true,
        },
      },
      { name: 's', limit: 7, settings: { asns: [65002, 65003], learnsAsn: true, families: ['ipv6'] } },
    ]);
    expect(load(formatRouter(router, 'yaml'))).toEqual(router);
  });

  it.each([
    ['{name: r, prefix: 10.0.0.0/8}', 'has no `asn`'],
    ['{name: r, prefix: 10.0.0.1/8, asn: 1}', 'expected'],
    ['{name: r, prefix: 10.0.0.0/8, asn: 1, asns: [2]}', 'has both `asn` and `asns`'],
    ['{name: r, prefix: 10.0.0.0/8, asns: [65001]}', 'is 65001, which is no external AS'],
    ['{name: r, prefix: "fe80::/64", asn: 1}', 'is link-local'],
    ['{name: r, prefix: 10.0.0.0/8, asn: 1}, {name: r, prefix: 11.0.0.0/8, asn: 1}', 'range `r`'],
    ['{name: r, prefix: 10.0.0.0/8, asn: 1}, {name: s, prefix: 10.0.0.0/8, asn: 1}', 'the range 10.0.0.0/8'],
    ['{name: r, prefix: 10.0.0.0/8, asn: 1, passive: true}', 'passive'],
  ])('are refused: %s', (text, error) => {
    expect(errorsOf(ranges(text)).join('\n')).toContain(error);
  });

  it('go together with the peers that are named', () => {
    const named = (peer: string) => `peers: [${peer}]`;
    expect(
      errorsOf(
        ranges(
          '{name: r, prefix: 10.0.0.0/8, asn: 1}',
          named('{name: "r:10.0.0.1", address: 10.0.0.1, asn: 1}'),
        ),
      ).join(),
    ).toContain('is called like one of the range');
    expect(
      errorsOf(
        ranges(
          '{name: r, prefix: 10.0.0.0/8, asn: 1, passwordEnv: X}',
          named('{name: p, address: 10.0.0.1, asn: 1}'),
        ),
      ).join(),
    ).toContain('where all connections are signed');
  });

  it('say at a reload what changes for their peers', () => {
    const base = '{name: r, prefix: 10.0.0.0/8, asn: 1';
    const changed = (more: string) => {
      const { ranges: found, lines } = diffRouter(load(ranges(`${base}}`)), load(ranges(`${base}${more}`)));
      return [...found.entries(), ...lines];
    };
    expect(changed(', limit: 5}')).toEqual([['r', 'none'], 'peer range r: limit 100 → 5']);
    expect(changed(', allowOwnAs: 1}')[0]).toEqual(['r', 'policy']);
    expect(changed(', holdTime: 30}')).toEqual([
      ['r', 'session'],
      'peer range r: holdTime 90 → 30; its session is reset',
    ]);
    const gone = diffRouter(load(ranges(`${base}}`)), load(ranges('')));
    expect(gone.lines).toEqual(['peer range r removed']);
  });
});
