import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  bootMachine,
  checkout,
  hasDeviceKind,
  insideMachine,
  Lab,
  LabError,
  type OwnMachine,
  runCommand,
  untilPings,
} from '../../interop/index.js';
import { suiteWithDevices } from './support/machine.js';

/** A command that never ends by itself. */
const endless = ['tail', '-f', '/dev/null'];

const machines: OwnMachine[] = [];
async function boot(): Promise<OwnMachine> {
  const machine = await bootMachine();
  machines.push(machine);
  return machine;
}
afterEach(async () => {
  for (const machine of machines.splice(0)) await machine.down();
});

/** Processes of the host that carry the mark of a lab and are no zombies. */
function processesOf(name: string): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => {
      try {
        readlinkSync(`/proc/${pid}/exe`);
        return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(`TARTAN_LAB=${name}`);
      } catch {
        return false;
      }
    });
}

describe.skipIf(insideMachine())('a machine that runs', () => {
  let machine: OwnMachine;
  beforeAll(async () => {
    machine = await bootMachine();
  });
  afterAll(() => machine?.down());

  it('runs commands on the file system of the host, beside each other, with a network of its own', async () => {
    const [words, status, links] = await Promise.all([
      machine.run(['sh', '-c', 'echo "$0"; echo to stderr >&2', "a 'quoted' $word"]),
      machine.run(['sh', '-c', 'exit 7'], { allowFailure: true }),
      machine.run(['ip', '-br', 'link']),
    ]);
    expect(words).toEqual({
      status: 0,
      signal: null,
      stdout: "a 'quoted' $word\n",
      stderr: 'to stderr\n',
    });
    expect(status.status).toBe(7);
    expect(links.stdout.trim().split('\n')).toEqual([expect.stringMatching(/^lo\b/)]);
    const { stdout } = await machine.run(['cat', 'package.json'], { cwd: checkout });
    expect(stdout).toBe(readFileSync(`${checkout}/package.json`, 'utf8'));
    await expect(machine.run(['false'])).rejects.toThrow(/`false` exited with 1/);
  });

  it('keeps its /run, its devices and its host name to itself', async () => {
    await machine.run(['sh', '-c', 'ip netns add only-in-there; hostname; ls /run/netns']);
    expect(existsSync('/run/netns/only-in-there')).toBe(false);
    expect((await machine.run(['hostname'])).stdout).toBe('machine\n');
    expect((await runCommand(['hostname'])).stdout).not.toBe('machine\n');
  });

  it('stays on one processor with all its processes', async () => {
    const processors = processesOf(machine.machine.name).map(
      (pid) => /^Cpus_allowed_list:\t(.*)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1],
    );
    expect(processors.length).toBeGreaterThan(1);
    expect(new Set(processors).size).toBe(1);
    expect(processors[0]).toMatch(/^\d+$/);
  });

  it('says what a command was that took too long', async () => {
    await expect(machine.run(endless, { timeoutSeconds: 0.1 })).rejects.toThrow(
      /not within 0\.1 s: .* runs `tail -f \/dev\/null`/,
    );
  });
});

describe.skipIf(insideMachine())('a machine', () => {
  it('loads the modules of devices that are asked for, beside another machine that does not', async () => {
    const [one, two] = await Promise.all([boot(), boot()]);
    await one.run(['ip', 'link', 'add', 'd0', 'type', 'dummy']);
    expect((await one.run(['lsmod'])).stdout).toMatch(/^dummy /m);
    expect((await two.run(['lsmod'])).stdout).not.toMatch(/^dummy /m);
  });

  it('leaves nothing behind when it is taken down, also while it is at work', async () => {
    const machine = await boot();
    const { name } = machine.machine;
    const working = machine.run(endless, { timeoutSeconds: 1000 });
    const ended = expect(working).rejects.toThrow(/has ended|ENOENT/);
    expect(processesOf(name).length).toBeGreaterThan(0);
    await machine.down();
    await ended;
    expect(processesOf(name)).toEqual([]);
    expect(existsSync(`/run/tartan-lab/${name}`)).toBe(false);
  });

  it('says with the end of its console that it has ended', async () => {
    const machine = await boot();
    const end = machine.run([
      'sh',
      '-c',
      'echo the last words > /dev/console; echo o > /proc/sysrq-trigger; exec tail -f /dev/null',
    ]);
    await expect(end).rejects.toThrow(LabError);
    await expect(end).rejects.toThrow(/has ended:[\s\S]*the last words/);
    await expect(machine.run(['true'])).rejects.toThrow(/has ended/);
  });
});

