import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  Bird,
  birdConfig,
  checkout,
  Frr,
  frrConfig,
  kernelRoutes,
  Lab,
  LabError,
  pings,
  runCommand,
  until,
  untilKernelRoute,
  untilNoKernelRoute,
  untilPings,
} from '../../interop/index.js';

const example = join(checkout, 'interop/topologies/frr-bird.clab.yml');
const runner = join(checkout, 'scripts/lab.mjs');

const labs: Lab[] = [];
async function up(...args: Parameters<typeof Lab.up>): Promise<Lab> {
  const lab = await Lab.up(...args);
  labs.push(lab);
  return lab;
}
afterEach(async () => {
  for (const lab of labs.splice(0)) await lab.down();
});

function isGone(lab: string, netns: readonly string[]): boolean {
  return !existsSync(`/run/tartan-lab/${lab}`) && netns.every((name) => !existsSync(`/run/netns/${name}`));
}

/** A process that ended may stay a zombie for as long as its parent likes. */
function runs(pid: number): boolean {
  return existsSync(`/proc/${pid}/exe`);
}

function shells(name: string, nodes: Record<string, object>, links: [string, string][] = []): object {
  return { name, topology: { nodes, links: links.map((endpoints) => ({ endpoints })) } };
}

describe('the example with FRR and BIRD', () => {
  let one: Lab;
  let two: Lab;
  beforeAll(async () => {
    [one, two] = await Promise.all([Lab.up(example), Lab.up(example)]);
  });
  afterAll(() => Promise.all([one?.down(), two?.down()]));

  it('plays twice at once, each with namespaces of its own', () => {
    expect(one.name).not.toBe(two.name);
    expect(one.node('r1').netns).not.toBe(two.node('r1').netns);
    expect(one.node('r1').process.pid).not.toBe(two.node('r1').process.pid);
  });

  it('brings up sessions in both families, exchanges routes and forwards', async () => {
    for (const lab of [one, two]) {
      const frr = new Frr(lab.node('r1'));
      const bird = new Bird(lab.node('r2'));
      await frr.untilEstablished('10.0.12.2');
      await frr.untilEstablished('2001:db8:12::2');
      await bird.untilEstablished('r1_ipv4');
      expect((await frr.untilPath('10.2.0.0/24')).aspath?.string).toBe('65002');
      await bird.untilRoute('2001:db8:1::/64', /BGP\.as_path: 65001/);
      const route = await untilKernelRoute(lab.node('r1'), '10.2.0.0/24', (r) => r.protocol === 'bgp');
      expect(route.gateway ?? route.via?.host).toBe('10.0.12.2');
      await untilKernelRoute(lab.node('r2'), '2001:db8:1::/64', (r) => r.protocol === 'bird');
      await untilPings(lab.node('h1'), '10.2.0.2');
      await untilPings(lab.node('h1'), '2001:db8:2::2');
    }
  });

  it('keeps what nodes write from the machine', async () => {
    await one.exec('r1', ['sh', '-c', 'echo x > /etc/frr/left-over; echo x > /var/log/left-over; hostname']);
    for (const path of ['/etc/frr/left-over', '/var/log/left-over', '/run/frr/zebra.vty'])
      expect(existsSync(path), path).toBe(false);
    expect(one.node('r1').read('/etc/frr/left-over')).toBe('x\n');
    expect((await one.exec('r1', 'hostname')).stdout).toBe('r1\n');
  });

  it('is open to `ip netns exec`', async () => {
    const shown = await runCommand(['ip', 'netns', 'exec', one.node('h1').netns, 'ip', '-4', '-br', 'addr']);
    expect(shown.stdout).toMatch(/eth1\S*\s+UP\s+10\.1\.0\.2\/24/);
  });
});

