import { describe, expect, it } from 'vitest';
import { type Address, IPV4, IPV6, parseAddress } from '../../src/address/index.js';
import * as nl from '../../src/netlink/index.js';

function address(text: string): Address {
  const value = parseAddress(text);
  if (value === null) throw new Error(text);
  return value;
}

/** Messages that iproute2 6.1 sent (strace), their sequence number cleared. */
const captured = {
  vxlan:
    'c800000010000506000000000000000000000000000000000000000000000000' +
    '0a000100021122334455000008000400aa05000008000d00000000000e000300666c616e6e656c2e31000000' +
    '7c0012000900010076786c616e0000006c0002000800030002000000050005000000000005000b0000000000' +
    '05000c000000000005000d000000000005000e00000000000500120001000000050013000000000005001400' +
    '00000000080001000100000008000400c0000201050007000000000006000f0021180000',
  upWithMtu: '28000000100005000000000000000000000000000300000001000000010000000800040078050000',
  alias: '2c0000001000050000000000000000000000000003000000000000000000000009001400' + '68656c6c6f000000',
  addrgenNone:
    '3000000010000500000000000000000000000000030000000000000000000000' + '10001a000c000a000500080001000000',
  linkDeletion: '2000000011000500000000000000000000000000030000000000000000000000',
  neighbour:
    '300000001c0005050000000000000000020000000300000080000000080001000af402000a00020002aabbccddee0000',
  fdb:
    '300000001c0005050000000000000000070000000300000080000200' + '0a00020002aabbccddee000008000100c0000202',
  ipip:
    '9c00000010000506000000000000000000000000000000000000000000000000' +
    '11000300666c616e6e656c2e69706970000000006800120008000100697069705c000200' +
    '050009000000000008000200c000020105000a00000000000500050000000000050004000000000008000100' +
    '00000000080014000000000006000f0000000000060010000000000006001100000000000600120000000000',
} as const;

const bytesOf = (hex: string) => Buffer.from(hex, 'hex');
const lengthOf = (bytes: Buffer) => bytes.readUInt32LE(0);

function link(bytes: Buffer): nl.Link {
  const decoded = nl.decodeLink(bytes, 0, bytes.length);
  if (decoded === null) throw new Error('no link');
  return decoded;
}

const vxlan: nl.VxlanInfo = {
  kind: 'vxlan',
  vni: 1,
  port: 8472,
  local: address('192.0.2.1'),
  remote: null,
  link: 2,
  ttl: 0,
  tos: 0,
  df: 0,
  learning: false,
  ageing: 0,
  proxy: false,
  rsc: false,
  l2miss: false,
  l3miss: false,
  udpChecksum: true,
  udpZeroChecksum6Tx: false,
  udpZeroChecksum6Rx: false,
  gbp: false,
  collectMetadata: false,
};

const ipip: nl.IpipInfo = {
  kind: 'ipip',
  local: address('192.0.2.1'),
  remote: null,
  link: 0,
  ttl: 0,
  tos: 0,
  pathMtuDiscovery: false,
  protocol: 0,
  encapsulation: 0,
  collectMetadata: false,
};

/** The attributes of a message from `from` on, by type, in hexadecimal: their order and the nested flag do not count. */
function attributes(bytes: Buffer, from: number, nested: readonly number[] = []): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  nl.forEachAttribute(bytes, from, bytes.length, (type, start, end) => {
    found[type] = nested.includes(type)
      ? attributes(bytes.subarray(0, end), start, type === nl.IFLA_LINKINFO ? [nl.IFLA_INFO_DATA] : [])
      : bytes.toString('hex', start, end);
  });
  return found;
}

