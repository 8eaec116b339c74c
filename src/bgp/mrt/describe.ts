/** Records told to people and scripts: rows of plain values, fit for JSON. */
import { formatAddress, formatIpv4, formatPrefix } from '../../address/index.js';
import {
  AttributeCode,
  type AttributesDescription,
  decodeNotification,
  decodeOpen,
  decodeRouteRefresh,
  describeAttributes,
  describeNotification,
  Framer,
  isWireError,
  MAX_EXTENDED_MESSAGE_LENGTH,
  MessageType,
  type Nlri,
  readPrefixes,
  UpdateDecoder,
} from '../wire/index.js';
import { readAttributes } from './attributes.js';
import { type BgpMessage, MrtFault, type MrtRecord, mrtStates, type PeerIndexTable } from './types.js';

/** Whom a row is about. */
interface Peer {
  /** ISO 8601 */
  time: string;
  /** The peer's address. */
  peer: string;
  asn: number;
  /** Sent to the peer, not received from it. */
  sent?: true;
}

export type MrtRow =
  | {
      type: 'peers';
      time: string;
      collector: string;
      view: string;
      peers: { peer: string; asn: number; routerId: string }[];
    }
  | ({ type: 'route'; prefix: string; since: string; pathId?: number } & Peer &
      Partial<AttributesDescription> & { error?: string })
  | ({ type: 'announce'; prefix: string; pathId?: number } & Peer & AttributesDescription)
  | ({ type: 'withdraw'; prefix: string; pathId?: number } & Peer & { error?: string })
  | ({ type: 'endOfRib'; family: 'ipv4' | 'ipv6' } & Peer)
  | ({ type: 'open'; holdTimeSeconds: number; routerId: string; capabilities: string[] } & Peer)
  | ({ type: 'keepalive' } & Peer)
  | ({ type: 'notification'; message: string } & Peer)
  | ({ type: 'routeRefresh'; afi: number; safi: number } & Peer)
  | ({ type: 'state'; from: string; to: string } & Peer)
  /** A message that does not decode, or one that this program has no decoder for. */
  | ({ type: 'unreadable'; error: string } & Peer)
  /** A record of another type, passed over. */
  | { type: 'other'; time: string; mrtType: number; mrtSubtype: number; octets: number }
  | { type: 'damaged'; error: string };

const decoder = new UpdateDecoder();

/** Reads the records of one file in their order: entries of a table refer to the peers at its head. */
export class TableView {
  private table: PeerIndexTable | null = null;

  /** The rows of a record, or of what `decodeRecord` found wrong with it. */
  *rows(record: MrtRecord | MrtFault): Generator<MrtRow> {
    if (record instanceof MrtFault) {
      yield { type: 'damaged', error: `${record.message} (octet ${record.offset} of the record)` };
      return;
    }
    if (record.body.kind === 'peerIndexTable') this.table = record.body;
    yield* describeRecord(record, this.table);
  }
}

/** One record; `table`: the last PEER_INDEX_TABLE before it. */
export function* describeRecord(record: MrtRecord, table: PeerIndexTable | null): Generator<MrtRow> {
  const { body } = record;
  const time = timeOf(record);
  switch (body.kind) {
    case 'peerIndexTable': {
      const peers = body.peers.map(({ address, asn, routerId }) => ({
        peer: formatAddress(address),
        asn,
        routerId: formatIpv4(routerId),
      }));
      yield { type: 'peers', time, collector: formatIpv4(body.collectorId), view: body.viewName, peers };
      return;
    }
    case 'rib': {
      const prefix = formatPrefix(body.prefix);
      for (const { peerIndex, originatedTime, pathId, attributes } of body.entries) {
        const peer = table?.peers[peerIndex];
        const read = readAttributes(body.prefix, attributes);
        const error =
          peer === undefined
            ? `the table has no peer ${peerIndex}`
            : read instanceof MrtFault
              ? read.message
              : undefined;
        yield {
          type: 'route',
          time,
          peer: peer === undefined ? '' : formatAddress(peer.address),
          asn: peer?.asn ?? 0,
          prefix,
          since: isoTime(originatedTime, null),
          ...(body.addPath ? { pathId } : {}),
          ...(read instanceof MrtFault ? {} : read),
          ...(error === undefined ? {} : { error }),
        };
      }
      return;
    }
    case 'stateChange': {
      const { peerAddress, peerAsn, oldState, newState } = body;
      const peer = { time, peer: formatAddress(peerAddress), asn: peerAsn };
      yield { type: 'state', ...peer, from: stateName(oldState), to: stateName(newState) };
      return;
    }
    case 'message':
      yield* describeMessage(time, body);
      return;
    case 'other':
      yield { type: 'other', time, mrtType: body.type, mrtSubtype: body.subtype, octets: body.body.length };
      return;
  }
}

