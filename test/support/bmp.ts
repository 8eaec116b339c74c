/**
 * A BMP collector's understanding of what it is sent, written from RFC 7854 and RFC 9069 and sharing nothing with
 * src/bgp: bytes become messages, and messages become the tables that a collector has after them.
 */

export interface PeerHeaderRead {
  type: number;
  flags: number;
  distinguisher: string;
  /** Text of the address; IPv6 in eight full groups. */
  address: string;
  asn: number;
  routerId: string;
  seconds: number;
  microseconds: number;
}

export type Tlv = { type: number; value: Buffer };

export type BmpMessage =
  | { type: 'initiation'; tlvs: Tlv[] }
  | { type: 'termination'; tlvs: Tlv[] }
  | {
      type: 'peerUp';
      peer: PeerHeaderRead;
      localAddress: string;
      localPort: number;
      remotePort: number;
      sentOpen: Buffer;
      receivedOpen: Buffer;
      tlvs: Tlv[];
    }
  | { type: 'peerDown'; peer: PeerHeaderRead; reason: number; data: Buffer }
  | { type: 'routeMonitoring'; peer: PeerHeaderRead; update: Buffer }
  | { type: 'statistics'; peer: PeerHeaderRead; statistics: Tlv[] }
  | { type: 'routeMirroring'; peer: PeerHeaderRead; tlvs: Tlv[] };

class Bytes {
  at = 0;
  constructor(readonly buf: Buffer) {}
  get left(): number {
    return this.buf.length - this.at;
  }
  take(octets: number): Buffer {
    if (octets > this.left) throw new Error(`${octets} octets expected, ${this.left} are left`);
    this.at += octets;
    return this.buf.subarray(this.at - octets, this.at);
  }
  u8 = () => this.take(1)[0];
  u16 = () => this.take(2).readUInt16BE();
  u32 = () => this.take(4).readUInt32BE();
}

const dotted = (octets: Buffer) => [...octets].join('.');
const groups = (octets: Buffer) =>
  Array.from({ length: 8 }, (_, i) => octets.readUInt16BE(i * 2).toString(16)).join(':');

function tlvsOf(bytes: Bytes): Tlv[] {
  const tlvs: Tlv[] = [];
  while (bytes.left > 0) {
    const type = bytes.u16();
    tlvs.push({ type, value: bytes.take(bytes.u16()) });
  }
  return tlvs;
}

function addressOf(octets: Buffer, isIpv6: boolean): string {
  if (isIpv6) return groups(octets);
  if (octets.subarray(0, 12).some((octet) => octet !== 0))
    throw new Error('an IPv4 address has 12 octets of zero before it');
  return dotted(octets.subarray(12));
}

function peerHeader(bytes: Bytes): PeerHeaderRead {
  const type = bytes.u8();
  const flags = bytes.u8();
  const distinguisher = bytes.take(8).toString('hex');
  // RFC 9069 §4.2: the Loc-RIB's flags are others, and V is not among them.
  const address = addressOf(bytes.take(16), type !== 3 && (flags & 0x80) !== 0);
  const asn = bytes.u32();
  const routerId = dotted(bytes.take(4));
  return {
    type,
    flags,
    distinguisher,
    address,
    asn,
    routerId,
    seconds: bytes.u32(),
    microseconds: bytes.u32(),
  };
}

/** A whole BGP message at the front. */
function pdu(bytes: Bytes): Buffer {
  const length = bytes.buf.readUInt16BE(bytes.at + 16);
  const message = bytes.take(length);
  if (message.subarray(0, 16).some((octet) => octet !== 0xff))
    throw new Error('a BGP message without its marker');
  return message;
}

function decodeBody(type: number, bytes: Bytes): BmpMessage {
  if (type === 4 || type === 5)
    return { type: type === 4 ? 'initiation' : 'termination', tlvs: tlvsOf(bytes) };
  const peer = peerHeader(bytes);
  switch (type) {
    case 0:
      return { type: 'routeMonitoring', peer, update: pdu(bytes) };
    case 1: {
      const count = bytes.u32();
      const statistics = tlvsOf(bytes);
      if (statistics.length !== count)
        throw new Error(`${count} statistics said, ${statistics.length} found`);
      return { type: 'statistics', peer, statistics };
    }
    case 2:
      return { type: 'peerDown', peer, reason: bytes.u8(), data: bytes.take(bytes.left) };
    case 3: {
      const localAddress = addressOf(bytes.take(16), peer.type !== 3 && (peer.flags & 0x80) !== 0);
      const [localPort, remotePort] = [bytes.u16(), bytes.u16()];
      const [sentOpen, receivedOpen] = [pdu(bytes), pdu(bytes)];
      return {
        type: 'peerUp',
        peer,
        localAddress,
        localPort,
        remotePort,
        sentOpen,
        receivedOpen,
        tlvs: tlvsOf(bytes),
      };
    }
    case 6:
      return { type: 'routeMirroring', peer, tlvs: tlvsOf(bytes) };
    default:
      throw new Error(`no BMP message has type ${type}`);
  }
}

