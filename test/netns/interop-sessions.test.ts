/**
 * Sessions between Tartan `t` and each of the daemons, `d`: many on one link, each with addresses and a wish of its own.
 * The daemons take no turns. What FRR and BIRD say of wrong passwords and TTLs, and of words at the end, stands in
 * session-security.test.ts.
 */
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { type DaemonId, daemons } from '../../interop/features.js';
import { Exabgp, Lab, Tartan, tartanConfig, until, untilKernelRoute } from '../../interop/index.js';
import { interop, unsupported } from './support/interop.js';
import { peering } from './support/peering.js';
import { type Remote, remoteOf, untilRemotePath } from './support/remote.js';
import { type RemoteOptions, type RemoteSession, remoteConfig } from './support/remote-config.js';

const asn = 65002;
const common = '198.51.100.0/24';
/** One prefix more than Tartan takes in the session `limited`. */
const networks = [common, '198.51.101.0/24', '198.51.102.0/24'];
const network6 = '2001:db8:100::/48';

interface SessionPlan {
  name: string;
  dialing: 'we dial' | 'they dial';
  theirs?: Partial<RemoteSession>;
  ours?: Record<string, unknown>;
}

const signed: Pick<SessionPlan, 'theirs' | 'ours'> = {
  theirs: { password: 'swordfish' },
  ours: { passwordEnv: 'PEER_PASSWORD' },
};
const near: Pick<SessionPlan, 'theirs' | 'ours'> = {
  theirs: { ttlSecurity: true },
  ours: { ttlSecurity: true },
};

/** The session with index i is between 10.0.i.1, ours, and 10.0.i.2; likewise over IPv6, where its name ends in 6. */
const plans: readonly SessionPlan[] = [
  { name: 'dialing', dialing: 'we dial' },
  { name: 'dialed', dialing: 'they dial' },
  { name: 'signed', dialing: 'we dial', ...signed },
  { name: 'signedDialed', dialing: 'they dial', ...signed },
  { name: 'signed6', dialing: 'we dial', ...signed },
  { name: 'signedDialed6', dialing: 'they dial', ...signed },
  { name: 'near', dialing: 'we dial', ...near },
  { name: 'nearDialed', dialing: 'they dial', ...near },
  { name: 'near6', dialing: 'we dial', ...near },
  { name: 'nearDialed6', dialing: 'they dial', ...near },
  { name: 'limited', dialing: 'we dial', ours: { maxPrefixes: { received: 2, action: 'shutdown' } } },
  { name: 'hasty', dialing: 'we dial', theirs: { holdTime: 9 }, ours: { holdTime: 6 } },
];

function addressOf(name: string, end: 1 | 2): string {
  const index = plans.findIndex((plan) => plan.name === name);
  return name.endsWith('6') ? `2001:db8:${index}::${end}` : `10.0.${index}.${end}`;
}

interface Scene {
  lab: Lab;
  t: Tartan;
  d: Remote;
}

async function up(daemon: DaemonId): Promise<Scene> {
  const options: RemoteOptions = {
    asn,
    routerId: '10.255.0.2',
    announcements: [...networks, network6].map((prefix) => ({ prefix })),
    sessions: plans.map(({ name, dialing, theirs }) => ({
      address: addressOf(name, 1),
      localAddress: addressOf(name, 2),
      remoteAsn: 65001,
      passive: dialing === 'we dial',
      ...theirs,
    })),
  };
  const document = tartanConfig({
    name: 't',
    asn: 65001,
    routerId: '10.255.0.1',
    spec: {
      maxPaths: 2,
      networks: [{ prefix: '203.0.113.0/24' }],
      peers: plans.map(({ name, dialing, ours }) => ({
        name,
        address: addressOf(name, 2),
        asn,
        passive: dialing === 'they dial',
        connectRetry: 1,
        ...ours,
      })),
    },
  });
  const addresses = (end: 1 | 2): string[] =>
    plans.map(({ name }) =>
      name.endsWith('6')
        ? `ip -6 addr add ${addressOf(name, end)}/64 dev eth1 nodad`
        : `ip addr add ${addressOf(name, end)}/24 dev eth1`,
    );
  const lab = await Lab.up(
    {
      name: 'sessions',
      topology: {
        nodes: {
          t: {
            image: 'tartan',
            'startup-config': 't.yaml',
            exec: addresses(1),
            env: { PEER_PASSWORD: 'swordfish' },
          },
          d: { image: daemon, 'startup-config': 'd.conf', exec: addresses(2) },
        },
        links: [{ endpoints: ['t:eth1', 'd:eth1'] }],
      },
    },
    { files: { 't.yaml': document, 'd.conf': remoteConfig(daemon, options) } },
  );
  return { lab, t: new Tartan(lab.node('t')), d: remoteOf(daemon, lab.node('d'), options) };
}

