/** `natOutgoing` and `tartan cleanup` in a real kernel: a node between a pod and the world. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkout, Lab, pings, Tartan, tartanConfig, until, untilPings } from '../../interop/index.js';

let lab: Lab;
let t: Tartan;
const tartan = `${checkout}/bin/tartan`;

beforeAll(async () => {
  const document = tartanConfig({
    name: 't',
    asn: 65001,
    routerId: '192.0.2.1',
    spec: {
      onStop: { routes: 'keep' },
      pools: [
        { cidr: '10.244.0.0/16', backend: 'vxlan', natOutgoing: true },
        { cidr: '10.245.0.0/16' },
        { cidr: 'fd10::/16', backend: 'vxlan', natOutgoing: true },
      ],
      nodes: [
        {
          name: 't',
          addresses: ['192.0.2.1/24', '2001:db8::1/64'],
          podCIDRs: ['10.244.1.0/24', 'fd10:1::/64'],
        },
        {
          name: 'other',
          addresses: ['192.0.2.7/24', '2001:db8::7/64'],
          podCIDRs: ['10.244.7.0/24', 'fd10:7::/64'],
        },
      ],
    },
  });
  lab = await Lab.up(
    {
      name: 'nat',
      topology: {
        nodes: {
          t: {
            image: 'tartan',
            binds: ['t.yaml:/etc/tartan/t.yaml'],
            exec: [
              'ip address add 192.0.2.1/24 dev eth1',
              'ip address add 2001:db8::1/64 dev eth1',
              'ip address add 10.244.1.1/24 dev eth2',
              'ip address add fd10:1::1/64 dev eth2',
              'nft add table inet theirs',
              'nft add chain inet theirs c { type filter hook input priority 0 ; }',
              'ip route add 203.0.113.0/24 via 192.0.2.2 proto 99',
              'ip route add 10.245.9.0/24 via 192.0.2.2 proto 99',
            ],
          },
          // It knows no way back to pods: an answer comes by the node's address alone.
          world: {
            image: 'alpine',
            exec: [
              'ip address add 192.0.2.2/24 dev eth1',
              'ip address add 2001:db8::2/64 dev eth1',
              'ip address add 203.0.113.1/32 dev lo',
              'ip address add 10.245.9.1/32 dev lo',
            ],
          },
          pod: {
            image: 'alpine',
            exec: [
              'ip address add 10.244.1.2/24 dev eth1',
              'ip address add fd10:1::2/64 dev eth1',
              'ip route add default via 10.244.1.1',
              'ip -6 route add default via fd10:1::1',
            ],
          },
        },
        links: [{ endpoints: ['t:eth1', 'world:eth1'] }, { endpoints: ['t:eth2', 'pod:eth1'] }],
      },
    },
    { files: { 't.yaml': document } },
  );
  t = new Tartan(lab.node('t'));
});
afterAll(() => lab?.down());

const stdout = async (command: string) => (await lab.exec('t', command)).stdout;

describe('natOutgoing', () => {
  it.each(['203.0.113.1', '2001:db8::2'])(
    'masquerades what leaves the pools: %s answers a pod',
    async (address) => {
      await untilPings(lab.node('pod'), address);
    },
  );

  it('never between pools', async () => {
    const dump = await lab.spawn('world', ['tcpdump', '-n', '-i', 'eth1', '-l', 'icmp']);
    await dump.untilOutput(/listening on/);
    await pings(lab.node('pod'), '10.245.9.1');
    await dump.untilOutput(/10\.244\.1\.2 > 10\.245\.9\.1: ICMP echo request/);
    await dump.kill('SIGINT');
    expect(dump.output()).not.toMatch(/192\.0\.2\.1 > 10\.245\.9\.1/);
  });

  it.each(['nft flush ruleset', 'nft flush chain inet tartan postrouting', 'nft delete table inet tartan'])(
    'is restored after `%s`',
    async (command) => {
      const before = await stdout('nft -s list table inet tartan');
      await lab.exec('t', command);
      await until('the table is as it was', async () => {
        const { stdout: now } = await lab.exec('t', 'nft -s list table inet tartan', { allowFailure: true });
        return now === before;
      });
      await untilPings(lab.node('pod'), '203.0.113.1');
    },
  );
});

describe('tartan cleanup', () => {
  it('refuses while the daemon runs, then removes what is ours and nothing else', async () => {
    await lab.exec('t', 'nft add table inet theirs');
    await until('the tunnels are there', async () => {
      const { devices } = await t.client.overlay();
      return devices.length === 2 && devices.every(({ state }) => state === 'ready');
    });
    await t.untilInstalled('fd10:7::/64');
    const words = [tartan, 'cleanup', '--config', '/etc/tartan/t.yaml'];
    const refused = await lab.exec('t', words, { allowFailure: true });
    expect(refused).toMatchObject({ status: 1, stderr: expect.stringContaining('a daemon runs') });
    expect(await t.node.process.kill('SIGTERM')).toMatchObject({ code: 0 });
    expect(await stdout('ip route show proto 84')).toContain('10.244.7.0/24');
    expect(await stdout('nft list tables')).toContain('inet tartan');

    const { stdout: said } = await lab.exec('t', words);
    expect(said).toMatch(/^removed: \d+ routes/);
    expect(await stdout('ip route show proto 84')).toBe('');
    expect(await stdout('ip -6 route show proto 84')).toBe('');
    expect(await stdout('ip link show type vxlan')).toBe('');
    expect(await stdout('nft list tables')).toBe('table inet theirs\n');
    expect(await stdout('ip route show proto 99')).toContain('203.0.113.0/24');
    expect(await stdout('ip address show dev eth1')).toContain('192.0.2.1/24');
  });
});