describe('processes', () => {
  it('are killed, seen to end, and started again with their configuration', async () => {
    const link = (address: string) => ({ exec: [`ip addr add ${address} dev eth1`] });
    const lab = await up(
      {
        name: 'kill',
        topology: {
          nodes: {
            f: { image: 'frr', binds: ['frr.conf:/etc/frr/frr.conf'], ...link('10.0.0.1/24') },
            b: { image: 'bird', 'startup-config': 'bird.conf', ...link('10.0.0.2/24') },
          },
          links: [{ endpoints: ['f:eth1', 'b:eth1'] }],
        },
      },
      {
        files: {
          'frr.conf': frrConfig({
            asn: 65001,
            routerId: '1.1.1.1',
            networks: ['198.51.100.0/24'],
            neighbors: [{ address: '10.0.0.2', remoteAsn: 65002, settings: ['timers connect 1'] }],
          }),
          'bird.conf': birdConfig({
            asn: 65002,
            routerId: '2.2.2.2',
            networks: ['203.0.113.0/24'],
            neighbors: [
              {
                name: 'f',
                address: '10.0.0.1',
                remoteAsn: 65001,
                settings: [
                  'graceful restart off;',
                  'connect delay time 1;',
                  'connect retry time 1;',
                  'error wait time 1, 1;',
                ],
              },
            ],
          }),
        },
      },
    );
    const frr = new Frr(lab.node('f'));
    const bird = new Bird(lab.node('b'));
    await bird.untilRoute('198.51.100.0/24');
    await untilKernelRoute(lab.node('f'), '203.0.113.0/24');
    expect(await bird.routeCount()).toMatchObject({ networks: expect.any(Number) });

    const bgpd = lab.node('f').process;
    const { pid } = bgpd;
    expect(readFileSync(`/proc/${pid}/comm`, 'utf8')).toBe('bgpd\n');
    expect(await bgpd.kill('SIGKILL')).toEqual({ code: null, signal: 'SIGKILL' });
    expect(bgpd.running).toBe(false);
    expect(() => bgpd.pid).toThrow(/f bgpd is not running/);
    await bird.untilNotEstablished('f');
    await bird.untilNoRoute('198.51.100.0/24');

    await bgpd.start();
    expect(bgpd.pid).not.toBe(pid);
    await frr.untilEstablished('10.0.0.2');
    await bird.untilRoute('198.51.100.0/24');

    await lab.node('b').process.restart();
    await frr.untilPath('203.0.113.0/24');
    lab
      .node('b')
      .write('/etc/bird/bird.conf', lab.node('b').read('/etc/bird/bird.conf').replace('203.0', '203.1'));
    await bird.configure();
    await frr.untilNoPath('203.0.113.0/24');
    await untilNoKernelRoute(lab.node('f'), '203.0.113.0/24');
    expect((await kernelRoutes(lab.node('f'), { prefix: '203.1.113.0/24' })).length).toBeLessThan(2);
  });

  it('are spawned beside the daemons and observed', async () => {
    const lab = await up(shells('spawn', { a: { env: { GREETING: 'hello' } } }));
    const talker = await lab.spawn('a', [
      'sh',
      '-c',
      'echo "$GREETING from $(hostname)"; exec sleep infinity',
    ]);
    expect((await talker.untilOutput(/(\w+) from (\w+)/)).slice(1)).toEqual(['hello', 'a']);
    await lab.down();
    expect((await talker.exited).signal).toBe('SIGKILL');
  });

  it('that end before they serve fail the set-up with what they wrote', async () => {
    const broken = up(
      { name: 'broken', topology: { nodes: { b: { image: 'bird', 'startup-config': 'bird.conf' } } } },
      { files: { 'bird.conf': 'nonsense;' } },
    );
    await expect(broken).rejects.toThrow(/b bird ended before it served.*syntax error/s);
  });
});

