import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hasDeviceKind } from '../../interop/index.js';
import { parsePrefix } from '../../src/address/index.js';
import type { FibEvent } from '../../src/fib/types.js';
import type {
  IpipAttributes,
  OverlayDevice,
  OverlayDeviceStatus,
  OverlayEntry,
  OverlayState,
  OverlayStatus,
  VxlanAttributes,
} from '../../src/overlay/index.js';
import { address, FibLab, type FibProcess, until, via } from './support/fib-lab.js';
import { suiteWithDevices } from './support/machine.js';

const run = promisify(execFile);

let lab: FibLab;
let fib: FibProcess;

beforeEach(async () => {
  lab = await FibLab.up();
  fib = await lab.start();
});

afterEach(async () => {
  await lab[Symbol.asyncDispose]();
});

function prefix(text: string) {
  const parsed = parsePrefix(text);
  if (parsed === null) throw new Error(text);
  return parsed;
}

const attributes: VxlanAttributes = {
  kind: 'vxlan',
  vni: 1,
  port: 8472,
  local: address('192.0.2.1'),
  underlay: 10,
  learning: false,
  gbp: false,
  ttl: 0,
  tos: 0,
  udpChecksum: true,
  udpZeroChecksum6Tx: false,
  udpZeroChecksum6Rx: false,
};

const vxlan: OverlayDevice = {
  name: 'flannel.1',
  attributes,
  mtu: 1450,
  mac: '02:11:22:33:44:55',
  txQueueLength: 0,
  txChecksumOffload: null,
  addresses: [prefix('10.244.1.0/32')],
};

const ipipAttributes: IpipAttributes = {
  kind: 'ipip',
  local: address('192.0.2.1'),
  remote: null,
  underlay: 0,
  ttl: 0,
  tos: 0,
  pathMtuDiscovery: false,
};

const ipip: OverlayDevice = {
  name: 'flannel.ipip',
  attributes: ipipAttributes,
  mtu: 1480,
  mac: null,
  txQueueLength: null,
  txChecksumOffload: null,
  addresses: [prefix('10.244.1.0/32')],
};

/** A remote node's neighbour and FDB entry. */
function remote(n: number, mac = `02:00:00:00:00:0${n}`, device = 'flannel.1'): [OverlayEntry, OverlayEntry] {
  return [
    { kind: 'neighbour', device, address: address(`10.244.${n}.0`), mac },
    { kind: 'fdb', device, mac, destination: address(`192.0.2.${n}`) },
  ];
}

const state: OverlayState = {
  devices: [vxlan],
  entries: [...remote(2), ...remote(3)],
  sysctls: [{ path: 'net/ipv4/conf/flannel.1/rp_filter', value: '2' }],
};

async function desire(wanted: OverlayState, on = fib): Promise<OverlayStatus> {
  await on.ask('overlay', { state: wanted });
  await on.ask('overlayFence');
  return lastStatus(on);
}

function lastStatus(on = fib): OverlayStatus {
  const events = on.events.filter(
    (event): event is FibEvent & { type: 'overlay' } => event.type === 'overlay',
  );
  const last = events.at(-1);
  if (last === undefined) throw new Error('no status yet');
  return last.status;
}

function statusOf(name: string, on = fib): OverlayDeviceStatus | undefined {
  return lastStatus(on).devices.find((device) => device.name === name);
}

interface Seen {
  readonly link: string;
  readonly addresses: string[];
  readonly neighbours: string[];
  readonly fdb: string[];
}

async function lines(command: string): Promise<string[]> {
  const text = await lab.ip(command).catch(() => '');
  return text
    .split('\n')
    .map((line) => line.trim().replace(/\s+/g, ' '))
    .filter((line) => line !== '')
    .sort();
}

/** A device as `ip` and `bridge` show it; what the kernel learned or keeps for itself is left out. */
async function seen(device = 'flannel.1'): Promise<Seen> {
  const [link, addresses, neighbours, fdb] = await Promise.all([
    lines(`-o -d link show dev ${device}`),
    lines(`-br addr show dev ${device} scope global`),
    lines(`neigh show dev ${device} nud permanent`),
    lines(`netns exec ${lab.name} bridge fdb show dev ${device}`),
  ]);
  const shown = /^\d+: (.*?) qdisc.*? link\/ether (\S+) .*? (vxlan id.*?|ipip .*?) numtxqueues/.exec(
    link[0] ?? '',
  );
  return {
    link: (shown?.slice(1) ?? link).join(' '),
    addresses: (addresses[0] ?? '').split(' ').filter((word) => word.includes('/')),
    neighbours,
    fdb: fdb.filter((line) => !line.startsWith('33:33') && !line.startsWith('01:')),
  };
}

