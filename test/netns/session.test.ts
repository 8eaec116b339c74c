import { closeSync, openSync } from 'node:fs';
import koffi from 'koffi';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Bird, birdConfig, Frr, type FrrNeighbor, frrConfig, Lab, until } from '../../interop/index.js';
import { sameAddress } from '../../src/address/index.js';
import type { Listener, SessionSettings } from '../../src/bgp/session/index.js';
import { buildCanonical, type Capability, encodeEndOfRib, UpdateEncoder } from '../../src/bgp/wire/index.js';
import { address, listen, RawPeer, settings, TestSpeaker } from '../support/session.js';

/** Moves this thread, and the sockets it makes from now on, into a named network namespace. */
function enterNamespace(name: string): () => void {
  const setns = koffi.load(null).func('int setns(int fd, int kind)');
  const move = (fd: number) => {
    const result = setns(fd, 0x40000000);
    closeSync(fd);
    if (result !== 0) throw new Error(`setns: errno ${koffi.errno()}`);
  };
  const home = openSync('/proc/thread-self/ns/net', 'r');
  move(openSync(`/run/netns/${name}`, 'r'));
  return () => move(home);
}

const ours = { frr: ['10.0.1.1', '2001:db8:1::1'], bird: ['10.0.2.1', '2001:db8:2::1'] };
const theirs = { frr: ['10.0.1.2', '2001:db8:1::2'], bird: ['10.0.2.2', '2001:db8:2::2'] };

const frrNeighbor = (at: string): FrrNeighbor => ({
  address: at,
  remoteAsn: 65001,
  families: ['ipv4', 'ipv6'],
  settings: ['timers connect 1', 'advertisement-interval 0'],
});

let lab: Lab;
let frr: Frr;
let bird: Bird;
let leave: () => void = () => {};
const listeners: Listener[] = [];
let speakers: TestSpeaker[] = [];

beforeAll(async () => {
  const link = (pair: { frr: string[]; bird: string[] }, name: 'frr' | 'bird', device: string) => [
    `ip address add ${pair[name][0]}/24 dev ${device}`,
    `ip address add ${pair[name][1]}/64 dev ${device}`,
  ];
  const topology = {
    nodes: {
      us: {
        kind: 'linux',
        image: 'shell',
        exec: [...link(ours, 'frr', 'eth1'), ...link(ours, 'bird', 'eth2')],
      },
      frr: {
        kind: 'linux',
        image: 'frr',
        binds: ['frr.conf:/etc/frr/frr.conf'],
        exec: link(theirs, 'frr', 'eth1'),
      },
      bird: {
        kind: 'linux',
        image: 'bird',
        binds: ['bird.conf:/etc/bird/bird.conf'],
        exec: link(theirs, 'bird', 'eth1'),
      },
    },
    links: [{ endpoints: ['us:eth1', 'frr:eth1'] }, { endpoints: ['us:eth2', 'bird:eth1'] }],
  };
  const birdNeighbor = (name: string, at: string) => ({
    name,
    address: at,
    remoteAsn: 65001,
    families: ['ipv4', 'ipv6'] as ('ipv4' | 'ipv6')[],
    settings: ['connect retry time 1;', 'connect delay time 1;', 'error wait time 1, 2;'],
  });
  lab = await Lab.up(
    { name: 'session', topology },
    {
      files: {
        'frr.conf': frrConfig({
          asn: 65002,
          routerId: '10.0.1.2',
          neighbors: ours.frr.map(frrNeighbor),
          networks: ['10.9.1.0/24', '2001:db8:9:1::/64'],
          settings: ['bgp graceful-restart'],
        }),
        'bird.conf': birdConfig({
          asn: 65003,
          routerId: '10.0.2.2',
          neighbors: [birdNeighbor('us4', ours.bird[0]), birdNeighbor('us6', ours.bird[1])],
          networks: ['10.9.2.0/24', '2001:db8:9:2::/64'],
        }),
      },
    },
  );
  frr = new Frr(lab.node('frr'));
  bird = new Bird(lab.node('bird'));
  leave = enterNamespace(lab.node('us').netns);
  for (const any of ['0.0.0.0', '::']) {
    listeners.push(
      await listen(
        (socket, remote) => {
          const to = speakers.find((s) => sameAddress(s.session.settings.remoteAddress, remote));
          return to?.session.accept(socket) ?? false;
        },
        any,
        179,
      ),
    );
  }
});
afterEach(async () => {
  await Promise.all(speakers.map((speaker) => speaker.session.stop()));
  speakers = [];
});
afterAll(async () => {
  for (const listener of listeners) listener.close();
  leave();
  await lab?.down();
});

