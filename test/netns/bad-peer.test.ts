import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkout, Frr, frrConfig, Lab, Tartan, tartanConfig, until } from '../../interop/index.js';

/** Hex of a BGP message: marker, length, type and body. */
function message(type: number, body: string): string {
  const length = 19 + body.length / 2;
  return 'ff'.repeat(16) + length.toString(16).padStart(4, '0') + type.toString(16).padStart(2, '0') + body;
}

interface Said {
  event: string;
  code?: number;
  subcode?: number;
}

describe('a peer that sends garbage', () => {
  let lab: Lab;
  let t: Tartan;
  let since: string;

  beforeEach(async () => {
    lab = await Lab.up(
      {
        name: 'bad',
        topology: {
          nodes: {
            t: {
              image: 'tartan',
              'startup-config': 't.yaml',
              exec: ['ip addr add 10.0.1.1/24 dev eth1', 'ip addr add 10.0.2.1/24 dev eth2'],
            },
            good: { image: 'frr', 'startup-config': 'f.conf', exec: ['ip addr add 10.0.1.2/24 dev eth1'] },
            bad: { image: 'alpine', exec: ['ip addr add 10.0.2.2/24 dev eth1'] },
          },
          links: [{ endpoints: ['t:eth1', 'good:eth1'] }, { endpoints: ['t:eth2', 'bad:eth1'] }],
        },
      },
      {
        files: {
          't.yaml': tartanConfig({
            name: 't',
            asn: 65001,
            routerId: '10.0.1.1',
            spec: {
              peers: [
                { name: 'good', address: '10.0.1.2', asn: 65002 },
                { name: 'bad', address: '10.0.2.2', asn: 65003, passive: true },
              ],
            },
          }),
          'f.conf': frrConfig({
            asn: 65002,
            routerId: '10.0.1.2',
            networks: ['198.51.100.0/24'],
            neighbors: [{ address: '10.0.1.1', remoteAsn: 65001, settings: ['timers connect 1'] }],
          }),
        },
      },
    );
    t = new Tartan(lab.node('t'));
    since = (await t.untilEstablished('good')).since;
    await t.untilInstalled('198.51.100.0/24');
  });
  afterEach(() => lab?.down());

  /** Brings the bad peer's session up and sends these bytes on it; resolves with what it is told. */
  async function send(hex: string): Promise<Said> {
    const tester = await lab.spawn('bad', [
      process.execPath,
      `${checkout}/dist/bench/tester.js`,
      ...[
        '--asn',
        '65003',
        '--router-id',
        '10.0.2.2',
        '--connect',
        '10.0.2.1',
        '--script',
        `established:raw ${hex}`,
      ],
    ]);
    const output = await until('the answer', () => /\{"event":"notification".*/.exec(tester.output())?.[0]);
    await tester.kill('SIGKILL');
    return JSON.parse(output) as Said;
  }

  it.each([
    ['a marker that is not all ones', `${'00'.repeat(16)}001304`, 1, 1],
    ['a length below the header', `${'ff'.repeat(16)}001204`, 1, 2],
    ['a length above the maximum', `${'ff'.repeat(16)}ffff02`, 1, 2],
    ['a message type that does not exist', message(9, ''), 1, 3],
    ['an OPEN in the middle of a session', message(1, `04${'fdeb'}00b40a00020200`), 5, 3],
    ['an UPDATE whose lengths do not fit', message(2, 'ffff0000'), 3, 1],
    ['an UPDATE with a prefix of 40 bits', message(2, '0000000028010203040500'), 3, 10],
  ])('is told why: %s', async (_, hex, code, subcode) => {
    expect(await send(hex)).toMatchObject({ event: 'notification', code, subcode });
    const bad = await t.untilPeer('bad', (peer) => peer.state !== 'established', 'is down');
    expect(bad.lastError).toBeTruthy();
    expect(await t.peer('good')).toMatchObject({ state: 'established', since });
    expect(await new Frr(lab.node('good')).neighbor('10.0.1.1')).toMatchObject({ bgpState: 'Established' });
  });

  it('loses only the routes of an UPDATE that can be treated as withdrawn', async () => {
    // ORIGIN of two octets (RFC 7606 §7.1), the rest as it should be, for 203.0.113.0/24.
    const attributes = '4001020000' + '400206020100' + '00fdeb' + '4003040a000202';
    const length = (attributes.length / 2).toString(16).padStart(4, '0');
    const update = message(2, `0000${length}${attributes}18cb0071`);
    const tester = await lab.spawn('bad', [
      process.execPath,
      `${checkout}/dist/bench/tester.js`,
      ...[
        '--asn',
        '65003',
        '--router-id',
        '10.0.2.2',
        '--connect',
        '10.0.2.1',
        '--table',
        'generated:10',
        '--next-hop',
        '10.0.2.2',
      ],
      ...['--script', `established:announce`, '--script', `sent:raw ${update}`],
    ]);
    await t.untilPeer('bad', (peer) => peer.families.ipv4?.received === 10, 'has announced its table');
    await lab.node('t').process.untilOutput(/"type":"peer.malformed"/);
    expect(await t.peer('bad')).toMatchObject({ state: 'established', families: { ipv4: { received: 10 } } });
    expect(await t.routes({ prefix: '203.0.113.0/24' })).toEqual([]);
    await tester.kill('SIGKILL');
  });
});
