import { describe, expect, it } from 'vitest';
import {
  endOfData,
  errorReport,
  notify,
  pdu,
  Recorded,
  record,
  reset,
  response,
  words,
} from '../../support/rtr.js';

const one = '192.0.2.0/24-24 AS 65001';
const two = '2001:db8::/32-48 AS 65002';

/** Connected and in step: session 7, serial 1, the two records. */
function synced(version = 1): Recorded {
  const cache = new Recorded();
  cache.machine.start();
  cache.machine.connected();
  cache.say(response(version, 7), record(version, one), record(version, two), endOfData(version, 7, 1));
  expect(cache.machine.state).toBe('synced');
  cache.done();
  return cache;
}

describe('a cache', () => {
  it('is asked for everything first, and nothing holds before its End of Data', () => {
    const cache = new Recorded();
    cache.machine.start();
    cache.machine.connected();
    expect(cache.done()).toEqual(['dial', 'send resetQuery v2']);
    cache.say(response(2, 7), record(2, one), record(2, two));
    expect(cache.vrps()).toEqual([]);
    cache.say(endOfData(2, 7, 1, [1800, 300, 3600]));
    expect(cache.vrps()).toEqual([one, two]);
    expect(cache.done()).toEqual(['commit +2 -0']);
    expect(cache.machine).toMatchObject({ state: 'synced', version: 2, session: 7, serial: 1 });
    expect(cache.timers).toEqual(
      new Map([
        ['refresh', 1800],
        ['expire', 3600],
      ]),
    );
  });

  it('is understood however its octets are cut', () => {
    const octets = Buffer.concat([
      response(1, 7),
      record(1, one),
      pdu(1, 9, 0, Buffer.alloc(60)),
      record(1, two),
      endOfData(1, 7, 1),
      notify(1, 7, 1),
    ]);
    for (let cut = 1; cut < octets.length; cut++) {
      const cache = new Recorded();
      cache.machine.start();
      cache.machine.connected();
      cache.say(octets.subarray(0, cut)).say(octets.subarray(cut));
      expect(cache.vrps()).toEqual([one, two]);
      expect(cache.machine).toMatchObject({ state: 'synced', version: 1 });
    }
  });

  it('tells what changed when it is asked with a serial number', () => {
    const cache = synced();
    cache.expire('refresh');
    expect(cache.done()).toEqual(['send serialQuery v1 7/1']);
    cache.say(response(1, 7), record(1, `-${one}`), record(1, '192.0.2.0/24 AS 65009'));
    expect(cache.vrps()).toEqual([one, two]);
    cache.say(endOfData(1, 7, 2));
    expect(cache.vrps()).toEqual(['192.0.2.0/24-24 AS 65009', two]);
    expect(cache.done()).toEqual(['commit +1 -1']);
  });

  it('is asked at once when it notifies of news, and again when they come while it answers', () => {
    const cache = synced();
    cache.say(notify(1, 7, 1));
    expect(cache.done()).toEqual([]);
    cache.say(notify(1, 7, 2));
    expect(cache.done()).toEqual(['send serialQuery v1 7/1']);
    cache.say(response(1, 7), notify(1, 7, 3), endOfData(1, 7, 2));
    expect(cache.done()).toEqual(['commit +0 -0', 'send serialQuery v1 7/2']);
  });

  it('that can tell no difference is asked for everything, and what is there holds meanwhile', () => {
    const cache = synced();
    const { changes } = cache;
    cache.expire('refresh');
    cache.say(reset(1));
    expect(cache.done()).toEqual(['send serialQuery v1 7/1', 'send resetQuery v1']);
    cache.say(response(1, 9), record(1, one));
    expect(cache.vrps()).toEqual([one, two]);
    cache.say(record(1, two), endOfData(1, 9, 55));
    expect(cache.vrps()).toEqual([one, two]);
    // The same data again concerns no route.
    expect(cache.changes).toBe(changes);
    expect(cache.machine).toMatchObject({ session: 9, serial: 55 });
  });

  it('that breaks off within an answer has said nothing', () => {
    const cache = synced();
    cache.expire('refresh');
    cache.say(response(1, 7), record(1, `-${one}`), record(1, '10.0.0.0/8 AS 1'));
    cache.machine.closed('reset');
    expect(cache.vrps()).toEqual([one, two]);
    cache.expire('reconnect');
    cache.machine.connected();
    expect(cache.done()).toEqual(['send serialQuery v1 7/1', 'close', 'dial', 'send serialQuery v1 7/1']);
    cache.say(response(1, 7), record(1, `-${one}`), endOfData(1, 7, 2));
    expect(cache.vrps()).toEqual([two]);
  });

  it('is tried again after 1, 2, 4 … seconds, up to its retry interval', () => {
    const cache = new Recorded({ retrySeconds: 6 });
    cache.machine.start();
    const waits: (number | undefined)[] = [];
    for (let i = 0; i < 5; i++) {
      cache.machine.closed('refused');
      waits.push(cache.timers.get('reconnect'));
      cache.expire('reconnect');
    }
    expect(waits).toEqual([1, 2, 4, 6, 6]);
  });

  it('that is silent is given up, and its data holds until it expires', () => {
    const cache = synced();
    cache.expire('refresh');
    cache.expire('answer');
    expect(cache.machine.lastError).toBe('no answer within 60 seconds');
    expect(cache.vrps()).toEqual([one, two]);
    cache.expire('expire');
    expect(cache.vrps()).toEqual([]);
    cache.expire('reconnect');
    cache.machine.connected();
    expect(cache.done().at(-1)).toBe('send resetQuery v1');
  });

  it('whose data expires while it is connected is asked for all of it', () => {
    const cache = synced();
    cache.expire('expire');
    expect(cache.vrps()).toEqual([]);
    expect(cache.done()).toEqual(['send resetQuery v1']);
  });

  it('whose data expires within an answer is asked anew, so that no half of it holds', () => {
    const cache = synced();
    cache.expire('refresh');
    cache.say(response(1, 7), record(1, '10.0.0.0/8 AS 1'));
    cache.expire('expire');
    expect(cache.vrps()).toEqual([]);
    expect(cache.machine.state).toBe('down');
    expect(cache.timers.get('reconnect')).toBe(1);
  });

  it('without data is asked again after the retry interval on the same connection, or when it notifies', () => {
    const cache = new Recorded({ retrySeconds: 9 });
    cache.machine.start();
    cache.machine.connected();
    cache.say(errorReport(1, 2, 'not yet'));
    expect(cache.machine).toMatchObject({ state: 'noData', failures: 1, version: 1 });
    expect(cache.timers.get('refresh')).toBe(9);
    cache.done();
    cache.say(notify(1, 4, 4));
    expect(cache.done()).toEqual(['send resetQuery v1']);
  });

  it('decides the intervals within the bounds of RFC 8210 §6, the document above it', () => {
    const cache = new Recorded({ refreshSeconds: 20 });
    cache.machine.start();
    cache.machine.connected();
    cache.say(response(1, 7), endOfData(1, 7, 1, [0, 99999, 1]));
    expect(cache.machine.intervals).toEqual({ refreshSeconds: 20, retrySeconds: 300, expireSeconds: 600 });
    cache.machine.setOverrides({ expireSeconds: 10 });
    expect(cache.machine.intervals).toEqual({ refreshSeconds: 1, retrySeconds: 5, expireSeconds: 10 });
  });
});

