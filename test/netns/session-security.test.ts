/** Sessions that are signed, or that packets from afar cannot reach, and peers that do not keep to it; last words. */
import { afterEach, describe, expect, it } from 'vitest';
import { Bird, birdConfig, Frr, frrConfig, Lab, Tartan, tartanConfig } from '../../interop/index.js';
import { interop } from './support/interop.js';

const labs: Lab[] = [];
afterEach(async () => {
  for (const lab of labs.splice(0)) await lab.down();
});

type Dialing = 'we dial' | 'they dial';
interface PairOptions {
  readonly dialing: Dialing;
  /** Of our peer in the document. */
  readonly ours: Record<string, unknown>;
  /** More of our document. */
  readonly spec?: Record<string, unknown>;
  /** Of theirs: FRR's neighbor lines or BIRD's protocol lines. */
  readonly theirs: readonly string[];
  readonly files?: Record<string, string>;
  readonly env?: Record<string, string>;
}

const [address, theirAddress] = ['10.0.0.1', '10.0.0.2'];

function documentOf({ dialing, ours, spec }: PairOptions): string {
  const peer = {
    name: 'p',
    address: theirAddress,
    asn: 65002,
    passive: dialing === 'they dial',
    connectRetry: 1,
    ...ours,
  };
  return tartanConfig({ name: 't', asn: 65001, routerId: '10.0.0.1', spec: { peers: [peer], ...spec } });
}

/** Tartan `t` (AS 65001) and one peer `p` (AS 65002) on a link. */
async function pair(image: 'frr' | 'bird', options: PairOptions) {
  const { dialing, theirs } = options;
  const passive = dialing === 'we dial';
  const peer =
    image === 'frr'
      ? frrConfig({
          asn: 65002,
          routerId: '10.0.0.2',
          networks: ['198.51.100.0/24'],
          neighbors: [{ address, remoteAsn: 65001, passive, settings: ['timers connect 1', ...theirs] }],
        })
      : birdConfig({
          asn: 65002,
          routerId: '10.0.0.2',
          networks: ['198.51.100.0/24'],
          neighbors: [
            {
              name: 't',
              address,
              remoteAsn: 65001,
              passive,
              settings: ['connect delay time 1;', 'connect retry time 1;', ...theirs],
            },
          ],
        });
  const files = { 't.yaml': documentOf(options), 'p.conf': peer, ...options.files };
  const lab = await Lab.up(
    {
      name: 'secure',
      topology: {
        nodes: {
          t: {
            image: 'tartan',
            'startup-config': 't.yaml',
            exec: [`ip addr add ${address}/24 dev eth1`],
            env: options.env ?? {},
            binds: Object.keys(options.files ?? {}).map((name) => `${name}:/etc/tartan/${name}`),
          },
          p: { image, 'startup-config': 'p.conf', exec: [`ip addr add ${theirAddress}/24 dev eth1`] },
        },
        links: [{ endpoints: ['t:eth1', 'p:eth1'] }],
      },
    },
    { files },
  );
  labs.push(lab);
  return { lab, t: new Tartan(lab.node('t')) };
}

const dialings: readonly Dialing[] = ['we dial', 'they dial'];

describe.each(['frr', 'bird'] as const)('TCP-MD5 with %s', (image) => {
  const theirs = (password: string) => [image === 'frr' ? `password ${password}` : `password "${password}";`];

  for (const dialing of dialings)
    interop(
      'tcp-md5',
      image,
      `stays down with another password when ${dialing}, and hints at it`,
      async () => {
        const { lab, t } = await pair(image, {
          dialing,
          ours: { passwordEnv: 'PEER_PASSWORD' },
          theirs: theirs('swordfish'),
          env: { PEER_PASSWORD: 'marlin' },
        });
        const hint =
          dialing === 'we dial' ? /nobody answers where the passwords differ/ : /wrong TCP-MD5 signature/;
        const peer = await t.untilPeer('p', (row) => hint.test(row.lastError ?? ''), 'hints at the password');
        expect(peer.state).not.toBe('established');
        expect(peer.messages?.received).toBe(0);
        expect(lab.node('t').process.output()).not.toContain('marlin');
      },
    );
});

