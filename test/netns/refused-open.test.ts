/**
 * OPENs that are refused (RFC 4271 §6.2): the peer is told why, both ends show it, and the session comes up once what was
 * wrong is put right. We wait for the peer's OPEN before we send ours, so that it is us who refuse.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type DaemonId, daemons } from '../../interop/features.js';
import { Lab, Tartan, tartanConfig, until } from '../../interop/index.js';
import { interop } from './support/interop.js';
import { type Neighbour, ours, type Peering, peering, theirs } from './support/peering.js';

const names = Object.keys(daemons) as DaemonId[];

/** What FRR, BIRD and OpenBGPD call a NOTIFICATION with that subcode. */
const called: Record<number, { bird: RegExp; openbgpd: string }> = {
  2: { bird: /t: Received: Bad peer AS/, openbgpd: 'error in OPEN message, AS unacceptable' },
  3: { bird: /t: Received: Bad BGP identifier/, openbgpd: 'error in OPEN message, BGPID invalid' },
  6: {
    bird: /t: Received: Unacceptable hold time/,
    openbgpd: 'error in OPEN message, unacceptable holdtime',
  },
  7: { bird: /t: Received: Required capability missing/, openbgpd: '' },
};

/** Waits until the daemon says that it got NOTIFICATION 2 with this subcode. */
async function untilTold(scene: Peering, daemon: DaemonId, subcode: number): Promise<void> {
  const { process } = scene.lab.node(daemon);
  const address = ours(names.indexOf(daemon));
  switch (daemon) {
    case 'frr':
      await process.untilOutput(new RegExp(`NOTIFICATION: received from neighbor ${address} 2/${subcode} `));
      return;
    case 'bird':
      await process.untilOutput(called[subcode].bird);
      return;
    case 'gobgp':
      // It counts them, and keeps the subcode to itself.
      await until('GoBGP has a NOTIFICATION', async () => {
        const state = (await scene.gobgp(daemon).neighbor(address))?.state;
        return (state?.messages.received.notification ?? 0) > 0;
      });
      return;
    case 'openbgpd':
      if (subcode === 7) {
        // It takes what the data lists for what we do not want of it.
        await process.untilOutput(/disabling multiprotocol capability/);
        return;
      }
      await until('OpenBGPD shows why', async () => {
        const shown = (await scene.openbgpd(daemon).neighbor(address))?.last_error_received;
        if (shown !== called[subcode].openbgpd) throw new Error(`it shows ${shown}`);
        return true;
      });
      return;
    case 'exabgp':
      await scene.exabgp(daemon).untilHeard(`NOTIFICATION 2/${subcode}`, ({ neighbor }) => {
        const { code, subcode: heard } = neighbor.notification ?? {};
        return code === 2 && heard === subcode;
      });
  }
}

/** OpenBGPD rests for half a minute after an error. */
const wake = (scene: Peering) =>
  scene.openbgpd('openbgpd').bgpctl('neighbor', ours(names.indexOf('openbgpd')), 'up');

describe('a peer whose OPEN is refused', () => {
  const asn = 65002;
  const wrong: { subcode: number; what: string; peer: Record<string, unknown>; error: string }[] = [
    {
      subcode: 6,
      what: 'for its hold time',
      peer: { minHoldTime: 200, holdTime: 240 },
      error: 'peer offers a hold time of \\d+ s, expected at least 200 s .*Unacceptable Hold Time',
    },
    {
      subcode: 2,
      what: 'for its AS',
      peer: { asn: 64999 },
      error: 'peer says AS 65002, expected 64999; sent NOTIFICATION OPEN Message Error: Bad Peer AS',
    },
    {
      subcode: 7,
      what: 'for the families that it lacks',
      peer: { families: ['ipv6'] },
      error: 'peer speaks none of our address families .*Unsupported Capability .data 010400020001',
    },
  ];
  let scene: Peering;
  beforeAll(async () => {
    scene = await peering(
      'refused',
      names.map((name) => ({
        name,
        image: name,
        asn,
        peer: { delayOpen: 10, ...wrong[0].peer },
        bird: { settings: ['hold time 90;'] },
      })),
    );
  });
  afterAll(() => scene?.lab.down());

  const reload = async (peer: Record<string, unknown>) => {
    const peers = names.map((name, i) => ({ name, address: theirs(i), asn, connectRetry: 1, ...peer }));
    const document = tartanConfig({ name: 't', asn: 65001, routerId: '10.255.0.1', spec: { peers } });
    scene.lab.node('t').write('/etc/tartan/router.yaml', document);
    await scene.t.client.reload();
    await wake(scene);
  };

  for (const [i, { subcode, what, peer, error }] of wrong.entries()) {
    describe(`2/${subcode}`, () => {
      beforeAll(async () => {
        if (i > 0) await reload({ delayOpen: 10, ...peer });
      });
      for (const name of names)
        interop('refused-open', name, `is told so ${what}: 2/${subcode}`, async () => {
          const { process } = scene.lab.node('t');
          await process.untilOutput(new RegExp(`"type":"peer.failed","peer":"${name}","error":"${error}`));
          await untilTold(scene, name, subcode);
          expect((await scene.t.peer(name))?.state).not.toBe('established');
        });
    });
  }

  describe('once the document is right', () => {
    beforeAll(() => reload({}));
    for (const name of names)
      it(`comes up (${name})`, async () => {
        await scene.t.untilEstablished(name);
      });
  });
});

