/** Graceful restart (RFC 4724) with the daemons that forward nothing themselves: who keeps what, and End-of-RIB. */
import { afterEach, describe, expect } from 'vitest';
import { kernelRoutes, until, untilKernelRoute } from '../../interop/index.js';
import { interop, unsupported } from './support/interop.js';
import { type Neighbour, ours, type Peering, peering } from './support/peering.js';

let scene: Peering | undefined;
afterEach(async () => {
  await scene?.lab.down();
  scene = undefined;
});

const theirNetwork = '198.51.100.0/24';
const ourNetwork = '203.0.113.0/24';
const families: ('ipv4' | 'ipv6')[] = ['ipv4', 'ipv6'];

type Image = 'gobgp' | 'openbgpd' | 'exabgp';

function neighbour(image: Image): Neighbour {
  return {
    name: 'p',
    image,
    asn: 65002,
    networks: [theirNetwork],
    peer: { families },
    gobgp: {
      families,
      settings: { 'graceful-restart': { config: { enabled: true, 'restart-time': 60 } } },
      familySettings: { 'mp-graceful-restart': { config: { enabled: true } } },
    },
    openbgpd: { families },
    exabgp: { families, capabilities: ['graceful-restart 60;'], settings: ['adj-rib-in true;'] },
  };
}

async function meet(image: Image): Promise<Peering> {
  scene = await peering('graceful', [neighbour(image)], { networks: [{ prefix: ourNetwork }] });
  await scene.t.untilRoute(theirNetwork);
  // Of IPv6 there is nothing, and its End-of-RIB comes and goes all the same.
  const { process } = scene.lab.node('t');
  for (const family of families) {
    await process.untilOutput(new RegExp(`"peer.endOfRibSent","peer":"p","family":"${family}"`));
  }
  return scene;
}

describe('a peer that is killed and started again', () => {
  unsupported(
    'graceful-restart-helper',
    'openbgpd',
    'its session process says Cease however it ends, so that its routes go',
    async () => {
      const { lab, t } = await meet('openbgpd');
      await untilKernelRoute(lab.node('t'), theirNetwork);
      await lab.node('p').process.kill('SIGKILL');
      const gone = await t.untilPeer('p', (row) => row.state !== 'established', 'is down');
      expect(gone.lastError).toMatch(/Cease/);
      expect(gone.retained).toBeUndefined();
      await t.untilNoRoute(theirNetwork);
    },
  );

  for (const image of ['gobgp', 'exabgp'] as const) {
    interop(
      'graceful-restart-helper',
      image,
      'finds its routes kept, in the kernel as well, and announces them anew',
      async () => {
        const { lab, t } = await meet(image);
        const { process } = lab.node('t');
        for (const family of families) {
          await process.untilOutput(new RegExp(`"peer.endOfRib","peer":"p","family":"${family}"`));
        }
        await untilKernelRoute(lab.node('t'), theirNetwork);
        await lab.node('p').process.kill('SIGKILL');
        await t.untilPeer('p', (row) => row.retained?.ipv4?.longLived === false, 'is kept as stale');
        expect(await kernelRoutes(lab.node('t'), { prefix: theirNetwork })).toHaveLength(1);
        if (image === 'gobgp') await lab.exec('p', ['rm', '-f', '/run/gobgp/gobgp.sock']);
        await lab.node('p').process.start(image === 'gobgp' ? ['-r'] : []);
        await t.untilPeer(
          'p',
          (row) => row.state === 'established' && row.retained === undefined,
          'is back and has delivered',
        );
        await untilKernelRoute(lab.node('t'), theirNetwork);
      },
    );
  }
});

describe('when we are killed and start again', () => {
  for (const image of ['gobgp', 'openbgpd'] as const) {
    interop(
      'graceful-restart-restarting',
      image,
      'our routes are kept meanwhile, and delivered anew with End-of-RIB',
      async () => {
        const { lab, t, ...met } = await meet(image);
        const peer = image === 'gobgp' ? met.gobgp('p') : met.openbgpd('p');
        await peer.untilPath(ourNetwork);
        await lab.node('t').process.kill('SIGKILL');
        await peer.untilNotEstablished(ours(0));
        expect(await peer.paths(ourNetwork)).not.toEqual([]);
        await lab.node('t').process.start();
        await t.untilEstablished('p');
        await lab.node('t').process.untilOutput(/"type":"restartAnnounces"/);
        await t.untilRoute(theirNetwork);
        expect(await peer.paths(ourNetwork)).not.toEqual([]);
      },
    );
  }

  interop(
    'graceful-restart-restarting',
    'exabgp',
    'our routes stay in its Adj-RIB-In; it hears that forwarding went on, the table anew and End-of-RIB',
    async () => {
      const { lab, t, exabgp } = await meet('exabgp');
      const peer = exabgp('p');
      await peer.untilRoute(ourNetwork);
      const holds = async () =>
        (await peer.command('show adj-rib in')).some((line) => line.includes(ourNetwork));
      await until('it shows what it was told', holds);
      const told = () => peer.open(ours(0))?.capabilities['64'];
      const restarts = (flags: string[]) => ({ 'ipv4/unicast': flags, 'ipv6/unicast': flags });
      // ExaBGP calls the R bit "forwarding" and the F bits "restart". After a fresh start neither stands.
      expect(told()).toMatchObject({ time: 120, 'restart-flags': [], 'address-family-flags': restarts([]) });
      await lab.node('t').process.kill('SIGKILL');
      await peer.untilNotEstablished(ours(0));
      expect(await holds()).toBe(true);
      const before = peer.heard().length;
      await lab.node('t').process.start();
      const since = () => peer.heard().slice(before);
      const ends = () =>
        since().flatMap(({ neighbor }) =>
          neighbor.message?.eor === undefined ? [] : [neighbor.message.eor],
        );
      await until('both End-of-RIB', () => ends().length === 2);
      expect(told()).toMatchObject({
        time: 120,
        'restart-flags': ['forwarding'],
        'address-family-flags': restarts(['restart']),
      });
      // The table before the End-of-RIB of its family, nothing withdrawn, and no NOTIFICATION since we were killed.
      const said = since().flatMap(({ type, neighbor: { message } }) => {
        if (type === 'notification') return ['notification'];
        if (message?.eor !== undefined) return [`end of ${message.eor.afi}`];
        const { announce, withdraw } = message?.update ?? {};
        return [
          ...Object.values(announce ?? {}).flatMap((hops) => Object.values(hops).flat()),
          ...Object.values(withdraw ?? {}).flat(),
        ].map(({ nlri }) => `${announce === undefined ? 'withdrawn' : 'announced'} ${nlri}`);
      });
      expect(said).toEqual([`announced ${ourNetwork}`, 'end of ipv4', 'end of ipv6']);
      expect(await holds()).toBe(true);
      await t.untilRoute(theirNetwork);
    },
  );
});