const restart: Capability = {
  type: 'gracefulRestart',
  restarting: false,
  notification: false,
  restartTimeSeconds: 30,
  families: [
    { afi: 1, safi: 1, forwarding: false },
    { afi: 2, safi: 1, forwarding: false },
  ],
};

function start(peer: 'frr' | 'bird', family: 0 | 1, extra: Partial<SessionSettings> = {}): TestSpeaker {
  const speaker = new TestSpeaker(
    {
      ...settings,
      name: peer,
      remoteAddress: address(theirs[peer][family]),
      localAddress: address(ours[peer][family]),
      remoteAsn: peer === 'frr' ? 65002 : 65003,
      connectRetrySeconds: 2,
      idleHoldSeconds: 0.5,
      ttl: 1,
      ...extra,
    },
    { capabilities: () => [restart] },
  );
  speakers.push(speaker);
  speaker.session.start();
  return speaker;
}

/** A prefix of 24 or 64 bits as NLRI writes it. */
const nlri4 = (third: number) => Buffer.from([24, 10, 9, third]);
const nlri6 = (last: number) => Buffer.from([64, 0x20, 0x01, 0x0d, 0xb8, 0, 9, 0, last]);

const has = (speaker: TestSpeaker, nlri: Buffer) => speaker.updates.some((body) => body.includes(nlri));
const hasEndOfRib = (speaker: TestSpeaker, family: 0 | 1) =>
  speaker.updates.some((body) => body.equals(encodeEndOfRib(family).subarray(19)));

function announce(speaker: TestSpeaker, peer: 'frr' | 'bird'): void {
  const encoder = new UpdateEncoder(4096, true);
  const set = buildCanonical({ family: 0, nextHop: address(ours[peer][0]), asPath: [65001] });
  encoder.beginReach(set, 0, set.length);
  encoder.addIpv4(address('10.7.7.0').a, 24);
  encoder.end();
  const message = encoder.take();
  if (message === null) throw new Error('nothing encoded');
  speaker.session.send(message);
}

/** A route of ours arrives. */
async function untilTheyHear(speaker: TestSpeaker, peer: 'frr' | 'bird'): Promise<void> {
  announce(speaker, peer);
  if (peer === 'frr') await frr.untilPath('10.7.7.0/24', (path) => path.aspath?.string === '65001');
  else await bird.untilRoute('10.7.7.0/24', /BGP\.as_path: 65001/);
}

/** Drops what comes to us on BGP's port, and what we send with `both`; the function returned ends it. */
async function cut(both = false): Promise<() => Promise<unknown>> {
  await lab.exec('us', ['nft', 'add table inet cut']);
  for (const hook of both ? ['input', 'output'] : ['input']) {
    await lab.exec('us', ['nft', `add chain inet cut ${hook} { type filter hook ${hook} priority 0; }`]);
    for (const port of ['sport', 'dport']) {
      await lab.exec('us', ['nft', `add rule inet cut ${hook} tcp ${port} 179 drop`]);
    }
  }
  return () => lab.exec('us', ['nft', 'delete table inet cut']);
}

