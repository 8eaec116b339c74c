import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type Address,
  formatPrefix,
  IPV4,
  IPV6,
  type Prefix,
  parseAddress,
  parsePrefix,
} from '../../src/address/index.js';
import * as nl from '../../src/netlink/index.js';
import { enterFreshNamespace, ip } from '../support/namespace.js';

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

function hop(gateway: string | null, ifindex: number, weight = 1, onlink = false): nl.RouteHop {
  return { gateway: gateway === null ? null : address(gateway), ifindex, weight, onlink };
}

const PROTOCOL = 84;
const plain = { table: 254, protocol: PROTOCOL, metric: 1024, preferredSource: null };

let leave: () => void;
let socket: nl.NetlinkSocket;
let v0: number;
let v1: number;
const monitors: nl.NetlinkMonitor[] = [];

beforeEach(() => {
  leave = enterFreshNamespace();
  ip('link add v0 type veth peer name v1');
  for (const [link, own4, own6] of [
    ['v0', '10.0.0.1/24', '2001:db8:0::1/64'],
    ['v1', '10.0.1.1/24', '2001:db8:1::1/64'],
  ]) {
    ip(`link set ${link} up`);
    ip(`addr add ${own4} dev ${link}`);
    ip(`addr add ${own6} dev ${link} nodad`);
  }
  const index = (name: string) => Number(/^(\d+):/.exec(ip(`-o link show ${name}`))?.[1]);
  v0 = index('v0');
  v1 = index('v1');
  socket = new nl.NetlinkSocket();
});

afterEach(() => {
  for (const monitor of monitors.splice(0)) monitor.close();
  socket.close();
  leave();
});

/** Listens, and gives what was heard. `until` resolves when a message or an overflow makes `condition` true. */
function listen(groups: number[], options: { ownPorts?: number[]; receiveBufferBytes?: number } = {}) {
  const heard: { type: number; bytes: Buffer }[] = [];
  let overflows = 0;
  let wake = () => {};
  monitors.push(
    new nl.NetlinkMonitor({
      groups,
      ...options,
      onMessage: (type, bytes, start, end) => {
        heard.push({ type, bytes: bytes.subarray(start, end) });
        wake();
      },
      onOverflow: () => {
        overflows++;
        wake();
      },
    }),
  );
  const until = async (condition: () => boolean) => {
    while (!condition())
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
  };
  return { heard, until, overflows: () => overflows };
}

async function routes(family: 0 | 1, filter: { table?: number; protocol?: number } = {}) {
  const found: { prefix: string; hash: number; metric: number; table: number; protocol: number }[] = [];
  const view = new nl.RouteView();
  await socket.dump(nl.routeDumpRequest(family, filter), (_type, bytes, start, end) => {
    if (!view.decode(bytes, start, end)) throw new Error('malformed route');
    found.push({
      prefix: formatPrefix(view.prefix),
      hash: view.forwardingHash(),
      metric: view.metric,
      table: view.table,
      protocol: view.protocol,
    });
  });
  return found;
}