describe('a peer of our AS with our own BGP identifier (RFC 6286 §2.1)', () => {
  let scene: Peering;
  beforeAll(async () => {
    scene = await peering(
      'identifier',
      names.map((name) => ({
        name,
        image: name,
        asn: 65001,
        routerId: '10.255.0.1',
        peer: { delayOpen: 10 },
      })),
    );
  });
  afterAll(() => scene?.lab.down());

  for (const name of names)
    interop('refused-open', name, 'is told so: 2/3', async () => {
      const { process } = scene.lab.node('t');
      const error =
        'peer has our own BGP identifier; sent NOTIFICATION OPEN Message Error: Bad BGP Identifier';
      await process.untilOutput(new RegExp(`"type":"peer.failed","peer":"${name}","error":"${error}`));
      await untilTold(scene, name, 3);
    });
});

describe('when a peer refuses us', () => {
  let scene: Peering | undefined;
  let lab: Lab | undefined;
  afterEach(async () => {
    await scene?.lab.down();
    await lab?.down();
    scene = lab = undefined;
  });

  it('with 2/7, as FRR asks for all that it has itself, we try again until it takes us', async () => {
    const settings = ['strict-capability-match', 'timers connect 1'];
    scene = await peering('strict', [
      { name: 'frr', image: 'frr', asn: 65002, frr: { families: ['ipv4', 'ipv6'], passive: true, settings } },
    ]);
    const { t } = scene;
    const reason = /received NOTIFICATION OPEN Message Error: Unsupported Capability/;
    const refused = await t.untilPeer('frr', (row) => reason.test(row.lastError ?? ''), 'is refused');
    expect(refused.state).not.toBe('established');
    await scene.frr('frr').configure('router bgp 65002', `no neighbor ${ours(0)} strict-capability-match`);
    await t.untilEstablished('frr');
  });

  it('with 2/4, for it knows no capabilities, we come back without any, and with all of them the next time', async () => {
    lab = await Lab.up(
      {
        name: 'bare',
        topology: {
          nodes: {
            t: { image: 'tartan', 'startup-config': 't.yaml', exec: ['ip addr add 10.0.0.1/24 dev eth1'] },
            old: { image: 'alpine', exec: ['ip addr add 10.0.0.2/24 dev eth1'] },
          },
          links: [{ endpoints: ['t:eth1', 'old:eth1'] }],
        },
      },
      {
        files: {
          't.yaml': tartanConfig({
            name: 't',
            asn: 65001,
            routerId: '10.255.0.1',
            spec: { peers: [{ name: 'old', address: '10.0.0.2', asn: 65002, connectRetry: 1 }] },
          }),
        },
      },
    );
    const t = new Tartan(lab.node('t'));
    // It says how many octets of optional parameters each OPEN has, and takes none but those without.
    const speaker = await lab.spawn('old', [process.execPath, '-e', oldSpeaker]);
    await t.untilEstablished('old');
    await speaker.untilOutput(/^[1-9]\d*\n0\n$/);
    expect(await t.peer('old')).toMatchObject({ families: { ipv4: {} }, routeRefresh: 'none' });
    await t.client.peerAction('old', 'reset');
    await speaker.untilOutput(/^([1-9]\d*)\n0\n\1\n0\n$/);
    await t.untilEstablished('old');
    await speaker.kill('SIGKILL');
  });

  const without: Pick<Neighbour, 'image' | 'frr' | 'bird' | 'openbgpd'>[] = [
    { image: 'frr', frr: { settings: ['dont-capability-negotiate', 'timers connect 1'] } },
    { image: 'bird', bird: { settings: ['capabilities off;'] } },
    { image: 'openbgpd', openbgpd: { settings: ['announce capabilities no'] } },
  ];
  for (const { image: name, ...words } of without)
    it(`not, but says an OPEN without capabilities, IPv4 goes both ways (${name})`, async () => {
      const network = '198.51.100.0/24';
      scene = await peering('plain', [{ name, image: name, asn: 65002, networks: [network], ...words }], {
        networks: [{ prefix: '203.0.113.0/24' }],
      });
      const { t } = scene;
      await t.untilEstablished(name);
      await t.untilRoute(network, ({ asPath }) => asPath === '65002');
      await t.untilPeer(name, (row) => row.families.ipv4?.announced === 1, 'is told our network');
      expect(await t.peer(name)).toMatchObject({ routeRefresh: 'none', maxMessageLength: 4096 });
    });
});

const oldSpeaker = `
const header = (type, body) => Buffer.concat([Buffer.alloc(16, 255), Buffer.from([0, 19 + body.length, type]), body]);
require('net').createServer((socket) => {
  socket.on('error', () => {});
  let heard = Buffer.alloc(0), greeted = false;
  socket.on('data', (chunk) => {
    heard = Buffer.concat([heard, chunk]);
    while (heard.length >= 19 && heard.length >= heard.readUInt16BE(16)) {
      const message = heard.subarray(0, heard.readUInt16BE(16));
      heard = heard.subarray(message.length);
      if (message[18] === 4) socket.write(header(4, Buffer.alloc(0)));
      if (message[18] !== 1 || greeted) continue;
      greeted = true;
      console.log(message[28]);
      // Version 4, AS 65002, 90 seconds, 10.0.0.2, no parameters.
      if (message[28] === 0) socket.write(header(1, Buffer.from([4, 0xfd, 0xea, 0, 90, 10, 0, 0, 2, 0])));
      else socket.end(header(3, Buffer.from([2, 4])));
    }
  });
}).listen(179);
`;
