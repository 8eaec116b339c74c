import { afterEach, describe, expect, it } from 'vitest';
import {
  checkout,
  frrConfig,
  Lab,
  type LabNode,
  Tartan,
  tartanConfig,
  until,
  untilKernelRoute,
  untilNoKernelRoute,
} from '../../interop/index.js';
import { announce, startTester, stopTesters } from './support/feeder.js';

const labs: Lab[] = [];
afterEach(async () => {
  await stopTesters();
  for (const lab of labs.splice(0)) await lab.down();
});

const few4 = ['198.51.100.0/24', '203.0.113.0/24'];
const few6 = ['2001:db8:100::/48', '2001:db8:101::/48'];
/** Announced by the feeder, of which FRR and the kernel know nothing else. */
const MANY = 20_000;

/**
 * t (Tartan), p (FRR, both families) and feeder (20,000 IPv4 prefixes) on one switch, so that t can lose its carrier
 * while nothing happens to the others and the sessions, which wait for their hold timers, live on.
 */
async function switched(options: { spec?: Record<string, unknown>; many?: boolean; holdTime?: number } = {}) {
  const addresses = (n: number) => [
    `ip addr add 10.0.0.${n}/24 dev eth1`,
    `ip -6 addr add 2001:db8::${n}/64 dev eth1 nodad`,
  ];
  const lab = await Lab.up(
    {
      name: 'repair',
      topology: {
        nodes: {
          t: { image: 'tartan', 'startup-config': 't.yaml', exec: addresses(1) },
          p: { image: 'frr', 'startup-config': 'p.conf', exec: addresses(2) },
          feeder: { image: 'alpine', exec: addresses(3) },
          sw: { kind: 'bridge' },
        },
        links: [
          { endpoints: ['t:eth1', 'sw:t'] },
          { endpoints: ['p:eth1', 'sw:p'] },
          { endpoints: ['feeder:eth1', 'sw:f'] },
        ],
      },
    },
    {
      files: {
        't.yaml': tartanConfig({
          name: 't',
          asn: 65001,
          routerId: '10.0.0.1',
          spec: {
            peers: [
              {
                name: 'p',
                address: '10.0.0.2',
                asn: 65002,
                families: ['ipv4', 'ipv6'],
                connectRetry: 1,
                fastFallover: false,
                ...(options.holdTime ? { holdTime: options.holdTime } : {}),
              },
              { name: 'feeder', address: '10.0.0.3', asn: 65003, passive: true, fastFallover: false },
            ],
            ...options.spec,
          },
        }),
        'p.conf': frrConfig({
          asn: 65002,
          routerId: '10.0.0.2',
          networks: [...few4, ...few6],
          neighbors: [
            {
              address: '10.0.0.1',
              remoteAsn: 65001,
              families: ['ipv4', 'ipv6'],
              settings: ['timers connect 1'],
            },
          ],
        }),
      },
    },
  );
  labs.push(lab);
  const t = new Tartan(lab.node('t'));
  await t.untilEstablished('p');
  if (options.many) {
    const feeder = await startTester(lab, 'feeder', {
      asn: 65003,
      address: '10.0.0.3',
      peer: '10.0.0.1',
      table: `generated:${MANY}`,
    });
    await feeder.next('established');
    await announce(feeder);
  }
  return { lab, t, node: lab.node('t'), all4: few4.length + (options.many ? MANY : 0) };
}

/** How many of our routes the kernel of a node holds. */
async function ours(node: LabNode, family: 4 | 6): Promise<number> {
  const { stdout } = await node.exec(`ip -o -${family} route show proto 84`);
  return stdout === '' ? 0 : stdout.trimEnd().split('\n').length;
}