describe('routes', () => {
  it('reach the kernel as `ip` shows them, and are read back the same', async () => {
    await socket.request(
      nl.nexthopMessage(
        {
          id: 0x54000001,
          protocol: PROTOCOL,
          content: { kind: 'hop', family: IPV4, gateway: address('10.0.0.2'), ifindex: v0, onlink: false },
        },
        nl.CREATE,
      ),
    );
    const cases: [string, nl.RouteForwarding, string][] = [
      [
        '10.5.0.0/16',
        { kind: 'hops', hops: [hop('10.0.0.2', v0)] },
        'via 10.0.0.2 dev v0 proto 84 metric 1024',
      ],
      ['10.6.0.0/16', { kind: 'hops', hops: [hop(null, v0)] }, 'dev v0 proto 84 scope link metric 1024'],
      [
        '10.7.0.0/16',
        { kind: 'hops', hops: [hop('192.0.2.1', v0, 1, true)] },
        'via 192.0.2.1 dev v0 proto 84 metric 1024 onlink',
      ],
      [
        '10.8.0.0/16',
        { kind: 'hops', hops: [hop('10.0.0.2', v0, 3), hop('10.0.1.2', v1)] },
        'proto 84 metric 1024 nexthop via 10.0.0.2 dev v0 weight 3 nexthop via 10.0.1.2 dev v1 weight 1',
      ],
      [
        '10.9.0.0/16',
        { kind: 'hops', hops: [hop('fe80::1', v0)] },
        'via inet6 fe80::1 dev v0 proto 84 metric 1024',
      ],
      [
        '10.10.0.0/16',
        { kind: 'nexthop', id: 0x54000001 },
        'nhid 1409286145 via 10.0.0.2 dev v0 proto 84 metric 1024',
      ],
      ['10.11.0.0/16', { kind: 'blackhole' }, 'proto 84 metric 1024'],
      ['10.12.0.0/16', { kind: 'unreachable' }, 'proto 84 metric 1024'],
      ['0.0.0.0/0', { kind: 'prohibit' }, 'proto 84 metric 1024'],
      [
        '2001:db8:5::/48',
        { kind: 'hops', hops: [hop('2001:db8::2', v0)] },
        'via 2001:db8::2 dev v0 proto 84 metric 1024 pref medium',
      ],
      [
        '2001:db8:6::/48',
        { kind: 'hops', hops: [hop('fe80::2', v0), hop('fe80::3', v1, 2)] },
        'proto 84 metric 1024 pref medium nexthop via fe80::2 dev v0 weight 1 nexthop via fe80::3 dev v1 weight 2',
      ],
      ['2001:db8:7::/48', { kind: 'blackhole' }, 'dev lo proto 84 metric 1024 pref medium'],
    ];
    const expected = new Map<string, number>();
    for (const [text, forwarding] of cases) {
      const family = text.includes(':') ? IPV6 : IPV4;
      const template = nl.RouteTemplate.route({ ...plain, family, forwarding }, nl.CREATE);
      await socket.request(template.message(prefix(text)));
      expected.set(text, nl.forwardingHash({ forwarding, preferredSource: null }));
    }
    for (const [text, forwarding, shown] of cases) {
      const name = text === '0.0.0.0/0' ? 'default' : text;
      const type =
        forwarding.kind === 'hops' || forwarding.kind === 'nexthop' ? name : `${forwarding.kind} ${name}`;
      const lines = ip(`${text.includes(':') ? '-6' : '-4'} route show exact ${text}`)
        .replaceAll(/\s+/g, ' ')
        .trim();
      expect(lines).toBe(`${type} ${shown}`);
    }
    const read = [
      ...(await routes(IPV4, { table: 254, protocol: PROTOCOL })),
      ...(await routes(IPV6, { table: 254, protocol: PROTOCOL })),
    ];
    expect(new Map(read.map((route) => [route.prefix, route.hash]))).toEqual(expected);
  });

  it('that `ip` wrote are read as what they are', async () => {
    ip('route add 10.5.0.0/16 via 10.0.0.2 proto 99 metric 7 src 10.0.0.1');
    ip('-6 route add 2001:db8:5::/48 via 2001:db8::2 proto 99 table 1000');
    ip('route add 10.6.0.0/16 proto 99 nexthop via 10.0.0.2 weight 2 nexthop via 10.0.1.2');
    const hash = (hops: nl.RouteHop[], source: string | null) =>
      nl.forwardingHash({
        forwarding: { kind: 'hops', hops },
        preferredSource: source === null ? null : address(source),
      });
    expect(await routes(IPV4, { protocol: 99 })).toEqual([
      {
        prefix: '10.5.0.0/16',
        metric: 7,
        table: 254,
        protocol: 99,
        hash: hash([hop('10.0.0.2', v0)], '10.0.0.1'),
      },
      {
        prefix: '10.6.0.0/16',
        metric: 0,
        table: 254,
        protocol: 99,
        hash: hash([hop('10.0.0.2', v0, 2), hop('10.0.1.2', v1)], null),
      },
    ]);
    expect(await routes(IPV6, { table: 1000 })).toEqual([
      {
        prefix: '2001:db8:5::/48',
        metric: 1024,
        table: 1000,
        protocol: 99,
        hash: hash([hop('2001:db8::2', v0)], null),
      },
    ]);
  });

  it('go with protocol and metric: a deletion leaves what others hold', async () => {
    ip('route add 10.5.0.0/16 via 10.0.0.2 proto 99 metric 7');
    ip('-6 route add 2001:db8:5::/48 via 2001:db8::2 proto 99 metric 7');
    for (const [family, text] of [
      [IPV4, '10.5.0.0/16'],
      [IPV6, '2001:db8:5::/48'],
    ] as const) {
      const deletion = nl.RouteTemplate.deletion(family, 254, PROTOCOL, 7).message(prefix(text));
      await expect(socket.request(deletion)).rejects.toMatchObject({ code: 'ESRCH' });
      expect(await routes(family, { protocol: 99 })).toHaveLength(1);
      const theirs = nl.RouteTemplate.deletion(family, 254, 99, 7).message(prefix(text));
      await socket.request(theirs);
      expect(await routes(family, { protocol: 99 })).toHaveLength(0);
    }
  });

  it('of a table that does not exist end the dump with ENOENT', async () => {
    await expect(routes(IPV4, { table: 4242 })).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('are looked up for one address', async () => {
    const view = new nl.RouteView();
    let answers = 0;
    await socket.request(nl.routeLookupRequest(address('10.0.1.77')), (type, bytes, start, end) => {
      expect(type).toBe(nl.RTM_NEWROUTE);
      answers++;
      expect(view.decode(bytes, start, end)).toBe(true);
    });
    expect(answers).toBe(1);
    expect(view.ifindex).toBe(v1);
  });
});

describe('what the kernel refuses', () => {
  it('is told with errno, text and the request', async () => {
    const template = nl.RouteTemplate.route(
      { ...plain, family: IPV4, forwarding: { kind: 'hops', hops: [hop('172.16.0.1', v0)] } },
      nl.CREATE,
    );
    const message = template.message(prefix('10.5.0.0/16'));
    const error = await socket.request(message).then(
      () => null,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(nl.NetlinkError);
    expect(error).toMatchObject({
      errno: 101,
      code: 'ENETUNREACH',
      text: 'Nexthop has invalid gateway',
      message: 'NEWROUTE: ENETUNREACH: Nexthop has invalid gateway',
      request: message,
    });
  });

  it('is told with the place of the attribute at fault', async () => {
    const message = new nl.MessageBuilder(nl.RTM_NEWNEXTHOP, nl.CREATE, Buffer.alloc(8))
      .u32(nl.NHA_ID, 1)
      .attribute(nl.NHA_OIF, Buffer.of(1, 2))
      .finish();
    await expect(socket.request(message)).rejects.toMatchObject({ attributeOffset: 32 });
  });

  it('in a batch is told by its place, and all else is done', async () => {
    const good = nl.RouteTemplate.route(
      { ...plain, family: IPV4, forwarding: { kind: 'hops', hops: [hop('10.0.0.2', v0)] } },
      nl.CREATE,
    );
    const bad = nl.RouteTemplate.route(
      { ...plain, family: IPV4, forwarding: { kind: 'hops', hops: [hop('172.16.0.1', v0)] } },
      nl.CREATE,
    );
    const batch = socket.openBatch();
    const refused: number[] = [];
    for (let i = 0; i < 100; i++) {
      const template = i % 7 === 0 || i === 99 ? bad : good;
      if (template === bad) refused.push(i);
      batch.add(template.write4(batch.buffer, batch.length, 0x14000000 + 256 * i, 24));
    }
    const result = await socket.submit(batch);
    expect(result.outcome).toBe('known');
    expect(result.refused.map((refusal) => refusal.index)).toEqual(refused);
    const view = new nl.RouteView();
    for (const { index, code, request } of result.refused) {
      expect(code).toBe('ENETUNREACH');
      expect(view.decode(request, 0, request.length)).toBe(true);
      expect(view.a).toBe(0x14000000 + 256 * index);
    }
    expect(await routes(IPV4, { protocol: PROTOCOL })).toHaveLength(100 - refused.length);
  });

  it('in more messages than its queue holds leaves the outcome unknown, and the socket goes on', async () => {
    const small = new nl.NetlinkSocket({ receiveBufferBytes: 4096 });
    try {
      const deletion = nl.RouteTemplate.deletion(IPV4, 254, PROTOCOL, 1024);
      const fill = (batch: nl.MessageBatch) => {
        for (let i = 0; i < 500; i++)
          batch.add(deletion.write4(batch.buffer, batch.length, 0x14000000 + 256 * i, 24));
        return batch;
      };
      // Two at once, so that the second one's datagram waits for the first one's.
      const results = await Promise.all([
        small.submit(fill(small.openBatch())),
        small.submit(fill(small.openBatch())),
      ]);
      for (const result of results) {
        expect(result.outcome).toBe('unknown');
        expect(result.refused.length).toBeLessThan(500);
      }
      expect(small.overflows).toBeGreaterThan(0);
      expect(small.inFlight).toBe(0);
      const route = nl.RouteTemplate.route(
        { ...plain, family: IPV4, forwarding: { kind: 'blackhole' } },
        nl.CREATE,
      );
      await small.request(route.message(prefix('10.5.0.0/16')));
      expect(await routes(IPV4, { protocol: PROTOCOL })).toHaveLength(1);
    } finally {
      small.close();
    }
  });
});

describe('nexthop objects and groups', () => {
  const single = (id: number, gateway: string, ifindex: number): nl.NexthopObject => ({
    id,
    protocol: PROTOCOL,
    content: { kind: 'hop', family: IPV4, gateway: address(gateway), ifindex, onlink: false },
  });

  it('are written, dumped, replaced under their routes, and removed', async () => {
    const group: nl.NexthopObject = {
      id: 10,
      protocol: PROTOCOL,
      content: {
        kind: 'group',
        members: [
          { id: 1, weight: 1 },
          { id: 2, weight: 4 },
        ],
      },
    };
    for (const object of [single(1, '10.0.0.2', v0), single(2, '10.0.1.2', v1), group])
      await socket.request(nl.nexthopMessage(object, nl.CREATE));
    await expect(
      socket.request(nl.nexthopMessage(single(1, '10.0.0.3', v0), nl.CREATE)),
    ).rejects.toMatchObject({ code: 'EEXIST' });
    const dumped: (nl.ObservedNexthop | null)[] = [];
    await socket.dump(nl.nexthopDumpRequest(), (_type, bytes, start, end) => {
      dumped.push(nl.decodeNexthop(bytes, start, end));
    });
    expect(dumped).toMatchObject([single(1, '10.0.0.2', v0), single(2, '10.0.1.2', v1), group]);

    const template = nl.RouteTemplate.route(
      { ...plain, family: IPV4, forwarding: { kind: 'nexthop', id: 10 } },
      nl.CREATE,
    );
    await socket.request(template.message(prefix('10.5.0.0/16')));
    await socket.request(nl.nexthopMessage(single(1, '10.0.0.9', v0), nl.REPLACE));
    expect(ip('route show 10.5.0.0/16')).toContain('10.0.0.9');
    await socket.request(nl.nexthopDeletion(10));
    expect(await routes(IPV4, { protocol: PROTOCOL })).toEqual([]);
    await expect(socket.request(nl.nexthopDeletion(10))).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

describe('links and addresses', () => {
  it('are dumped and changed', async () => {
    await socket.request(nl.linkChange(v0, { mtu: 1400 }));
    await socket.request(nl.linkChange(v1, { up: false }));
    const links: (nl.Link | null)[] = [];
    await socket.dump(nl.linkDumpRequest(), (_type, bytes, start, end) => {
      links.push(nl.decodeLink(bytes, start, end));
    });
    const mac = /link\/ether (\S+)/.exec(ip('link show v0'))?.[1];
    expect(links.find((link) => link?.name === 'lo')).toMatchObject({ ifindex: 1, loopback: true, up: true });
    expect(links.find((link) => link?.ifindex === v0)).toMatchObject({
      name: 'v0',
      mtu: 1400,
      kind: 'veth',
      mac,
      up: false,
    });
    expect(links.find((link) => link?.ifindex === v1)).toMatchObject({ name: 'v1', up: false });

    await socket.request(nl.addressAddition(v0, prefix('192.0.2.1/24')));
    await socket.request(nl.addressAddition(v0, prefix('2001:db8:9::1/64'), nl.IFA_F_NODAD));
    ip('addr add 198.51.100.1 peer 198.51.100.2/32 dev v0');
    const addresses: (nl.LinkAddress | null)[] = [];
    await socket.dump(nl.addressDumpRequest(), (_type, bytes, start, end) => {
      addresses.push(nl.decodeLinkAddress(bytes, start, end));
    });
    const of = (text: string) =>
      addresses.find((item) => item !== null && formatPrefix(item.address) === text);
    expect(of('192.0.2.1/24')).toMatchObject({ ifindex: v0, peer: null, tentative: false });
    expect(of('2001:db8:9::1/64')).toMatchObject({ ifindex: v0, peer: null });
    expect(of('198.51.100.1/32')).toMatchObject({ ifindex: v0, peer: address('198.51.100.2') });
    await socket.request(nl.addressRemoval(v0, prefix('192.0.2.1/24')));
    expect(ip('addr show dev v0')).not.toContain('192.0.2.1');
  });
});

describe('a monitor', () => {
  const every = [
    nl.RTNLGRP_LINK,
    nl.RTNLGRP_IPV4_IFADDR,
    nl.RTNLGRP_IPV6_IFADDR,
    nl.RTNLGRP_IPV4_ROUTE,
    nl.RTNLGRP_IPV6_ROUTE,
    nl.RTNLGRP_NEXTHOP,
  ];

  it('hears what others change: routes, links, addresses, nexthops', async () => {
    const { heard, until } = listen(every, { ownPorts: [socket.port] });
    ip('route add 10.5.0.0/16 via 10.0.0.2 proto 99');
    ip('-6 route add 2001:db8:5::/48 via 2001:db8::2 proto 99');
    ip('nexthop add id 5 via 10.0.0.2 dev v0');
    ip('addr add 192.0.2.1/24 dev v0');
    ip('-6 addr add 2001:db8:9::1/64 dev v0 nodad');
    ip('link add d0 type veth peer name d1');
    ip('route del 10.5.0.0/16');
    ip('nexthop del id 5');
    ip('link del d0');
    const view = new nl.RouteView();
    const all = () =>
      heard.map(({ type, bytes }) => {
        if (view.decode(bytes, 0, bytes.length) && type >= nl.RTM_NEWROUTE && type <= nl.RTM_DELROUTE)
          return `${type} ${formatPrefix(view.prefix)}`;
        if (type === nl.RTM_NEWLINK || type === nl.RTM_DELLINK)
          return `${type} ${nl.decodeLink(bytes, 0, bytes.length)?.name}`;
        if (type >= nl.RTM_NEWNEXTHOP) return `${type} ${nl.decodeNexthop(bytes, 0, bytes.length)?.id}`;
        const own = nl.decodeLinkAddress(bytes, 0, bytes.length);
        return `${type} ${own === null ? '?' : formatPrefix(own.address)}`;
      });
    const expected = [
      `${nl.RTM_NEWROUTE} 10.5.0.0/16`,
      `${nl.RTM_NEWROUTE} 2001:db8:5::/48`,
      `${nl.RTM_NEWNEXTHOP} 5`,
      `${nl.RTM_NEWADDR} 192.0.2.1/24`,
      `${nl.RTM_NEWADDR} 2001:db8:9::1/64`,
      `${nl.RTM_NEWLINK} d0`,
      `${nl.RTM_DELROUTE} 10.5.0.0/16`,
      `${nl.RTM_DELNEXTHOP} 5`,
      `${nl.RTM_DELLINK} d0`,
    ];
    await until(() => expected.every((line) => all().includes(line)));
  });

  it('hears no echo of our own routes and nexthops, but of our own links', async () => {
    const { heard, until } = listen(every, { ownPorts: [socket.port] });
    const template = nl.RouteTemplate.route(
      { ...plain, family: IPV4, forwarding: { kind: 'nexthop', id: 7 } },
      nl.CREATE,
    );
    await socket.request(
      nl.nexthopMessage(
        {
          id: 7,
          protocol: PROTOCOL,
          content: { kind: 'hop', family: IPV4, gateway: address('10.0.0.2'), ifindex: v0, onlink: false },
        },
        nl.CREATE,
      ),
    );
    await socket.request(template.message(prefix('10.5.0.0/16')));
    await socket.request(nl.RouteTemplate.deletion(IPV4, 254, PROTOCOL, 1024).message(prefix('10.5.0.0/16')));
    await socket.request(nl.linkChange(v0, { mtu: 1400 }));
    // The sentinel: once it is heard, an echo of what came before it would have been heard.
    ip('route add 10.99.0.0/16 via 10.0.0.2 proto 99');
    const view = new nl.RouteView();
    const heardRoutes = () =>
      heard
        .filter(({ type, bytes }) => type === nl.RTM_NEWROUTE && view.decode(bytes, 0, bytes.length))
        .map(({ bytes }) => {
          view.decode(bytes, 0, bytes.length);
          return formatPrefix(view.prefix);
        });
    await until(() => heardRoutes().includes('10.99.0.0/16'));
    expect(heardRoutes()).not.toContain('10.5.0.0/16');
    expect(heard.map(({ type }) => type)).not.toContain(nl.RTM_DELROUTE);
    expect(heard.map(({ type }) => type)).not.toContain(nl.RTM_NEWNEXTHOP);
    expect(
      heard.some(
        ({ type, bytes }) => type === nl.RTM_NEWLINK && nl.decodeLink(bytes, 0, bytes.length)?.mtu === 1400,
      ),
    ).toBe(true);
  });

  it('does not lose a word of others while we write more than its queue holds', async () => {
    const { heard, until, overflows } = listen([nl.RTNLGRP_IPV4_ROUTE], {
      ownPorts: [socket.port],
      receiveBufferBytes: 4096,
    });
    const template = nl.RouteTemplate.route(
      { ...plain, family: IPV4, forwarding: { kind: 'blackhole' } },
      nl.CREATE,
    );
    for (let written = 0; written < 5000; ) {
      const batch = socket.openBatch();
      for (; !batch.full; written++)
        batch.add(template.write4(batch.buffer, batch.length, 0x14000000 + 256 * written, 24));
      expect(await socket.submit(batch)).toEqual({ outcome: 'known', refused: [] });
    }
    ip('route add 10.99.0.0/16 via 10.0.0.2 proto 99');
    await until(() => heard.length > 0);
    const view = new nl.RouteView();
    view.decode(heard[0].bytes, 0, heard[0].bytes.length);
    expect(formatPrefix(view.prefix)).toBe('10.99.0.0/16');
    expect(overflows()).toBe(0);
  });

  it('reports an overflow and goes on listening', async () => {
    const { heard, until, overflows } = listen([nl.RTNLGRP_IPV4_ROUTE], { receiveBufferBytes: 4096 });
    const lines = Array.from({ length: 500 }, (_, i) => `route add blackhole 20.0.${i >> 8}.${i & 255}/32\n`);
    // Synchronous: nothing is read meanwhile.
    execFileSync('ip', ['-batch', '-'], { input: lines.join('') });
    await until(() => overflows() > 0);
    expect(heard.length).toBeLessThan(500);
    const before = heard.length;
    ip('route add 10.99.0.0/16 via 10.0.0.2 proto 99');
    await until(() => heard.length > before);
  });
});

describe('the socket', () => {
  it('rejects what waits when it is closed, also from within a handler', async () => {
    const other = new nl.NetlinkSocket();
    const dump = other.dump(nl.linkDumpRequest(), () => other.close());
    await expect(dump).rejects.toThrow('closed');
    await expect(other.request(nl.nexthopDeletion(1))).rejects.toThrow('closed');
    await expect(other.dump(nl.linkDumpRequest(), () => {})).rejects.toThrow('closed');
  });

  it('rejects a dump with what its handler threw, and runs the next one', async () => {
    const failing = socket.dump(nl.linkDumpRequest(), () => {
      throw new Error('from the handler');
    });
    let links = 0;
    const next = socket.dump(nl.linkDumpRequest(), () => {
      links++;
    });
    await expect(failing).rejects.toThrow('from the handler');
    expect(await next).toBe(true);
    expect(links).toBe(3);
  });

  it('works in a worker thread, which may exit with its sockets open', async () => {
    const built = fileURLToPath(new URL('../../dist/src/netlink/index.js', import.meta.url));
    expect(existsSync(built), 'the build (npm run build) comes first').toBe(true);
    const body = `
      const { parentPort } = require('node:worker_threads');
      import(${JSON.stringify(built)}).then(async (nl) => {
        const socket = new nl.NetlinkSocket();
        new nl.NetlinkMonitor({ groups: [nl.RTNLGRP_IPV4_ROUTE], onMessage() {}, onOverflow() {} });
        const names = [];
        await socket.dump(nl.linkDumpRequest(), (_type, bytes, start, end) =>
          names.push(nl.decodeLink(bytes, start, end).name));
        parentPort.postMessage(names);
        process.exit(7);
      });`;
    for (let i = 0; i < 3; i++) {
      const worker = new Worker(body, { eval: true });
      const ended = new Promise((resolve) => worker.once('exit', resolve));
      const names = await new Promise((resolve, reject) => {
        worker.once('message', resolve);
        worker.once('error', reject);
      });
      expect(names).toEqual(expect.arrayContaining(['lo', 'v0', 'v1']));
      expect(await ended).toBe(7);
    }
  });
});
