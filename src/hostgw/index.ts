/**
 * host-gw: packets to pods go to their node as they are. Nothing but routes is wanted for it, and those only where the
 * node is on a connected network (see policy/encapsulation, which refuses the others). What belongs here is this node's
 * own side: its blocks of pod addresses, which every backend needs. Pure.
 *
 * A packet to an address of a local block that no pod has would leave by the default route and come back. So each block is
 * a blackhole, at a metric behind that of any other route: the connected route of a container bridge wins. A block of a
 * single address is the route of that pod, and no blackhole.
 */
import { formatPrefix, IPV4, type Prefix } from '../address/index.js';

/** What this node originates for its own blocks, but for those that are originated anyway. */
export function localBlocks(
  blocks: readonly Prefix[],
  originated: readonly { readonly prefix: Prefix }[],
): { prefix: Prefix; blackhole: boolean; communities: number[] }[] {
  const known = new Set(originated.map(({ prefix }) => formatPrefix(prefix)));
  return blocks
    .filter((prefix) => !known.has(formatPrefix(prefix)))
    .map((prefix) => ({
      prefix,
      blackhole: prefix.length < (prefix.family === IPV4 ? 32 : 128),
      communities: [],
    }));
}
