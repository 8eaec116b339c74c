/** Pings as tcpdump prints them, plain or in a tunnel. */
import type { WirePacket } from './overlay-scenario.js';

/** A time with which each packet begins (`-tt`); what is inside a VXLAN packet stands on a line of its own without one. */
const beginOfPacket = /^(?=\d+\.\d+ )/m;

/** The echo requests and replies in what `tcpdump -n -tt` wrote. */
export function pingsOf(text: string): WirePacket[] {
  return text
    .split(beginOfPacket)
    .filter((packet) => /\bICMP6?,? echo (request|reply)/.test(packet))
    .map(pingOf);
}

function pingOf(packet: string): WirePacket {
  const ends = [...packet.matchAll(/\bIP6? (\S+) > (\S+): /g)].map(([, source, target]) => ({
    source,
    target,
  }));
  const vni = /: VXLAN, .*\bvni (\d+)/.exec(packet)?.[1] ?? '';
  let port = '';
  const [outside] = ends;
  if (vni !== '' && outside !== undefined) {
    port = outside.target.slice(outside.target.lastIndexOf('.') + 1);
    for (const end of ['source', 'target'] as const)
      outside[end] = outside[end].slice(0, outside[end].lastIndexOf('.'));
  }
  const tunnels = ends.slice(1).map(() => (vni === '' ? '4' : '17'));
  return {
    source: ends.map(({ source }) => source).join(','),
    target: ends.map(({ target }) => target).join(','),
    protocols: [...tunnels, packet.includes('ICMP6') ? '58' : '1'].join(','),
    port,
    vni,
  };
}