describe('version negotiation (RFC 8210 §7)', () => {
  it.each([0, 1, 2])('goes on with version %i where the cache answers in it', (version) => {
    const cache = synced(version);
    expect(cache.machine.version).toBe(version);
    cache.expire('refresh');
    expect(cache.done()).toEqual([`send serialQuery v${version} 7/1`]);
  });

  it('comes back at once with the version that a cache says it has', () => {
    const cache = new Recorded();
    cache.machine.start();
    cache.machine.connected();
    cache.say(notify(0, 1, 1), errorReport(0, 4, 'no such version'));
    cache.machine.connected();
    expect(cache.done()).toEqual(['dial', 'send resetQuery v2', 'close', 'dial', 'send resetQuery v0']);
  });

  it('offers less each time that a cache hangs up without a word, then all again', () => {
    const cache = new Recorded();
    cache.machine.start();
    const offered: number[] = [];
    for (let i = 0; i < 4; i++) {
      cache.machine.connected();
      offered.push(cache.machine.version);
      cache.machine.closed('reset');
      cache.expire('reconnect');
    }
    expect(offered).toEqual([2, 1, 0, 2]);
  });

  it('refuses another version once one is agreed on', () => {
    const cache = synced(1);
    cache.say(notify(0, 7, 2));
    expect(cache.done()).toEqual(['send error v1 8', 'close']);
  });

  it('refuses a version above the one that was offered', () => {
    const cache = new Recorded();
    cache.machine.start();
    cache.machine.connected();
    cache.say(response(3, 7));
    expect(cache.done().slice(2)).toEqual(['send error v2 8', 'close']);
  });
});

