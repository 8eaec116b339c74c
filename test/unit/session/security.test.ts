/** What protects a session: signatures, how far packets may have come, and a peer that does not read. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { SessionSettings } from '../../../src/bgp/session/index.js';
import { encodeEndOfRib, keepalive } from '../../../src/bgp/wire/index.js';
import { droppedSegments } from '../../../src/daemon/dropped-segments.js';
import { address, listen, RawPeer, settings, TestSpeaker } from '../../support/session.js';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** One side dials, the other waits behind a listener; neither is started. */
async function pair(host: string, extra: Partial<SessionSettings> = {}, other = extra) {
  const remoteAddress = address(host);
  const waiting = new TestSpeaker({
    ...settings,
    name: 'waiting',
    localAsn: 65002,
    remoteAsn: 65001,
    routerId: 2,
    passive: true,
    remoteAddress,
    ...other,
  });
  const listener = await listen((socket) => waiting.session.accept(socket), host);
  const dialing = new TestSpeaker({ ...settings, remoteAddress, remotePort: listener.port, ...extra });
  cleanups.push(() => {
    listener.close();
    return Promise.all([waiting.session.stop(null), dialing.session.stop(null)]);
  });
  return { waiting, dialing, listener, remoteAddress };
}

describe.each(['127.0.0.1', '::1'])('TCP-MD5 at %s', (host) => {
  const [old, next] = [Buffer.from('swordfish'), Buffer.from('marlin')];

  it('signs both ways, and goes on with another password on the session that is up', async () => {
    const { waiting, dialing, listener, remoteAddress } = await pair(host);
    listener.setKeys([{ address: remoteAddress, password: old }]);
    for (const { session } of [waiting, dialing]) {
      session.setPassword(old);
      session.start();
    }
    await Promise.all([waiting.established(), dialing.established()]);
    listener.setKeys([{ address: remoteAddress, password: next }]);
    for (const { session } of [waiting, dialing]) session.setPassword(next);
    dialing.session.send(encodeEndOfRib(0));
    await waiting.until(() => waiting.updates.length === 1);
    waiting.session.send(encodeEndOfRib(1));
    await dialing.until(() => dialing.updates.length === 1);
    expect([waiting.closed, dialing.closed]).toEqual([[], []]);
    // A connection made from now on takes the new one.
    dialing.session.reset();
    await dialing.until(() => dialing.establishedCount === 2);
  });

  it('leaves whoever signs by another password, or not at all, without an answer, and hints at it', async () => {
    for (const password of [next, null]) {
      const { waiting, dialing, listener, remoteAddress } = await pair(host, { connectRetrySeconds: 0.3 });
      listener.setKeys([{ address: remoteAddress, password: old }]);
      waiting.session.setPassword(old);
      waiting.session.start();
      dialing.session.setPassword(password);
      dialing.session.start();
      await dialing.until(() => dialing.closed.length > 0);
      expect(dialing.session.lastError).toBe(
        password === null
          ? 'connection attempt timed out'
          : 'connection attempt timed out; nobody answers where the passwords differ',
      );
      expect(waiting.states).toEqual(['active']);
    }
  });

  it('is asked for no more when the key is taken away', async () => {
    const { waiting, dialing, listener, remoteAddress } = await pair(host);
    listener.setKeys([{ address: remoteAddress, password: old }]);
    listener.setKeys([]);
    waiting.session.start();
    dialing.session.start();
    await dialing.established();
  });
});

