import { describe, expect, it } from 'vitest';
import { Deferral } from '../../../src/bgp/speaker/deferral.js';

const graceful = { restarting: false };
const restarting = { restarting: true };

describe('the deferral of a restarted speaker', () => {
  it('is over at once without peers', () => {
    const deferral = new Deferral([]);
    expect(deferral.announcementsReleased).toBe(true);
    expect(deferral.complete).toBe(true);
  });

  it('waits for the End-of-RIB of every family of every peer', () => {
    const deferral = new Deferral(['a', 'b']);
    deferral.established('a', [0, 1], graceful);
    deferral.established('b', [0], graceful);
    deferral.endOfRib('a', 0);
    deferral.endOfRib('b', 0);
    expect(deferral.announcementsReleased).toBe(false);
    expect(deferral.pending()).toEqual(['a']);
    deferral.endOfRib('a', 1);
    expect(deferral.announcementsReleased).toBe(true);
    expect(deferral.complete).toBe(true);
  });

  it('announces without waiting for who restarts too or has no such capability, but sweeps nothing yet', () => {
    const deferral = new Deferral(['a', 'b']);
    deferral.established('a', [0], restarting);
    deferral.established('b', [0], null);
    expect(deferral.announcementsReleased).toBe(true);
    expect(deferral.complete).toBe(false);
    deferral.endOfRib('a', 0);
    expect(deferral.pending()).toEqual(['b']);
  });

  it('waits for who never comes until the deadline, and still tells who it was', () => {
    const deferral = new Deferral(['a', 'never']);
    deferral.established('a', [0], graceful);
    deferral.endOfRib('a', 0);
    expect(deferral.announcementsReleased).toBe(false);
    deferral.expire();
    expect(deferral.announcementsReleased).toBe(true);
    expect(deferral.complete).toBe(true);
    expect(deferral.pending()).toEqual(['never']);
  });

  it('announces without who has not come up in its time, but not without who is about to deliver', () => {
    const deferral = new Deferral(['a', 'b', 'never']);
    deferral.established('a', [0, 1], graceful);
    deferral.endOfRib('a', 0);
    deferral.endOfRib('a', 1);
    deferral.established('b', [0, 1], graceful);
    deferral.giveUpAbsent();
    expect(deferral.announcementsReleased).toBe(false);
    deferral.endOfRib('b', 1);
    expect(deferral.awaited()).toEqual([
      { peer: 'b', missing: [0] },
      { peer: 'never', missing: 'session' },
    ]);
    deferral.endOfRib('b', 0);
    expect(deferral.announcementsReleased).toBe(true);
    // Its routes stay in the kernel until the deadline.
    expect(deferral.complete).toBe(false);
  });

  it('waits on while nobody is there to announce to', () => {
    const deferral = new Deferral(['a', 'b']);
    deferral.giveUpAbsent();
    expect(deferral.announcementsReleased).toBe(false);
    deferral.established('a', [0], graceful);
    expect(deferral.announcementsReleased).toBe(false);
    deferral.endOfRib('a', 0);
    expect(deferral.announcementsReleased).toBe(true);
  });

  it('expects a peer anew whose session ended before the others delivered', () => {
    const deferral = new Deferral(['a', 'b']);
    deferral.established('a', [0], graceful);
    deferral.endOfRib('a', 0);
    deferral.closed('a');
    deferral.established('b', [0], graceful);
    deferral.endOfRib('b', 0);
    expect(deferral.complete).toBe(false);
    deferral.established('a', [0], graceful);
    expect(deferral.complete).toBe(false);
    deferral.endOfRib('a', 0);
    expect(deferral.complete).toBe(true);
  });

  it('forgets a peer that is removed or shut down, and does not know who was never expected', () => {
    const deferral = new Deferral(['a', 'gone']);
    deferral.established('a', [0], graceful);
    deferral.endOfRib('a', 0);
    deferral.established('new', [0], graceful);
    deferral.forget('gone');
    expect(deferral.complete).toBe(true);
    expect(deferral.announcementsReleased).toBe(true);
  });
});
