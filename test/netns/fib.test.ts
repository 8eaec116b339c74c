import { describe, expect, it } from 'vitest';
import type { Forwarding, KernelSettings } from '../../src/fib/types.js';
import { address, blackhole, FibLab, type FibProcess, until, via } from './support/fib-lab.js';

const A = 10;
const B = 20;

describe('the FIB in a real kernel', () => {
  it('adds, replaces and deletes routes in both families', async () => {
    await using lab = await FibLab.up();
    const fib = await lab.start();
    await fib.define(1, via(['192.0.2.2', A]));
    await fib.define(2, via(['198.51.100.2', B]));
    await fib.define(3, via(['2001:db8:a::2', A]));
    await fib.define(4, via(['2001:db8:b::2', B]));
    await fib.define(5, via([null, A]));
    await fib.route('10.1.0.0/16', 1);
    await fib.route('10.2.0.0/16', 5);
    await fib.route('2001:db8:1::/48', 3);
    await fib.fence();
    expect(await lab.routes('proto 84')).toEqual([
      '10.1.0.0/16 via 192.0.2.2 dev a0 metric 1024',
      '10.2.0.0/16 dev a0 scope link metric 1024',
    ]);
    expect(await lab.routes('proto 84', 6)).toEqual([
      '2001:db8:1::/48 via 2001:db8:a::2 dev a0 metric 1024 pref medium',
    ]);
    await fib.route('10.1.0.0/16', 2);
    await fib.route('2001:db8:1::/48', 4);
    await fib.fence();
    expect(await lab.routes('10.1.0.0/16')).toEqual([
      '10.1.0.0/16 via 198.51.100.2 dev b0 proto 84 metric 1024',
    ]);
    expect(await lab.routes('2001:db8:1::/48', 6)).toEqual([
      '2001:db8:1::/48 via 2001:db8:b::2 dev b0 proto 84 metric 1024 pref medium',
    ]);
    for (const prefix of ['10.1.0.0/16', '10.2.0.0/16', '2001:db8:1::/48']) await fib.route(prefix, 0);
    await fib.fence();
    expect((await lab.count(4)) + (await lab.count(6))).toBe(0);
    expect(await fib.ask('idle', { prefix: '10.1.0.0/16' })).toBe(true);
  });

  it('writes several hops, and changes their number without a gap', async () => {
    await using lab = await FibLab.up();
    const fib = await lab.start();
    const prefixes = ['10.1.0.0/16', '2001:db8:1::/48'];
    await fib.define(1, via(['192.0.2.2', A], ['198.51.100.2', B]));
    await fib.define(2, via(['2001:db8:a::2', A], ['2001:db8:b::2', B]));
    await fib.route(prefixes[0], 1);
    await fib.route(prefixes[1], 2);
    await fib.fence();
    const hops = async () => [
      (await lab.ip(`route show ${prefixes[0]}`)).match(/via/g)?.length,
      (await lab.ip(`-6 route show ${prefixes[1]}`)).match(/via/g)?.length,
    ];
    expect(await hops()).toEqual([2, 2]);
    const monitor = await lab.monitor();
    await fib.define(1, via(['192.0.2.2', A]));
    await fib.define(2, via(['2001:db8:a::2', A]));
    await fib.fence();
    expect(await hops()).toEqual([1, 1]);
    await fib.define(1, via(['192.0.2.2', A], ['198.51.100.2', B]));
    await fib.define(2, via(['2001:db8:a::2', A], ['2001:db8:b::2', B]));
    await fib.fence();
    expect(await hops()).toEqual([2, 2]);
    expect(monitor.filter((line) => line.startsWith('Deleted'))).toEqual([]);
  });

  it('moves between the ordinary metric and the one of local blackholes', async () => {
    await using lab = await FibLab.up();
    const fib = await lab.start();
    await fib.define(1, via(['192.0.2.2', A]));
    await fib.define(2, blackhole);
    await fib.route('10.1.0.0/16', 2, 1);
    await fib.route('2001:db8:1::/48', 2, 1);
    await fib.fence();
    expect(await lab.routes('proto 84')).toEqual(['blackhole 10.1.0.0/16 metric 4294967294']);
    expect((await lab.routes('proto 84', 6))[0]).toMatch(
      /^blackhole 2001:db8:1::\/48 dev lo metric 4294967294/,
    );
    await fib.route('10.1.0.0/16', 1, 0);
    await fib.fence();
    expect(await lab.routes('proto 84')).toEqual(['10.1.0.0/16 via 192.0.2.2 dev a0 metric 1024']);
  });

  it('adopts what it left, without touching it, and sweeps what nobody wants', async () => {
    await using lab = await FibLab.up();
    const before = await lab.start();
    await before.define(1, via(['192.0.2.2', A]));
    await before.define(2, via(['2001:db8:a::2', A], ['2001:db8:b::2', B]));
    await before.bulk(1000, 1);
    await before.route('2001:db8:1::/48', 2);
    await before.route('2001:db8:2::/48', 2);
    await before.fence();
    await before.kill();
    expect(await lab.count()).toBe(1000);
    const monitor = await lab.monitor();
    const after = await lab.start();
    expect((await after.event('ready')).adopted).toEqual([1000, 2]);
    expect((await after.statistics()).families[0].held).toBe(1000);
    await after.define(7, via(['2001:db8:b::2', B], ['2001:db8:a::2', A]));
    await after.define(8, via(['192.0.2.2', A]));
    await after.bulk(900, 8);
    await after.route('2001:db8:1::/48', 7);
    await after.fence();
    expect(monitor).toEqual([]);
    expect((await after.statistics()).families[0]).toMatchObject({ installed: 900, held: 100 });
    await after.sweep();
    await after.fence();
    expect([await lab.count(4), await lab.count(6)]).toEqual([900, 1]);
    await until('ip monitor told all', async () => monitor.length >= 101);
    expect(monitor.every((line) => line.startsWith('Deleted'))).toBe(true);
    // The groups that were taken over are ours to change.
    await after.define(8, via(['198.51.100.2', B]));
    await after.fence();
    expect((await lab.routes('proto 84 via 198.51.100.2')).length).toBe(900);
  });

  it('knows every form of route again that it writes', async () => {
    await using lab = await FibLab.up();
    const onlink = (gateway: string, ifindex: number): Forwarding => ({
      kind: 'unicast',
      hops: [{ gateway: address(gateway), ifindex, weight: 1, onlink: true }],
    });
    const weighted: Forwarding = {
      kind: 'unicast',
      hops: [
        { gateway: address('192.0.2.2'), ifindex: A, weight: 3, onlink: false },
        { gateway: address('198.51.100.2'), ifindex: B, weight: 200, onlink: false },
        { gateway: address('2001:db8:a::7'), ifindex: A, weight: 1, onlink: false },
      ],
    };
    const forms: Forwarding[] = [
      via(['192.0.2.2', A]),
      via([null, A]),
      onlink('203.0.113.7', A),
      via(['2001:db8:a::2', A]),
      weighted,
      blackhole,
    ];
    const forms6: Forwarding[] = [
      via(['2001:db8:a::2', A]),
      via([null, A]),
      onlink('2001:db8:ffff::7', A),
      via(['2001:db8:a::2', A], ['2001:db8:b::2', B]),
      via([null, A], [null, B]),
      blackhole,
    ];
    const desire = async (fib: FibProcess) => {
      for (const [i, form] of forms.entries()) {
        await fib.define(1 + i, form);
        // Once carrying its hops, once by a nexthop group.
        await fib.route(`172.16.${i}.0/24`, 1 + i, i % 2 === 0 ? 0 : 1);
        await fib.define(101 + i, form);
        for (let n = 0; n < 70; n++) await fib.route(`10.${i}.${n}.0/24`, 101 + i);
      }
      for (const [i, form] of forms6.entries()) {
        await fib.define(51 + i, form);
        await fib.route(`2001:db8:1:${i}::/64`, 51 + i);
        await fib.define(151 + i, form);
        for (let n = 0; n < 70; n++) await fib.route(`2001:db8:2:${i}${n + 100}::/64`, 151 + i);
      }
      await fib.fence();
    };
    const sources: KernelSettings['source'] = [address('192.0.2.1'), address('2001:db8:a::1')];
    for (const source of [[null, null], sources] as const) {
      const before = await lab.start({ source });
      await desire(before);
      expect((await before.statistics()).families).toMatchObject([
        { installed: 71 * forms.length, pending: 0, failed: 0 },
        { installed: 71 * forms6.length, pending: 0, failed: 0 },
      ]);
      expect([await lab.count(4), await lab.count(6)]).toEqual([71 * forms.length, 71 * forms6.length]);
      await before.kill();
      const monitor = await lab.monitor();
      const after = await lab.start({ source });
      await desire(after);
      await after.sweep();
      await after.fence();
      expect(monitor).toEqual([]);
      expect((await after.statistics()).resyncs).toBe(0);
      await after.close('remove');
      expect([await lab.count(4), await lab.count(6)]).toEqual([0, 0]);
      expect(await lab.ip('nexthop show')).toBe('');
    }
  });

  it('never writes over a route of someone else, and takes the place when it goes', async () => {
    await using lab = await FibLab.up();
    await lab.ip('route add 10.1.0.0/16 via 192.0.2.9 metric 1024 proto static');
    await lab.ip('-6 route add 2001:db8:1::/48 via 2001:db8:a::9 metric 1024 proto static');
    const fib = await lab.start();
    await fib.define(1, via(['192.0.2.2', A]));
    await fib.define(2, via(['2001:db8:a::2', A]));
    await fib.route('10.1.0.0/16', 1);
    await fib.route('2001:db8:1::/48', 2);
    await fib.fence();
    const foreign = ['10.1.0.0/16 via 192.0.2.9 dev a0 proto static metric 1024'];
    const foreign6 = ['2001:db8:1::/48 via 2001:db8:a::9 dev a0 proto static metric 1024 pref medium'];
    expect(await lab.routes('10.1.0.0/16')).toEqual(foreign);
    expect(await lab.routes('2001:db8:1::/48', 6)).toEqual(foreign6);
    const row = await fib.row('10.1.0.0/16');
    expect(row).toMatchObject({ state: 'conflict', conflict: { protocol: 4, metric: 1024 } });
    await fib.event('routeError', (e) => e.row.state === 'conflict');
    // Our withdrawal leaves it alone, and so does our death.
    await fib.route('10.1.0.0/16', 0);
    await fib.fence();
    expect(await lab.routes('10.1.0.0/16')).toEqual(foreign);
    await fib.route('10.1.0.0/16', 1);
    await fib.fence();
    await lab.ip('route del 10.1.0.0/16 metric 1024 proto static');
    await lab.ip('-6 route del 2001:db8:1::/48 metric 1024 proto static');
    await until('ours stand', async () => (await lab.count(4)) === 1 && (await lab.count(6)) === 1);
    expect(await fib.state('2001:db8:1::/48')).toBe('installed');
  });

  it('leaves connected routes alone, whatever metric it is told to use', async () => {
    await using lab = await FibLab.up();
    const connected = await lab.routes('192.0.2.0/24');
    const connected6 = await lab.routes('2001:db8:a::/64', 6);
    const fib = await lab.start({ metric: 0 });
    await fib.define(1, via(['198.51.100.2', B]));
    await fib.route('192.0.2.0/24', 1);
    await fib.fence();
    expect(await lab.routes('192.0.2.0/24')).toEqual(connected);
    expect(await fib.state('192.0.2.0/24')).toBe('conflict');
    await fib.ask('configure', { settings: { metric: 256 } });
    await fib.define(2, via(['2001:db8:b::2', B]));
    await fib.route('2001:db8:a::/64', 2);
    await fib.fence();
    await until('in conflict', async () => (await fib.state('2001:db8:a::/64')) === 'conflict');
    expect(await lab.routes('2001:db8:a::/64', 6)).toEqual(connected6);
    await fib.close('remove');
    expect(await lab.routes('192.0.2.0/24')).toEqual(connected);
    expect(await lab.routes('2001:db8:a::/64', 6)).toEqual(connected6);
  });

  it('gives way when someone overwrites its route, and returns when they go', async () => {
    await using lab = await FibLab.up();
    const fib = await lab.start();
    await fib.define(1, via(['192.0.2.2', A]));
    await fib.route('10.1.0.0/16', 1);
    await fib.fence();
    await lab.ip('route replace 10.1.0.0/16 via 192.0.2.9 metric 1024 proto static');
    await until('conflict', async () => (await fib.state('10.1.0.0/16')) === 'conflict');
    const theirs = ['10.1.0.0/16 via 192.0.2.9 dev a0 proto static metric 1024'];
    expect(await lab.routes('10.1.0.0/16')).toEqual(theirs);
    await fib.define(1, via(['198.51.100.2', B]));
    await fib.fence();
    expect(await lab.routes('10.1.0.0/16')).toEqual(theirs);
    await lab.ip('route del 10.1.0.0/16 metric 1024 proto static');
    await until('ours stands', async () => (await lab.count()) === 1);
  });

  it('spares the hop that someone added to its IPv6 route', async () => {
    await using lab = await FibLab.up();
    const fib = await lab.start();
    await fib.define(1, via(['2001:db8:a::2', A]));
    await fib.define(2, via(['2001:db8:a::3', A]));
    await fib.route('2001:db8:1::/48', 1);
    await fib.route('2001:db8:2::/48', 1);
    await fib.fence();
    for (const n of [1, 2])
      await lab.ip(`-6 route append 2001:db8:${n}::/48 via 2001:db8:b::9 metric 1024 proto static`);
    await until('it was seen', async () => (await fib.statistics()).resyncs > 0);
    await fib.route('2001:db8:1::/48', 0);
    await fib.route('2001:db8:2::/48', 2);
    await fib.fence();
    const theirs = (n: number) => [
      `2001:db8:${n}::/48 via 2001:db8:b::9 dev b0 proto static metric 1024 pref medium`,
    ];
    await until('theirs alone is left', async () => {
      const left = [await lab.routes('2001:db8:1::/48', 6), await lab.routes('2001:db8:2::/48', 6)];
      return JSON.stringify(left) === JSON.stringify([theirs(1), theirs(2)]);
    });
    await until('conflict', async () => (await fib.state('2001:db8:2::/48')) === 'conflict');
  });

  it('brings back what someone deletes', async () => {
    await using lab = await FibLab.up();
    const fib = await lab.start();
    await fib.define(1, via(['192.0.2.2', A]));
    await fib.define(2, via(['2001:db8:a::2', A]));
    await fib.bulk(500, 1);
    await fib.route('2001:db8:1::/48', 2);
    await fib.fence();
    await lab.ip('-6 route del 2001:db8:1::/48');
    await lab.batch(Array.from({ length: 500 }, (_, i) => `route del 10.${i >> 8}.${i & 255}.0/24`));
    await until('all are back', async () => (await lab.count(4)) === 500 && (await lab.count(6)) === 1);
  });

  it('heals when its nexthop objects are deleted or changed by others', async () => {
    await using lab = await FibLab.up();
    const fib = await lab.start();
    await fib.define(1, via(['192.0.2.2', A]));
    await fib.bulk(500, 1);
    await lab.ip('nexthop flush proto 84');
    await until('all are back', async () => (await lab.count()) === 500);
    const group = /id (\d+) group (\d+)/.exec(await lab.ip('nexthop show proto 84'));
    await lab.ip('nexthop add id 7 via 198.51.100.2 dev b0');
    await lab.ip(`nexthop replace id ${group?.[1]} group 7 proto 84`);
    await until(
      'the group is right',
      async () => (await lab.routes('proto 84 via 192.0.2.2')).length === 500,
    );
    expect(await lab.ip('nexthop show id 7')).toContain('198.51.100.2');
  });

  for (const [what, down, up] of [
    ['carrier', 'link set a1 down', 'link set a1 up'],
    ['link', 'link set a0 down', 'link set a0 up'],
  ]) {
    it(`heals when the ${what} was lost and comes back`, async () => {
      await using lab = await FibLab.up();
      const fib = await lab.start();
      await fib.define(1, via(['192.0.2.2', A]));
      await fib.define(2, via(['198.51.100.2', B]));
      await fib.define(3, via(['2001:db8:a::2', A]));
      await fib.bulk(1000, 1);
      await fib.route('10.200.0.0/16', 1);
      await fib.route('172.16.0.0/16', 2);
      await fib.route('2001:db8:1::/48', 3);
      await fib.fence();
      await lab.ip(down);
      await fib.event('interfaces', (e) => e.links.some((l) => l.name === 'a0' && !l.up));
      await until(
        'they are not held for installed',
        async () => (await fib.statistics()).families[0].installed < 1002,
      );
      await lab.ip(up);
      if (what === 'link') await lab.ip('-6 addr replace 2001:db8:a::1/64 dev a0 nodad');
      await until('all are back', async () => (await lab.count(4)) === 1002 && (await lab.count(6)) === 1);
      await until('and known to be', async () => (await fib.statistics()).families[0].installed === 1002);
    });
  }

  it('heals when an address was removed and comes back', async () => {
    await using lab = await FibLab.up();
    const fib = await lab.start({ source: [{ family: 0, a: 0xc0000201, b: 0, c: 0, d: 0 }, null] });
    await fib.define(1, via(['192.0.2.2', A]));
    await fib.define(2, via(['198.51.100.2', B]));
    await fib.bulk(200, 1);
    await fib.route('172.16.0.0/16', 2);
    await fib.fence();
    expect(await lab.routes('172.16.0.0/16')).toEqual([
      '172.16.0.0/16 via 198.51.100.2 dev b0 proto 84 src 192.0.2.1 metric 1024',
    ]);
    await lab.ip('addr del 192.0.2.1/24 dev a0');
    await until('the loss is known', async () => (await fib.state('172.16.0.0/16')) === 'failed');
    await lab.ip('addr add 192.0.2.1/24 dev a0');
    await until('all are back', async () => (await lab.count()) === 201);
  });

  it('heals when notifications are lost', async () => {
    await using lab = await FibLab.up();
    const fib = await lab.start({ listenerBufferBytes: 2048 });
    await fib.define(1, via(['192.0.2.2', A]));
    await fib.bulk(300, 1);
    const commands = Array.from({ length: 3000 }, (_, i) => `route add 11.${i >> 8}.${i & 255}.0/24 dev b0`);
    await lab.batch([...commands, ...Array.from({ length: 256 }, (_, i) => `route del 10.0.${i}.0/24`)]);
    await until('an overflow', async () => (await fib.statistics()).overflows > 0);
    await until('all are back', async () => (await lab.count()) === 300);
    expect((await lab.routes('dev b0 proto boot')).length).toBe(3000);
  });

  it('retries what the kernel refuses, and says why', async () => {
    await using lab = await FibLab.up();
    const fib = await lab.start();
    await fib.define(1, via(['203.0.113.2', A]));
    await fib.route('10.1.0.0/16', 1);
    await fib.fence();
    const row = await fib.row('10.1.0.0/16');
    expect(row).toMatchObject({ state: 'failed', error: { code: 'ENETUNREACH' } });
    expect(row?.error?.message).toContain('invalid gateway');
    await fib.event('routeError', (e) => e.row.error?.code === 'ENETUNREACH');
    await until('it was tried again', async () => ((await fib.row('10.1.0.0/16'))?.error?.attempts ?? 0) > 2);
    await lab.ip('addr add 203.0.113.1/24 dev a0');
    await until('it stands', async () => (await lab.count()) === 1);
    expect(await fib.state('10.1.0.0/16')).toBe('installed');
  });

  it('retries a nexthop group that the kernel refuses', async () => {
    await using lab = await FibLab.up();
    const fib = await lab.start();
    await fib.define(1, via(['203.0.113.2', A]));
    await fib.bulk(300, 1);
    expect(await lab.count()).toBe(0);
    await until('all failed', async () => (await fib.statistics()).families[0].failed === 300);
    await lab.ip('addr add 203.0.113.1/24 dev a0');
    await until('they stand', async () => (await lab.count()) === 300);
  });

  it('keeps to nexthop ids that nobody uses', async () => {
    await using lab = await FibLab.up();
    for (let i = 0; i < 4; i++)
      await lab.ip(`nexthop add id ${0x54000000 + i} via 198.51.100.7 dev b0 proto 4`);
    const theirs = await lab.ip('nexthop show proto 4');
    const fib = await lab.start();
    await fib.define(1, via(['192.0.2.2', A]));
    await fib.bulk(300, 1);
    expect(await lab.count()).toBe(300);
    await fib.close('remove');
    expect(await lab.count()).toBe(0);
    expect(await lab.ip('nexthop show')).toBe(theirs);
  });

  it('tells of foreign routes as they come and go', async () => {
    await using lab = await FibLab.up();
    await lab.ip('route add 10.9.0.0/16 via 192.0.2.9 metric 50');
    const fib = await lab.start({ table: 100 });
    const ready = await fib.event('ready');
    expect(ready.foreign.some((r) => r.prefix.a === 0x0a090000 && r.metric === 50)).toBe(true);
    expect(ready.foreign.some((r) => r.protocol === 2 && r.prefix.a === 0xc0000200)).toBe(true);
    await lab.ip('route replace 10.9.0.0/16 via 192.0.2.8 metric 50');
    const change = await fib.event('foreign', (e) => e.added.some((r) => r.prefix.a === 0x0a090000));
    expect([change.added.length, change.removed.length]).toEqual([1, 1]);
    await lab.ip('route del 10.9.0.0/16 metric 50');
    await fib.event(
      'foreign',
      (e) => e.added.length === 0 && e.removed.some((r) => r.prefix.a === 0x0a090000),
    );
    // A table of our own: nothing of ours appears in the main one.
    await fib.define(1, via(['192.0.2.2', A]));
    await fib.route('10.9.0.0/16', 1);
    await fib.fence();
    expect(await lab.routes('table 100')).toEqual(['10.9.0.0/16 via 192.0.2.2 dev a0 proto 84 metric 1024']);
    expect(await lab.count()).toBe(0);
  });

  it('writes nothing when it is not to install', async () => {
    await using lab = await FibLab.up();
    const fib = await lab.start({ install: false });
    await fib.define(1, via(['192.0.2.2', A]));
    await fib.bulk(200, 1);
    expect(await lab.count()).toBe(0);
    await fib.ask('configure', { settings: { install: true } });
    await until('now it does', async () => (await lab.count()) === 200);
  });

  it('moves its routes when metric, table or protocol change', async () => {
    await using lab = await FibLab.up();
    const fib = await lab.start();
    await fib.define(1, via(['192.0.2.2', A]));
    await fib.bulk(200, 1);
    await fib.sweep();
    await fib.ask('configure', { settings: { metric: 77 } });
    await until('at the new metric', async () => (await lab.routes('proto 84 metric 77')).length === 200);
    await until('and only there', async () => (await lab.count()) === 200);
    await fib.ask('configure', { settings: { metric: 77, protocol: 85, table: 100 } });
    await until('in the new table', async () => (await lab.routes('table 100 proto 85')).length === 200);
    expect(await lab.count()).toBe(0);
    expect(await lab.ip('nexthop show proto 84')).toBe('');
  });

  it('removes all that is its own when told to, and nothing else', async () => {
    await using lab = await FibLab.up();
    await lab.ip('route add 172.16.0.0/16 via 192.0.2.9 metric 1024 proto static');
    const others = await lab.ip('route show');
    const fib = await lab.start();
    await fib.define(1, via(['192.0.2.2', A]));
    await fib.bulk(500, 1);
    await fib.close('remove');
    expect(await lab.ip('route show')).toBe(others);
    expect(await lab.ip('nexthop show')).toBe('');
  });

  it('leaves its routes when told to', async () => {
    await using lab = await FibLab.up();
    const fib = await lab.start();
    await fib.define(1, via(['192.0.2.2', A]));
    await fib.bulk(500, 1);
    await fib.close('keep');
    expect(await lab.count()).toBe(500);
  });

  it('installs, changes, heals and removes half a million routes', async () => {
    await using lab = await FibLab.up();
    const fib = await lab.start();
    await fib.define(1, via(['192.0.2.2', A]));
    await fib.define(2, via(['198.51.100.2', B]));
    const count = 500_000;
    const time = async (what: () => Promise<unknown>) => {
      const begin = performance.now();
      await what();
      return `${Math.round(performance.now() - begin)} ms`;
    };
    const times: Record<string, string> = {};
    times.install = await time(() => fib.bulk(count, 1));
    expect((await fib.statistics()).families[0]).toMatchObject({ installed: count, pending: 0, failed: 0 });
    times['next hop of all changed'] = await time(async () => {
      await fib.define(1, via(['198.51.100.2', B]));
      await fib.fence();
    });
    times['rewritten one by one'] = await time(() => fib.bulk(count, 2));
    times['link set down'] = await time(() => lab.ip('link set b0 down'));
    times['the loss of all known'] = await time(() =>
      until('known', async () => (await fib.statistics()).families[0].failed === count, 60),
    );
    times['link set up'] = await time(() => lab.ip('link set b0 up'));
    times['all back'] = await time(() =>
      until('all back', async () => (await fib.statistics()).families[0].installed === count, 60),
    );
    expect(await lab.count()).toBe(count);
    await fib.kill();
    const again = new Date();
    const after = await lab.start();
    times['started again'] = `${Date.now() - again.getTime()} ms`;
    expect((await after.event('ready')).adopted[0]).toBe(count);
    await after.define(9, via(['198.51.100.2', B]));
    times['desired again, nothing to write'] = await time(() => after.bulk(count, 9));
    times.remove = await time(() => after.close('remove'));
    expect(await lab.count()).toBe(0);
    console.log(`500,000 routes: ${JSON.stringify(times, null, 2)}`);
  });
});
