import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Address, parseAddress } from '../../../src/address/index.js';
import { RpkiCaches, type RpkiEvent } from '../../../src/rpki/caches.js';
import { RtrClient } from '../../../src/rpki/client.js';
import { endOfData, record, response } from '../../support/rtr.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

/** A cache whose attempts at a connection end as `dials` says: with an error, or (null) with a connection. */
function cacheThat(dials: () => string | null) {
  const events: RpkiEvent[] = [];
  let attempts = 0;
  vi.spyOn(RtrClient.prototype, 'send').mockImplementation(() => {});
  vi.spyOn(RtrClient.prototype, 'dial').mockImplementation(function (this: RtrClient) {
    attempts++;
    setTimeout(() => {
      const error = dials();
      if (error === null) this.machine.connected();
      else this.machine.closed(error);
    });
  });
  const started = vi.spyOn(RtrClient.prototype, 'start');
  const caches = new RpkiCaches({ changed: () => {}, event: (event) => events.push(event) });
  const address = parseAddress('192.0.2.1') as Address;
  caches.apply([{ name: 'c', address, port: 323, preference: 1 }]);
  const client = started.mock.contexts[0] as RtrClient;
  /** What is told without being a repetition, since it was asked last. */
  const news = () =>
    events
      .splice(0)
      .flatMap((event) =>
        event.type === 'failed'
          ? [`failed: ${event.error}`]
          : event.type === 'state' && event.repeated !== true
            ? [event.state]
            : [],
      );
  return { caches, client, news, attempts: () => attempts };
}

describe('an outage of a cache', () => {
  it('is told once for each cause, and the next one again', () => {
    let error: string | null = 'connection refused';
    const { caches, client, news, attempts } = cacheThat(() => error);
    vi.advanceTimersByTime(60_000);
    expect(attempts()).toBeGreaterThan(4);
    expect(news()).toEqual(['connecting', 'failed: connection refused']);
    error = 'no route to host';
    vi.advanceTimersByTime(120_000);
    expect(news()).toEqual(['failed: no route to host']);
    error = 'connection refused';
    vi.advanceTimersByTime(120_000);
    expect(news()).toEqual([]);
    error = null;
    // No longer than it takes: who connects and says nothing has failed again after a minute.
    for (let n = 0; n < 600 && client.machine.state !== 'querying'; n++) vi.advanceTimersByTime(1000);
    expect(client.machine.state).toBe('querying');
    client.machine.received(
      Buffer.concat([response(2, 7), record(2, '192.0.2.0/24-24 AS 65001'), endOfData(2, 7, 1)]),
    );
    expect(news()).toEqual(['querying', 'loading', 'synced']);
    error = 'connection refused';
    client.machine.closed('the cache closed the connection');
    vi.advanceTimersByTime(60_000);
    expect(news()).toEqual([
      'failed: the cache closed the connection',
      'connecting',
      'failed: connection refused',
    ]);
    caches.close();
  });
});
