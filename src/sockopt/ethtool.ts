/** Offloads of a network device, as `ethtool -k` and `-K` show and set them: the one that matters to tunnels. */
import koffi from 'koffi';
import { AF_INET, SOCK_CLOEXEC } from './constants.js';
import { check, closeFd, openSocket } from './index.js';

const SOCK_DGRAM = 2;
const SIOCETHTOOL = 0x8946n;
const ETHTOOL_GTXCSUM = 0x16;
const ETHTOOL_STXCSUM = 0x17;
const IFNAMSIZ = 16;

/** struct ethtool_value, and struct ifreq with a pointer to it. */
const value = koffi.struct('ethtool_value', { command: 'uint32', data: 'uint32' });
const request = koffi.struct('ifreq_ethtool', {
  name: koffi.array('uint8', IFNAMSIZ),
  data: koffi.pointer(value),
  rest: koffi.array('uint8', 16),
});
const ioctl = koffi.load(null).func('ioctl', 'int', ['int', 'ulong', koffi.inout(koffi.pointer(request))]);

function ask(device: string, command: number, data: number): number {
  const name = Buffer.alloc(IFNAMSIZ);
  if (name.write(device) >= IFNAMSIZ) throw new RangeError(`${device}: a device's name has at most 15 bytes`);
  const memory = koffi.alloc(value, 1);
  const fd = openSocket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  try {
    koffi.encode(memory, value, { command, data });
    check('ioctl', ioctl(fd, SIOCETHTOOL, { name: [...name], data: memory, rest: new Array(16).fill(0) }));
    return (koffi.decode(memory, value) as { data: number }).data;
  } finally {
    closeFd(fd);
    koffi.free(memory);
  }
}

/** Whether the device computes checksums of what it sends. Throws SystemCallError where there is none such. */
export function txChecksumOffload(device: string): boolean {
  return ask(device, ETHTOOL_GTXCSUM, 0) !== 0;
}

/** Has the device compute checksums of what it sends, or the stack in its place. Throws SystemCallError. */
export function setTxChecksumOffload(device: string, on: boolean): void {
  ask(device, ETHTOOL_STXCSUM, on ? 1 : 0);
}
