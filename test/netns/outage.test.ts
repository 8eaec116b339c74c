/** What an operator sees of sessions that are down: since when, why, what is kept, and no more lines than there is news. */
import { afterEach, describe, expect, it } from 'vitest';
import { type Lab, until } from '../../interop/index.js';
import { peering } from './support/peering.js';

const labs: Lab[] = [];
afterEach(async () => {
  for (const lab of labs.splice(0)) await lab.down();
});

interface Line {
  level: number;
  type: string;
  peer?: string;
  state?: string;
  error?: string;
}

describe('sessions that are down', () => {
  it('say since when and why, what is kept for them, and each failure once', async () => {
    const { lab, t, frr } = await peering(
      'outage',
      [
        {
          name: 'gone',
          image: 'frr',
          asn: 65002,
          networks: ['10.2.0.0/24'],
          frr: { bgp: ['bgp graceful-restart'] },
        },
        // It is AS 65003.
        { name: 'other', image: 'bird', asn: 65003, peer: { asn: 65077 } },
      ],
      { filters: { all: [{ action: 'accept' }] } },
    );
    labs.push(lab);
    await t.untilRoute('10.2.0.0/24');
    expect(await t.peer('gone')).not.toHaveProperty('down');
    await frr('gone').node.process.kill('SIGKILL');

    const refused = await t.untilPeer(
      'gone',
      ({ lastError }) => lastError?.includes('ECONNREFUSED') === true,
      'is refused',
    );
    expect(refused.down).toEqual({ since: expect.any(String), reason: 'connection closed by the peer' });
    const [path] = (await t.client.explain('10.2.0.0/24')).paths;
    expect(path).toMatchObject({ verdict: 'best', stale: { longLived: false } });
    expect(path.stale?.until).toBe(refused.retained?.ipv4.until);

    // Attempts go on, and change nothing of that.
    const since = refused.down?.since;
    const failures = new Set<string>();
    await until('several attempts', async () => {
      const peer = await t.peer('gone');
      if (peer?.retryAt !== undefined) failures.add(peer.retryAt);
      return failures.size >= 4 && peer?.down?.since === since;
    });
    const resting = await t.untilPeer('other', (peer) => peer.state === 'idle', 'rests');
    expect(resting.down?.reason).toBeNull();
    expect(resting.retryAt).toMatch(/^\d{4}-/);
    expect(resting.lastError).toContain('peer says AS 65003, expected 65077');

    const lines: Line[] = lab
      .node('t')
      .process.output()
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line));
    const worth = lines.filter(({ level, peer }) => level >= 40 && peer !== undefined);
    const closed = worth.findIndex(({ type, peer }) => type === 'peer.closed' && peer === 'gone');
    expect(worth.slice(closed + 1).filter(({ peer }) => peer === 'gone')).toMatchObject([
      { type: 'peer.failed', error: 'connection failed: ECONNREFUSED' },
    ]);
    expect(
      worth.filter(({ peer, error }) => peer === 'other' && error?.startsWith('peer says AS 65003')),
    ).toHaveLength(1);
    const last = lines.findLastIndex(({ type, peer }) => type === 'peer.closed' && peer === 'gone');
    const states = lines.slice(last).filter(({ type, peer }) => type === 'peer.state' && peer === 'gone');
    expect(states.map(({ state }) => state)).toEqual(['connect', 'active']);
  });

  it('are no warnings where they were asked for', async () => {
    const { lab, t } = await peering('asked', [{ name: 'p', image: 'bird', asn: 65002 }]);
    labs.push(lab);
    await t.untilEstablished('p');
    await t.client.peerAction('p', 'shutdown');
    await t.untilPeer('p', ({ state }) => state === 'shutdown', 'is shut down');
    const closed = lab
      .node('t')
      .process.output()
      .split('\n')
      .filter((line) => line.includes('"peer.closed"'))
      .map((line) => JSON.parse(line));
    expect(closed).toMatchObject([{ level: 30, requested: true, peer: 'p' }]);
    expect(await t.peer('p')).not.toHaveProperty('retryAt');
  });

  it('have a time for the next attempt, as caches and collectors have', async () => {
    const { lab, t } = await peering('later', [{ name: 'p', image: 'bird', asn: 65002 }], {
      bmp: [{ name: 'noc', address: '10.0.0.2' }],
      rpki: { caches: [{ name: 'r1', address: '10.0.0.2', port: 323 }] },
    });
    labs.push(lab);
    const refused = ({ lastError }: { lastError: string | null }) =>
      lastError?.includes('ECONNREFUSED') === true;
    const collector = await until('the collector refuses', async () => {
      const [row] = await t.client.collectors();
      return refused(row) && row.state === 'waiting' ? row : undefined;
    });
    expect(Date.parse(collector.retryAt ?? '')).toBeGreaterThan(Date.parse(collector.since));
    const cache = await until('the cache refuses', async () => {
      const [row] = await t.client.rpki();
      return refused(row) && row.state === 'down' ? row : undefined;
    });
    expect(Date.parse(cache.retryAt ?? '')).toBeGreaterThan(Date.parse(cache.since));
  });
});
