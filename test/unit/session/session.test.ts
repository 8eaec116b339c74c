import { once } from 'node:events';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { administrativeShutdown, type SessionSettings, withMessage } from '../../../src/bgp/session/index.js';
import {
  type Capability,
  encodeEndOfRib,
  encodeNotification,
  encodeOpen,
  encodeRouteRefresh,
  keepalive,
  MessageType,
  type OpenMessage,
  WireError,
} from '../../../src/bgp/wire/index.js';
import { address, listen, RawPeer, rawOpen, settings, TestSpeaker } from '../../support/session.js';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function speaker(...args: ConstructorParameters<typeof TestSpeaker>): TestSpeaker {
  const made = new TestSpeaker(...args);
  cleanups.push(() => made.session.stop(null));
  return made;
}

/** A passive speaker, started, and the port that leads to it. */
async function passive(extra: Partial<SessionSettings> = {}, handlers = {}) {
  const side = speaker({ ...settings, passive: true, ...extra }, handlers);
  const listener = await listen((socket) => side.session.accept(socket));
  cleanups.push(() => listener.close());
  side.session.start();
  return { side, port: listener.port };
}

async function raw(port: number): Promise<RawPeer> {
  const peer = await RawPeer.dial(port);
  cleanups.push(() => peer.socket.destroy());
  return peer;
}

const b: SessionSettings = {
  ...settings,
  name: 'b',
  localAsn: 65002,
  remoteAsn: 65001,
  routerId: 0x0a000002,
};

/** Both dial, both listen. */
async function dialingPair(a: Partial<SessionSettings> = {}, other: Partial<SessionSettings> = {}) {
  const sides: TestSpeaker[] = [];
  const listeners = await Promise.all([0, 1].map((i) => listen((socket) => sides[i].session.accept(socket))));
  for (const listener of listeners) cleanups.push(() => listener.close());
  sides.push(speaker({ ...settings, remotePort: listeners[1].port, ...a }));
  sides.push(speaker({ ...b, remotePort: listeners[0].port, ...other }));
  return sides;
}

/** A message passes each way, so both sides are established, and on the same connection. */
async function talk(x: TestSpeaker, y: TestSpeaker): Promise<void> {
  for (const [from, to] of [
    [x, y],
    [y, x],
  ]) {
    const before = to.updates.length;
    from.session.send(encodeEndOfRib(0));
    await to.until(() => to.updates.length > before);
  }
}

