import { describe, expect, it } from 'vitest';
import { type Address, IPV4, IPV6, type Prefix, parseAddress, parsePrefix } from '../../src/address/index.js';
import { echoFilter } from '../../src/netlink/echo-filter.js';
import * as nl from '../../src/netlink/index.js';

function address(text: string): Address {
  const value = parseAddress(text);
  if (value === null) throw new Error(text);
  return value;
}

function prefix(text: string): Prefix {
  const value = parsePrefix(text);
  if (value === null) throw new Error(text);
  return value;
}

const hex = (bytes: Buffer) => bytes.toString('hex');
const bytesOf = (...parts: string[]) => Buffer.from(parts.join('').replaceAll(' ', ''), 'hex');

function hop(gateway: string | null, ifindex: number, weight = 1, onlink = false): nl.RouteHop {
  return { gateway: gateway === null ? null : address(gateway), ifindex, weight, onlink };
}

const base = { family: IPV4, table: 254, protocol: 84, metric: 1024, preferredSource: null } as const;

describe('a route template', () => {
  it('writes an IPv4 route through a gateway byte by byte as rtnetlink(7) lays it out', () => {
    const attributes = { ...base, forwarding: { kind: 'hops', hops: [hop('10.0.0.2', 7)] } } as const;
    const message = nl.RouteTemplate.route(attributes, nl.CREATE).message(prefix('10.5.0.0/16'));
    expect(hex(message)).toBe(
      hex(
        bytesOf(
          '44000000 1800 0106 00000000 00000000', // 68 bytes, NEWROUTE, REQUEST|CREATE|EXCL
          '02 10 00 00 fe 54 00 01 00000000', // INET /16, table main, protocol 84, universe, unicast
          '0800 0100 0a050000', // DST
          '0800 0600 00040000', // PRIORITY 1024
          '0800 0f00 fe000000', // TABLE 254
          '0800 0500 0a000002', // GATEWAY
          '0800 0400 07000000', // OIF 7
        ),
      ),
    );
  });

  it('writes two hops as RTA_MULTIPATH, an IPv6 gateway of an IPv4 route as RTA_VIA', () => {
    const hops = [hop('10.0.0.2', 7, 3), hop('fe80::1', 8, 1, true)];
    const message = nl.RouteTemplate.route(
      { ...base, forwarding: { kind: 'hops', hops } },
      nl.CREATE,
    ).message(prefix('10.5.0.0/16'));
    expect(hex(message.subarray(52))).toBe(
      hex(
        bytesOf(
          '3400 0900',
          '1000 00 02 07000000 0800 0500 0a000002',
          '2000 04 00 08000000 1600 1200 0a00 fe80000000000000 0000000000000001 0000',
        ),
      ),
    );
  });

  it('puts a table above 255 in RTA_TABLE alone', () => {
    const attributes = { ...base, table: 100_000, forwarding: { kind: 'blackhole' } } as const;
    const message = nl.RouteTemplate.route(attributes, nl.CREATE).message(prefix('10.0.0.0/8'));
    expect(message[nl.HEADER_LENGTH + 4]).toBe(0);
    const view = new nl.RouteView();
    expect(view.decode(message, 0, message.length)).toBe(true);
    expect(view.table).toBe(100_000);
    expect(view.type).toBe(nl.RTN_BLACKHOLE);
  });

  it('writes a deletion that names table, protocol and metric, and any scope and type', () => {
    const message = nl.RouteTemplate.deletion(IPV6, 254, 84, 1024).message(prefix('2001:db8::/32'));
    const view = new nl.RouteView();
    expect(view.decode(message, 0, message.length)).toBe(true);
    expect(view).toMatchObject({
      deleted: true,
      table: 254,
      protocol: 84,
      metric: 1024,
      type: 0,
      scope: 255,
    });
    expect(view.prefix).toEqual(prefix('2001:db8::/32'));
  });

  it('refuses a route without a hop', () => {
    const attributes = { ...base, forwarding: { kind: 'hops', hops: [] } } as const;
    expect(() => nl.RouteTemplate.route(attributes, nl.CREATE)).toThrow(RangeError);
  });
});

