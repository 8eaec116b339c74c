/** Daemons that stop reading while the hold timer has long to go (RFC 9687): all at once, in sessions with little room. */
import { afterAll, beforeAll, expect } from 'vitest';
import { tartanConfig } from '../../interop/index.js';
import { interop } from './support/interop.js';
import { type Peering, peering, theirs } from './support/peering.js';
import { remoteOf, untilRemotePath } from './support/remote.js';

const stalled = ['frr', 'bird', 'gobgp', 'openbgpd', 'exabgp'] as const;
const asn = 65002;
const peer = { sendHoldTime: 2, holdTime: 90, extendedMessages: false, connectRetry: 1, export: ['long'] };

// Each has an UPDATE of its own of some 3,800 octets: 1.5 MB in all, more than ten times what a socket of theirs has room for.
const networks = Array.from({ length: 400 }, (_, i) => ({
  prefix: `11.${i >> 8}.${i & 255}.0/24`,
  communities: [`65001:${i}`],
}));
const filters = {
  long: [
    {
      set: { largeCommunities: { add: Array.from({ length: 300 }, (_, i) => `65001:0:${i}`) } },
      action: 'accept',
    },
  ],
};

let scene: Peering;
beforeAll(async () => {
  scene = await peering(
    'send-hold',
    stalled.map((name) => ({ name, image: name, asn, peer, [name]: { passive: true } })),
    { filters },
  );
  const { t, lab } = scene;
  // Little room on our side, from the next connection on, and none that grows on theirs.
  await lab.exec('t', ['sysctl', '-w', 'net.ipv4.tcp_wmem=4096 4096 4096']);
  for (const name of stalled) {
    await lab.exec(name, ['sysctl', '-w', 'net.ipv4.tcp_rmem=4096 4096 4096']);
    const { since } = await t.untilEstablished(name);
    await t.client.peerAction(name, 'reset');
    await t.untilPeer(name, (row) => row.state === 'established' && row.since !== since, 'is back');
  }
  // Its processes, which are a group: OpenBGPD's sessions are kept by a child.
  for (const name of stalled) process.kill(-lab.node(name).process.pid, 'SIGSTOP');
  const peers = stalled.map((name, i) => ({ name, address: theirs(i), asn, ...peer }));
  const spec = { filters, networks, peers };
  lab
    .node('t')
    .write('/etc/tartan/router.yaml', tartanConfig({ name: 't', asn: 65001, routerId: '10.255.0.1', spec }));
  await t.client.reload();
});
afterAll(() => scene?.lab.down());

for (const [i, daemon] of stalled.entries())
  interop('send-hold-timer', daemon, 'ends the session with a peer that has stopped reading', async () => {
    const { t, lab } = scene;
    const lost = /send hold timer expired; sent NOTIFICATION Send Hold Timer Expired/;
    const { state } = await t.untilPeer(daemon, (row) => lost.test(row.lastError ?? ''), 'is lost', {
      timeoutSeconds: 60,
    });
    expect(state).not.toBe('established');
    process.kill(-lab.node(daemon).process.pid, 'SIGCONT');
    await t.untilEstablished(daemon);
    const remote = remoteOf(daemon, lab.node(daemon), { asn, routerId: theirs(i), sessions: [] });
    await untilRemotePath(remote, '11.1.143.0/24');
  });
