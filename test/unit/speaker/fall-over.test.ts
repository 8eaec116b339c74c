import { describe, expect, it, vi } from 'vitest';
import { FallOver, type Peer } from '../../../src/bgp/speaker/index.js';

const up = (ifindex: number) => ({ ifindex, name: `eth${ifindex}`, up: true });
const down = (ifindex: number) => ({ ...up(ifindex), up: false });

/** A peer with a session over the link with that index. */
function peerOn(ifindex: number, settings: Partial<Peer['settings']> = {}, relation = 'ebgp') {
  const peer = {
    settings: { name: 'p', multihop: null, fastFallover: true, ...settings },
    relation,
    link: { ifindex },
    negotiated: {} as object | null,
    session: { fail: vi.fn(), retry: vi.fn() },
  };
  const fail = peer.session.fail.mockImplementation(() => {
    peer.negotiated = null;
  });
  return { peer, fail, retry: peer.session.retry, peers: new Map([['p', peer as unknown as Peer]]) };
}

describe('a link that goes down', () => {
  it('takes the session over it, and no other', () => {
    const { peers, fail } = peerOn(2);
    const fallOver = new FallOver();
    fallOver.look(peers, [up(2), down(3)]);
    expect(fail).not.toHaveBeenCalled();
    fallOver.look(peers, [down(2), up(3)]);
    fallOver.look(peers, [down(2)]);
    expect(fail.mock.calls).toEqual([['eth2 is down']]);
  });

  it('takes it also where the link is gone altogether', () => {
    const { peers, fail } = peerOn(2);
    const fallOver = new FallOver();
    fallOver.look(peers, [up(2), up(3)]);
    fallOver.look(peers, [up(3)]);
    expect(fail.mock.calls).toEqual([['eth2 is gone']]);
  });

  it.each([
    ['that is internal', peerOn(2, {}, 'ibgp')],
    ['that may be some hops away', peerOn(2, { multihop: 2 })],
    ['that may be some hops away (GTSM)', peerOn(2, { ttlSecurity: 3 })],
    ['that is to wait for its hold timer', peerOn(2, { fastFallover: false })],
    ['whose link nobody knows', peerOn(0)],
  ])('leaves a peer %s', (_, { peers, fail }) => {
    new FallOver().look(peers, [down(2)]);
    expect(fail).not.toHaveBeenCalled();
  });

  it('takes a peer on the same link by GTSM, and one of another member AS', () => {
    for (const { peers, fail } of [peerOn(2, { ttlSecurity: 1 }), peerOn(2, {}, 'confed')]) {
      new FallOver().look(peers, [down(2)]);
      expect(fail).toHaveBeenCalledTimes(1);
    }
  });
});

describe('a link that comes back', () => {
  it('has the peer dialed at each change, until it is there', () => {
    const { peers, peer, retry } = peerOn(2);
    const fallOver = new FallOver();
    fallOver.look(peers, [down(2)]);
    fallOver.look(peers, [down(2), up(3)]);
    expect(retry).not.toHaveBeenCalled();
    fallOver.look(peers, [up(2)]);
    fallOver.look(peers, [up(2), up(3)]);
    expect(retry).toHaveBeenCalledTimes(2);
    peer.negotiated = {};
    fallOver.look(peers, [up(2)]);
    peer.negotiated = null;
    fallOver.look(peers, [up(2)]);
    expect(retry).toHaveBeenCalledTimes(2);
  });

  it('is no concern of a peer that was removed meanwhile', () => {
    const { peers, retry } = peerOn(2);
    const fallOver = new FallOver();
    fallOver.look(peers, [down(2)]);
    fallOver.look(new Map(), [up(2)]);
    fallOver.look(peers, [up(2)]);
    expect(retry).not.toHaveBeenCalled();
  });
});