describe('nodes and links', () => {
  it('join through a bridge node, with MTU and MAC as written', async () => {
    const host = (n: number) => ({ exec: [`ip addr add 10.9.0.${n}/24 dev eth1`] });
    const lab = await up({
      name: 'bridged',
      topology: {
        nodes: { sw: { kind: 'bridge' }, a: host(1), b: host(2), c: host(3) },
        links: [
          { endpoints: ['a:eth1', 'sw:p1'], mtu: 1400 },
          { endpoints: ['b:eth1', 'sw:p2'] },
          {
            type: 'veth',
            endpoints: [
              { node: 'c', interface: 'eth1', mac: '02:00:00:00:00:0c' },
              { node: 'sw', interface: 'p3' },
            ],
          },
          { type: 'dummy', endpoint: { node: 'a', interface: 'lo1' } },
        ],
      },
    });
    await untilPings(lab.node('a'), '10.9.0.2');
    await untilPings(lab.node('a'), '10.9.0.3');
    const links = JSON.parse((await lab.exec('a', 'ip -j link')).stdout) as { ifname: string; mtu: number }[];
    expect(links.find((link) => link.ifname === 'eth1')?.mtu).toBe(1400);
    expect(links.map((link) => link.ifname)).toContain('lo1');
    expect((await lab.exec('c', 'ip link show eth1')).stdout).toContain('02:00:00:00:00:0c');
    expect(
      (await lab.exec('sw', 'bridge link')).stdout.split('\n').filter((line) => line.includes('master sw')),
    ).toHaveLength(3);
  });

  it('use an IPv6 address at once, without duplicate address detection', async () => {
    const lab = await up(
      shells(
        'dad',
        {
          a: { exec: ['ip addr add 2001:db8::1/64 dev eth1'] },
          b: { exec: ['ip addr add 2001:db8::2/64 dev eth1'] },
        },
        [['a:eth1', 'b:eth1']],
      ),
    );
    expect((await lab.exec('a', 'ip -6 addr show tentative')).stdout).toBe('');
    expect(await pings(lab.node('a'), '2001:db8::2')).toBe(true);
  });

  it('share a network, take sysctls, and bind files where the machine has no such folder', async () => {
    const lab = await up(
      {
        name: 'places',
        topology: {
          nodes: {
            a: {
              sysctls: { 'net.ipv4.ip_forward': 1 },
              binds: ['x.conf:/opt/tartan-lab-test/deep/x.conf:ro', 'x.conf:/etc/tartan-lab-test.conf'],
            },
            side: { 'network-mode': 'container:a' },
          },
        },
      },
      { files: { 'x.conf': 'content\n' } },
    );
    await lab.exec('side', 'ip addr add 192.0.2.1/32 dev lo');
    expect((await lab.exec('a', 'ip addr show dev lo')).stdout).toContain('192.0.2.1');
    expect((await lab.exec('a', 'cat /proc/sys/net/ipv4/ip_forward')).stdout).toBe('1\n');
    expect((await lab.exec('side', 'hostname')).stdout).toBe('side\n');
    expect(
      (await lab.exec('a', 'cat /opt/tartan-lab-test/deep/x.conf /etc/tartan-lab-test.conf')).stdout,
    ).toBe('content\ncontent\n');
    const denied = await lab.exec('a', ['sh', '-c', 'echo > /opt/tartan-lab-test/deep/x.conf'], {
      allowFailure: true,
    });
    expect(denied.stderr).toMatch(/Read-only/);
    expect(existsSync('/opt/tartan-lab-test')).toBe(false);
    expect(existsSync('/etc/tartan-lab-test.conf')).toBe(false);
  });

  it('reach the machine through a host link, which goes with the lab', async () => {
    const device = `lab${process.pid % 100000}h`;
    const lab = await up(shells('hosted', { a: {} }, [['a:eth1', `host:${device}`]]));
    expect(existsSync(`/sys/class/net/${device}`)).toBe(true);
    await lab.down();
    await until('the interface is gone', () => !existsSync(`/sys/class/net/${device}`));
  });

  it('wait for the stages of others', async () => {
    const lab = await up(
      shells('staged', {
        first: {
          exec: ['sh -c "date +%s%N > /run/configured"'],
          healthcheck: { test: ['CMD-SHELL', 'date +%s%N > /run/healthy'], interval: '10ms' },
        },
        second: {
          stages: { create: { 'wait-for': [{ node: 'first', stage: 'healthy' }] } },
          exec: ['sh -c "date +%s%N > /run/configured"'],
        },
      }),
    );
    const time = (node: string, file: string): bigint => BigInt(lab.node(node).read(file).trim());
    expect(time('first', '/run/configured')).toBeLessThan(time('first', '/run/healthy'));
    expect(time('first', '/run/healthy')).toBeLessThan(time('second', '/run/configured'));
  });

  it('that wait for each other are named when the time is up', async () => {
    const waitFor = (node: string) => ({
      stages: { create: { 'wait-for': [{ node, stage: 'configure' }] } },
    });
    await expect(
      up(shells('circle', { a: waitFor('b'), b: waitFor('a') }), { timeoutSeconds: 1 }),
    ).rejects.toThrow(/not up after 1 s; still waiting for a \(before create\), b \(before create\)/);
  });
});