describe('a route view', () => {
  it('keeps nothing of the message before', () => {
    const rich = nl.RouteTemplate.route(
      {
        ...base,
        preferredSource: address('10.0.0.1'),
        forwarding: { kind: 'hops', hops: [hop('10.0.0.2', 7), hop('10.0.0.3', 7)] },
      },
      nl.CREATE,
    ).message(prefix('10.5.0.0/16'));
    const plain = nl.RouteTemplate.route(
      { ...base, family: IPV6, forwarding: { kind: 'nexthop', id: 9 } },
      nl.CREATE,
    ).message(prefix('::/0'));
    const view = new nl.RouteView();
    view.decode(rich, 0, rich.length);
    expect(view.hops()).toHaveLength(2);
    expect(view.decode(plain, 0, plain.length)).toBe(true);
    expect(view).toMatchObject({ family: IPV6, length: 0, nexthopId: 9, ifindex: 0, preferredSource: null });
    expect(view.hops()).toEqual([]);
  });

  it('turns down attributes that do not fit, and families it does not know', () => {
    const whole = nl.RouteTemplate.route(
      { ...base, forwarding: { kind: 'hops', hops: [hop('10.0.0.2', 7)] } },
      nl.CREATE,
    ).message(prefix('10.5.0.0/16'));
    const view = new nl.RouteView();
    const broken = Buffer.from(whole);
    broken.writeUInt16LE(5, 28);
    expect(view.decode(broken, 0, broken.length)).toBe(false);
    const longer = Buffer.from(whole);
    longer.writeUInt16LE(400, 60);
    expect(view.decode(longer, 0, longer.length)).toBe(false);
    const bridge = Buffer.from(whole);
    bridge[nl.HEADER_LENGTH] = 7;
    expect(view.decode(bridge, 0, bridge.length)).toBe(false);
    expect(view.decode(whole, 0, nl.HEADER_LENGTH)).toBe(false);
  });
});

describe('the forwarding hash', () => {
  const variants: nl.RouteForwarding[] = [
    { kind: 'hops', hops: [hop('10.0.0.2', 7)] },
    { kind: 'hops', hops: [hop('10.0.0.2', 8)] },
    { kind: 'hops', hops: [hop('10.0.0.3', 7)] },
    { kind: 'hops', hops: [hop('10.0.0.2', 7, 1, true)] },
    { kind: 'hops', hops: [hop(null, 7)] },
    { kind: 'hops', hops: [hop('fe80::1', 7)] },
    { kind: 'hops', hops: [hop('10.0.0.2', 7), hop('10.0.0.3', 7)] },
    { kind: 'hops', hops: [hop('10.0.0.2', 7, 2), hop('10.0.0.3', 7)] },
    { kind: 'nexthop', id: 7 },
    { kind: 'nexthop', id: 8 },
    { kind: 'blackhole' },
    { kind: 'unreachable' },
    { kind: 'prohibit' },
  ];

  it('is the same for what is written and for what is read, and different for each way to forward', () => {
    const seen = new Set<number>();
    for (const preferredSource of [null, address('10.0.0.1')]) {
      for (const forwarding of variants) {
        const attributes = { ...base, preferredSource, forwarding };
        const message = nl.RouteTemplate.route(attributes, nl.CREATE).message(prefix('10.5.0.0/16'));
        const view = new nl.RouteView();
        expect(view.decode(message, 0, message.length)).toBe(true);
        expect(view.forwardingHash()).toBe(nl.forwardingHash(attributes));
        seen.add(view.forwardingHash());
      }
    }
    expect(seen.size).toBe(2 * variants.length);
  });
});

describe('an error message', () => {
  const request = '24000000 1800 0506 05000000 00000000';
  const echo = `${request} 02100000 fe540001 00000000 0800 0100`;

  it('is an ACK when its errno is 0', () => {
    const bytes = bytesOf('24000000 0200 0000 05000000 01000000 00000000', request);
    expect(nl.readError(bytes, 0, bytes.length)).toBeNull();
  });

  it('gives errno, text and place behind a request echoed whole', () => {
    const tlvs = '0b00 0100 6e6f2077617900 00 0800 0200 1c000000';
    const bytes = bytesOf('00000000 0200 0002 05000000 01000000 9bffffff', echo, '00000000', tlvs);
    bytes.writeUInt32LE(bytes.length, 0);
    bytes.writeUInt32LE(36, 20);
    expect(nl.readError(bytes, 0, bytes.length)).toEqual({
      errno: 101,
      code: 'ENETUNREACH',
      text: 'no way',
      attributeOffset: 28,
    });
  });

  it('gives them behind a capped request, too', () => {
    const bytes = bytesOf('00000000 0200 0003 05000000 01000000 efffffff', request, '0800 0100 68690000');
    bytes.writeUInt32LE(bytes.length, 0);
    expect(nl.readError(bytes, 0, bytes.length)).toMatchObject({ code: 'EEXIST', attributeOffset: null });
  });

  it('counts as a refusal when it is too short to hold an errno', () => {
    const bytes = bytesOf('10000000 0200 0000 05000000 01000000');
    expect(nl.readError(bytes, 0, bytes.length)).toMatchObject({ code: 'EBADMSG' });
  });
});

