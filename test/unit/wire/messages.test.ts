import { describe, expect, it } from 'vitest';
import {
  type Capability,
  decodeCapability,
  decodeNotification,
  decodeOpen,
  decodeRouteRefresh,
  describeNotification,
  encodeCapability,
  encodeEndOfRib,
  encodeNotification,
  encodeOpen,
  encodeRouteRefresh,
  Framer,
  isWireError,
  keepalive,
  type OpenMessage,
  shutdownText,
} from '../../../src/bgp/wire/index.js';

const marker = 'ff'.repeat(16);

const open: OpenMessage = {
  version: 4,
  asn: 65001,
  holdTimeSeconds: 90,
  routerId: 0xc0000201,
  capabilities: [
    { type: 'multiprotocol', afi: 1, safi: 1 },
    { type: 'multiprotocol', afi: 2, safi: 1 },
    { type: 'routeRefresh' },
    {
      type: 'gracefulRestart',
      restarting: true,
      notification: false,
      restartTimeSeconds: 4095,
      families: [
        { afi: 1, safi: 1, forwarding: true },
        { afi: 2, safi: 1, forwarding: false },
      ],
    },
    { type: 'fourOctetAs', asn: 65001 },
    { type: 'extendedMessage' },
    { type: 'unknown', code: 73, data: Buffer.from('04686f7374', 'hex') },
  ],
};

function reread(message: OpenMessage) {
  const bytes = encodeOpen(message);
  expect(bytes.readUInt16BE(16)).toBe(bytes.length);
  return decodeOpen(bytes, 19, bytes.length);
}

describe('OPEN', () => {
  it('has the bytes of RFC 4271 §4.2 and RFC 5492', () => {
    const bytes = encodeOpen({
      ...open,
      asn: 4200000000,
      capabilities: [
        { type: 'multiprotocol', afi: 1, safi: 1 },
        { type: 'fourOctetAs', asn: 4200000000 },
      ],
    });
    expect(bytes.toString('hex')).toBe(`${marker}002b01045ba0005ac00002010e020c0104000100014104fa56ea00`);
  });

  it('comes back as it went', () => {
    expect(reread(open)).toEqual(open);
    expect(reread({ ...open, capabilities: [] })).toEqual({ ...open, capabilities: [] });
  });

  /** Bytes after the RFC, and what they say. */
  const known: [string, string, Capability][] = [
    [
      'RFC 8950 §4',
      '0506 0001 0001 0002',
      { type: 'extendedNextHop', families: [{ afi: 1, safi: 1, nextHopAfi: 2 }] },
    ],
    ['RFC 9234 §4.1', '0901 03', { type: 'role', role: 3 }],
    [
      'RFC 7911 §4',
      '4508 00010103 00020101',
      {
        type: 'addPath',
        families: [
          { afi: 1, safi: 1, receives: true, sends: true },
          { afi: 2, safi: 1, receives: true, sends: false },
        ],
      },
    ],
    ['RFC 7313 §3.1', '4600', { type: 'enhancedRouteRefresh' }],
    [
      'RFC 9494 §3.1',
      '4707 0002 01 80 015180',
      {
        type: 'longLivedGracefulRestart',
        families: [{ afi: 2, safi: 1, forwarding: true, staleTimeSeconds: 86400 }],
      },
    ],
  ];
  it.each(known)('has the capability of %s', (_, bytes, capability) => {
    expect(encodeCapability(capability).toString('hex')).toBe(bytes.replaceAll(' ', ''));
    expect(reread({ ...open, capabilities: [capability] })).toEqual({ ...open, capabilities: [capability] });
  });

  it('passes over entries of ADD-PATH that are neither receive nor send', () => {
    expect(decodeCapability(69, Buffer.from('0001010000020104', 'hex'))).toEqual({
      type: 'addPath',
      families: [],
    });
  });

  it.each([5, 9, 69, 70, 71])('keeps capability %i of a wrong length as it came', (code) => {
    const data = Buffer.from([1, 2, 3]);
    expect(decodeCapability(code, data)).toEqual({ type: 'unknown', code, data });
  });

  it('takes its AS number from the 4-octet capability', () => {
    expect(
      reread({ ...open, asn: 4200000000, capabilities: [{ type: 'fourOctetAs', asn: 4200000000 }] }),
    ).toMatchObject({
      asn: 4200000000,
    });
  });

  it.each([250, 251, 252, 253, 254, 255, 256, 2000])(
    'holds capabilities of %i octets in all (RFC 9072)',
    (octets) => {
      const capabilities: Capability[] = [];
      for (let left = octets; left > 0; ) {
        const length = Math.min(left, 252);
        // A capability's head takes two octets, so nothing shorter may be left over.
        const take = left - length === 1 ? length - 1 : length;
        capabilities.push({ type: 'unknown', code: 200, data: Buffer.alloc(take - 2, 1) });
        left -= take;
      }
      expect(reread({ ...open, capabilities })).toEqual({ ...open, capabilities });
    },
  );

  it('reads one parameter per capability too', () => {
    const bytes = Buffer.from(
      '04fde9005ac0000201 10 0206 010400010001 0202 0200 0202 4600'.replaceAll(' ', ''),
      'hex',
    );
    expect(decodeOpen(bytes, 0, bytes.length)).toMatchObject({
      capabilities: [
        { type: 'multiprotocol', afi: 1, safi: 1 },
        { type: 'routeRefresh' },
        { type: 'enhancedRouteRefresh' },
      ],
    });
  });

  it.each([
    ['version 3', '03fde9005ac000020100', 1, '0004'],
    ['AS 0', '040000005ac000020100', 2, ''],
    ['AS 0 in the capability', '045ba0005ac000020108 0206 4104 00000000', 2, ''],
    ['identifier 0.0.0.0', '04fde9005a0000000000', 3, ''],
    ['an unknown parameter', '04fde9005ac0000201 03 010100', 4, ''],
    ['a hold time of 2 s', '04fde90002c000020100', 6, ''],
    ['a hold time of 1 s', '04fde90001c000020100', 6, ''],
    ['parameters longer than the message', '04fde9005ac0000201 05 020202', 0, ''],
    ['parameters shorter than the message', '04fde9005ac0000201 02 0202 0200', 0, ''],
    ['a parameter cut short', '04fde9005ac0000201 03 0205 02', 0, ''],
    ['a lone octet of a parameter', '04fde9005ac0000201 01 02', 0, ''],
    ['a capability cut short', '04fde9005ac0000201 04 0202 0104', 0, ''],
    ['a 4-octet capability of two octets', '04fde9005ac0000201 06 0204 4102 fde9', 0, ''],
  ])('is refused for %s', (_, hex, subcode, data) => {
    const bytes = Buffer.from(hex.replaceAll(' ', ''), 'hex');
    const error = decodeOpen(bytes, 0, bytes.length);
    expect(isWireError(error)).toBe(true);
    expect(error).toMatchObject({ severity: 'reset', code: 2, subcode, data: Buffer.from(data, 'hex') });
  });

  it('accepts hold times 0 and 3', () => {
    expect(reread({ ...open, holdTimeSeconds: 0 })).toMatchObject({ holdTimeSeconds: 0 });
    expect(reread({ ...open, holdTimeSeconds: 3 })).toMatchObject({ holdTimeSeconds: 3 });
  });
});

