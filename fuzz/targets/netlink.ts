import { ok } from 'node:assert';
import type { Address } from '../../src/address/index.js';
import * as nl from '../../src/netlink/index.js';
import type { Target } from '../target.js';

const ROOM = 4096;
const address = (a: number): Address => ({ family: 0, a, b: 0, c: 0, d: 0 });
const hop = (a: number) => ({ gateway: address(a), ifindex: 2, weight: 1, onlink: false });

const common = { family: 0 as const, table: 254, protocol: 84, metric: 1024, preferredSource: null };
const forwardings = [
  { kind: 'hops' as const, hops: [hop(0x0a000001)] },
  { kind: 'hops' as const, hops: [hop(0x0a000001), hop(0x0a000002)] },
  { kind: 'nexthop' as const, id: 7 },
  { kind: 'blackhole' as const },
];

export const netlink: Target = {
  name: 'netlink',
  promise: 'a netlink message of any bytes, laid under every reader: never throws, never reads past its end',
  seeds: () =>
    forwardings.map((forwarding) => {
      const template = nl.RouteTemplate.route({ ...common, forwarding }, nl.CREATE);
      const bytes = Buffer.alloc(ROOM);
      const end = template.write(bytes, 0, { ...address(0xc6336400), length: 24 });
      return bytes.subarray(0, end);
    }),
  run(input) {
    if (input.length < nl.HEADER_LENGTH) return ['short'];
    const view = new nl.RouteView();
    const seen: string[] = [];
    if (view.decode(input, 0, input.length)) {
      const hops = view.hops();
      ok(hops.length * 8 <= input.length, `${hops.length} hops in ${input.length} octets`);
      seen.push(`route ${view.forwardingHash() !== 0} ${hops.length} ${view.prefix.length}`);
    }
    seen.push(`${nl.decodeLink(input, 0, input.length) !== null}`);
    seen.push(`${nl.decodeLinkAddress(input, 0, input.length) !== null}`);
    seen.push(`${nl.decodeNexthop(input, 0, input.length) !== null}`);
    nl.readError(input, 0, input.length);
    nl.readDone(input, 0, input.length);
    return seen;
  },
};
