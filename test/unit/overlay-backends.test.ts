/** What VXLAN, IP-in-IP and host-gw want in the kernel. */
import { describe, expect, it } from 'vitest';
import { type Address, formatPrefix, parseAddress, parsePrefix } from '../../src/address/index.js';
import { localBlocks } from '../../src/hostgw/index.js';
import { ipipDevice } from '../../src/ipip/index.js';
import { macOfNode, parseMac, vxlanDevice, vxlanEntries } from '../../src/vxlan/index.js';

function at(text: string): Address {
  const address = parseAddress(text);
  if (address === null) throw new Error(text);
  return address;
}
function prefix(text: string) {
  const parsed = parsePrefix(text);
  if (parsed === null) throw new Error(text);
  return parsed;
}
const settings = { device: 'd', vni: 7, port: 4789, mtu: null, checksumOffload: null };

describe('vxlan', () => {
  it.each([
    [0, '192.0.2.1', '10.1.0.0', 1450, '10.1.0.0/32'],
    [1, '2001:db8::1', 'fd00:1::', 1430, 'fd00:1::/128'],
  ] as const)('leaves room for its headers: family %i', (family, underlay, address, mtu, own) => {
    const local = {
      underlay: { address: at(underlay), ifindex: 3, mtu: 1500 },
      address: at(address),
      mac: null,
    };
    const device = vxlanDevice(settings, family, local);
    expect(device).toMatchObject({
      name: 'd',
      mtu,
      mac: null,
      attributes: { vni: 7, port: 4789, underlay: 3, learning: false },
    });
    expect(device.addresses.map(formatPrefix)).toEqual([own]);
    expect(vxlanDevice({ ...settings, mtu: 1280 }, family, local).mtu).toBe(1280);
  });

  it('leads from the VTEP to its MAC and from the MAC to the node', () => {
    const mac = '66:00:00:00:00:02';
    expect(vxlanEntries('d', { endpoint: at('192.0.2.2'), address: at('10.1.1.0'), mac })).toEqual([
      { kind: 'neighbour', device: 'd', address: at('10.1.1.0'), mac },
      { kind: 'fdb', device: 'd', mac, destination: at('192.0.2.2') },
    ]);
  });

  it.each([
    ['localhostname', 0, '66:48:f6:56:dc:f1'],
    ['remotehostname', 0, '66:3e:ca:a4:db:65'],
    ['remotehostname2', 0, '66:40:18:59:1f:16'],
    ['remotehostname', 1, '66:a0:68:c9:4c:79'],
  ] as const)('gives %s in family %i the MAC that Calico does', (name, family, mac) => {
    expect(macOfNode(name, family)).toBe(mac);
  });

  it.each([
    ['0E-2A-00-00-00-01', '0e:2a:00:00:00:01'],
    ['66:48:F6:56:DC:F1', '66:48:f6:56:dc:f1'],
    ['01:00:00:00:00:01', null],
    ['00:00:00:00:00:00', null],
    ['66:48:f6:56:dc', null],
  ])('reads the MAC %s', (text, mac) => {
    expect(parseMac(text)).toBe(mac);
  });
});

describe('ipip', () => {
  const local = { underlay: { address: at('192.0.2.1'), mtu: 1500 }, address: at('10.1.0.0') };

  it('takes the fallback device as the kernel has it, and gives a device of its own a local end', () => {
    const tunl0 = ipipDevice({ device: 'tunl0', mtu: null, checksumOffload: null }, local);
    expect(tunl0).toMatchObject({ mtu: 1480, attributes: { local: null, remote: null } });
    const own = ipipDevice({ device: 'flannel.ipip', mtu: 1400, checksumOffload: false }, local);
    expect(own).toMatchObject({
      mtu: 1400,
      txChecksumOffload: false,
      attributes: { local: at('192.0.2.1'), remote: null },
    });
    expect(own.addresses.map(formatPrefix)).toEqual(['10.1.0.0/32']);
  });
});

describe('host-gw', () => {
  it('blackholes blocks of this node that are not originated anyway, but no single addresses', () => {
    const blocks = ['10.1.0.0/24', '10.1.1.7/32', 'fd00:1::/64', 'fd00:2::9/128', '10.2.0.0/24'].map(prefix);
    const found = localBlocks(blocks, [{ prefix: prefix('10.2.0.0/24') }]);
    expect(found.map((each) => `${formatPrefix(each.prefix)} ${each.blackhole}`)).toEqual([
      '10.1.0.0/24 true',
      '10.1.1.7/32 false',
      'fd00:1::/64 true',
      'fd00:2::9/128 false',
    ]);
  });
});