describe('what a cache may not say', () => {
  const cases: [string, Buffer, number][] = [
    ['a record that it has announced', Buffer.concat([response(1, 7), record(1, one)]), 7],
    [
      'a withdrawal of what it never announced',
      Buffer.concat([response(1, 7), record(1, '-10.0.0.0/8 AS 1')]),
      6,
    ],
    ['a record out of turn', Buffer.alloc(0), 0],
    ['an End of Data of another session', Buffer.concat([response(1, 7), endOfData(1, 8, 2)]), 0],
    ['an answer of another session', response(1, 8), 0],
    ['a maximum length below the length', Buffer.concat([response(1, 7), record(1, '10.0.0.0/8-7 AS 1')]), 0],
    ['a maximum length of 33', Buffer.concat([response(1, 7), record(1, '10.0.0.0/8-33 AS 1')]), 0],
    ['a PDU of unknown type', pdu(1, 99, 0), 5],
    ['an ASPA in version 1', Buffer.concat([response(1, 7), pdu(1, 11, 0, words(1, 2))]), 5],
    ['a query', pdu(1, 2, 0), 3],
    ['a length of 4', Buffer.from([1, 3, 0, 7, 0, 0, 0, 4]), 0],
    ['a length of 16 MB', Buffer.from([1, 3, 0, 7, 1, 0, 0, 0]), 0],
    ['a prefix of 24 octets', Buffer.concat([response(1, 7), pdu(1, 4, 0, Buffer.alloc(16))]), 0],
    ['an End of Data of version 0', Buffer.concat([response(1, 7), pdu(1, 7, 7, words(2))]), 0],
    ['an Error Report that runs past its end', pdu(1, 10, 1, words(99, 0)), 0],
  ];

  it.each(cases)('%s: it is told, and the connection ends', (what, octets, code) => {
    const cache = synced();
    if (what === 'a record out of turn') cache.say(record(1, '10.0.0.0/8 AS 1'));
    else {
      cache.expire('refresh');
      cache.done();
      cache.say(octets);
    }
    expect(cache.done()).toEqual([`send error v1 ${code}`, 'close']);
    expect(cache.machine).toMatchObject({ state: 'down', failures: 1 });
    // RFC 8210 §5.1: another session makes void what was said before; nothing else does.
    expect(cache.vrps()).toEqual(what.includes('another session') ? [] : [one, two]);
  });

  it('is no reason to answer an Error Report with another', () => {
    const cache = synced();
    cache.say(errorReport(1, 1, 'out of memory'));
    expect(cache.done()).toEqual(['close']);
    expect(cache.machine.lastError).toBe('the cache says Internal Error (out of memory)');
  });
});
