/** A reload of which a part fails, on a node whose kernel thread does nothing. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { RoutingNode } from '../../../src/daemon/node.js';
import type { Fib, FibEvent } from '../../../src/fib/types.js';
import { document, load, minimal } from '../config/documents.js';

vi.mock('../../../src/fib/index.js', () => ({
  createFib: async () => {
    const ready: FibEvent = { type: 'ready', links: [], addresses: [], foreign: [], adopted: [0, 0] };
    return {
      on: (listener) => queueMicrotask(() => listener(ready)),
      watchRouters: () => {},
      configure: () => {},
      sweep: () => {},
      close: async () => {},
    } satisfies Partial<Fib>;
  },
}));

const router = (...peers: string[]) =>
  load(
    document(
      `${minimal}\nkernel: {install: false}\nlisten: []\nebgpRequiresPolicy: false\npeers: [${peers
        .map((name, i) => `{name: ${name}, address: 192.0.2.${i + 1}, asn: 65009, passive: true}`)
        .join(', ')}]`,
    ),
  );

describe('a reload of which a part fails', () => {
  let node: RoutingNode;
  const peers = () => [...node.speaker.peers.keys()].sort();

  beforeEach(async () => {
    node = await RoutingNode.start(router('a', 'b'), false, { event: () => {}, fatal: () => {} });
  });
  afterEach(async () => {
    vi.restoreAllMocks();
    await node.stop();
  });

  it('does all other parts, and says what it did not do', async () => {
    vi.spyOn(node.monitoring, 'apply').mockImplementationOnce(() => {
      throw new Error('no memory');
    });
    const next = router('a', 'c');
    const { failures } = await node.apply(next);
    expect(failures).toEqual(['the last reload did not do all of bmp: no memory']);
    expect(node.problems()).toEqual(['the last reload did not do all of bmp: no memory; reload again']);
    expect(node.router).toBe(next);
    expect(peers()).toEqual(['a', 'c']);
    expect((await node.apply(next)).failures).toEqual([]);
    expect(node.problems()).toEqual([]);
  });

  it.each([
    ['removePeer', ['a', 'b']],
    ['changePeers', ['a']],
    ['addPeer', ['a']],
  ] as const)('does them again the next time: %s', async (step, between) => {
    vi.spyOn(node.speaker, step).mockImplementationOnce(() => {
      throw new Error('a bug');
    });
    const next = router('a', 'c');
    expect((await node.apply(next)).failures).toEqual(['the last reload did not do all of peers: a bug']);
    expect(peers()).toEqual(between);
    const { failures, changes } = await node.apply(next);
    expect([failures, peers()]).toEqual([[], ['a', 'c']]);
    expect(changes).not.toEqual([]);
    expect((await node.apply(next)).changes).toEqual([]);
  });

  it('undoes what it did when the document before comes back', async () => {
    const start = vi.spyOn(node.speaker.dynamicPeers, 'giveUp').mockImplementationOnce(() => {
      throw new Error('a bug');
    });
    await node.apply(router('a', 'c'));
    expect(start).toHaveBeenCalledOnce();
    expect(peers()).toEqual(['a']);
    expect((await node.apply(router('a', 'b'))).failures).toEqual([]);
    expect(peers()).toEqual(['a', 'b']);
  });

  it('begins anew with a peer that may have been left half done, and says so', async () => {
    const next = router('a', 'b', 'c');
    vi.spyOn(node.rpki, 'apply').mockImplementationOnce(() => {
      throw new Error('a bug');
    });
    expect((await node.apply(next)).failures).toEqual(['the last reload did not do all of rpki: a bug']);
    const session = node.speaker.peers.get('c')?.session;
    expect(node.plan(next).resets).toEqual(['c']);
    expect(await node.apply(next)).toMatchObject({ failures: [], resets: ['c'] });
    expect(node.speaker.peers.get('c')?.session).not.toBe(session);
    expect(node.speaker.peers.get('c')?.session.state).toBe('active');
  });
});