describe('two sessions', () => {
  it('come up when one side dials and the other waits, over IPv4 and IPv6', async () => {
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
        extendedMessage: true,
        extendedNextHop: false,
        addPath: [
          { receives: false, sends: false },
          { receives: false, sends: false },
        ],
        peerGracefulRestart: null,
        notificationRestart: false,
        peerLongLived: null,
        localAddress: address(host),
        peerOpen: { asn: 65002, routerId: 0x0a000002 },
      });
    }
  });

  it('end up with one connection when both dial at once, whoever has the higher identifier', async () => {
    for (let round = 0; round < 10; round++) {
      const ids = round % 2 === 0 ? [1, 2] : [2, 1];
      const [x, y] = await dialingPair({ routerId: ids[0] }, { routerId: ids[1] });
      x.session.start();
      y.session.start();
      await Promise.all([x.established(), y.established()]);
      await talk(x, y);
      expect(x.establishedCount).toBe(1);
      expect(y.establishedCount).toBe(1);
    }
  });

  it('collide in the open while both delay their OPEN, and one connection stays', async () => {
    const [x, y] = await dialingPair({ delayOpenSeconds: 0.2 }, { delayOpenSeconds: 0.2 });
    x.session.start();
    y.session.start();
    await Promise.all([x.established(), y.established()]);
    await talk(x, y);
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
    expect(side.session.counters).toMatchObject({ updatesReceived: 3, messagesSent: 5, established: 1 });
  });

  it('end with their link as with TCP, and are dialed at once when it is back', async () => {
    const { side, port } = await passive(b);
    // The next attempt by itself is a minute away.
    const other = speaker({ ...settings, remotePort: port, idleHoldSeconds: 60, connectRetrySeconds: 60 });
    other.session.start();
    await Promise.all([side.established(), other.established()]);
    other.session.fail('eth0 is down');
    expect(other.session.lastError).toBe('eth0 is down');
    expect(other.session.state).toBe('active');
    await side.until(() => side.session.state !== 'established');
    expect(side.session.lastError).toBe('connection closed by the peer');
    other.session.retry();
    await Promise.all([side.established(), other.established()]);
    expect(other.establishedCount).toBe(2);
    other.session.retry();
    expect(other.session.state).toBe('established');
  });

  it('stay up by their keepalives', async () => {
    const { side, port } = await passive({ ...b, holdTimeSeconds: 3 });
    const other = speaker({ ...settings, remotePort: port });
    other.session.start();
    await Promise.all([side.established(), other.established()]);
    expect(other.negotiated).toMatchObject({ holdTimeSeconds: 3, keepaliveSeconds: 1 });
    // OPEN, the first KEEPALIVE, and five at intervals of three quarters of a second or more.
    await vi.waitUntil(() => side.session.counters.messagesReceived >= 7, { timeout: 15_000 });
    expect(side.closed).toEqual([]);
    expect(other.closed).toEqual([]);
  }, 20_000);

  it('meet again after a reset, without anybody starting them', async () => {
    const { side, port } = await passive(b);
    const other = speaker({ ...settings, remotePort: port });
    other.session.start();
    await Promise.all([side.established(), other.established()]);
    side.session.reset();
    await Promise.all([
      side.until(() => side.establishedCount === 2),
      other.until(() => other.establishedCount === 2),
    ]);
    expect(side.closed[0]).toMatchObject({ wasEstablished: true, notificationSent: { code: 6, subcode: 4 } });
    expect(other.closed[0]).toMatchObject({
      wasEstablished: true,
      notificationReceived: { code: 6, subcode: 4 },
      graceful: false,
    });
    expect(other.closed[0].error).toContain('Administrative Reset');
  });

  it('dial again when the peer starts to listen later', async () => {
    const taken = await listen(() => false);
    const { port } = taken;
    taken.close();
    const other = speaker({ ...settings, remotePort: port });
    other.session.start();
    await other.until(() => other.closed.length > 0);
    expect(other.closed[0]).toMatchObject({ wasEstablished: false });
    expect(other.closed[0].error).toContain('ECONNREFUSED');
    const side = speaker({ ...b, passive: true });
    const listener = await listen((socket) => side.session.accept(socket), '127.0.0.1', port);
    cleanups.push(() => listener.close());
    side.session.start();
    await Promise.all([side.established(), other.established()]);
  });
});

describe('a stopped session', () => {
  it('tells the peer, refuses its calls, and takes them again once enabled', async () => {
    const { side, port } = await passive();
    const peer = await raw(port);
    await peer.establish();
    await side.established();
    await side.session.stop();
    expect(await peer.notification()).toMatchObject({ code: 6, subcode: 2 });
    expect(side.closed).toHaveLength(1);
    expect(side.closed[0]).toMatchObject({ wasEstablished: true, error: null });
    expect(side.session.lastError).toBeNull();
    const refused = await raw(port);
    await refused.until(() => refused.ended);
    expect(refused.messages).toEqual([]);
    side.session.reset();
    expect(side.session.state).toBe('idle');
    side.session.start();
    await (await raw(port)).establish();
    await side.established();
  });

  it('ends TCP without a word where that is asked for', async () => {
    const { side, port } = await passive();
    const peer = await raw(port);
    await peer.establish();
    await side.established();
    const stopped = side.session.stop(null);
    await peer.until(() => peer.ended);
    await stopped;
    expect(peer.messages.filter((message) => message.type === 3)).toEqual([]);
  });
});

