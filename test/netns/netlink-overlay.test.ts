import { execFileSync } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type Address,
  formatAddress,
  IPV4,
  IPV6,
  parseAddress,
  parsePrefix,
} from '../../src/address/index.js';
import * as nl from '../../src/netlink/index.js';
import { enterFreshNamespace, ip } from '../support/namespace.js';
import { suiteWithDevices } from './support/machine.js';

function address(text: string): Address {
  const value = parseAddress(text);
  if (value === null) throw new Error(text);
  return value;
}

let leave: () => void;
let socket: nl.NetlinkSocket;

beforeEach(() => {
  leave = enterFreshNamespace();
  ip('link add v0 type veth peer name v1');
  ip('link set v0 up');
  ip('addr add 192.0.2.1/24 dev v0');
  ip('addr add 2001:db8::1/64 dev v0 nodad');
  socket = new nl.NetlinkSocket();
});

afterEach(() => {
  socket.close();
  leave();
});

const index = (name: string) => Number(/^(\d+):/.exec(ip(`-o link show ${name}`))?.[1]);
const json = (command: string) => JSON.parse(ip(command) || '[]');
const bridge = (command: string) =>
  JSON.parse(execFileSync('bridge', command.split(' '), { encoding: 'utf8' }) || '[]');

/** What `ip` shows of a device, but for what two devices can't have in common. */
function shown(name: string): Record<string, unknown> {
  const [{ ifindex: _, ifname: __, address: ___, ...rest }] = json(`-d -j link show ${name}`);
  return rest;
}

async function links(): Promise<Map<string, nl.Link>> {
  const found = new Map<string, nl.Link>();
  await socket.dump(nl.linkDumpRequest(), (_type, bytes, start, end) => {
    const link = nl.decodeLink(bytes, start, end);
    if (link !== null) found.set(link.name, link);
  });
  return found;
}

async function fdb(ifindex: number): Promise<nl.FdbEntry[]> {
  const found: nl.FdbEntry[] = [];
  await socket.dump(nl.fdbDumpRequest(ifindex), (_type, bytes, start, end) => {
    const entry = nl.decodeFdbEntry(bytes, start, end);
    if (entry !== null) found.push(entry);
  });
  return found;
}

async function neighbours(family: 0 | 1, ifindex: number): Promise<nl.Neighbour[]> {
  const found: nl.Neighbour[] = [];
  await socket.dump(nl.neighbourDumpRequest(family, ifindex), (_type, bytes, start, end) => {
    const neighbour = nl.decodeNeighbour(bytes, start, end);
    if (neighbour !== null) found.push(neighbour);
  });
  return found;
}

const four = (link: number): Partial<nl.VxlanInfo> & { kind: 'vxlan' } => ({
  kind: 'vxlan',
  vni: 1,
  port: 8472,
  local: address('192.0.2.1'),
  link,
  learning: false,
});

