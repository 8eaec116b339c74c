/**
 * Router advertisements (RFC 4861 §6.2), so that neighbours on a link without configured addresses learn our link-local
 * one: a peer that is named by its interface takes for its neighbour who advertises itself there as a router.
 *
 *     messages      advertisement and solicitation ⇄ bytes (pure)
 *     advertiser    when to send them, and the raw sockets
 *
 * What we send makes nobody's default router of us: the router lifetime is 0 from the first to the last. So a final
 * advertisement (§6.2.5) would say nothing new, and none is sent. FRR and the kernels of Linux, with accept_ra=0 as well,
 * take our address from it all the same.
 *
 * A few octets every few seconds per interface: the main thread sends them, one short system call each. Node cannot wait
 * for a raw socket, so solicitations are looked for once a second; the answer is an advertisement to all (§6.2.6).
 */
export { type AdvertisedInterface, Advertiser, type AdvertiserOptions } from './advertiser.js';
export { encodeAdvertisement, isSolicitation } from './messages.js';
