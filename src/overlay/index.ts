/**
 * What an overlay needs in the kernel beside its routes, as values: tunnel devices with their addresses, neighbours,
 * entries of a device's forwarding table (FDB), sysctls. The backends (vxlan, ipip) say what they want in these types,
 * the FIB compares it with what the kernel has. Nothing here does anything.
 *
 * What counts as ours, and so is changed and removed where it is not as desired:
 *
 * - A device whose name and kind are desired, whoever made it: it is adopted where it is compatible, changed in place
 *   where the kernel can, else made anew. A device of that name and another kind is somebody else's: it is left alone
 *   and the desired one is in state `conflict`. Devices that we make or adopt carry `deviceMark` as their alias; one that
 *   carries it and is no longer desired is removed. The kernel's own fallback device (`tunl0`) can't be removed: it is
 *   brought down and loses its addresses.
 * - On such a device: every address but link-local ones; every permanent neighbour; every permanent entry of its FDB for
 *   a unicast MAC. What the kernel learned by itself is left alone.
 * - Sysctls are set where they differ and never set back.
 *
 * Everything on other devices is other people's.
 */
export * from './types.js';