function describeMessage(time: string, record: BgpMessage): MrtRow[] {
  const { message, peerAddress, peerAsn } = record;
  const peer: Peer = {
    time,
    peer: formatAddress(peerAddress),
    asn: peerAsn,
    ...(record.local ? { sent: true } : {}),
  };
  const rows: MrtRow[] = [];
  const error = new Framer(MAX_EXTENDED_MESSAGE_LENGTH).push(message, (type, buf, start, end) => {
    if (type === MessageType.update) describeUpdate(peer, record, buf, start, end, rows);
    else rows.push(describeOther(peer, type, buf, start, end));
  });
  if (error !== null) rows.push({ type: 'unreadable', ...peer, error: error.message });
  else if (rows.length === 0) {
    rows.push({ type: 'unreadable', ...peer, error: 'the message is cut short' });
  }
  return rows;
}

function describeOther(peer: Peer, type: number, buf: Buffer, start: number, end: number): MrtRow {
  switch (type) {
    case MessageType.open: {
      const open = decodeOpen(buf, start, end);
      if (isWireError(open)) return { type: 'unreadable', ...peer, error: open.message };
      const { holdTimeSeconds, routerId, capabilities } = open;
      const names = capabilities.map(({ type }) => type);
      return {
        type: 'open',
        ...peer,
        holdTimeSeconds,
        routerId: formatIpv4(routerId),
        capabilities: [...new Set(names)],
      };
    }
    case MessageType.notification:
      return {
        type: 'notification',
        ...peer,
        message: describeNotification(decodeNotification(buf, start, end)),
      };
    case MessageType.routeRefresh: {
      const refresh = decodeRouteRefresh(buf, start, end);
      if (isWireError(refresh)) return { type: 'unreadable', ...peer, error: refresh.message };
      return { type: 'routeRefresh', ...peer, afi: refresh.afi, safi: refresh.safi };
    }
    default:
      return { type: 'keepalive', ...peer };
  }
}

/** A row for each prefix, withdrawn ones first. What RFC 7606 takes as a withdrawal says so in `error`. */
function describeUpdate(
  peer: Peer,
  { fourOctetAs, addPath, peerAsn, localAsn }: BgpMessage,
  buf: Buffer,
  start: number,
  end: number,
  rows: MrtRow[],
): void {
  // What was agreed on, the OPENs of another file may tell; next hops of either family are shown.
  const context = {
    fourOctetAs,
    ebgp: peerAsn !== localAsn,
    extendedNextHop: true,
    addPath: [addPath, addPath] as const,
  };
  let update = decoder.decode(buf, start, end, context);
  // Nor does the record tell an outsider from a member of one confederation (RFC 5065).
  if (context.ebgp && update.error?.attribute === AttributeCode.asPath) {
    update = decoder.decode(buf, start, end, { ...context, ebgp: false, confed: true });
  }
  const { error, canonical, canonicalStart, canonicalEnd } = update;
  if (error?.severity === 'reset') {
    rows.push({ type: 'unreadable', ...peer, error: error.message });
    return;
  }
  const before = rows.length;
  const ranges = (['withdrawn', 'unreach'] as const).map((which) => ({
    family: which === 'withdrawn' ? (0 as const) : update.unreachFamily,
    from: which === 'withdrawn' ? update.withdrawnStart : update.unreachStart,
    to: which === 'withdrawn' ? update.withdrawnEnd : update.unreachEnd,
  }));
  for (const { family, from, to } of ranges) {
    if (family === -1) continue;
    for (const nlri of readPrefixes(buf, from, to, family, addPath)) {
      rows.push({ type: 'withdraw', ...peer, ...route(nlri) });
    }
  }
  const reached = [
    { family: 0 as const, from: update.nlriStart, to: update.nlriEnd, set: 0 },
    { family: update.reachFamily, from: update.reachStart, to: update.reachEnd, set: 1 },
  ];
  for (const { family, from, to, set } of reached) {
    if (family === -1 || from === to) continue;
    const attributes =
      error === null ? describeAttributes(canonical, canonicalStart[set], canonicalEnd[set]) : null;
    for (const nlri of readPrefixes(buf, from, to, family, addPath)) {
      if (attributes === null)
        rows.push({ type: 'withdraw', ...peer, ...route(nlri), error: error?.message ?? '' });
      else rows.push({ type: 'announce', ...peer, ...route(nlri), ...attributes });
    }
  }
  if (update.endOfRib !== -1) {
    rows.push({ type: 'endOfRib', ...peer, family: update.endOfRib === 0 ? 'ipv4' : 'ipv6' });
  }
  if (rows.length === before) {
    const why = error?.message ?? 'UPDATE without a prefix of IPv4 or IPv6 unicast';
    rows.push({ type: 'unreadable', ...peer, error: why });
  }
}

function route(nlri: Nlri): { prefix: string; pathId?: number } {
  const prefix = formatPrefix(nlri);
  return nlri.pathId === undefined ? { prefix } : { prefix, pathId: nlri.pathId };
}

function stateName(state: number): string {
  return mrtStates[state - 1] ?? `state ${state}`;
}

function timeOf({ time, microseconds }: MrtRecord): string {
  return isoTime(time, microseconds);
}

function isoTime(seconds: number, microseconds: number | null): string {
  const whole = new Date(seconds * 1000).toISOString().slice(0, 19);
  return microseconds === null ? `${whole}Z` : `${whole}.${String(microseconds).padStart(6, '0')}Z`;
}