/** The whole messages in `buf`, and how many octets of another one follow. Throws where a message is malformed. */
export function decodeBmp(buf: Buffer): { messages: BmpMessage[]; rest: number } {
  const messages: BmpMessage[] = [];
  let at = 0;
  while (buf.length - at >= 6) {
    if (buf[at] !== 3) throw new Error(`version ${buf[at]} at octet ${at}, expected 3`);
    const length = buf.readUInt32BE(at + 1);
    if (length < 6) throw new Error(`a message of ${length} octets at octet ${at}`);
    if (buf.length - at < length) break;
    const bytes = new Bytes(buf.subarray(at + 6, at + length));
    const message = decodeBody(buf[at + 5], bytes);
    if (bytes.left > 0) throw new Error(`${bytes.left} octets are left of a ${message.type} at octet ${at}`);
    messages.push(message);
    at += length;
  }
  return { messages, rest: buf.length - at };
}

export interface PlainRoute {
  nextHop: string;
  /** Members of AS_SEQUENCEs, AS_SETs in braces. */
  asPath: string;
  med: number | null;
  localPref: number | null;
  /** `65000:1`, in order. */
  communities: string[];
}

export interface PlainUpdate {
  withdrawn: string[];
  announced: string[];
  route: PlainRoute | null;
  /** Family whose End-of-RIB this is. */
  endOfRib: 'ipv4' | 'ipv6' | null;
}

function prefixesOf(bytes: Bytes, isIpv6: boolean, addPath: boolean): string[] {
  const list: string[] = [];
  while (bytes.left > 0) {
    const id = addPath ? `${bytes.u32()} ` : '';
    const length = bytes.u8();
    const octets = Math.ceil(length / 8);
    if (!isIpv6) {
      if (octets > 4 || octets > bytes.left) throw new Error(`an IPv4 prefix of ${length} bits`);
      // Most there are, and by the million.
      const { buf, at } = bytes;
      const octet = (n: number): number => (n < octets ? buf[at + n] : 0);
      list.push(`${id}${octet(0)}.${octet(1)}.${octet(2)}.${octet(3)}/${length}`);
      bytes.at += octets;
      continue;
    }
    const whole = Buffer.alloc(16);
    bytes.take(octets).copy(whole);
    list.push(`${id}${groups(whole)}/${length}`);
  }
  return list;
}

function asPathOf(bytes: Bytes): string {
  const parts: string[] = [];
  while (bytes.left > 0) {
    const type = bytes.u8();
    const members = Array.from({ length: bytes.u8() }, () => bytes.u32());
    parts.push(type === 1 ? `{${members.join(' ')}}` : members.join(' '));
  }
  return parts.join(' ');
}

/** An UPDATE with AS numbers of four octets. */
export function readUpdate(update: Buffer, addPath = false): PlainUpdate {
  if (update[18] !== 2) throw new Error(`message type ${update[18]}, expected an UPDATE`);
  const bytes = new Bytes(update.subarray(19));
  const withdrawn = prefixesOf(new Bytes(bytes.take(bytes.u16())), false, addPath);
  const attributes = new Bytes(bytes.take(bytes.u16()));
  const announced = prefixesOf(bytes, false, addPath);
  const route: PlainRoute = { nextHop: '', asPath: '', med: null, localPref: null, communities: [] };
  const empty = withdrawn.length + announced.length === 0;
  let endOfRib: PlainUpdate['endOfRib'] = empty && attributes.left === 0 ? 'ipv4' : null;
  let before = -1;
  const seen = new Set<number>();
  while (attributes.left > 0) {
    const flags = attributes.u8();
    const type = attributes.u8();
    if (seen.has(type)) throw new Error(`attribute ${type} stands twice`);
    seen.add(type);
    if (type !== 14 && type !== 15 && type < before) throw new Error(`attribute ${type} behind ${before}`);
    before = type === 14 || type === 15 ? before : type;
    const value = new Bytes(attributes.take((flags & 0x10) !== 0 ? attributes.u16() : attributes.u8()));
    if (type === 2) route.asPath = asPathOf(value);
    else if (type === 3) route.nextHop = dotted(value.take(4));
    else if (type === 4) route.med = value.u32();
    else if (type === 5) route.localPref = value.u32();
    else if (type === 8) while (value.left > 0) route.communities.push(`${value.u16()}:${value.u16()}`);
    else if (type === 14 || type === 15) {
      const isIpv6 = value.u16() === 2;
      value.u8();
      if (type === 14) {
        const nextHop = value.take(value.u8());
        route.nextHop = nextHop.length === 4 ? dotted(nextHop) : groups(nextHop.subarray(0, 16));
        value.u8();
        announced.push(...prefixesOf(value, isIpv6, addPath));
      } else {
        const gone = prefixesOf(value, isIpv6, addPath);
        withdrawn.push(...gone);
        if (gone.length === 0 && empty) endOfRib = isIpv6 ? 'ipv6' : 'ipv4';
      }
    }
  }
  return { withdrawn, announced, route: announced.length === 0 ? null : route, endOfRib };
}