async function untilAll(
  { node, t }: { node: LabNode; t: Tartan },
  counts: readonly [number, number],
): Promise<void> {
  await until(
    `${counts.join(' and ')} routes are in the kernel`,
    async () => {
      const now = [await ours(node, 4), await ours(node, 6)];
      if (now[0] === counts[0] && now[1] === counts[1]) return true;
      throw new Error(`${now.join(' and ')}; ${JSON.stringify((await t.client.status()).fib)}`);
    },
    { intervalMilliseconds: 20 },
  );
  await until('the daemon says the same', async () => {
    const { ipv4, ipv6 } = (await t.client.status()).fib;
    return ipv4?.installed === counts[0] && ipv6?.installed === counts[1];
  });
}

describe('what somebody deletes', () => {
  it('is back within a second: one route, every route, and a nexthop object under 20,000', async () => {
    const story = await switched({ many: true });
    const { node, all4 } = story;
    const all = [all4, few6.length] as const;
    await untilAll(story, all);

    await node.exec(`ip route del ${few4[0]}`);
    await untilKernelRoute(node, few4[0] as string);
    await node.exec(`ip -6 route del ${few6[0]}`);
    await untilKernelRoute(node, few6[0] as string);

    const { stdout } = await node.exec('ip -o -4 route show proto 84');
    const deletions = stdout
      .trimEnd()
      .split('\n')
      .map((line) => `route del ${line.split(' ', 1)[0]}`);
    await node.exec(['ip', '-batch', '-'], { input: `${deletions.join('\n')}\n` });
    await untilAll(story, all);

    const objects = (await node.exec('ip nexthop show proto 84')).stdout.match(/(?<=^id )\d+/gm) ?? [];
    expect(objects.length).toBeGreaterThan(0);
    await node.exec(['ip', 'nexthop', 'del', 'id', objects.at(-1) as string]);
    await untilAll(story, all);
  });
});

describe('with 20,000 routes, sessions and all', () => {
  it('loses its carrier and has every route back when it returns, while the sessions live on', async () => {
    const story = await switched({ many: true });
    const { lab, t, all4 } = story;
    const all = [all4, few6.length] as const;
    await untilAll(story, all);
    const since = (await t.peer('p'))?.since;
    await lab.exec('sw', 'ip link set dev t down');
    // Nothing gets through a link without carrier, so its routes go, also those that the kernel would keep.
    await until('the daemon knows', async () => (await t.client.status()).fib.ipv4?.installed === 0);
    await untilNoKernelRoute(story.node, few4[0] as string);
    await lab.exec('sw', 'ip link set dev t up');
    await untilAll(story, all);
    expect(await t.peer('p')).toMatchObject({ state: 'established', since });
  });

  it('has its link set down and up', async () => {
    const story = await switched({ many: true });
    const { t, node, all4 } = story;
    await untilAll(story, [all4, few6.length]);
    await node.exec('ip link set eth1 down');
    await untilNoKernelRoute(node, few4[0] as string);
    await until('the daemon knows', async () => (await t.client.status()).fib.ipv4?.installed === 0);
    await node.exec('ip link set eth1 up');
    // The kernel takes IPv6 addresses away with the link.
    await node.exec('ip -6 addr replace 2001:db8::1/64 dev eth1 nodad');
    await untilAll(story, [all4, few6.length]);
  });

  it('has its addresses taken away and given back', async () => {
    const story = await switched({ many: true });
    const { node, all4 } = story;
    await untilAll(story, [all4, few6.length]);
    await node.exec('ip addr del 10.0.0.1/24 dev eth1');
    await node.exec('ip -6 addr del 2001:db8::1/64 dev eth1');
    await until('no IPv4 route is left', async () => (await ours(node, 4)) === 0);
    await node.exec('ip addr add 10.0.0.1/24 dev eth1');
    await node.exec('ip -6 addr add 2001:db8::1/64 dev eth1 nodad');
    await untilAll(story, [all4, few6.length]);
  });
});

describe("the peer's end of the link", () => {
  it('goes down and up again: the routes of both families are back', async () => {
    const story = await switched({ holdTime: 3 });
    const { lab } = story;
    await untilAll(story, [few4.length, few6.length]);
    await lab.exec('p', 'ip link set eth1 down');
    await lab.exec('sw', 'ip link set dev t down');
    await until('the routes are gone', async () => (await ours(story.node, 4)) === 0);
    await lab.exec('sw', 'ip link set dev t up');
    await lab.exec('p', 'ip link set eth1 up');
    await lab.exec('p', 'ip -6 addr replace 2001:db8::2/64 dev eth1 nodad');
    await untilAll(story, [few4.length, few6.length]);
  });
});

