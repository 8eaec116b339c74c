import { setImmediate } from 'node:timers/promises';
import type { InterfaceAddress, LinkState } from '../../fib/types.js';
import type { OverlayRouter } from './desired.js';
import type { Overlay } from './index.js';

/** So many nodes of an inventory are taken over in one turn of the event loop. */
const NODES_A_TURN = 250;

/**
 * Tells an overlay at the start what nodes there are: our own first, so that the kernel thread makes tunnels while the others are
 * taken over, which has turns of the event loop where they are many. Of what the kernel has from an earlier run nothing
 * goes meanwhile.
 */
export async function takeOverNodes(
  overlay: Overlay,
  router: OverlayRouter,
  links: readonly LinkState[],
  addresses: readonly InterfaceAddress[],
): Promise<void> {
  const own = router.nodes.filter(({ name }) => name === router.name);
  const others = router.nodes.filter(({ name }) => name !== router.name);
  overlay.apply({ ...router, nodes: own });
  overlay.interfaces(links, addresses);
  await setImmediate();
  for (let count = NODES_A_TURN; count < others.length; count += NODES_A_TURN) {
    overlay.apply({ ...router, nodes: [...own, ...others.slice(0, count)] });
    await setImmediate();
  }
  overlay.apply(router);
  await setImmediate();
}