/** How a daemon says that the other side found too many prefixes (RFC 4486 §4). */
const tooMany = /maximum number of prefixes|max-prefix|subcode.{1,4}\b1\b|6\/1/i;

// Side by side, but the tests of each daemon one after the other: they mostly wait for its timers.
describe.concurrent.each(Object.keys(daemons) as DaemonId[])('with %s', (daemon) => {
  describe.sequential('over one link', () => suite(daemon));
});

function suite(daemon: DaemonId): void {
  let scene: Scene;
  beforeAll(async () => {
    scene = await up(daemon);
  });
  afterAll(() => scene?.lab.down());
  const patiently = { timeoutSeconds: 60 };

  interop('dialing', daemon, 'the session comes up whichever side dials', async () => {
    const { t, d, lab } = scene;
    for (const name of ['dialing', 'dialed']) {
      await t.untilEstablished(name, patiently);
      await d.untilEstablished(addressOf(name, 1));
    }
    const listed = (await lab.exec('t', 'ss -Htn state established')).stdout;
    const port = (name: string): number =>
      Number(new RegExp(`${addressOf(name, 1)}:(\\d+)\\s+${addressOf(name, 2)}:`).exec(listed)?.[1]);
    expect(port('dialing')).not.toBe(179);
    expect(port('dialed')).toBe(179);
  });

  /** What it announces has come; some announce our own network back as well. */
  const untilHears = async (name: string) => {
    const prefixes = name.endsWith('6') ? [network6] : networks;
    await until(`${name} brings ${prefixes.join(', ')}`, async () => {
      const rows = await scene.t.routes({ peer: name, view: 'received' });
      return prefixes.every((prefix) => rows.some((row) => row.prefix === prefix));
    });
  };

  // OpenBGPD answers no signed connection on Linux; see below.
  const passwords = [
    'signedDialed',
    'signedDialed6',
    ...(daemon === 'openbgpd' ? [] : ['signed', 'signed6']),
  ];
  interop('tcp-md5', daemon, `sessions come up with the same password: ${passwords.join(', ')}`, async () => {
    const { t, lab } = scene;
    for (const name of passwords) {
      const peer = await t.untilEstablished(name, patiently);
      expect(peer.authentication).toBe('tcp-md5');
      await untilHears(name);
    }
    expect(JSON.stringify(await t.client.peers())).not.toContain('swordfish');
    expect(lab.node('t').process.output()).not.toContain('swordfish');
  });

  // ExaBGP sends what the kernel's default says over IPv6.
  const limited = ['near', 'nearDialed', ...(daemon === 'exabgp' ? [] : ['near6', 'nearDialed6'])];
  interop('gtsm', daemon, `sessions come up when both sides have it: ${limited.join(', ')}`, async () => {
    const { t } = scene;
    for (const name of limited) {
      const peer = await t.untilEstablished(name, patiently);
      expect(peer.ttlSecurity).toBe(1);
      await untilHears(name);
    }
  });

  if (daemon === 'openbgpd')
    unsupported(
      'tcp-md5',
      daemon,
      'on Linux, its listening socket answers no signed connection',
      async () => {
        const { t } = scene;
        const hint = /nobody answers where the passwords differ/;
        const peer = await t.untilPeer('signed', (row) => hint.test(row.lastError ?? ''), 'hints', patiently);
        expect(peer.state).not.toBe('established');
      },
    );

  if (daemon === 'gobgp' || daemon === 'openbgpd')
    interop('shutdown-communication', daemon, 'is told our words', async () => {
      const { t, d } = scene;
      const address = addressOf('dialing', 1);
      await t.untilEstablished('dialing', patiently);
      await t.client.peerAction('dialing', 'shutdown', 'new disk, back at 9');
      await until('the words', async () => (await d.said(address)).includes('new disk, back at 9'));
      await t.client.peerAction('dialing', 'enable');
      await t.untilEstablished('dialing', patiently);
    });

  if (daemon === 'exabgp')
    unsupported('shutdown-communication', daemon, 'is sent our words, and stumbles over them', async () => {
      const { t, d, lab } = scene;
      const address = addressOf('dialing', 1);
      await t.untilEstablished('dialing', patiently);
      await d.untilEstablished(address);
      await t.client.peerAction('dialing', 'shutdown', 'new disk, back at 9');
      const exabgp = new Exabgp(lab.node('d'));
      const words = Buffer.from('new disk, back at 9').toString('hex').toUpperCase();
      await exabgp.untilHeard(
        'the octets',
        ({ neighbor }) => neighbor.message?.body?.endsWith(words) ?? false,
      );
      await exabgp.untilHeard(
        'its own complaint',
        ({ neighbor: { address: ends, reason } }) =>
          ends.peer === address && /can not decode update message of type "3"/.test(reason ?? ''),
      );
      await t.client.peerAction('dialing', 'enable');
      await t.untilEstablished('dialing', patiently);
    });

  if (daemon === 'exabgp')
    unsupported('shutdown-communication', daemon, 'ends a session without words', async () => {
      const { t, d } = scene;
      await t.untilEstablished('dialed', patiently);
      await d.shutdown(addressOf('dialed', 1), 'moving house');
      const ended = (lastError: string | null): boolean => /Administrative Shutdown/.test(lastError ?? '');
      const { lastError } = await t.untilPeer('dialed', (row) => ended(row.lastError), 'is told of the end');
      expect(lastError).not.toContain('moving house');
      await t.untilEstablished('dialed', patiently);
    });
  else if (daemon !== 'frr' && daemon !== 'bird')
    interop('shutdown-communication', daemon, 'tells us its words', async () => {
      const { t, d } = scene;
      const address = addressOf('dialed', 1);
      await t.untilEstablished('dialed', patiently);
      await d.shutdown(address, 'moving house');
      await t.untilPeer(
        'dialed',
        (row) => /Administrative Shutdown "moving house"/.test(row.lastError ?? ''),
        'shows the words',
      );
      await d.enable(address);
      await t.untilEstablished('dialed', patiently);
    });

  interop('maximum-prefixes', daemon, 'is told that it brings too many, and stays out', async () => {
    const { t, d } = scene;
    const held = await t.untilPeer('limited', (peer) => peer.held !== undefined, 'is kept down', patiently);
    expect(held).toMatchObject({
      held: { until: null },
      lastError: expect.stringMatching(/^the peer announced more than 2 ipv4 prefixes/),
    });
    await until('the reason', async () => tooMany.test(await d.said(addressOf('limited', 1))));
  });

  interop('ecmp', daemon, 'paths of two sessions go into the kernel together', async () => {
    const { t, lab } = scene;
    for (const name of ['dialing', 'dialed']) await t.untilEstablished(name, patiently);
    const route = await untilKernelRoute(lab.node('t'), common, ({ nexthops }) => nexthops?.length === 2);
    const theirs = plans.map(({ name }) => addressOf(name, 2));
    for (const hop of route.nexthops ?? []) expect(theirs).toContain(hop.gateway);
  });

  interop('hold-timer', daemon, 'who falls silent loses the session, on either side', async () => {
    const { t, d, lab } = scene;
    expect(await t.untilEstablished('hasty', patiently)).toMatchObject({ holdTimeSeconds: 6 });
    // Its processes, which are a group: OpenBGPD's sessions are kept by a child.
    const signal = (name: NodeJS.Signals): boolean => process.kill(-lab.node('d').process.pid, name);
    signal('SIGSTOP');
    const { state } = await t.untilPeer(
      'hasty',
      (row) => /hold timer expired/i.test(row.lastError ?? ''),
      'is lost',
      patiently,
    );
    expect(state).not.toBe('established');
    expect(await t.routes({ peer: 'hasty' })).toEqual([]);
    signal('SIGCONT');
    await t.untilEstablished('hasty', patiently);
    await untilRemotePath(d, '203.0.113.0/24');
    lab.node('t').process.signal('SIGSTOP');
    try {
      await d.untilNotEstablished(addressOf('hasty', 1));
    } finally {
      lab.node('t').process.signal('SIGCONT');
    }
    await t.untilEstablished('hasty', patiently);
  });

  if (daemon === 'gobgp' || daemon === 'openbgpd')
    unsupported('extended-messages', daemon, 'its OPEN does not have the capability', async () => {
      const { t } = scene;
      // We offer it.
      const peer = await t.untilEstablished('dialing', patiently);
      expect(peer.maxMessageLength).toBe(4096);
    });
}

interop('extended-messages', 'exabgp', 'takes messages of more than 4096 octets', async () => {
  const prefixes = Array.from({ length: 3000 }, (_, i) => `10.${1 + (i >> 8)}.${i & 255}.0/24`);
  const { lab, t, ...scene } = await peering('long', [{ name: 'd', image: 'exabgp', asn }], {
    networks: prefixes.map((prefix) => ({ prefix })),
  });
  await using _ = lab;
  expect((await t.untilEstablished('d')).maxMessageLength).toBe(65535);
  const exabgp: Exabgp = scene.exabgp('d');
  await until('it has heard of all', () => exabgp.routes().length === prefixes.length);
  const longest = Math.max(
    ...exabgp.heard().map(({ neighbor }) => (neighbor.message?.body ?? '0x').length / 2 - 1),
  );
  expect(longest).toBeGreaterThan(4096);
});