describe('a peer that keeps silent', () => {
  it('gets keepalives, and is told when the hold time is over', async () => {
    const { side, port } = await passive({ holdTimeSeconds: 3 });
    const peer = await raw(port);
    await peer.establish();
    await side.established();
    expect(await peer.notification()).toMatchObject({ code: 4, subcode: 0 });
    expect(peer.messages.filter((message) => message.type === 4).length).toBeGreaterThanOrEqual(3);
    expect(side.closed[0].error).toContain('hold timer expired');
    expect(side.session.state).toBe('active');
  }, 20_000);

  it('is not blamed while we do not read', async () => {
    const { side, port } = await passive({ holdTimeSeconds: 3 });
    const peer = await raw(port);
    await peer.establish();
    await side.established();
    // What reading in turns does, for longer than it would.
    const primary = 'primary';
    const { transport } = side.session[primary];
    transport?.rest();
    const keepalives = () => peer.messages.filter((message) => message.type === 4).length;
    await peer.until(() => keepalives() >= 6 || peer.ended);
    expect(side.closed).toEqual([]);
    peer.socket.write(encodeEndOfRib(0));
    transport?.goOn();
    await side.until(() => side.updates.length === 1);
  }, 20_000);
});

describe('a peer that says something wrong', () => {
  const open = (change: Partial<OpenMessage>): Buffer => encodeOpen({ ...rawOpen, ...change });
  const patched = (message: Buffer, at: number, ...bytes: number[]): Buffer => {
    const copy = Buffer.from(message);
    for (const [i, byte] of bytes.entries()) copy[at + i] = byte;
    return copy;
  };
  const otherFamily: Capability[] = [{ type: 'multiprotocol', afi: 25, safi: 65 }];

  const cases: [string, Buffer[], number, number][] = [
    ['garbage', [Buffer.from('GET / HTTP/1.1\r\nHost: example\r\n\r\n')], 1, 1],
    ['a length below 19', [patched(keepalive, 16, 0, 18)], 1, 2],
    ['a length above 4096', [patched(keepalive, 16, 0x10, 1)], 1, 2],
    ['an unknown type', [patched(keepalive, 18, 9)], 1, 3],
    ['BGP version 3', [patched(open({}), 19, 3)], 2, 1],
    ['another AS', [open({ asn: 65009, capabilities: [] })], 2, 2],
    ['identifier 0', [open({ routerId: 0 })], 2, 3],
    ['hold time 1', [open({ holdTimeSeconds: 1 })], 2, 6],
    ['no family of ours', [open({ capabilities: otherFamily })], 2, 7],
    ['KEEPALIVE before OPEN', [keepalive], 5, 1],
    ['UPDATE before KEEPALIVE', [open({}), encodeEndOfRib(0)], 5, 2],
    ['OPEN twice', [open({}), keepalive, open({})], 5, 3],
    [
      'a short ROUTE-REFRESH',
      [
        open({}),
        keepalive,
        patched(encodeRouteRefresh({ afi: 1, safi: 1, subtype: 0 }).subarray(0, 22), 16, 0, 22),
      ],
      7,
      1,
    ],
  ];
  for (const [what, messages, code, subcode] of cases) {
    it(`is told NOTIFICATION ${code}/${subcode} for ${what}`, async () => {
      const { side, port } = await passive({ idleHoldSeconds: 60 });
      const peer = await raw(port);
      peer.socket.write(Buffer.concat(messages));
      expect(await peer.notification()).toMatchObject({ code, subcode });
      await peer.until(() => peer.ended);
      expect(side.session.state).toBe('idle');
      expect(side.closed).toHaveLength(1);
      expect(side.closed[0]).toMatchObject({ notificationSent: { code, subcode }, graceful: false });
    });
  }

  it('is told what the UPDATE handler found', async () => {
    const update = () => new WireError('reset', 3, 1, 'attributes overrun', 4, Buffer.from([7]));
    const { side, port } = await passive({}, { update });
    const peer = await raw(port);
    await peer.establish();
    peer.socket.write(Buffer.concat([encodeEndOfRib(0), encodeEndOfRib(0)]));
    expect(await peer.notification()).toEqual({ code: 3, subcode: 1, data: Buffer.from([7]) });
    expect(side.closed).toHaveLength(1);
    expect(side.session.counters.updatesReceived).toBe(1);
    expect(side.session.lastError).toContain('attributes overrun');
  });

  it('is told when it has our identifier in our AS, but not in another', async () => {
    const twin = { ...rawOpen, routerId: settings.routerId };
    const external = await passive();
    await (await raw(external.port)).establish(twin);
    await external.side.established();
    const internal = await passive({ localAsn: 65002 });
    const peer = await raw(internal.port);
    peer.socket.write(encodeOpen(twin));
    expect(await peer.notification()).toMatchObject({ code: 2, subcode: 3 });
  });

  it('is refused for the idle hold time, and welcome afterwards', async () => {
    const { side, port } = await passive({ idleHoldSeconds: 0.3 });
    const bad = await raw(port);
    bad.socket.write(Buffer.alloc(19));
    await bad.notification();
    const early = await raw(port);
    await early.until(() => early.ended);
    expect(early.messages).toEqual([]);
    await side.until(() => side.session.state === 'active');
    await (await raw(port)).establish();
    await side.established();
  });

  it('still hears why when it keeps sending', async () => {
    const { port } = await passive();
    const peer = await raw(port);
    await peer.establish();
    peer.socket.write(Buffer.alloc(4 * 1024 * 1024));
    expect(await peer.notification()).toMatchObject({ code: 1, subcode: 1 });
  });
});