describe('NOTIFICATION', () => {
  const reread = (code: number, subcode: number, data: Buffer = Buffer.alloc(0)) => {
    const bytes = encodeNotification({ code, subcode, data });
    return decodeNotification(bytes, 19, bytes.length);
  };

  it('comes back as it went', () => {
    expect(reread(3, 4, Buffer.from('c00101', 'hex'))).toEqual({
      code: 3,
      subcode: 4,
      data: Buffer.from('c00101', 'hex'),
    });
    expect(encodeNotification({ code: 6, subcode: 2, data: Buffer.alloc(0) }).toString('hex')).toBe(
      `${marker}0015030602`,
    );
  });

  it('is told in words', () => {
    const told = (code: number, subcode: number, data: Buffer = Buffer.alloc(0)) =>
      describeNotification(reread(code, subcode, data));
    expect(told(2, 2)).toBe('OPEN Message Error: Bad Peer AS');
    expect(told(4, 0)).toBe('Hold Timer Expired');
    expect(told(3, 99)).toBe('UPDATE Message Error: subcode 99');
    expect(told(77, 0)).toBe('error code 77');
    expect(told(1, 2, Buffer.from('0012', 'hex'))).toBe(
      'Message Header Error: Bad Message Length (data 0012)',
    );
    expect(told(6, 2, shutdownText('bis später'))).toBe('Cease: Administrative Shutdown "bis später"');
    expect(told(6, 2, shutdownText(''))).toBe('Cease: Administrative Shutdown (data 00)');
    expect(told(6, 9, Buffer.from([6, 4, ...shutdownText('upgrade')]))).toBe(
      'Cease: Hard Reset (Cease: Administrative Reset "upgrade")',
    );
  });

  it('never hands on control characters or bytes that are no text', () => {
    const told = (data: Buffer) => describeNotification({ code: 6, subcode: 2, data });
    expect(told(shutdownText('a\u001b[31mb'))).toBe('Cease: Administrative Shutdown "a [31mb"');
    expect(told(Buffer.from('02ff41', 'hex'))).toBe('Cease: Administrative Shutdown (data 02ff41)');
    expect(told(Buffer.from('0941', 'hex'))).toBe('Cease: Administrative Shutdown (data 0941)');
  });

  it('cuts a long shutdown text at a character', () => {
    const text = shutdownText('ä'.repeat(200));
    expect([text[0], text.length]).toEqual([254, 255]);
  });
});