describe('a VXLAN device', () => {
  it('is made as `ip link add` makes it, in both families', async () => {
    const v0 = index('v0');
    const six = {
      ...four(v0),
      vni: 77,
      local: address('2001:db8::1'),
      ttl: 9,
      tos: 4,
      gbp: true,
      udpZeroChecksum6Tx: true,
      udpZeroChecksum6Rx: true,
      l2miss: true,
    };
    await socket.request(nl.linkCreation('ours4', { mtu: 1400, txQueueLength: 0, tunnel: four(v0) }));
    await socket.request(nl.linkCreation('ours6', { tunnel: six }));
    const ours4 = shown('ours4');
    const ours6 = shown('ours6');
    for (const link of (await links()).values())
      if (link.kind === 'vxlan') await socket.request(nl.linkDeletion(link.ifindex));
    ip(
      'link add theirs4 mtu 1400 txqueuelen 0 type vxlan id 1 local 192.0.2.1 dev v0 dstport 8472 nolearning',
    );
    ip(
      'link add theirs6 type vxlan id 77 local 2001:db8::1 dev v0 dstport 8472 nolearning ttl 9 tos 4 gbp udp6zerocsumtx udp6zerocsumrx l2miss',
    );
    expect(ours4).toEqual(shown('theirs4'));
    expect(ours6).toEqual(shown('theirs6'));
    const read = await links();
    expect(read.get('theirs4')?.tunnel).toMatchObject({ ...four(v0), udpChecksum: true, ageing: 300 });
    expect(read.get('theirs6')?.tunnel).toMatchObject(six);
  });

  it('is changed in place where the kernel can, and the kernel says where it cannot', async () => {
    const v0 = index('v0');
    ip('addr add 192.0.2.9/24 dev v0');
    await socket.request(nl.linkCreation('t', { tunnel: four(v0) }));
    const t = index('t');
    const change = (tunnel: Partial<nl.VxlanInfo>) =>
      socket.request(nl.linkChange(t, { tunnel: { kind: 'vxlan', ...tunnel } }));
    const to = { local: address('192.0.2.9'), link: index('v1'), learning: true, ttl: 3, tos: 8, df: 1 };
    await change(to);
    await socket.request(
      nl.linkChange(t, { up: true, mtu: 1300, mac: '02:00:00:00:00:07', alias: 'mark', txQueueLength: 5 }),
    );
    expect((await links()).get('t')).toMatchObject({
      up: true,
      mtu: 1300,
      mac: '02:00:00:00:00:07',
      alias: 'mark',
      txQueueLength: 5,
      tunnel: to,
    });
    for (const fixed of [{ vni: 2 }, { port: 4789 }, { udpZeroChecksum6Tx: true }, { l3miss: true }])
      await expect(change(fixed), JSON.stringify(fixed)).rejects.toMatchObject({ code: /EOPNOTSUPP|EINVAL/ });
    await expect(change({ local: address('2001:db8::1') })).rejects.toThrow();
    await socket.request(nl.linkChange(t, { addressGeneration: nl.IN6_ADDR_GEN_MODE_NONE, alias: '' }));
    expect((await links()).get('t')).toMatchObject({ addressGeneration: 1, alias: '' });
    await socket.request(nl.linkDeletion(t));
    expect((await links()).has('t')).toBe(false);
    await expect(socket.request(nl.linkDeletion(t))).rejects.toMatchObject({ code: 'ENODEV' });
  });

  it('that clashes with another, or is of a kind that the kernel lacks, is refused by name', async () => {
    await socket.request(nl.linkCreation('t', { tunnel: four(0) }));
    await expect(socket.request(nl.linkCreation('t', { tunnel: four(0) }))).rejects.toMatchObject({
      code: 'EEXIST',
    });
    await expect(socket.request(nl.linkCreation('u', { tunnel: four(0) }))).rejects.toMatchObject({
      code: 'EEXIST',
      text: /VNI/,
    });
  });

  it('has addresses given and taken', async () => {
    await socket.request(nl.linkCreation('t', { tunnel: four(0) }));
    const own = parsePrefix('10.244.1.0/32');
    if (own === null) throw new Error('no prefix');
    await socket.request(nl.addressAddition(index('t'), own));
    expect(ip('-br addr show t')).toMatch(/ 10\.244\.1\.0\/32/);
    await socket.request(nl.addressRemoval(index('t'), own));
    expect(ip('-br addr show t')).not.toMatch(/10\.244/);
  });
});