describe.skipIf(insideMachine())('the lab runner with a machine', () => {
  const runner = [process.execPath, `${checkout}/scripts/lab.mjs`];

  it('boots one where a topology needs what this kernel lacks, and works in it as it does here', async () => {
    const folder = mkdtempSync(`${tmpdir()}/tartan-machine-`);
    const name = `machine-${process.pid.toString(36)}`;
    const file = `${folder}/one.clab.yml`;
    writeFileSync(
      file,
      JSON.stringify({
        name,
        topology: { nodes: { a: { kind: 'linux', exec: ['ip link add t0 type ipip local 192.0.2.1'] } } },
      }),
    );
    try {
      const lacking = !(await hasDeviceKind('ipip'));
      const up = await runCommand([...runner, 'up', file], { timeoutSeconds: 100 });
      expect(up.stderr).toBe('');
      expect(up.stdout.includes('no devices of kind ipip')).toBe(lacking);
      expect(up.stdout).toMatch(/a is up \(shell\)/);
      expect(processesOf(name).length).toBeGreaterThan(0);
      const exec = await runCommand([...runner, 'exec', name, 'a', 'ip', '-d', 'link', 'show', 't0']);
      expect(exec.stdout).toMatch(/ipip any/);
      const inspect = await runCommand([...runner, 'inspect', name, '-o', 'json']);
      expect(JSON.parse(inspect.stdout)).toMatchObject([{ lab: name, node: 'a', state: 'up' }]);
      expect(existsSync(`/run/netns/clab-${name}-a`)).toBe(!lacking);
    } finally {
      await runCommand([...runner, 'down', '--name', name]);
      rmSync(folder, { recursive: true });
    }
    expect(processesOf(name)).toEqual([]);
    expect(existsSync(`/run/tartan-lab/${name}`)).toBe(false);
  });
});

const suite = await suiteWithDevices('ipip', import.meta.url);
suite('an IP-in-IP tunnel between two nodes', () => {
  it('carries pings of its MTU, and the packets on the underlay are of protocol 4', async () => {
    const node = (own: number, other: number) => ({
      exec: [
        `ip address add 192.0.2.${own}/24 dev eth1`,
        `ip link add tun type ipip local 192.0.2.${own} remote any ttl inherit nopmtudisc`,
        'ip link set dev tun up mtu 1480',
        `ip address add 10.0.${own}.0/32 dev tun`,
        `ip address add 10.0.${own}.1/32 dev lo`,
        `ip route add 10.0.${other}.0/24 via 192.0.2.${other} dev tun onlink`,
      ],
    });
    await using lab = await Lab.up({
      name: 'ipip',
      topology: {
        nodes: { a: node(1, 2), b: node(2, 1) },
        links: [{ endpoints: ['a:eth1', 'b:eth1'] }],
      },
    });
    const a = lab.node('a');
    await untilPings(a, '10.0.2.1');
    const counter = async (): Promise<number> => {
      const [link] = JSON.parse((await a.exec('ip -j -s link show dev tun')).stdout);
      return link.stats64.tx.packets;
    };
    const before = await counter();
    const ping = (size: number) =>
      a.exec(['ping', '-c', '1', '-W', '2', '-M', 'do', '-s', String(size), '-I', '10.0.1.1', '10.0.2.1'], {
        allowFailure: true,
      });
    expect((await ping(1480 - 28)).status).toBe(0);
    expect(await counter()).toBe(before + 1);
    expect((await ping(1480 - 27)).status).not.toBe(0);
    const capture = await lab.spawn('b', 'tcpdump -n -l -c 1 -i eth1 ip proto 4');
    await capture.untilOutput(/listening on/);
    await ping(100);
    await capture.untilOutput(/192\.0\.2\.1 > 192\.0\.2\.2: IP 10\.0\.1\.1 > 10\.0\.2\.1: ICMP echo request/);
  });
});