const whole: Seen = {
  link: 'flannel.1: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1450 02:11:22:33:44:55 vxlan id 1 local 192.0.2.1 dev a0 srcport 0 0 dstport 8472 nolearning ttl auto ageing 300 udpcsum noudp6zerocsumtx noudp6zerocsumrx addrgenmode eui64',
  addresses: ['10.244.1.0/32'],
  neighbours: [
    '10.244.2.0 lladdr 02:00:00:00:00:02 PERMANENT',
    '10.244.3.0 lladdr 02:00:00:00:00:03 PERMANENT',
  ],
  fdb: ['02:00:00:00:00:02 dst 192.0.2.2 self permanent', '02:00:00:00:00:03 dst 192.0.2.3 self permanent'],
};

async function untilWhole(wanted = whole): Promise<void> {
  let last: Seen | null = null;
  try {
    await until('the overlay is whole', async () => {
      last = await seen();
      return JSON.stringify(last) === JSON.stringify(wanted);
    });
  } catch {
    expect(last).toEqual(wanted);
  }
}

const index = async (device: string) => Number(/^(\d+):/.exec(await lab.ip(`-o link show ${device}`))?.[1]);

describe('an overlay of VXLAN', () => {
  it('is made: device, address, neighbours, FDB entries and sysctls', async () => {
    const status = await desire(state);
    expect(await seen()).toEqual(whole);
    expect(await lab.ip('link show flannel.1')).toMatch(/qlen|noqueue/);
    expect((await lines(`netns exec ${lab.name} cat /proc/sys/net/ipv4/conf/flannel.1/rp_filter`))[0]).toBe(
      '2',
    );
    expect(status).toEqual({
      devices: [
        {
          name: 'flannel.1',
          kind: 'vxlan',
          state: 'ready',
          ifindex: await index('flannel.1'),
          mac: '02:11:22:33:44:55',
          mtu: 1450,
          problem: null,
        },
      ],
      problems: [],
      entries: { desired: 4, installed: 4 },
    });
  });

  it('of IPv6 is made likewise', async () => {
    const device: OverlayDevice = {
      ...vxlan,
      name: 'flannel-v6.1',
      attributes: { ...attributes, local: address('2001:db8:a::1') },
      mtu: 1430,
      mac: null,
      addresses: [prefix('fd00:1::/128')],
    };
    const mac = '02:00:00:00:00:02';
    const status = await desire({
      devices: [device],
      entries: [
        { kind: 'neighbour', device: device.name, address: address('fd00:2::'), mac },
        { kind: 'fdb', device: device.name, mac, destination: address('2001:db8:a::2') },
      ],
      sysctls: [],
    });
    expect(status.devices[0]).toMatchObject({ state: 'ready', mtu: 1430 });
    const there = await seen(device.name);
    expect(there.link).toMatch(/vxlan id 1 local 2001:db8:a::1 dev a0 .* dstport 8472 nolearning/);
    expect(there.addresses).toEqual(['fd00:1::/128']);
    expect(there.neighbours).toEqual([`fd00:2:: lladdr ${mac} PERMANENT`]);
    expect(there.fdb).toEqual([`${mac} dst 2001:db8:a::2 self permanent`]);
  });

  it.each([
    ['a neighbour deleted', ['neigh del 10.244.2.0 dev flannel.1']],
    [
      'a neighbour given another MAC',
      ['neigh replace 10.244.2.0 lladdr 02:ff:ff:ff:ff:ff dev flannel.1 nud permanent'],
    ],
    [
      'a neighbour made mortal',
      ['neigh replace 10.244.2.0 lladdr 02:00:00:00:00:02 dev flannel.1 nud stale'],
    ],
    ['a neighbour too many', ['neigh add 10.244.9.0 lladdr 02:ff:ff:ff:ff:ff dev flannel.1 nud permanent']],
    ['an FDB entry deleted', ['BRIDGE fdb del 02:00:00:00:00:02 dev flannel.1']],
    [
      'an FDB entry bent',
      ['BRIDGE fdb replace 02:00:00:00:00:02 dev flannel.1 dst 192.0.2.99 self permanent'],
    ],
    [
      'an FDB entry with a port',
      ['BRIDGE fdb replace 02:00:00:00:00:02 dev flannel.1 dst 192.0.2.2 port 9 self permanent'],
    ],
    [
      'an FDB entry too many',
      ['BRIDGE fdb add 02:ff:ff:ff:ff:ff dev flannel.1 dst 192.0.2.99 self permanent'],
    ],
    ['the address deleted', ['addr del 10.244.1.0/32 dev flannel.1']],
    [
      'the address given another length',
      ['addr del 10.244.1.0/32 dev flannel.1', 'addr add 10.244.1.0/24 dev flannel.1'],
    ],
    ['an address too many', ['addr add 10.99.0.1/32 dev flannel.1']],
    ['the device brought down', ['link set flannel.1 down']],
    ['the device deleted', ['link del flannel.1']],
    [
      'the device made anew by another, otherwise',
      [
        'link del flannel.1',
        'link add flannel.1 type vxlan id 1 local 192.0.2.1 dev a0 dstport 4789 nolearning',
      ],
    ],
    ['its MTU changed', ['link set flannel.1 mtu 1300']],
    ['its MAC changed', ['link set flannel.1 address 02:99:99:99:99:99']],
    ['its local address changed', ['link set flannel.1 type vxlan id 1 local 198.51.100.1']],
    ['its underlay changed', ['link set flannel.1 type vxlan id 1 dev b0']],
    ['learning switched on', ['link set flannel.1 type vxlan id 1 learning']],
    ['all of it flushed', ['neigh flush dev flannel.1 nud permanent', 'addr flush dev flannel.1']],
  ])('has %s put back', async (_title, commands) => {
    await desire(state);
    await fib.ask('sweep');
    const words = commands.map((command) =>
      command.startsWith('BRIDGE') ? `netns exec ${lab.name} bridge${command.slice(6)}` : command,
    );
    // Both at once. The second fails where the first was put right in between.
    if (words.length > 1) await lab.batch(words).catch(() => {});
    else await lab.ip(words[0] ?? '');
    await untilWhole();
    await until('its status is ready', async () => statusOf('flannel.1')?.state === 'ready');
  });

  it('leaves what others have on other devices, and what the kernel knows on its own, as it is', async () => {
    await lab.batch([
      'link add other type vxlan id 9 local 192.0.2.1 dev a0 dstport 4789',
      'link set other up',
      'addr add 10.99.0.1/24 dev other',
      'neigh add 10.99.0.2 lladdr 02:ff:ff:ff:ff:01 dev other nud permanent',
      'neigh add 192.0.2.77 lladdr 02:ff:ff:ff:ff:02 dev a0 nud permanent',
      'link add bridge0 type bridge',
    ]);
    await lab.ip(
      `netns exec ${lab.name} bridge fdb add 02:ff:ff:ff:ff:03 dev other dst 192.0.2.7 self permanent`,
    );
    const foreign = async () => [
      await seen('other'),
      await lines('neigh show dev a0 nud permanent'),
      await lines('-br link show bridge0'),
      // The kernel may be trying its own link-local address still.
      (await lines('addr show dev a0')).map((line) => line.replace(' tentative', '')),
    ];
    const before = await foreign();
    await desire(state);
    await fib.ask('sweep');
    const dynamic = `netns exec ${lab.name} bridge fdb add 02:ff:ff:ff:ff:04 dev flannel.1 dst 192.0.2.8 self dynamic`;
    await lab.ip(dynamic);
    await desire({ ...state, entries: [] });
    expect((await seen()).fdb.map((line) => line.split(' ')[0])).toEqual(['02:ff:ff:ff:ff:04']);
    await desire({ devices: [], entries: [], sysctls: [] });
    expect(await lines('link show dev flannel.1')).toEqual([]);
    expect(await foreign()).toEqual(before);
  });

  it('adopts a device that is compatible, with its entries, and makes one anew that is not', async () => {
    const add = 'link add flannel.1 type vxlan id 1 local 192.0.2.1 dev a0 nolearning';
    await lab.ip(`${add} dstport 8472`);
    await lab.ip('link set flannel.1 up');
    await lab.ip('neigh add 10.244.2.0 lladdr 02:00:00:00:00:02 dev flannel.1 nud permanent');
    await lab.ip('neigh add 10.244.7.0 lladdr 02:00:00:00:00:07 dev flannel.1 nud permanent');
    const adopted = await index('flannel.1');
    await fib.ask('sweep');
    await desire(state);
    expect(await index('flannel.1')).toBe(adopted);
    await untilWhole();
    const other = { ...vxlan, attributes: { ...attributes, vni: 2 } };
    const status = await desire({ ...state, devices: [other] });
    expect(status.devices[0]?.ifindex).toBe(await index('flannel.1'));
    expect(await index('flannel.1')).not.toBe(adopted);
    await untilWhole({ ...whole, link: whole.link.replace('vxlan id 1', 'vxlan id 2') });
  });

  it('changes in place what the kernel changes in place', async () => {
    await desire(state);
    const made = await index('flannel.1');
    const changed: OverlayDevice = {
      ...vxlan,
      attributes: { ...attributes, local: address('198.51.100.1'), underlay: 20, learning: true, ttl: 7 },
      mtu: 1400,
      mac: '02:11:22:33:44:66',
      addresses: [prefix('10.244.5.0/32')],
    };
    const status = await desire({ ...state, devices: [changed] });
    expect(await index('flannel.1')).toBe(made);
    expect(status.devices[0]).toMatchObject({ state: 'ready', mtu: 1400, mac: '02:11:22:33:44:66' });
    const now = await seen();
    expect(now.link).toMatch(/local 198\.51\.100\.1 dev b0 .* dstport 8472 ttl 7 /);
    expect(now.addresses).toEqual(['10.244.5.0/32']);
    expect(now.neighbours).toEqual(whole.neighbours);
    expect(now.fdb).toEqual(whole.fdb);
  });

  it('keeps what routes still use until they are gone, and removes what a changed MAC left', async () => {
    await desire(state);
    await fib.ask('sweep');
    const device = await index('flannel.1');
    await fib.ask('define', { id: 1, forwarding: via(['10.244.3.0', device]) });
    const forwarding = {
      kind: 'unicast',
      hops: [{ ...firstHop(via(['10.244.3.0', device])), onlink: true }],
    };
    await fib.ask('define', { id: 1, forwarding });
    await fib.ask('route', { prefix: '10.244.3.0/24', forwarding: 1 });
    await fib.ask('fence');
    expect(await lab.routes('10.244.3.0/24')).toHaveLength(1);
    // Both nodes go, and a route still leads to one of them.
    await fib.ask('overlayChange', { change: { remove: [...remote(2), ...remote(3)] } });
    await untilWhole({ ...whole, neighbours: whole.neighbours.slice(1), fdb: whole.fdb.slice(1) });
    await fib.ask('route', { prefix: '10.244.3.0/24', forwarding: 0 });
    await fib.ask('release', { id: 1 });
    await untilWhole({ ...whole, neighbours: [], fdb: [] });
    expect(await lab.routes('10.244.3.0/24')).toEqual([]);
    // A node with another MAC and another address.
    await fib.ask('overlayChange', { change: { set: remote(2) } });
    await untilWhole({ ...whole, neighbours: whole.neighbours.slice(0, 1), fdb: whole.fdb.slice(0, 1) });
    const [neighbour, fdb] = remote(2, '02:00:00:00:00:22');
    await fib.ask('overlayChange', { change: { set: [neighbour, fdb], remove: [remote(2)[1]] } });
    await untilWhole({
      ...whole,
      neighbours: ['10.244.2.0 lladdr 02:00:00:00:00:22 PERMANENT'],
      fdb: ['02:00:00:00:00:22 dst 192.0.2.2 self permanent'],
    });
  });

  it('after a restart has nothing of what was desired before and is not now', async () => {
    const second = { ...vxlan, name: 'second', mac: null, attributes: { ...attributes, vni: 2 } };
    await desire({ ...state, devices: [vxlan, second] });
    const made = await index('flannel.1');
    await fib.kill();
    fib = await lab.start();
    await desire({ ...state, entries: remote(2) });
    // Held until the routes are, too.
    expect(await seen()).toEqual(whole);
    expect(await lines('link show second')).not.toEqual([]);
    await fib.ask('sweep');
    await fib.ask('overlayFence');
    await untilWhole({ ...whole, neighbours: whole.neighbours.slice(0, 1), fdb: whole.fdb.slice(0, 1) });
    expect(await index('flannel.1')).toBe(made);
    expect(await lines('link show second')).toEqual([]);
    await fib.kill();
    fib = await lab.start();
    await fib.ask('sweep');
    await desire({ devices: [], entries: [], sysctls: [] });
    expect(await lines('link show flannel.1')).toEqual([]);
  });

  it('says what is in its way, stays up, and goes on when it is gone', async () => {
    await lab.ip('link add flannel.1 type bridge');
    await lab.ip('link add clash type vxlan id 7 dstport 8472 local 192.0.2.1');
    const seven = { ...vxlan, name: 'seven', mac: null, attributes: { ...attributes, vni: 7 } };
    const fine = { ...vxlan, name: 'fine', mac: null, attributes: { ...attributes, vni: 8 } };
    await desire({
      devices: [vxlan, seven, fine],
      entries: [],
      sysctls: [{ path: 'net/ipv4/conf/all/no_such_thing', value: '1' }],
    });
    expect(statusOf('flannel.1')).toMatchObject({ state: 'conflict', ifindex: null, problem: /is bridge/ });
    expect(statusOf('seven')).toMatchObject({ state: 'failed', problem: /clash is the same tunnel/ });
    expect(statusOf('fine')).toMatchObject({ state: 'ready' });
    expect(lastStatus().problems).toEqual([
      {
        what: 'sysctl net/ipv4/conf/all/no_such_thing',
        device: null,
        message: expect.stringMatching(/ENOENT; run `echo 1 > \/proc\/sys\/net/),
      },
    ]);
    expect(await lab.ip('-d link show flannel.1')).toMatch(/bridge/);
    await lab.ip('link del flannel.1');
    await lab.ip('link del clash');
    await until('all are ready', async () =>
      lastStatus().devices.every((device) => device.state === 'ready'),
    );
  });

  it('does what can be done where the kernel refuses a part', async () => {
    const huge = { ...vxlan, mtu: 70_000 };
    await desire({ ...state, devices: [huge] });
    expect(statusOf('flannel.1')).toMatchObject({ state: 'failed', problem: /create vxlan was refused|mtu/ });
    await desire(state);
    await untilWhole();
    await lab.ip('link set a0 mtu 1400');
    await lab.ip('link set flannel.1 mtu 1300');
    // The neighbours go with the last address.
    await lab.ip('addr del 10.244.1.0/32 dev flannel.1');
    await desire({ ...state, devices: [{ ...vxlan, mtu: 69_000 }] });
    expect(statusOf('flannel.1')).toMatchObject({ state: 'failed', problem: /set mtu 69000 was refused/ });
    const left = await seen();
    expect(left.addresses).toEqual(whole.addresses);
    expect(left.neighbours).toEqual(whole.neighbours);
    await lab.ip('link set a0 mtu 1500');
    await desire(state);
    await untilWhole();
  });

  it('comes when its underlay comes, and comes back when that goes and comes back', async () => {
    const away = { ...vxlan, attributes: { ...attributes, underlay: 77 } };
    await desire({ ...state, devices: [away] });
    expect(statusOf('flannel.1')).toMatchObject({ state: 'failed', problem: /create vxlan was refused/ });
    await lab.ip('link add late index 77 type veth peer name late1');
    await untilWhole({ ...whole, link: whole.link.replace('dev a0', 'dev late') });
    await lab.ip('link del late');
    expect(await lines('link show flannel.1')).toEqual([]);
    await lab.ip('link add late index 77 type veth peer name late1');
    await untilWhole({ ...whole, link: whole.link.replace('dev a0', 'dev late') });
  });

  it('switches the checksums of a device off and on', async () => {
    const sockopt = new URL('../../dist/src/sockopt/index.js', import.meta.url).pathname;
    const script = `import('${sockopt}').then((s) => console.log(s.txChecksumOffload('flannel.1')))`;
    const offload = () => run('ip', ['netns', 'exec', lab.name, process.execPath, '-e', script]);
    for (const on of [false, true]) {
      const status = await desire({ ...state, devices: [{ ...vxlan, txChecksumOffload: on }] });
      expect(status.devices[0]).toMatchObject({ state: 'ready', problem: null });
      expect((await offload()).stdout.trim()).toBe(String(on));
    }
  });

  it('says that the kernel has no such devices where it has none', async () => {
    if (await hasDeviceKind('ipip')) return;
    const tunnel: OverlayDevice = { ...ipip, name: 'flannel.ipip' };
    await desire({ ...state, devices: [tunnel, vxlan] });
    expect(statusOf('flannel.ipip')).toMatchObject({
      state: 'unsupported',
      ifindex: null,
      problem: 'the kernel has no devices of kind ipip (`modprobe ipip`, or CONFIG_NET_IPIP)',
    });
    expect(statusOf('flannel.1')).toMatchObject({ state: 'ready' });
  });

  it('does not touch the kernel where nothing is to be installed', async () => {
    const idle = await lab.start({ install: false });
    await idle.ask('overlay', { state });
    await idle.ask('overlayFence');
    expect(await lines('link show flannel.1')).toEqual([]);
  });
});

const suite = await suiteWithDevices('ipip', import.meta.url);
suite('an overlay of IP-in-IP', () => {
  const attributesOf = async (device: string) =>
    (await lines(`-o -d link show dev ${device}`))[0]?.match(/(?<= )mtu \d+|ipip any .*?pmtudisc/g);
  const wanted = ['mtu 1480', 'ipip any remote any local 192.0.2.1 ttl inherit nopmtudisc'];

  it('has a device of its own made, put back, and changed in place', async () => {
    const status = await desire({ devices: [ipip], entries: [], sysctls: [] });
    expect(status.devices).toMatchObject([{ state: 'ready', kind: 'ipip', mac: null }]);
    expect(await attributesOf('flannel.ipip')).toEqual(wanted);
    expect((await seen('flannel.ipip')).addresses).toEqual(['10.244.1.0/32']);
    for (const command of [
      'link set flannel.ipip mtu 1400',
      'link set flannel.ipip down',
      'link set flannel.ipip type ipip local 198.51.100.1 ttl 9 pmtudisc',
      'addr del 10.244.1.0/32 dev flannel.ipip',
      'link del flannel.ipip',
    ]) {
      await lab.ip(command);
      await until(`${command} is put right`, async () => {
        const now = await seen('flannel.ipip');
        const up = now.link.includes('UP,LOWER_UP');
        return up && now.addresses.length === 1 && `${await attributesOf('flannel.ipip')}` === `${wanted}`;
      });
    }
    const made = await index('flannel.ipip');
    const moved = { ...ipip, attributes: { ...ipipAttributes, local: address('198.51.100.1') } };
    expect((await desire({ devices: [moved], entries: [], sysctls: [] })).devices).toMatchObject([
      { state: 'ready', ifindex: made },
    ]);
    expect((await attributesOf('flannel.ipip'))?.[1]).toMatch(/local 198\.51\.100\.1/);
    await fib.ask('sweep');
    await desire({ devices: [], entries: [], sysctls: [] });
    expect(await lines('link show flannel.ipip')).toEqual([]);
  });

  it("takes the kernel's fallback device as it is, and gives it back", async () => {
    const tunl0 = { ...ipip, name: 'tunl0', mtu: 1440, attributes: { ...ipipAttributes, local: null } };
    expect((await desire({ devices: [tunl0], entries: [], sysctls: [] })).devices).toMatchObject([
      { name: 'tunl0', state: 'ready', mtu: 1440 },
    ]);
    expect((await seen('tunl0')).addresses).toEqual(['10.244.1.0/32']);
    await lab.ip('link set tunl0 down');
    await until('tunl0 is up again', async () => (await seen('tunl0')).link.includes('UP,LOWER_UP'));
    await fib.ask('sweep');
    await desire({ devices: [], entries: [], sysctls: [] });
    const left = await seen('tunl0');
    expect(left.addresses).toEqual([]);
    expect(left.link).not.toMatch(/LOWER_UP|alias/);
  });
});

function firstHop(forwarding: ReturnType<typeof via>) {
  if (forwarding.kind !== 'unicast') throw new Error('no hops');
  return forwarding.hops[0];
}
