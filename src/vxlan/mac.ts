/** MACs of VTEPs. */
import * as crypto from 'node:crypto';
import { type FamilyIndex, IPV4 } from '../address/index.js';

/** Of a text, in hexadecimal. Where Node.js has it (since 20.12), in one call: a cluster has thousands of names. */
const sha1: (text: string) => string =
  typeof crypto.hash === 'function'
    ? (text) => crypto.hash('sha1', text)
    : (text) => crypto.createHash('sha1').update(text).digest('hex');

/** The MAC that Calico gives a node's VTEP: 0x66 and the start of the SHA-1 of the name, for IPv6 of the name and `-v6`. */
export function macOfNode(name: string, family: FamilyIndex): string {
  const digest = sha1(family === IPV4 ? name : `${name}-v6`);
  let mac = '66';
  for (let i = 0; i < 10; i += 2) mac += `:${digest.slice(i, i + 2)}`;
  return mac;
}

/** Text of a unicast MAC in lower case with colons; null for anything else. */
export function parseMac(text: string): string | null {
  if (!/^[0-9a-f]{2}([:-][0-9a-f]{2}){5}$/i.test(text)) return null;
  const mac = text.toLowerCase().replaceAll('-', ':');
  const isGroup = (Number.parseInt(mac.slice(0, 2), 16) & 1) === 1;
  return isGroup || mac === '00:00:00:00:00:00' ? null : mac;
}
