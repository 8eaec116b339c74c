/** The Ceases (RFC 4486) that end our sessions, and which NOTIFICATIONs are a restart or end the routes for good (RFC 8538). Pure. */
import { CeaseSubcode, ErrorCode, type Notification, shutdownText } from '../wire/index.js';

const cease = (subcode: number): Notification => ({ code: ErrorCode.cease, subcode, data: Buffer.alloc(0) });

/** An operator's stop. */
export const administrativeShutdown = cease(CeaseSubcode.administrativeShutdown);
/** An operator's reset. */
export const administrativeReset = cease(CeaseSubcode.administrativeReset);
/** The peer is not in the document any more. */
export const peerDeconfigured = cease(CeaseSubcode.peerDeconfigured);
/** The document says something else of the peer, which takes a new session. */
export const configurationChange = cease(CeaseSubcode.otherConfigurationChange);

/** The same Cease with words for the peer's operator (RFC 9003); null: without. */
export function withMessage(notification: Notification, text: string | null): Notification {
  return text === null ? notification : { ...notification, data: shutdownText(text) };
}

/**
 * Ceases that mean what they say: routes of a session that an operator ends, or that carried too many prefixes, are not
 * to be kept. RFC 8538 §5 leaves a reset and a change of configuration to the user; both replace what there was.
 */
const final: ReadonlySet<number> = new Set([
  CeaseSubcode.maximumPrefixes,
  CeaseSubcode.administrativeShutdown,
  CeaseSubcode.peerDeconfigured,
  CeaseSubcode.administrativeReset,
  CeaseSubcode.otherConfigurationChange,
]);

/** RFC 8538 §3: the one NOTIFICATION that never means a restart. */
export function isHardReset({ code, subcode }: Notification): boolean {
  return code === ErrorCode.cease && subcode === CeaseSubcode.hardReset;
}

/**
 * What goes to a peer that takes a NOTIFICATION as a restart: a final one within a Hard Reset (§3.1: its code, subcode
 * and data are the data), any other as it is.
 */
export function hardened(notification: Notification): Notification {
  const { code, subcode, data } = notification;
  if (code !== ErrorCode.cease || !final.has(subcode)) return notification;
  return {
    code: ErrorCode.cease,
    subcode: CeaseSubcode.hardReset,
    data: Buffer.concat([Buffer.from([code, subcode]), data]),
  };
}
