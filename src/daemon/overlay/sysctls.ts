import { readFileSync } from 'node:fs';

/** Whether the device takes addresses and routes from router advertisements, but would not if it forwarded packets. */
export function isRouterAdvertised(device: string): boolean {
  const of = (name: string): string =>
    readFileSync(`/proc/sys/net/ipv6/conf/${device}/${name}`, 'utf8').trim();
  try {
    return of('accept_ra') === '1' && of('forwarding') === '0';
  } catch {
    // Without IPv6 there are none.
    return false;
  }
}