describe('a password', () => {
  it('that we do not have is hinted at', async () => {
    const { t } = await pair('frr', {
      dialing: 'they dial',
      ours: {},
      theirs: ['password swordfish'],
    });
    await t.untilPeer('p', (row) => /want a password/.test(row.lastError ?? ''), 'hints at the password');
  });

  it('changes on the session that is up', async () => {
    const { lab, t } = await pair('frr', {
      dialing: 'we dial',
      ours: { passwordFile: 'secret', holdTime: 9 },
      theirs: ['password swordfish'],
      files: { secret: 'swordfish' },
    });
    const { since, messages } = await t.untilEstablished('p');
    lab.node('t').write('/etc/tartan/secret', 'marlin');
    expect(await t.client.reload()).toEqual({
      applied: true,
      errors: [],
      changes: ['peer p: the password changed'],
      resets: [],
      readMs: expect.any(Number),
    });
    // FRR resets a session whose password changes, and dials or waits with the new one.
    await new Frr(lab.node('p')).configure('router bgp 65002', `neighbor ${address} password marlin`);
    await t.untilPeer(
      'p',
      (row) =>
        row.state === 'established' &&
        (row.since !== since || (row.messages?.received ?? 0) > (messages?.received ?? 0) + 2),
      'goes on with the new password',
    );
    expect(await t.client.reload()).toMatchObject({ applied: true, changes: [] });
  });

  it('that cannot be read keeps the session down until a reload finds it', async () => {
    const { lab, t } = await pair('bird', {
      dialing: 'they dial',
      ours: { passwordFile: 'secret' },
      theirs: ['password "swordfish";'],
      files: { secret: '' },
    });
    const waiting = await t.peer('p');
    expect(waiting).toMatchObject({
      state: 'idle',
      lastError: 'the password in /etc/tartan/secret is empty',
    });
    lab.node('t').write('/etc/tartan/secret', 'swordfish');
    await t.client.reload();
    await t.untilEstablished('p');
    await new Bird(lab.node('p')).untilEstablished('t');
  });
});

describe.each(['frr', 'bird'] as const)('GTSM with %s', (image) => {
  interop('gtsm', image, 'keeps a peer out that sends with TTL 1 as usual, and hints at it', async () => {
    const { t } = await pair(image, {
      dialing: 'they dial',
      ours: { ttlSecurity: true },
      theirs: [],
    });
    await t.untilPeer('p', (row) => /for its TTL/.test(row.lastError ?? ''), 'hints at the TTL');
    expect((await t.peer('p'))?.messages?.received).toBe(0);
  });
});

describe.each(['frr', 'bird'] as const)('shutting down with words, and %s', (image) => {
  /** What `p` has to say of the session: FRR only in its log. */
  async function said(lab: Lab): Promise<string> {
    const node = lab.node('p');
    return image === 'frr' ? node.process.output() : new Bird(node).birdc('show protocols all t');
  }

  interop('shutdown-communication', image, 'tells the operator of the peer why', async () => {
    const { lab, t } = await pair(image, { dialing: 'we dial', ours: {}, theirs: [] });
    await t.untilEstablished('p');
    await t.client.peerAction('p', 'shutdown', 'new disk, back at 9');
    await t.untilPeer('p', (row) => row.state === 'shutdown', 'is shut down');
    await lab.until('the words', async () => (await said(lab)).includes('new disk, back at 9'));
  });

  interop(
    'shutdown-communication',
    image,
    'tells it from the document, and shows what the peer says',
    async () => {
      const options: PairOptions = { dialing: 'we dial', ours: {}, theirs: [] };
      const { lab, t } = await pair(image, options);
      const frr = new Frr(lab.node('p'));
      const bird = new Bird(lab.node('p'));
      await t.untilEstablished('p');
      if (image === 'frr') {
        await frr.configure('router bgp 65002', `neighbor ${address} shutdown message moving house`);
      } else await lab.exec('p', ['birdc', 'disable', 't', '"moving house"']);
      await t.untilPeer(
        'p',
        (row) => /Administrative Shutdown "moving house"/.test(row.lastError ?? ''),
        'shows the words',
      );
      if (image === 'frr') await frr.configure('router bgp 65002', `no neighbor ${address} shutdown`);
      else await bird.birdc('enable t');
      await t.untilEstablished('p');
      lab
        .node('t')
        .write(
          '/etc/tartan/router.yaml',
          documentOf({ ...options, ours: { shutdown: true, shutdownMessage: 'gone fishing' } }),
        );
      await t.client.reload();
      await t.untilPeer('p', (row) => row.state === 'shutdown', 'is shut down');
      await lab.until('the words', async () => (await said(lab)).includes('gone fishing'));
    },
  );
});

describe.each(['frr', 'bird'] as const)('extended messages with %s', (image) => {
  const theirs = image === 'frr' ? [] : ['enable extended messages on;'];
  const networks = Array.from({ length: 3000 }, (_, i) => ({ prefix: `10.${1 + (i >> 8)}.${i & 255}.0/24` }));

  for (const [extendedMessages, length] of [
    [true, 65535],
    [false, 4096],
  ] as const)
    interop(
      'extended-messages',
      image,
      `are used where both sides offer them: ${extendedMessages}`,
      async () => {
        const { lab, t } = await pair(image, {
          dialing: 'we dial',
          ours: { extendedMessages },
          theirs,
          spec: { networks },
        });
        const peer = await t.untilEstablished('p');
        expect(peer.maxMessageLength).toBe(length);
        await t.untilPeer('p', (row) => row.families.ipv4?.announced === 3000, 'is told everything');
        if (image === 'frr') await new Frr(lab.node('p')).untilPath('10.12.183.0/24');
        else await new Bird(lab.node('p')).untilRoute('10.12.183.0/24');
        // 3000 prefixes of 4 octets each fit one long message, and need three of 4096 octets.
        const sent = (await t.peer('p'))?.messages?.sent ?? 0;
        if (extendedMessages) expect(sent).toBeLessThanOrEqual(5);
        else expect(sent).toBeGreaterThanOrEqual(6);
      },
    );
});