describe.each(['127.0.0.1', '::1'])('GTSM at %s', (host) => {
  it('takes what was sent with TTL 255, dialed or accepted', async () => {
    const { waiting, dialing } = await pair(host, { ttl: 255, ttlSecurityHops: 1 });
    waiting.session.start();
    dialing.session.start();
    await Promise.all([waiting.established(), dialing.established()]);
  });

  it('drops what was sent with less than the distance explains, by either side', async () => {
    const near = { ttl: 255, ttlSecurityHops: 2 };
    const far = await pair(host, { ttl: 253 }, near);
    far.waiting.session.start();
    far.dialing.session.start();
    await far.waiting.until(() => far.waiting.closed.length > 0);
    expect(far.waiting.closed[0].error).toMatch('refused a connection for its TTL');
    await far.dialing.until(() => far.dialing.closed.length > 0);
    expect(far.waiting.states).toEqual(['active']);

    const dialed = await pair(host, near, { ttl: 253 });
    const before = droppedSegments().far;
    dialed.waiting.session.start();
    dialed.dialing.session.start();
    await vi.waitFor(() => expect(droppedSegments().far).toBeGreaterThan(before));
    expect(dialed.dialing.session.counters.messagesReceived).toBe(0);

    const { waiting, dialing } = await pair(host, near, { ttl: 254 });
    waiting.session.start();
    dialing.session.start();
    await Promise.all([waiting.established(), dialing.established()]);
  });
});

describe('a peer that stops reading but goes on sending', () => {
  /** A session with a peer that reads nothing more for now, and a megabyte to send it. */
  async function paused(sendHoldSeconds: number) {
    const side = new TestSpeaker({ ...settings, passive: true, sendHoldSeconds });
    const listener = await listen((socket) => side.session.accept(socket));
    side.session.start();
    const peer = await RawPeer.dial(listener.port);
    const alive = setInterval(() => peer.socket.write(keepalive), 50);
    cleanups.push(() => {
      clearInterval(alive);
      peer.socket.destroy();
      listener.close();
      return side.session.stop(null);
    });
    await peer.establish();
    await side.established();
    peer.socket.pause();
    const update = Buffer.alloc(4096, 0xff);
    update.writeUInt16BE(4096, 16);
    update[18] = 2;
    return { side, peer, megabyte: Buffer.concat(new Array<Buffer>(256).fill(update)) };
  }

  it('loses the session by the send hold timer, and is told why when it reads', async () => {
    const { side, peer, megabyte } = await paused(0.5);
    // More than the sockets of both ends hold.
    for (let i = 0; i < 32; i++) side.session.send(megabyte);
    await side.until(() => side.closed.length > 0);
    expect(side.closed[0]).toMatchObject({ wasEstablished: true, notificationSent: { code: 8, subcode: 0 } });
    expect(side.session.lastError).toBe('send hold timer expired; sent NOTIFICATION Send Hold Timer Expired');
    peer.socket.resume();
    expect(await peer.notification()).toMatchObject({ code: 8, subcode: 0 });
  });

  it('keeps it while it reads, however slowly', async () => {
    const { side, peer, megabyte } = await paused(1);
    // One write that lasts for three send hold times.
    side.session.send(Buffer.concat(new Array<Buffer>(32).fill(megabyte)));
    const start = performance.now();
    let read = 0;
    const reading = setInterval(() => {
      peer.socket.resume();
      peer.socket.once('data', (chunk) => {
        read += chunk.length;
        peer.socket.pause();
      });
    }, 20);
    cleanups.push(() => clearInterval(reading));
    await vi.waitFor(() => expect(performance.now() - start).toBeGreaterThan(3000), 10_000);
    expect(read).toBeLessThan(32 * megabyte.length);
    expect(side.closed).toEqual([]);
  });

  it('keeps it while nothing waits to be sent', async () => {
    const { waiting, dialing } = await pair('127.0.0.1', { sendHoldSeconds: 0.05, holdTimeSeconds: 3 });
    waiting.session.start();
    dialing.session.start();
    await Promise.all([waiting.established(), dialing.established()]);
    // Two KEEPALIVEs of each side: many times the send hold time.
    await dialing.until(() => dialing.session.counters.messagesReceived >= 2);
    await vi.waitFor(() => expect(dialing.session.counters.messagesReceived).toBeGreaterThanOrEqual(4), 4000);
    expect([waiting.closed, dialing.closed]).toEqual([[], []]);
  });
});