/** A table as a collector has it: routes by prefix, and the End-of-RIBs that came. */
export interface CollectedTable {
  routes: Map<string, PlainRoute>;
  endOfRib: Set<string>;
}

export type TableKind = 'received' | 'accepted' | 'locRib';

/** What a collector knows after some messages. Throws where they contradict each other. */
export class CollectorModel {
  readonly messages: BmpMessage[] = [];
  sysName: string | null = null;
  terminated: number | null = null;
  /** Peers that are up, by address (`loc-rib`). */
  readonly peers = new Map<string, BmpMessage & { type: 'peerUp' }>();
  /** By address and kind. */
  private readonly tables = new Map<string, CollectedTable>();
  readonly downs: { peer: string; reason: number; data: Buffer }[] = [];
  readonly statistics = new Map<string, Tlv[]>();
  private bytes = Buffer.alloc(0);

  /** `addPath`: prefixes of sessions have path identifiers. */
  constructor(private readonly addPath = false) {}

  /** Bytes as they came; the end of a message may follow later. */
  push(bytes: Buffer): void {
    const all = Buffer.concat([this.bytes, bytes]);
    const { messages, rest } = decodeBmp(all);
    this.bytes = all.subarray(all.length - rest);
    for (const message of messages) this.apply(message);
  }

  table(peer: string, kind: TableKind): CollectedTable {
    const key = `${peer} ${kind}`;
    const table = this.tables.get(key) ?? { routes: new Map(), endOfRib: new Set() };
    this.tables.set(key, table);
    return table;
  }

  prefixes(peer: string, kind: TableKind): string[] {
    return [...this.table(peer, kind).routes.keys()].sort();
  }

  private apply(message: BmpMessage): void {
    if (this.messages.length === 0 && message.type !== 'initiation')
      throw new Error('the first message is no Initiation');
    if (this.terminated !== null) throw new Error('a message after Termination');
    this.messages.push(message);
    if (message.type === 'initiation') {
      this.sysName = message.tlvs.find(({ type }) => type === 2)?.value.toString() ?? null;
      return;
    }
    if (message.type === 'termination') {
      this.terminated = message.tlvs.find(({ type }) => type === 1)?.value.readUInt16BE() ?? -1;
      return;
    }
    const { peer } = message;
    const key = peer.type === 3 ? 'loc-rib' : peer.address;
    const isUp = this.peers.has(key);
    if (message.type === 'peerUp') {
      if (isUp) throw new Error(`Peer Up of ${key}, which is up`);
      this.peers.set(key, message);
      return;
    }
    if (!isUp) throw new Error(`${message.type} of ${key}, which is not up`);
    switch (message.type) {
      case 'peerDown':
        this.peers.delete(key);
        this.downs.push({ peer: key, reason: message.reason, data: message.data });
        for (const kind of ['received', 'accepted', 'locRib'] as const) this.tables.delete(`${key} ${kind}`);
        return;
      case 'statistics':
        this.statistics.set(key, message.statistics);
        return;
      case 'routeMonitoring': {
        const kind = peer.type === 3 ? 'locRib' : (peer.flags & 0x40) !== 0 ? 'accepted' : 'received';
        const { routes, endOfRib } = this.table(key, kind);
        const update = readUpdate(message.update, this.addPath && kind !== 'locRib');
        for (const prefix of update.withdrawn) routes.delete(prefix);
        if (update.route !== null) for (const prefix of update.announced) routes.set(prefix, update.route);
        if (update.endOfRib !== null) endOfRib.add(update.endOfRib);
        return;
      }
    }
  }
}
