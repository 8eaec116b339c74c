/**
 * Load `start-up`: from the daemon's start until its first session is up. Once the peer dials, every ten milliseconds,
 * once the daemon has to. Small documents and no routes: what is measured is the daemon's own start.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { DaemonRecipe } from '../daemons/index.js';
import type { Load, LoadOptions, LoadResult } from '../load.js';
import { daemonAddress, feederAddress, Stage, Tester } from '../stage.js';

const peerAsn = 65001;
const limitSeconds = 60;

interface Start {
  readonly seconds: number;
  readonly cpu: number;
}

async function start(recipe: DaemonRecipe, daemonDials: boolean, { profile }: LoadOptions): Promise<Start> {
  const stage = new Stage();
  const given = new AbortController();
  try {
    const address = feederAddress(0);
    stage.addAddresses(stage.testerNamespace, [address]);
    const script = fileURLToPath(new URL('../first-session.js', import.meta.url));
    const mode = daemonDials ? 'wait' : 'dial';
    const child = stage.startTester(process.execPath, script, mode, String(peerAsn), address, daemonAddress);
    const peer = new Tester('peer', child);
    await peer.next('ready');
    const peers = [{ name: 'peer', address, asn: peerAsn, ...(daemonDials ? { dialled: true } : {}) }];
    const begin = Date.now();
    const daemon = recipe.start(stage, { peers, profile });
    const established = peer.next('established');
    established.catch(() => {});
    const late = sleep(limitSeconds * 1000, undefined, { signal: given.signal }).then(() => {
      throw new Error(`no session after ${limitSeconds} s`);
    });
    late.catch(() => {});
    const { at } = await Promise.race([established, late]);
    const cpu = daemon.cpuSeconds();
    if (profile !== null) await daemon.stop();
    return { seconds: (at - begin) / 1000, cpu };
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${stage.log(recipe.name).slice(-2000)}`);
  } finally {
    given.abort();
    await stage.close();
  }
}

export const startUp: Load = {
  name: 'start-up',
  title: 'from the start of the daemon to its first session, which either end dials',
  figures: [
    {
      name: 'dialled',
      unit: 's',
      meaning: 'the peer dials every 10 ms: from starting the process to its first KEEPALIVE',
      target: { atMost: 0.5 },
    },
    {
      name: 'dials',
      unit: 's',
      meaning: 'the peer waits for the daemon to dial: likewise',
      target: { atMost: 0.5 },
    },
    { name: 'cpu', unit: 's', meaning: 'CPU time of the daemon until then, where the peer dials' },
  ],
  cannot: (daemon) => (daemon.transparent ? 'has no session of its own' : null),
  async run(daemon: DaemonRecipe, options: LoadOptions): Promise<LoadResult> {
    const dialled = await start(daemon, false, options);
    const dials = await start(daemon, true, options);
    return { figures: { dialled: dialled.seconds, dials: dials.seconds, cpu: dialled.cpu }, notes: [] };
  },
};