describe('negotiation', () => {
  it('takes a peer without capabilities as IPv4 unicast with 2-octet AS numbers', async () => {
    const { side, port } = await passive();
    await (await raw(port)).establish({ ...rawOpen, capabilities: [] });
    await side.established();
    expect(side.negotiated).toMatchObject({ families: [0], fourOctetAs: false, routeRefresh: false });
  });

  it('tries without capabilities where the peer takes none, and whole again after that (RFC 5492 §3)', async () => {
    const { side, port } = await passive();
    const refuse = async () => {
      const peer = await raw(port);
      const { capabilities } = await peer.open();
      const before = side.closed.length;
      peer.socket.end(encodeNotification({ code: 2, subcode: 4, data: Buffer.alloc(0) }));
      await side.until(() => side.closed.length > before);
      return capabilities.length > 0;
    };
    expect(await refuse()).toBe(true);
    expect(side.session.lastError).toMatch(
      /Unsupported Optional Parameter; the next OPEN goes without capabilities/,
    );
    expect(await refuse()).toBe(false);
    expect(await refuse()).toBe(true);
    const old = await raw(port);
    await old.establish({ ...rawOpen, capabilities: [] });
    await side.established();
    expect((await old.open()).capabilities).toEqual([]);
    expect(side.negotiated).toMatchObject({ families: [0], fourOctetAs: false, peerGracefulRestart: null });
  });

  it('sends no keepalives and sets no hold timer when the peer wants none', async () => {
    const { side, port } = await passive();
    await (await raw(port)).establish({ ...rawOpen, holdTimeSeconds: 0 });
    await side.established();
    expect(side.negotiated).toMatchObject({ holdTimeSeconds: 0, keepaliveSeconds: 0 });
  });

  it('agrees on messages beyond 4096 octets only when both sides can', async () => {
    const extended: Capability = { type: 'extendedMessage' };
    const big = Buffer.alloc(5000, 0xff);
    big.writeUInt16BE(5000, 16);
    big[18] = 2;
    const both = await passive({}, { capabilities: () => [extended] });
    const able = await raw(both.port);
    await able.establish({ ...rawOpen, capabilities: [...rawOpen.capabilities, extended] });
    able.socket.write(big);
    await both.side.until(() => both.side.updates.length === 1);
    expect(both.side.updates[0]).toHaveLength(4981);
    const one = await passive({}, { capabilities: () => [extended] });
    const unable = await raw(one.port);
    await unable.establish();
    unable.socket.write(big);
    expect(await unable.notification()).toMatchObject({ code: 1, subcode: 2 });
  });

  it('hands ROUTE-REFRESH on', async () => {
    const { side, port } = await passive();
    const peer = await raw(port);
    await peer.establish();
    peer.socket.write(encodeRouteRefresh({ afi: 2, safi: 1, subtype: 0 }));
    await side.until(() => side.refreshes.length === 1);
    expect(side.refreshes).toEqual([[2, 1, 0]]);
  });
});

