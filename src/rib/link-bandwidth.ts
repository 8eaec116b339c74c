/**
 * The link bandwidth extended community (draft-ietf-idr-link-bandwidth): octets per second as a 32-bit float behind a
 * 2-octet AS number, of type 0x40 (not transitive) or, as other implementations send it by default, 0x00; and the weights that
 * follow from it for the next hops of one prefix.
 */

const SUB_TYPE = 4;

/** The bandwidth in `buf[at, at + 8)`, in octets per second; 0: that is no link bandwidth, or none that means something. */
export function linkBandwidthAt(buf: Buffer, at: number): number {
  if (buf[at + 1] !== SUB_TYPE || (buf[at] !== 0x40 && buf[at] !== 0)) return 0;
  const value = buf.readFloatBE(at + 4);
  return Number.isFinite(value) && value > 0 ? value : 0;
}

/** The first link bandwidth among the extended communities in `buf[start, end)`; 0: none. */
export function findLinkBandwidth(buf: Buffer, start: number, end: number): number {
  for (let at = start; at + 8 <= end; at += 8) {
    const value = linkBandwidthAt(buf, at);
    if (value > 0) return value;
  }
  return 0;
}

/** The kernel stores a weight in one octet, less one; 0 is none. */
const MOST = 255;
/** How far a share may be from what was asked for before larger weights are tried. */
const TOLERANCE = 0.01;

/**
 * Weights from 1 to 255 in proportion to `shares` (all above 0), the smallest ones that are within a percent: 100 and
 * 300 become 1 and 3. What is less than a 255th of the largest one still gets 1.
 */
export function proportionalWeights(shares: readonly number[]): number[] {
  const largest = Math.max(...shares);
  const scaled = (top: number) => shares.map((share) => Math.max(1, Math.round((share / largest) * top)));
  for (let top = 1; top < MOST; top++) {
    const fits = shares.every((share) => {
      const exact = (share / largest) * top;
      return exact >= 1 - TOLERANCE && Math.abs(Math.round(exact) - exact) <= TOLERANCE * exact;
    });
    if (fits) return scaled(top);
  }
  return scaled(MOST);
}
