/** What was malformed in a peer's UPDATEs (RFC 7606 §8: an operator must be able to tell), counted by attribute and cost. */
import { attributeName, type Severity, type WireError } from '../wire/index.js';

/** UPDATEs logged one by one per session; the rest is only counted. */
const LOGGED_PER_SESSION = 20;

export interface MalformedCount {
  /** By name; null: not in a path attribute. */
  readonly attribute: string | null;
  readonly severity: Severity;
  count: number;
  /** Of the last one. */
  error: string;
  /** Of the last one, in octets from the start of the message's body. */
  offset: number;
  at: Date;
}

export class MalformedUpdates {
  private readonly counts = new Map<string, MalformedCount>();
  private logged = 0;

  /** A session begins: what goes wrong on it is worth a line again. */
  begin(): void {
    this.logged = 0;
  }

  /** Counts an error. Returns whether it should be logged. */
  note({ attribute, severity, message, offset }: WireError): boolean {
    const key = `${attribute ?? ''} ${severity}`;
    const known = this.counts.get(key);
    const last = { error: message, offset, at: new Date() };
    if (known === undefined) {
      const name = attribute === undefined ? null : attributeName(attribute);
      this.counts.set(key, { attribute: name, severity, count: 1, ...last });
    } else Object.assign(known, last, { count: known.count + 1 });
    return ++this.logged <= LOGGED_PER_SESSION;
  }

  /** Since the peer is known, the most frequent first. */
  rows(): readonly MalformedCount[] {
    return [...this.counts.values()].sort((x, y) => y.count - x.count);
  }
}