describe('graceful restart', () => {
  const capability: Capability = {
    type: 'gracefulRestart',
    restarting: false,
    notification: false,
    restartTimeSeconds: 120,
    families: [{ afi: 1, safi: 1, forwarding: true }],
  };
  const able = { ...rawOpen, capabilities: [...rawOpen.capabilities, capability] };
  const handlers = { capabilities: () => [capability] };

  it('asks to keep the routes of a peer whose TCP ended without a NOTIFICATION', async () => {
    const { side, port } = await passive({}, handlers);
    const peer = await raw(port);
    await peer.establish(able);
    await side.established();
    expect(side.negotiated?.peerGracefulRestart).toEqual(capability);
    peer.socket.resetAndDestroy();
    await side.until(() => side.closed.length === 1);
    expect(side.closed[0]).toMatchObject({ wasEstablished: true, graceful: true });
  });

  it('does not where either side said NOTIFICATION, or one of them lacks the capability', async () => {
    const noticed = await passive({}, handlers);
    const peer = await raw(noticed.port);
    await peer.establish(able);
    peer.socket.end(encodeNotification({ code: 6, subcode: 2, data: Buffer.alloc(0) }));
    await noticed.side.until(() => noticed.side.closed.length === 1);
    expect(noticed.side.closed[0]).toMatchObject({ wasEstablished: true, graceful: false });
    const without = await passive();
    const other = await raw(without.port);
    await other.establish(able);
    other.socket.end();
    await without.side.until(() => without.side.closed.length === 1);
    expect(without.side.closed[0]).toMatchObject({ wasEstablished: true, graceful: false });
  });

  describe('with NOTIFICATIONs that are restarts (RFC 8538)', () => {
    const notified = { ...capability, notification: true };
    const told = { ...rawOpen, capabilities: [...rawOpen.capabilities, notified] };
    const both = { capabilities: () => [notified] };

    it('keeps the routes after any NOTIFICATION but a Hard Reset, which it tells the reason of', async () => {
      for (const [code, subcode, data, graceful] of [
        [4, 0, '', true],
        [6, 4, '', true],
        [6, 9, '0602', false],
      ] as const) {
        const { side, port } = await passive({}, both);
        const peer = await raw(port);
        await peer.establish(told);
        await side.established();
        expect(side.negotiated?.notificationRestart).toBe(true);
        peer.socket.end(encodeNotification({ code, subcode, data: Buffer.from(data, 'hex') }));
        await side.until(() => side.closed.length === 1);
        expect(side.closed[0]).toMatchObject({ wasEstablished: true, graceful });
        if (subcode === 9) {
          expect(side.closed[0]?.error).toBe(
            'received NOTIFICATION Cease: Hard Reset (Cease: Administrative Shutdown)',
          );
        }
      }
    });

    it('ends for good with a Hard Reset around its reason, and only where the peer knows that', async () => {
      const { side, port } = await passive({}, both);
      const peer = await raw(port);
      await peer.establish(told);
      await side.established();
      void side.session.stop(withMessage(administrativeShutdown, 'bye'));
      await side.until(() => side.closed.length === 1);
      expect(side.closed[0]).toMatchObject({
        graceful: false,
        notificationSent: { code: 6, subcode: 9, data: Buffer.from('060203627965', 'hex') },
      });
      const other = await passive({}, both);
      await (await raw(other.port)).establish(able);
      await other.side.established();
      void other.side.session.stop();
      await other.side.until(() => other.side.closed.length === 1);
      expect(other.side.closed[0]).toMatchObject({
        graceful: false,
        notificationSent: { code: 6, subcode: 2 },
      });
    });

    it('is a restart to us, too, when our hold timer or an error of the peer ends the session', async () => {
      const { side, port } = await passive({}, both);
      const peer = await raw(port);
      await peer.establish(told);
      await side.established();
      // A second OPEN on the session is an error of the state machine.
      peer.socket.write(encodeOpen(told));
      await side.until(() => side.closed.length === 1);
      expect(side.closed[0]).toMatchObject({ graceful: true, notificationSent: { code: 5 } });
    });
  });

  it('gives an established session up for the new connection of a peer that restarted', async () => {
    const { side, port } = await passive({}, handlers);
    await (await raw(port)).establish(able);
    await side.established();
    const again = await raw(port);
    await again.establish(able);
    await side.until(() => side.establishedCount === 2);
    expect(side.closed).toHaveLength(1);
    expect(side.closed[0]).toMatchObject({ wasEstablished: true, graceful: true });
    again.socket.write(encodeEndOfRib(0));
    await side.until(() => side.updates.length === 1);
  });

  it('keeps it where the peer, which dialed at the same time, gives its own connection up', async () => {
    const { side, port } = await passive({}, handlers);
    const first = await raw(port);
    await first.establish(able);
    await side.established();
    const again = await raw(port);
    again.socket.write(encodeOpen(able));
    await again.until(() => again.messages.some((message) => message.type === MessageType.keepalive));
    again.socket.end(encodeNotification({ code: 6, subcode: 7, data: Buffer.alloc(0) }));
    await again.until(() => again.ended);
    first.socket.write(encodeEndOfRib(0));
    await side.until(() => side.updates.length === 1);
    expect(side.closed).toEqual([]);
    expect(side.establishedCount).toBe(1);
  });

  it('keeps it, and refuses the new connection, where the peer does not restart gracefully', async () => {
    const { side, port } = await passive();
    const first = await raw(port);
    await first.establish();
    await side.established();
    const again = await raw(port);
    again.socket.write(encodeOpen(rawOpen));
    expect(await again.notification()).toMatchObject({ code: 6, subcode: 7 });
    first.socket.write(encodeEndOfRib(0));
    await side.until(() => side.updates.length === 1);
    expect(side.closed).toEqual([]);
  });
});