describe('cleaning up', () => {
  it('takes everything down when a command fails, and says which', async () => {
    const name = `failing-${process.pid}`;
    const failing = Lab.up(shells('failing', { a: {}, b: { exec: ['ls /absent'] } }), { name });
    await expect(failing).rejects.toThrow(LabError);
    await expect(failing).rejects.toThrow(/node b: `ls \/absent` exited with 2:\n.*absent/);
    expect(isGone(name, [`clab-${name}-a`, `clab-${name}-b`])).toBe(true);
  });

  it('leaves nothing of a set-up that is interrupted, however far it is', async () => {
    const nodes = ['a', 'b', 'c', 'd', 'e'];
    // BIRD as Debian configures it ends by itself where no address gives it a router id.
    const bird = { image: 'bird', 'startup-config': 'bird.conf' };
    const topology = shells('cut', Object.fromEntries(nodes.map((node) => [node, bird])));
    const files = { 'bird.conf': 'router id 192.0.2.1;\nprotocol device {}\n' };
    for (let milliseconds = 0; milliseconds < 90; milliseconds += 6) {
      const name = `cut-${process.pid}-${milliseconds}`;
      const signal = AbortSignal.timeout(milliseconds);
      await Lab.up(topology, { name, signal, files }).then(
        (lab) => lab.down(),
        (error: Error) => expect(error.message).toMatch(/interrupted/),
      );
      const processes = readdirSync('/proc').filter((pid) => {
        try {
          return readFileSync(`/proc/${pid}/environ`, 'latin1').includes(`TARTAN_LAB=${name}\0`);
        } catch {
          return false; // No process, or one that ended meanwhile.
        }
      });
      expect(processes).toEqual([]);
      expect(
        isGone(
          name,
          nodes.map((node) => `clab-${name}-${node}`),
        ),
      ).toBe(true);
    }
  });

  /** A child process that has a lab up, and says so. */
  async function runnerWithLab(name: string): Promise<ChildProcess> {
    const program = `
      import { Lab } from ${JSON.stringify(join(checkout, 'dist/interop/index.js'))};
      const lab = await Lab.up(${JSON.stringify(example)}, { name: ${JSON.stringify(name)} });
      console.log('up');
      await lab.node('r1').process.exited;`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout as NodeJS.ReadableStream, 'data');
    return child;
  }

  it.each(['SIGKILL', 'SIGINT'] as const)('happens by itself when %s ends the runner', async (signal) => {
    const name = `killed-${signal.toLowerCase()}-${process.pid}`;
    const child = await runnerWithLab(name);
    const bird = JSON.parse(readFileSync(`/run/tartan-lab/${name}/lab.json`, 'utf8')).nodes.r2.processes.bird
      .pid;
    child.kill(signal);
    await until('the lab is gone', () =>
      isGone(
        name,
        ['r1', 'r2', 'h1', 'h2'].map((node) => `clab-${name}-${node}`),
      ),
    );
    expect(runs(bird)).toBe(false);
  });

  const folder = mkdtempSync(join(tmpdir(), 'lab-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  it('leaves nothing of a set-up that was killed half-way to the next one', async () => {
    const name = `half-${process.pid}`;
    const file = join(folder, 'half.clab.yml');
    writeFileSync(file, JSON.stringify(shells(name, { a: { exec: ['sleep 1000'] } })));
    const cli = spawn(process.execPath, [runner, 'up', file], { stdio: 'ignore' });
    const sleeps = async (): Promise<string[]> => {
      const { stdout } = await runCommand(['ip', 'netns', 'pids', `clab-${name}-a`]);
      return stdout
        .split('\n')
        .filter((pid) => pid !== '' && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('1000'));
    };
    const [sleeping] = await until('the exec command runs', async () => {
      const pids = await sleeps();
      return pids.length > 0 && pids;
    });
    cli.kill('SIGKILL');
    await once(cli, 'exit');
    expect(runs(Number(sleeping))).toBe(true);
    const lab = await up(shells(name, { b: {} }), { name });
    expect(runs(Number(sleeping))).toBe(false);
    expect(existsSync(`/run/netns/clab-${name}-a`)).toBe(false);
    expect(existsSync(`/run/netns/${lab.node('b').netns}`)).toBe(true);
  });

  it('follows an interrupt of `lab up`', async () => {
    const name = `interrupted-${process.pid}`;
    const file = join(folder, 'interrupted.clab.yml');
    writeFileSync(file, JSON.stringify(shells(name, { a: { exec: ['sleep 1000'] } })));
    const cli = spawn(process.execPath, [runner, 'up', file], { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    cli.stderr.on('data', (chunk) => {
      said += chunk;
    });
    const netns = `clab-${name}-a`;
    await until(
      'the node is there',
      async () => (await runCommand(['ip', 'netns', 'pids', netns])).stdout !== '',
    );
    cli.kill('SIGINT');
    const [code] = await once(cli, 'exit');
    expect(code).toBe(1);
    expect(said).toMatch(/interrupted/);
    expect(isGone(name, [netns])).toBe(true);
  });
});

describe('the command line', () => {
  const name = `cli-${process.pid}`;
  const lab = (...words: string[]) => runCommand([process.execPath, runner, ...words]);
  afterAll(() => lab('down', '--name', name));

  it('brings a lab up that stays, runs commands in it, shows it and takes it down', async () => {
    const started = await lab('up', example, '--name', name);
    expect(started.stderr).toBe('');
    expect(started.stdout).toMatch(/r1 is up \(frr\)/);

    const echoed = await lab('exec', '--name', name, 'r1', 'sh', '-c', 'hostname; exit 7');
    expect(echoed).toMatchObject({ status: 7, stdout: 'r1\n' });
    expect((await lab('exec', name, 'r1', 'vtysh', '-c', 'show version')).stdout).toContain('FRRouting');

    const shown = JSON.parse((await lab('inspect', '--name', name, '-o', 'json')).stdout) as {
      node: string;
      state: string;
      addresses: string[];
      processes: { name: string; running: boolean }[];
    }[];
    const r2 = shown.find((node) => node.node === 'r2');
    expect(r2).toMatchObject({ state: 'up', processes: [{ name: 'bird', running: true }] });
    expect(r2?.addresses).toContain('eth1 2001:db8:12::2/64');

    const again = await lab('up', example, '--name', name);
    expect(again).toMatchObject({ status: 1, stderr: expect.stringContaining('already there') });

    expect(await lab('down', '--name', name)).toMatchObject({ status: 0, stdout: `lab ${name} is down\n` });
    expect(isGone(name, [`clab-${name}-r1`, `clab-${name}-r2`])).toBe(true);
    expect(await lab('exec', '--name', name, 'r1', 'true')).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/is not up/),
    });
  });
});