/** Which side dials: set at the peer, and given to us as `passive`. */
async function peerIsPassive(peer: 'frr' | 'bird', family: 0 | 1, passive: boolean): Promise<void> {
  if (peer === 'frr') {
    const line = `neighbor ${ours.frr[family]} passive`;
    await frr.configure('router bgp 65002', passive ? line : `no ${line}`);
    return;
  }
  const text = lab.node('bird').read('/etc/bird/bird.conf').replaceAll('  passive on;\n', '');
  const name = family === 0 ? 'us4' : 'us6';
  const head = `protocol bgp ${name} {\n`;
  lab
    .node('bird')
    .write('/etc/bird/bird.conf', passive ? text.replace(head, `${head}  passive on;\n`) : text);
  await bird.birdc('configure');
}

async function untilTheyAgree(peer: 'frr' | 'bird', family: 0 | 1): Promise<void> {
  if (peer === 'frr') await frr.untilEstablished(ours.frr[family]);
  else await bird.untilEstablished(family === 0 ? 'us4' : 'us6');
}

for (const peer of ['frr', 'bird'] as const) {
  for (const family of [0, 1] as const) {
    describe(`${peer} over IPv${family === 0 ? 4 : 6}`, () => {
      for (const [who, peerPassive, passive] of [
        ['we dial', true, false],
        ['the peer dials', false, true],
        ['both dial', false, false],
      ] as const) {
        it(`comes up and exchanges routes of both families when ${who}`, async () => {
          await peerIsPassive(peer, family, peerPassive);
          const speaker = start(peer, family, { passive });
          await speaker.established();
          await untilTheyAgree(peer, family);
          expect(speaker.negotiated).toMatchObject({
            families: [0, 1],
            fourOctetAs: true,
            routeRefresh: true,
          });
          const n = peer === 'frr' ? 1 : 2;
          await speaker.until(() => has(speaker, nlri4(n)) && has(speaker, nlri6(n)));
          await speaker.until(() => hasEndOfRib(speaker, 0) && hasEndOfRib(speaker, 1));
          await untilTheyHear(speaker, peer);
          expect(speaker.establishedCount).toBe(1);
        });
      }

      it('comes up when both sides are dialing before either gets through', async () => {
        await peerIsPassive(peer, family, false);
        const mend = await cut(true);
        const speaker = start(peer, family, { connectRetrySeconds: 60 });
        try {
          await until(`${peer} dials`, async () => {
            const { stdout } = await lab.exec(peer, [
              'ss',
              '-Htn',
              'state',
              'syn-sent',
              'dport',
              '=',
              ':179',
            ]);
            return stdout.includes(ours[peer][family]);
          });
          expect(speaker.session.state).toBe('connect');
        } finally {
          await mend();
        }
        await speaker.established();
        await untilTheyAgree(peer, family);
        await untilTheyHear(speaker, peer);
      });

      it('ends by the hold timer when its packets are dropped, and comes back when they are not', async () => {
        await peerIsPassive(peer, family, false);
        const speaker = start(peer, family, { holdTimeSeconds: 3 });
        await speaker.established();
        const mend = await cut();
        try {
          await speaker.until(() => speaker.closed.some((info) => info.wasEstablished));
          expect(speaker.closed[0]).toMatchObject({ notificationSent: { code: 4, subcode: 0 } });
          expect(speaker.closed[0].error).toContain('hold timer expired');
        } finally {
          await mend();
        }
        await speaker.until(() => speaker.establishedCount === 2);
        await untilTheyAgree(peer, family);
      });
    });
  }
}

