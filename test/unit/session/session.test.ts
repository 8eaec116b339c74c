import { afterEach, describe, expect, it } from 'vitest';
import type { SessionSettings } from '../../../src/bgp/session/index.js';
import { encodeEndOfRib } from '../../../src/bgp/wire/index.js';
import { address, listen, settings, TestSpeaker } from '../../support/session.js';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function speaker(...args: ConstructorParameters<typeof TestSpeaker>): TestSpeaker {
  const made = new TestSpeaker(...args);
  cleanups.push(() => made.session.stop(null));
  return made;
}

/** A listening, passive speaker and the port that leads to it. */
async function passive(extra: Partial<SessionSettings> = {}, handlers = {}) {
  const side = speaker({ ...settings, passive: true, ...extra }, handlers);
  const listener = await listen((socket) => side.session.accept(socket));
  cleanups.push(() => listener.close());
  side.session.start();
  return { side, port: listener.port };
}

const b: SessionSettings = {
  ...settings,
  name: 'b',
  localAsn: 65002,
  remoteAsn: 65001,
  routerId: 0x0a000002,
};

describe('two sessions', () => {
  it('come up when one side dials and the other waits', async () => {
    for (const host of ['127.0.0.1', '::1']) {
      const waiting = speaker({ ...b, passive: true, remoteAddress: address(host) });
      const listener = await listen((socket) => waiting.session.accept(socket), host);
      cleanups.push(() => listener.close());
      const dialing = speaker({
        ...settings,
        remoteAddress: address(host),
        remotePort: listener.port,
        localAddress: address(host),
        ttl: 1,
      });
      waiting.session.start();
      dialing.session.start();
      await Promise.all([waiting.established(), dialing.established()]);
      expect(dialing.states).toEqual(['connect', 'openSent', 'openConfirm', 'established']);
      expect(waiting.states).toEqual(['active', 'openSent', 'openConfirm', 'established']);
      expect(dialing.negotiated).toMatchObject({
        holdTimeSeconds: 90,
        keepaliveSeconds: 30,
        fourOctetAs: true,
        families: [0, 1],
        routeRefresh: true,
        localAddress: address(host),
        peerOpen: { asn: 65002, routerId: 0x0a000002 },
      });
    }
  });

  it('carry UPDATEs both ways, whole and in order', async () => {
    const { side, port } = await passive(b);
    const other = speaker({ ...settings, remotePort: port });
    other.session.start();
    await Promise.all([side.established(), other.established()]);
    const messages = [encodeEndOfRib(0), encodeEndOfRib(1), encodeEndOfRib(0)];
    for (const from of [side, other]) {
      const to = from === side ? other : side;
      for (const message of messages) from.session.send(message);
      await to.until(() => to.updates.length === 3);
      expect(to.updates).toEqual(messages.map((message) => message.subarray(19)));
    }
  });
});
