import { existsSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { checkout, Lab, Tartan, tartanConfig, until } from '../../interop/index.js';
import { announce, startTester, stopTester, stopTesters, untilHeld } from './support/feeder.js';

const labs: Lab[] = [];
afterEach(async () => {
  await stopTesters();
  for (const lab of labs.splice(0)) await lab.down();
});

/** AS numbers that no path of a real table holds: one with ours in it would be a loop. */
const ourAsn = 4_200_000_000;

/** feeder — t (Tartan) — sink, three ASes. */
async function line(install: boolean): Promise<{ lab: Lab; t: Tartan }> {
  const peer = (name: string, n: number) => ({
    name,
    address: `10.0.${n}.2`,
    asn: ourAsn + n,
    passive: true,
  });
  const lab = await Lab.up(
    {
      name: 'full',
      topology: {
        nodes: {
          t: {
            image: 'tartan',
            'startup-config': 't.yaml',
            exec: ['ip addr add 10.0.1.1/24 dev eth1', 'ip addr add 10.0.2.1/24 dev eth2'],
          },
          feeder: { image: 'alpine', exec: ['ip addr add 10.0.1.2/24 dev eth1'] },
          sink: { image: 'alpine', exec: ['ip addr add 10.0.2.2/24 dev eth1'] },
        },
        links: [{ endpoints: ['t:eth1', 'feeder:eth1'] }, { endpoints: ['t:eth2', 'sink:eth1'] }],
      },
    },
    {
      files: {
        't.yaml': tartanConfig({
          name: 't',
          asn: ourAsn,
          routerId: '10.0.1.1',
          spec: { kernel: { install }, peers: [peer('feeder', 1), peer('sink', 2)] },
        }),
      },
    },
  );
  labs.push(lab);
  return { lab, t: new Tartan(lab.node('t')) };
}

const bin = `${checkout}/bin/tartan`;

/** What `tartan show routes --count …` prints, run in the node. */
async function shownCount(lab: Lab, ...words: string[]): Promise<string> {
  const argv = [process.execPath, bin, 'show', 'routes', '--count', ...words];
  return (await lab.exec('t', argv)).stdout.trim();
}

describe('a table of a million prefixes', () => {
  it('is accepted, shown, announced to a second peer without loss or repetition, and withdrawn again', async () => {
    const { lab, t } = await line(false);
    const feeder = await startTester(lab, 'feeder', {
      asn: ourAsn + 1,
      address: '10.0.1.2',
      peer: '10.0.1.1',
      table: 'generated:1000000',
    });
    const sink = await startTester(lab, 'sink', { asn: ourAsn + 2, address: '10.0.2.2', peer: '10.0.2.1' });
    await Promise.all([feeder.next('established'), sink.next('established')]);

    const sent = await announce(feeder);
    expect(sent.prefixes).toBe(1_000_000);
    await untilHeld(sink, 1_000_000);
    expect(await sink.ask('report', 'report')).toMatchObject({
      count: 1_000_000,
      digest: sent.digest,
      announced: 1_000_000,
      repeated: 0,
      withdrawn: 0,
    });
    expect(await t.peer('feeder')).toMatchObject({
      families: { ipv4: { received: 1_000_000, accepted: 1_000_000, announced: 0 } },
    });
    expect(await t.peer('sink')).toMatchObject({ families: { ipv4: { announced: 1_000_000 } } });
    expect(await shownCount(lab)).toBe('1000000');
    expect(await shownCount(lab, '--peer', 'sink', '--advertised')).toBe('1000000');

    await feeder.ask('withdraw', 'sent');
    await untilHeld(sink, 0);
    expect(await sink.ask('report', 'report')).toMatchObject({
      count: 0,
      announced: 1_000_000,
      withdrawn: 1_000_000,
      repeated: 0,
      spuriousWithdrawals: 0,
    });
    expect(await feeder.ask('report', 'report')).toMatchObject({ announced: 0, withdrawn: 0 });
    expect(await shownCount(lab)).toBe('0');
    expect(await t.peer('feeder')).toMatchObject({
      state: 'established',
      families: { ipv4: { received: 0, accepted: 0 } },
    });
    expect((await t.client.status()).routes.ipv4).toEqual({ prefixes: 0, paths: 0 });
  });
});

const realTable = `${checkout}/../shared/data/rib.ipv4.20140530.jinx.mrt.bz2`;
const hasRealTable = existsSync(realTable);
if (!hasRealTable) console.log(`${realTable} is not there: 200,000 generated prefixes stand in for it`);

describe(hasRealTable ? 'a real full table' : 'a generated table', () => {
  it('is installed in the kernel prefix by prefix, and leaves nothing behind when the session ends', async () => {
    const { lab, t } = await line(true);
    const node = lab.node('t');
    const foreign = Array.from({ length: 200 }, (_, i) => `100.64.${i}.0/24`);
    const add = foreign.map((prefix) => `route add ${prefix} via 10.0.2.2 metric 1024 proto static`);
    await node.exec(['ip', '-batch', '-'], { input: `${add.join('\n')}\n` });
    const foreignRoutes = async () => (await node.exec('ip -4 route show proto static')).stdout;
    const foreignBefore = await foreignRoutes();

    const feeder = await startTester(lab, 'feeder', {
      asn: ourAsn + 1,
      address: '10.0.1.2',
      peer: '10.0.1.1',
      table: hasRealTable ? `mrt:${realTable}` : 'generated:200000',
    });
    await feeder.next('established');
    const { prefixes } = await announce(feeder);
    expect(prefixes).toBe(hasRealTable ? 497_321 : 200_000);
    await until(
      'the whole table is installed',
      async () => {
        const { ipv4 } = (await t.client.status()).fib;
        if (ipv4?.installed === prefixes) return true;
        throw new Error(JSON.stringify(ipv4));
      },
      { timeoutSeconds: 90, intervalMilliseconds: 200 },
    );

    const inKernel = async (): Promise<string[]> => {
      const { stdout } = await node.exec('ip -4 route show proto 84');
      return stdout === '' ? [] : stdout.trimEnd().split('\n');
    };
    const lines = new Map((await inKernel()).map((text) => [text.split(' ', 1)[0], text]));
    expect(lines.size).toBe(prefixes);
    // A thousand of the routes that the daemon says it has, spread over the whole table.
    const step = Math.floor(prefixes / 1000);
    let row = 0;
    let agreeing = 0;
    for await (const route of t.client.routes({ view: 'best' })) {
      if (row++ % step !== 0 || agreeing === 1000) continue;
      agreeing++;
      const { prefix } = route;
      const shown = prefix === '0.0.0.0/0' ? 'default' : prefix.replace(/\/32$/, '');
      expect(
        lines
          .get(shown)
          ?.replace(/nhid \d+ /, '')
          .trimEnd(),
      ).toBe(`${shown} via ${route.nextHop} dev eth1 metric 1024`);
    }
    expect([row, agreeing]).toEqual([prefixes, 1000]);

    await stopTester(feeder);
    await t.untilPeer('feeder', (peer) => peer.families.ipv4?.received === 0, 'has left nothing');
    await until(
      'the kernel holds none of it',
      async () => {
        const { ipv4 } = (await t.client.status()).fib;
        return ipv4?.installed === 0 && ipv4.pending === 0 && (await inKernel()).length === 0;
      },
      { timeoutSeconds: 60, intervalMilliseconds: 200 },
    );
    expect(await foreignRoutes()).toBe(foreignBefore);
    expect(foreignBefore.trimEnd().split('\n')).toHaveLength(200);
    expect((await node.exec('ip nexthop show')).stdout).not.toContain('proto 84');
  });
});