describe('what a peer says and does', () => {
  it('is told apart: a shutdown with its text, then a return', async () => {
    const speaker = start('frr', 0);
    await speaker.established();
    await frr.configure('router bgp 65002', `neighbor ${ours.frr[0]} shutdown message moving house`);
    await speaker.until(() => speaker.closed.some((info) => info.wasEstablished));
    expect(speaker.closed[0].error).toContain('Administrative Shutdown "moving house"');
    expect(speaker.closed[0]).toMatchObject({
      graceful: false,
      notificationReceived: { code: 6, subcode: 2 },
    });
    await frr.configure('router bgp 65002', `no neighbor ${ours.frr[0]} shutdown`);
    await speaker.until(() => speaker.establishedCount === 2);
  });

  it('is a graceful restart when it is killed, and says so when it comes back', async () => {
    const speaker = start('frr', 0);
    await speaker.established();
    await speaker.until(() => hasEndOfRib(speaker, 0));
    expect(speaker.negotiated?.peerGracefulRestart).not.toBeNull();
    await lab.node('frr').process.kill('SIGKILL');
    await speaker.until(() => speaker.closed.some((info) => info.wasEstablished));
    expect(speaker.closed[0]).toMatchObject({ graceful: true, notificationReceived: null });
    await lab.node('frr').process.start();
    await speaker.until(() => speaker.establishedCount === 2);
    expect(speaker.negotiated?.peerGracefulRestart).toMatchObject({ restarting: true });
    speaker.session.send(encodeEndOfRib(0));
    speaker.session.send(encodeEndOfRib(1));
    await speaker.until(() => speaker.updates.filter((body) => body.includes(nlri4(1))).length >= 2);
  });

  it('does not end a session with another peer when one sends garbage', async () => {
    const other = start('bird', 0);
    await other.established();
    const speaker = start('frr', 0, { passive: true, remoteAddress: address(ours.frr[0]) });
    const garbage = await RawPeer.dial(179, ours.frr[0]);
    await garbage.open();
    garbage.socket.write('no router at all');
    garbage.socket.write(' and more of that');
    expect(await garbage.notification()).toMatchObject({ code: 1, subcode: 1 });
    expect(speaker.session.state).toBe('idle');
    const before = other.session.counters.messagesReceived;
    await bird.birdc('reload out us4');
    await other.until(() => other.session.counters.messagesReceived > before);
    expect(other.closed).toEqual([]);
  });
});

it('marks every packet CS6, and gives every message the TTL', async () => {
  for (const rule of [
    'table inet watch { counter unmarked { }; counter far { }; counter seen { }; }',
    'chain inet watch input { type filter hook input priority 0; }',
    'rule inet watch input tcp dport 179 counter name seen',
    'rule inet watch input tcp sport 179 counter name seen',
  ]) {
    await lab.exec('frr', ['nft', `add ${rule}`]);
  }
  const from = { ip: '10.0.1.1', ip6: '2001:db8:1::1' };
  for (const [kind, hop] of [
    ['ip', 'ttl'],
    ['ip6', 'hoplimit'],
  ] as const) {
    const source = `${kind} saddr ${from[kind]}`;
    await lab.exec('frr', [
      'nft',
      `add rule inet watch input ${source} tcp dport 179 ${kind} dscp != cs6 counter name unmarked`,
    ]);
    await lab.exec('frr', [
      'nft',
      `add rule inet watch input ${source} tcp sport 179 ${kind} dscp != cs6 counter name unmarked`,
    ]);
    for (const port of ['dport', 'sport']) {
      await lab.exec('frr', [
        'nft',
        `add rule inet watch input ${source} tcp ${port} 179 tcp flags psh ${kind} ${hop} != 1 counter name far`,
      ]);
    }
  }
  try {
    for (const family of [0, 1] as const) {
      for (const passive of [false, true]) {
        await peerIsPassive('frr', family, !passive);
        const speaker = start('frr', family, { passive });
        await speaker.established();
        await untilTheyAgree('frr', family);
        await speaker.session.stop();
        speakers = [];
      }
    }
    const counter = async (name: string) => {
      const { stdout } = await lab.exec('frr', ['nft', `list counter inet watch ${name}`]);
      return Number(/packets (\d+)/.exec(stdout)?.[1]);
    };
    expect(await counter('seen')).toBeGreaterThan(20);
    expect(await counter('unmarked')).toBe(0);
    expect(await counter('far')).toBe(0);
  } finally {
    await lab.exec('frr', ['nft', 'delete table inet watch']);
  }
});