describe('a route that the kernel refuses', () => {
  it('is shown with what the kernel said, tried again, and installed as soon as it can be', async () => {
    const prefix = '192.0.2.0/24';
    const story = await switched({ spec: { static: [{ prefix, via: '10.77.0.2' }] } });
    const { lab, t, node } = story;
    // Leads to the next hop for all that anybody can see, but the kernel wants gateways to be of scope link.
    await node.exec('ip route add 10.77.0.0/24 dev eth1 scope global');
    const row = await until('it is refused', async () =>
      (await t.fib({ prefix })).find(({ state }) => state === 'failed'),
    );
    expect(row.error).toMatch(/^ENETUNREACH: Nexthop has invalid gateway/);
    const { stdout } = await lab.exec('t', [process.execPath, `${checkout}/bin/tartan`, 'show', 'fib']);
    expect(stdout).toMatch(/192\.0\.2\.0\/24 +failed/);
    expect(stdout).toContain('Nexthop has invalid gateway');
    await until('it was tried again', async () =>
      /refused with ENETUNREACH.*attempt [3-9]/.test((await t.client.explain(prefix)).kernel?.said ?? ''),
    );
    await node.exec('ip route add 10.77.0.0/24 dev eth1 scope link metric 1');
    await node.exec('ip route del 10.77.0.0/24 dev eth1 scope global');
    await untilKernelRoute(node, prefix, (route) => route.gateway === '10.77.0.2', { timeoutSeconds: 10 });
    await untilAll(story, [few4.length + 1, few6.length]);
  });

  it('for want of its source address, waits for that address', async () => {
    const story = await switched({ spec: { kernel: { source: { ipv4: '10.99.0.1' } } } });
    const { t, node } = story;
    const [prefix] = few4 as [string];
    const row = await until('it is refused', async () =>
      (await t.fib({ prefix })).find(({ state }) => state === 'failed'),
    );
    expect(row.error).toMatch(/^the preferred source address/);
    expect((await t.client.explain(prefix)).kernel?.said).toMatch(/not installed: the preferred source/);
    expect((await t.client.status()).fib.ipv4).toMatchObject({ failed: few4.length, installed: 0 });
    // IPv6 has no such source, and is none the worse for it.
    await t.untilInstalled(few6[0] as string);
    await node.exec('ip addr add 10.99.0.1/32 dev lo');
    const route = await untilKernelRoute(node, prefix);
    expect(route).toMatchObject({ protocol: '84', prefsrc: '10.99.0.1' });
    await untilAll(story, [few4.length, few6.length]);
  });
});

describe('lost notifications', () => {
  it('are made up for by looking again', async () => {
    const story = await switched();
    const { t, node } = story;
    await untilAll(story, [few4.length, few6.length]);
    // More than any socket buffer holds happens while the daemon stands still; the loss of our routes comes last.
    const { process: daemon } = node;
    daemon.signal('SIGSTOP');
    const lines: string[] = [];
    for (let i = 0; i < 60_000; i++) lines.push(`route add 11.${i >> 8}.${i & 255}.0/24 dev eth1`);
    for (const prefix of [...few4, ...few6]) lines.push(`route del ${prefix}`);
    await node.exec(['ip', '-batch', '-'], { input: `${lines.join('\n')}\n` });
    expect([await ours(node, 4), await ours(node, 6)]).toEqual([0, 0]);
    daemon.signal('SIGCONT');
    await untilAll(story, [few4.length, few6.length]);
    expect((await t.client.explain('11.1.2.0/24')).summary).toMatch(/No path/);
    const { stdout } = await node.exec('ip -o -4 route show proto boot');
    expect(stdout.trimEnd().split('\n')).toHaveLength(60_000);
  });
});