describe('the forwarding table of a VXLAN device', () => {
  it('is written and read as `bridge fdb` does it', async () => {
    await socket.request(nl.linkCreation('t', { tunnel: four(0) }));
    const t = index('t');
    const mac = '02:aa:bb:cc:dd:01';
    await socket.request(nl.permanentFdbEntry(t, mac, address('192.0.2.2')));
    await socket.request(nl.permanentFdbEntry(t, mac, address('192.0.2.3')));
    expect(bridge('-j fdb show dev t').filter((entry: { mac: string }) => entry.mac === mac)).toEqual([
      { mac, dst: '192.0.2.3', flags: ['self'], state: 'permanent' },
    ]);
    execFileSync(
      'bridge',
      'fdb append 00:00:00:00:00:00 dev t dst 192.0.2.9 port 99 vni 7 via v0 self permanent'.split(' '),
    );
    execFileSync('bridge', 'fdb add 02:aa:bb:cc:dd:02 dev t dst 192.0.2.4 self dynamic'.split(' '));
    const entries = new Map((await fdb(t)).map((entry) => [entry.mac, entry]));
    expect(entries.get(mac)).toMatchObject({ destination: address('192.0.2.3'), port: null, via: null });
    expect(entries.get(mac)?.state).toBe(nl.NUD_PERMANENT);
    expect(entries.get('00:00:00:00:00:00')).toMatchObject({ port: 99, vni: 7, via: index('v0') });
    expect((entries.get('02:aa:bb:cc:dd:02')?.state ?? 0) & nl.NUD_PERMANENT).toBe(0);
    await socket.request(nl.fdbRemoval(t, mac));
    expect((await fdb(t)).some((entry) => entry.mac === mac)).toBe(false);
    await expect(socket.request(nl.fdbRemoval(t, mac))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('is that of one link alone', async () => {
    await socket.request(nl.linkCreation('t', { tunnel: four(0) }));
    await socket.request(nl.linkCreation('u', { tunnel: { ...four(0), vni: 2 } }));
    await socket.request(nl.permanentFdbEntry(index('u'), '02:aa:bb:cc:dd:01', address('192.0.2.2')));
    expect((await fdb(index('t'))).filter((entry) => entry.destination !== null)).toEqual([]);
    expect((await fdb(index('u'))).filter((entry) => entry.destination !== null)).toHaveLength(1);
  });
});

describe('permanent neighbours', () => {
  it('are written and read as `ip neigh` does it, in both families', async () => {
    await socket.request(nl.linkCreation('t', { up: true, tunnel: four(0) }));
    const t = index('t');
    const mac = '02:aa:bb:cc:dd:01';
    for (const [family, at] of [
      [IPV4, '10.244.2.0'],
      [IPV6, 'fd00:2::'],
    ] as const) {
      await socket.request(nl.permanentNeighbour(t, address(at), '02:00:00:00:00:01'));
      await socket.request(nl.permanentNeighbour(t, address(at), mac));
      const row = json(`-${family === IPV4 ? 4 : 6} -j neigh show dev t nud permanent`);
      expect(row).toEqual([{ dst: at, lladdr: mac, state: ['PERMANENT'] }]);
      const read = (await neighbours(family, t)).filter((entry) => (entry.state & nl.NUD_PERMANENT) !== 0);
      expect(read.map((entry) => [formatAddress(entry.address), entry.mac])).toEqual([[at, mac]]);
      // What is on another link is not asked for.
      ip(`neigh add ${family === IPV4 ? '192.0.2.77' : '2001:db8::77'} lladdr ${mac} dev v0 nud permanent`);
      expect((await neighbours(family, t)).every((entry) => entry.ifindex === t)).toBe(true);
      await socket.request(nl.neighbourRemoval(t, address(at)));
      expect(json(`-${family === IPV4 ? 4 : 6} -j neigh show dev t nud permanent`)).toEqual([]);
      await expect(socket.request(nl.neighbourRemoval(t, address(at)))).rejects.toMatchObject({
        code: 'ENOENT',
      });
    }
  });
});

const suite = await suiteWithDevices('ipip', import.meta.url);
suite('an IP-in-IP device', () => {
  it('is made as `ip link add` makes it, and changed in place', async () => {
    const local = address('192.0.2.1');
    const tunnel = { kind: 'ipip', local, pathMtuDiscovery: false, ttl: 0, tos: 0 } as const;
    await socket.request(nl.linkCreation('ours', { mtu: 1480, tunnel }));
    const ours = shown('ours');
    await socket.request(nl.linkDeletion(index('ours')));
    ip('link add theirs mtu 1480 type ipip local 192.0.2.1 remote any ttl inherit nopmtudisc');
    expect(ours).toEqual(shown('theirs'));
    expect((await links()).get('theirs')?.tunnel).toMatchObject({ ...tunnel, remote: null, link: 0 });
    const change = {
      pathMtuDiscovery: true,
      ttl: 64,
      tos: 1,
      local: address('192.0.2.9'),
      link: index('v1'),
    };
    await socket.request(nl.linkChange(index('theirs'), { tunnel: { ...tunnel, ...change } }));
    expect((await links()).get('theirs')?.tunnel).toMatchObject(change);
  });

  it('that the module brings is there, as it is read', async () => {
    await socket.request(nl.linkCreation('t', { tunnel: { kind: 'ipip', local: address('192.0.2.1') } }));
    const fallback = (await links()).get('tunl0');
    expect(fallback?.tunnel).toMatchObject({
      kind: 'ipip',
      local: null,
      remote: null,
      ttl: 0,
      pathMtuDiscovery: false,
    });
    expect(fallback?.mac).toBeNull();
  });
});
