import { describe, expect, it } from 'vitest';
import { encodeAdvertisement, isSolicitation } from '../../src/radv/index.js';

const octets = (hex: string) => Buffer.from(hex.replace(/ /g, ''), 'hex');

describe('a router advertisement', () => {
  it('says our link-layer address, and that we are nobody’s default router', () => {
    // Type, code, checksum; hop limit, flags, lifetime; reachable time; retransmission timer; option.
    expect(encodeAdvertisement('02:00:5e:10:00:01')).toEqual(
      octets('86 00 0000 00 00 0000 00000000 00000000 01 01 02005e100001'),
    );
  });

  it('has no option on a link without link-layer addresses', () => {
    expect(encodeAdvertisement(null)).toEqual(octets('86 00 0000 00 00 0000 00000000 00000000'));
  });
});

describe('a router solicitation', () => {
  const linkLocal = octets(`fe80${'00'.repeat(13)}09`);
  const nobody = Buffer.alloc(16);
  const bare = '85 00 0000 00000000';
  const withSource = `${bare} 01 01 02005e100001`;

  it.each([
    ['without options', bare, linkLocal, true],
    ['with its link-layer address', withSource, linkLocal, true],
    ['from a host without an address yet', bare, nobody, true],
    ['from such a host that says a link-layer address', withSource, nobody, false],
    ['from beyond the link', bare, octets(`20010db8${'00'.repeat(11)}09`), false],
    ['with another code', '85 01 0000 00000000', linkLocal, false],
    ['of another type', '86 00 0000 00000000', linkLocal, false],
    ['that is cut short', '85 00 0000 0000', linkLocal, false],
    ['with an option of no length', `${bare} 01 00 02005e100001`, linkLocal, false],
    ['with an option that overruns it', `${bare} 01 02 02005e100001`, linkLocal, false],
    ['with half an option', `${bare} 01`, linkLocal, false],
  ])('%s (RFC 4861 §6.1.1)', (_, message, source, answered) => {
    expect(isSolicitation(octets(message), source)).toBe(answered);
  });
});