describe('nexthop objects', () => {
  const objects: nl.NexthopObject[] = [
    {
      id: 0x54000001,
      protocol: 84,
      content: { kind: 'hop', family: IPV4, gateway: address('10.0.0.2'), ifindex: 7, onlink: true },
    },
    { id: 2, protocol: 84, content: { kind: 'hop', family: IPV6, gateway: null, ifindex: 7, onlink: false } },
    { id: 3, protocol: 84, content: { kind: 'blackhole', family: IPV6 } },
    {
      id: 4,
      protocol: 84,
      content: {
        kind: 'group',
        members: [
          { id: 1, weight: 1 },
          { id: 2, weight: 256 },
        ],
      },
    },
  ];

  it('are read as they were written', () => {
    for (const object of objects) {
      const message = nl.nexthopMessage(object, nl.CREATE);
      expect(nl.decodeNexthop(message, 0, message.length)).toMatchObject(object);
    }
  });
});

describe('a batch', () => {
  it('numbers its messages and gives each one back', () => {
    const batch = new nl.MessageBatch();
    batch.reset(1000);
    const template = nl.RouteTemplate.deletion(IPV4, 254, 84, 1024);
    const prefixes = ['10.1.0.0/16', '10.2.0.0/16', '10.3.0.0/16'].map(prefix);
    for (const [i, item] of prefixes.entries())
      expect(batch.add(template.write(batch.buffer, batch.length, item))).toBe(i);
    expect(batch.append(nl.nexthopDeletion(5))).toBe(3);
    const view = new nl.RouteView();
    for (const [i, item] of prefixes.entries()) {
      const copy = batch.copyOf(i);
      expect(view.decode(copy, 0, copy.length)).toBe(true);
      expect(view.prefix).toEqual(item);
      expect(nl.messageSequence(copy, 0)).toBe(1000 + i);
    }
    const flags: number[] = [];
    expect(
      nl.forEachMessage(batch.seal(), (_type, bytes, start) => flags.push(nl.messageFlags(bytes, start))),
    ).toBe(true);
    expect(flags.map((value) => value & nl.NLM_F_ACK)).toEqual([0, 0, 0, nl.NLM_F_ACK]);
  });

  it('is full at its mark of bytes or of messages', () => {
    const batch = new nl.MessageBatch();
    batch.reset(1);
    const template = nl.RouteTemplate.deletion(IPV4, 254, 84, 1024);
    while (!batch.full) batch.add(template.write4(batch.buffer, batch.length, batch.count, 32));
    expect(batch.length).toBeGreaterThanOrEqual(32 * 1024);
    expect(batch.length).toBeLessThan(33 * 1024);
  });
});

describe('the echo filter', () => {
  /** The four operations that the program uses, as the kernel runs them. */
  function accepts(program: Buffer, message: Buffer): boolean {
    let accumulator = 0;
    for (let at = 0; at < program.length; at += 8) {
      const operand = program.readUInt32LE(at + 4);
      switch (program.readUInt16LE(at)) {
        case 0x28:
          accumulator = message.readUInt16BE(operand);
          break;
        case 0x20:
          accumulator = message.readUInt32BE(operand);
          break;
        case 0x15:
          at += 8 * (accumulator === operand ? program[at + 2] : program[at + 3]);
          break;
        case 0x06:
          return operand !== 0;
        default:
          throw new Error('unknown operation');
      }
    }
    throw new Error('ran off the end');
  }

  function header(type: number, port: number): Buffer {
    const bytes = Buffer.alloc(nl.HEADER_LENGTH);
    nl.writeHeader(bytes, 0, type, 0);
    bytes.writeUInt32LE(port, 12);
    return bytes;
  }

  it('drops routes and nexthops that our ports changed, and nothing else', () => {
    const own = [0x8123_4567, 42];
    const program = echoFilter(own);
    const types = [
      nl.RTM_NEWROUTE,
      nl.RTM_DELROUTE,
      nl.RTM_NEWNEXTHOP,
      nl.RTM_DELNEXTHOP,
      nl.RTM_NEWLINK,
      nl.RTM_DELADDR,
    ];
    for (const type of types) {
      const echoed = type !== nl.RTM_NEWLINK && type !== nl.RTM_DELADDR;
      for (const port of own) expect(accepts(program, header(type, port))).toBe(!echoed);
      for (const port of [0, 43, 0x6745_2381]) expect(accepts(program, header(type, port))).toBe(true);
    }
  });

  it('accepts everything when it is given no port', () => {
    expect(accepts(echoFilter([]), header(nl.RTM_NEWROUTE, 42))).toBe(true);
  });
});