describe('links of tunnels', () => {
  it('are read from what `ip link add` sends', () => {
    expect(link(bytesOf(captured.vxlan))).toMatchObject({
      name: 'flannel.1',
      kind: 'vxlan',
      mtu: 1450,
      mac: '02:11:22:33:44:55',
      txQueueLength: 0,
      tunnel: vxlan,
    });
    expect(link(bytesOf(captured.ipip))).toMatchObject({ name: 'flannel.ipip', kind: 'ipip', tunnel: ipip });
  });

  it('are made with the same attributes as `ip link add` makes them', () => {
    const { remote: _, df: __, ageing: ___, collectMetadata: ____, tos: _____, ...attributesOf } = vxlan;
    const created = nl.linkCreation('flannel.1', {
      mtu: 1450,
      mac: '02:11:22:33:44:55',
      txQueueLength: 0,
      tunnel: attributesOf,
    });
    expect(lengthOf(created)).toBe(created.length);
    expect(created.readUInt16LE(4)).toBe(nl.RTM_NEWLINK);
    // iproute2's flags, without the ACK that the socket adds.
    expect(created.readUInt16LE(6)).toBe(0x0605 & ~nl.NLM_F_ACK);
    expect(attributes(created, 32, [nl.IFLA_LINKINFO])).toEqual(
      attributes(bytesOf(captured.vxlan), 32, [nl.IFLA_LINKINFO]),
    );
  });

  it('survive writing and reading, in both families and with every attribute', () => {
    const six: nl.VxlanInfo = {
      ...vxlan,
      vni: 0xff_ffff,
      port: 0x1234,
      local: address('2001:db8::1'),
      remote: address('ff02::1'),
      link: 77,
      ttl: 9,
      tos: 8,
      df: nl.VXLAN_DF_INHERIT,
      learning: true,
      ageing: 12345,
      proxy: true,
      rsc: true,
      l2miss: true,
      l3miss: true,
      udpChecksum: false,
      udpZeroChecksum6Tx: true,
      udpZeroChecksum6Rx: true,
      gbp: true,
      collectMetadata: true,
    };
    const odd: nl.IpipInfo = {
      ...ipip,
      remote: address('198.51.100.7'),
      link: 3,
      ttl: 64,
      tos: 1,
      pathMtuDiscovery: true,
      protocol: 4,
      encapsulation: 1,
      collectMetadata: true,
    };
    for (const tunnel of [six, odd]) expect(link(nl.linkCreation('t', { tunnel })).tunnel).toEqual(tunnel);
  });

  it('are changed and removed as `ip link` does it', () => {
    const noAck = (hex: string) => {
      const bytes = bytesOf(hex);
      bytes.writeUInt16LE(bytes.readUInt16LE(6) & ~nl.NLM_F_ACK, 6);
      return bytes.toString('hex');
    };
    const hex = (bytes: Buffer) => bytes.toString('hex');
    expect(hex(nl.linkChange(3, { up: true, mtu: 1400 }))).toBe(noAck(captured.upWithMtu));
    expect(hex(nl.linkChange(3, { alias: 'hello' }))).toBe(noAck(captured.alias));
    expect(hex(nl.linkDeletion(3))).toBe(noAck(captured.linkDeletion));
    const none = link(nl.linkChange(3, { addressGeneration: nl.IN6_ADDR_GEN_MODE_NONE }));
    expect(none.addressGeneration).toBe(link(bytesOf(captured.addrgenNone)).addressGeneration);
    expect(none.addressGeneration).toBe(1);
  });

  it('of a kind that is not known, or cut short anywhere, do no harm', () => {
    const whole = bytesOf(captured.vxlan);
    for (let end = 0; end < whole.length; end++) {
      const cut = Buffer.from(whole.subarray(0, end));
      expect(() => nl.decodeLink(cut, 0, cut.length)).not.toThrow();
    }
    expect(nl.decodeTunnel('geneve', whole, 32, whole.length)).toBeNull();
  });
});

describe('neighbours', () => {
  it('are made permanent as `ip neigh replace` does it', () => {
    const made = nl.permanentNeighbour(3, address('10.244.2.0'), '02:aa:bb:cc:dd:ee');
    const theirs = bytesOf(captured.neighbour);
    expect(attributes(made, 28)).toEqual(attributes(theirs, 28));
    expect(nl.decodeNeighbour(made, 0, made.length)).toEqual(nl.decodeNeighbour(theirs, 0, theirs.length));
    expect(made.readUInt16LE(6)).toBe(0x0505 & ~nl.NLM_F_ACK);
    expect(nl.decodeNeighbour(made, 0, made.length)).toMatchObject({
      ifindex: 3,
      mac: '02:aa:bb:cc:dd:ee',
      state: nl.NUD_PERMANENT,
      deleted: false,
    });
  });

  it('are removed by address, and asked for by family and link', () => {
    const removal = nl.neighbourRemoval(3, address('fd00::2'));
    expect(nl.decodeNeighbour(removal, 0, removal.length)).toMatchObject({ deleted: true, ifindex: 3 });
    expect(nl.neighbourFamily(nl.neighbourDumpRequest(IPV4, 3), 0)).toBe(IPV4);
    expect(nl.neighbourFamily(nl.neighbourDumpRequest(), 0)).toBe(IPV6);
  });
});

describe('entries of a forwarding table', () => {
  it('are made as `bridge fdb replace` does it', () => {
    const made = nl.permanentFdbEntry(3, '02:aa:bb:cc:dd:ee', address('192.0.2.2'));
    const theirs = bytesOf(captured.fdb);
    expect(attributes(made, 28)).toEqual(attributes(theirs, 28));
    expect(nl.decodeFdbEntry(made, 0, made.length)).toEqual({
      ifindex: 3,
      mac: '02:aa:bb:cc:dd:ee',
      destination: address('192.0.2.2'),
      port: null,
      vni: null,
      via: null,
      state: nl.NUD_PERMANENT,
      flags: nl.NTF_SELF,
      deleted: false,
    });
    expect(nl.decodeFdbEntry(theirs, 0, theirs.length)).toEqual(nl.decodeFdbEntry(made, 0, made.length));
    expect(nl.neighbourLink(made, 0, made.length)).toBe(3);
  });

  it('are no neighbours, and neighbours are no entries', () => {
    const fdb = nl.permanentFdbEntry(3, '02:aa:bb:cc:dd:ee', address('2001:db8::2'));
    expect(nl.decodeFdbEntry(fdb, 0, fdb.length)?.destination).toEqual(address('2001:db8::2'));
    expect(nl.decodeNeighbour(fdb, 0, fdb.length)).toBeNull();
    const neighbour = nl.permanentNeighbour(3, address('10.0.0.1'), '02:aa:bb:cc:dd:ee');
    expect(nl.decodeFdbEntry(neighbour, 0, neighbour.length)).toBeNull();
  });

  it('take a MAC of six octets and nothing else', () => {
    for (const mac of ['', '02:aa:bb:cc:dd', '02:aa:bb:cc:dd:ee:ff', '02-aa-bb-cc-dd-ee', 'x'])
      expect(() => nl.permanentFdbEntry(3, mac, address('192.0.2.2'))).toThrow(RangeError);
  });
});
