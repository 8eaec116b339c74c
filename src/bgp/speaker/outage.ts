/** Since when a session is down and why, and which failures since then are no news (RFC 4271 leaves us trying for ever). */

/** Words that a peer chooses may be in a reason: what is remembered of an outage has an end. */
const REMEMBERED = 64;

export class Outage {
  /** The session's end; before there was one, when the peer came to be known. */
  since = new Date();
  /** Why the session ended; null: there was none, or it was ended on request without a word. */
  reason: string | null = null;
  private readonly told = new Set<string>();

  /** The session ended. */
  begin(reason: string | null): void {
    this.since = new Date();
    this.reason = reason;
    this.told.clear();
  }

  /** Whether this is said for the first time in this outage. */
  isNews(what: string): boolean {
    if (this.told.has(what) || this.told.size >= REMEMBERED) return false;
    this.told.add(what);
    return true;
  }
}