describe('ROUTE-REFRESH, KEEPALIVE and End-of-RIB', () => {
  it('have the bytes of their RFCs', () => {
    expect(keepalive.toString('hex')).toBe(`${marker}001304`);
    expect(encodeRouteRefresh({ afi: 2, safi: 1, subtype: 0 }).toString('hex')).toBe(
      `${marker}00170500020001`,
    );
    expect(encodeEndOfRib(0).toString('hex')).toBe(`${marker}00170200000000`);
    expect(encodeEndOfRib(1).toString('hex')).toBe(`${marker}001d0200000006800f03000201`);
  });

  it('a ROUTE-REFRESH comes back as it went', () => {
    const bytes = encodeRouteRefresh({ afi: 2, safi: 1, subtype: 2 });
    expect(decodeRouteRefresh(bytes, 19, bytes.length)).toEqual({ afi: 2, safi: 1, subtype: 2 });
  });

  it('a ROUTE-REFRESH of the wrong length is sent back as data (RFC 7313 §5)', () => {
    const bytes = Buffer.from(`${marker}0018050002000100`, 'hex');
    expect(decodeRouteRefresh(bytes, 19, bytes.length)).toMatchObject({ code: 7, subcode: 1, data: bytes });
  });
});

describe('the framer', () => {
  const stream = Buffer.concat([
    encodeOpen(open),
    keepalive,
    encodeEndOfRib(1),
    keepalive,
    encodeEndOfRib(0),
  ]);

  function collect(chunks: Buffer[], framer = new Framer()) {
    const messages: string[] = [];
    for (const chunk of chunks) {
      const error = framer.push(chunk, (type, buf, start, end) => {
        messages.push(`${type} ${buf.toString('hex', start, end)}`);
      });
      if (error !== null) return { messages, error };
    }
    return { messages, error: null };
  }

  const whole = collect([stream]);

  it('cuts a chunk into its messages', () => {
    expect(whole.error).toBeNull();
    expect(whole.messages.map((message) => message.split(' ')[0])).toEqual(['1', '4', '2', '4', '2']);
  });

  it('finds the same messages wherever the stream is split in two', () => {
    for (let at = 0; at <= stream.length; at++) {
      expect(collect([stream.subarray(0, at), stream.subarray(at)])).toEqual(whole);
    }
  });

  it('finds the same messages octet by octet', () => {
    const octets = [...stream].map((octet) => Buffer.from([octet]));
    expect(collect(octets)).toEqual(whole);
  });

  it('hands out a whole message without copying it', () => {
    new Framer().push(stream, (_type, buf) => {
      expect(buf).toBe(stream);
    });
  });

  it('stops when the callback says so, and stays silent', () => {
    const framer = new Framer();
    let count = 0;
    const stop = () => {
      count++;
      return false as const;
    };
    expect(framer.push(stream, stop)).toBeNull();
    expect(framer.push(stream, stop)).toBeNull();
    expect(count).toBe(1);
  });

  it.each([
    ['a marker that is not all ones', `${'ff'.repeat(15)}fe001304`, 1, ''],
    ['a length below 19', `${marker}001204`, 2, '0012'],
    ['a length above 4096', `${marker}100102`, 2, '1001'],
    ['type 0', `${marker}001300`, 3, '00'],
    ['type 6', `${marker}001306`, 3, '06'],
    ['a KEEPALIVE with a body', `${marker}00140400`, 2, '0014'],
    ['an OPEN of 28 octets', `${marker}001c01${'00'.repeat(9)}`, 2, '001c'],
    ['an UPDATE of 22 octets', `${marker}001602000000`, 2, '0016'],
    ['a NOTIFICATION of 20 octets', `${marker}00140306`, 2, '0014'],
  ])('refuses %s, after the messages before it', (_, hex, subcode, data) => {
    const bytes = Buffer.concat([keepalive, Buffer.from(hex, 'hex'), keepalive]);
    for (let at = 0; at < bytes.length; at++) {
      const { messages, error } = collect([bytes.subarray(0, at), bytes.subarray(at)]);
      expect(messages).toEqual(['4 ']);
      expect(error).toMatchObject({ severity: 'reset', code: 1, subcode, data: Buffer.from(data, 'hex') });
    }
  });

  it('takes longer messages once they are agreed, but no longer OPEN (RFC 8654)', () => {
    const long = Buffer.alloc(60000, 0xff);
    long.writeUInt16BE(60000, 16);
    long[18] = 2;
    const framer = new Framer();
    framer.maxLength = 65535;
    expect(collect([long.subarray(0, 5000), long.subarray(5000)], framer).messages[0].length).toBe(
      2 + 2 * (60000 - 19),
    );
    long[18] = 1;
    expect(collect([long], framer).error).toMatchObject({ code: 1, subcode: 2 });
  });
});