describe('the stream', () => {
  it('may be split at every byte', async () => {
    const { side, port } = await passive();
    const peer = await raw(port);
    peer.socket.setNoDelay(true);
    const bytes = Buffer.concat([encodeOpen(rawOpen), keepalive, encodeEndOfRib(1), encodeEndOfRib(0)]);
    for (const byte of bytes) {
      if (!peer.socket.write(Buffer.from([byte]))) await once(peer.socket, 'drain');
      await new Promise(setImmediate);
    }
    await side.until(() => side.updates.length === 2);
    expect(side.updates).toEqual([encodeEndOfRib(1).subarray(19), encodeEndOfRib(0).subarray(19)]);
  });

  it('says when a slow peer has enough queued, goes on when it reads, and loses nothing', async () => {
    const { side, port } = await passive();
    const peer = await raw(port);
    await peer.establish();
    await side.established();
    peer.socket.pause();
    const message = Buffer.alloc(4096, 0xff);
    message.writeUInt16BE(4096, 16);
    message[18] = 2;
    const chunk = Buffer.concat(new Array<Buffer>(16).fill(message));
    let sent = 0;
    let more = true;
    while (more) {
      more = side.session.send(chunk);
      sent += 16;
      expect(sent).toBeLessThan(10_000);
    }
    expect(side.session.bufferedBytes).toBeGreaterThanOrEqual(512 * 1024);
    expect(side.session.bufferedBytes).toBeLessThan(640 * 1024);
    expect(side.writableCount).toBe(0);
    peer.socket.resume();
    await side.until(() => side.writableCount === 1);
    expect(side.session.send(chunk)).toBe(true);
    sent += 16;
    const updates = () => peer.messages.filter((m) => m.type === 2 && m.body.length === 4077).length;
    await peer.until(() => updates() === sent);
    expect(side.session.counters.messagesSent).toBe(sent + 2);
  });
});

describe('a listener', () => {
  it('resets the connection of a peer that nobody knows', async () => {
    const seen: string[] = [];
    const listener = await listen((_, remote) => {
      seen.push(String(remote.a >>> 0));
      return false;
    });
    cleanups.push(() => listener.close());
    const peer = await raw(listener.port);
    await peer.until(() => peer.ended);
    expect(peer.messages).toEqual([]);
    expect(seen).toEqual([String(0x7f000001)]);
  });

  it('shares a port number between the two families, and says when it is taken', async () => {
    const four = await listen(() => false, '0.0.0.0');
    cleanups.push(() => four.close());
    const six = await listen(() => false, '::', four.port);
    cleanups.push(() => six.close());
    await expect(listen(() => false, '::', four.port)).rejects.toThrow('EADDRINUSE');
  });
});
