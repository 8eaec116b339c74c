import { describe, expect, it } from 'vitest';
import { diffRouter, renderRouter } from '../../../src/config/index.js';
import { document, errorsOf, load, minimal, warningsOf } from './documents.js';

const withPeer = (addPath: string, more = 'families: [ipv4, ipv6]', templates = '') =>
  document(
    `${minimal}\n${templates}peers:\n- {name: x, address: 192.0.2.2, asn: 65001, ${more}, addPath: {${addPath}}}`,
  );
const read = (...args: Parameters<typeof withPeer>) => load(withPeer(...args)).peers[0]?.addPath;

describe('several paths per prefix in a document', () => {
  it('are for all families of the session, but for what is said of one', () => {
    const [all, some] = [32, 4];
    expect(read('receive: true, send: 3, ipv6: {maxReceived: 4, send: all}')).toEqual({
      ipv4: { receive: true, send: 3, maxReceived: all },
      ipv6: { receive: true, send: 'all', maxReceived: some },
    });
    expect(read('send: all', 'families: [ipv6]')).toEqual({
      ipv6: { receive: false, send: 'all', maxReceived: 32 },
    });
    expect(read('receive: true, ipv4: {receive: false}')).toEqual({
      ipv6: { receive: true, send: false, maxReceived: 32 },
    });
    expect(read('receive: false')).toBeUndefined();
  });

  it('are put together from a template and the peer', () => {
    const template = 'peerTemplates: {t: {addPath: {receive: true, maxReceived: 5, ipv4: {send: 2}}}}\n';
    expect(read('maxReceived: 7', 'template: t', template)).toEqual({
      ipv4: { receive: true, send: 2, maxReceived: 7 },
    });
  });

  it('are refused where it is not said how many to send', () => {
    expect(errorsOf(withPeer('send: true'))).toEqual([
      '8:87: `spec.peers[0].addPath.send` is `true`; expected how many paths per prefix to announce, or `all`',
    ]);
    expect(errorsOf(withPeer('ipv4: {send: true}'))).toEqual([expect.stringContaining('addPath.ipv4.send')]);
    expect(errorsOf(withPeer('send: some'))).toEqual([
      expect.stringContaining('expected `all`, `false` or a number of paths from 1 to 4096'),
    ]);
  });

  it('are of no use in a family that the session does not carry', () => {
    expect(warningsOf(withPeer('ipv6: {receive: true}', 'families: [ipv4]'))).toEqual([
      expect.stringContaining("the session doesn't carry ipv6"),
    ]);
  });

  it('are written as they were read', () => {
    const router = load(withPeer('receive: true, ipv6: {send: all}'));
    const rendered = JSON.stringify(renderRouter(router));
    expect(load(rendered)).toEqual(router);
  });

  const change = (before: string, after: string) =>
    diffRouter(load(withPeer(before)), load(withPeer(after))).peers.changed;

  it('reset the session when they come, go or change direction', () => {
    const reset = [{ name: 'x', change: 'session' }];
    expect(change('send: false', 'send: 2')).toEqual(reset);
    expect(change('receive: true, send: 2', 'receive: true')).toEqual(reset);
    expect(change('send: 2', 'send: 2, receive: true')).toEqual(reset);
    expect(change('receive: true', 'receive: true, ipv4: {receive: false}')).toEqual(reset);
  });

  it('leave it alone when another number of them is sent or taken', () => {
    const none = [{ name: 'x', change: 'none' }];
    expect(change('send: 2', 'send: all')).toEqual(none);
    expect(change('receive: true', 'receive: true, maxReceived: 2')).toEqual(none);
    expect(change('send: 2', 'send: 2')).toEqual([]);
  });
});
