/**
 * The router's side of the RPKI to Router protocol with one cache, as a state machine: what comes in (octets, the end of
 * a connection, timers) on one side, what is to be done (`RtrActions`, `RecordSink`) on the other. No clock and no
 * socket in it. RFC 8210; RFC 6810 and draft-ietf-sidrops-8210bis by version.
 */
import {
  defaultIntervals,
  encodeErrorReport,
  encodeResetQuery,
  encodeSerialQuery,
  HEADER_LENGTH,
  type Intervals,
  MAX_PDU_LENGTH,
  MAX_VERSION,
  type Pdu,
  type PduError,
  PduType,
  PrefixRecord,
  RtrErrorCode,
  readPdu,
  rtrErrorNames,
} from './pdu.js';
import type { RecordSink } from './types.js';

/**
 * `down`: no connection; `querying`: a query is out; `loading`: its answer comes in; `synced`: it is whole; `noData`: the
 * cache has nothing to say yet.
 */
export type RtrState = 'down' | 'connecting' | 'querying' | 'loading' | 'synced' | 'noData';

/**
 * `reconnect`: the next attempt; `answer`: the cache is silent while something is due; `refresh`: ask again; `expire`: what
 * it sent is too old.
 */
export type RtrTimer = 'reconnect' | 'answer' | 'refresh' | 'expire';

export interface RtrActions {
  dial(): void;
  send(octets: Buffer): void;
  /** Ends the connection after what was sent; `closed` is not called for it. */
  close(): void;
  startTimer(timer: RtrTimer, seconds: number): void;
  stopTimer(timer: RtrTimer): void;
  /** The state changed, or what is known of the cache. `reason`: for people. */
  changed(reason: string): void;
}

export type IntervalOverrides = Partial<Intervals>;

/** RFC 8210 §6: what intervals may be. */
const bounds: Readonly<Record<keyof Intervals, readonly [number, number]>> = {
  refreshSeconds: [1, 86400],
  retrySeconds: [1, 7200],
  expireSeconds: [600, 172800],
};

/** Longest silence of a cache that owes an answer. */
const ANSWER_SECONDS = 60;
/** VRPs that a cache may have; all there are today are about half a million. */
const MAX_RECORDS = 4_000_000;

export class RtrMachine {
  state: RtrState = 'down';
  /** The version spoken; on a new connection, the one that is offered first. */
  version = MAX_VERSION;
  /** Null: what the cache has is not known, so that the whole of it is asked for. */
  serial: number | null = null;
  session: number | null = null;
  /** What the cache sent is here and not expired. */
  hasData = false;
  /** On this connection, the cache's data was whole once. */
  isCurrent = false;
  /** Attempts and connections in a row that ended without data. */
  failures = 0;
  lastError: string | null = null;
  intervals: Intervals = defaultIntervals;
  private told: Intervals = defaultIntervals;
  private stopped = true;
  /** The connection is up and nothing that fixes the version has come. */
  private negotiating = false;
  private heard = false;
  /** The query that is out asked for everything. */
  private full = true;
  /** The serial number of a notify that came while an answer was due. */
  private notified: number | null = null;
  private records = 0;
  /** The beginning of a PDU whose rest has not come. */
  private rest: Buffer = Buffer.alloc(0);
  private readonly record = new PrefixRecord();

  constructor(
    private readonly actions: RtrActions,
    private readonly sink: RecordSink,
    private overrides: IntervalOverrides = {},
  ) {
    this.setOverrides(overrides);
  }

  start(): void {
    if (!this.stopped) return;
    this.stopped = false;
    this.failures = 0;
    this.dial();
  }

  /** Ends the connection and makes no other. What the cache sent stays until it expires, or `forget`. */
  stop(): void {
    if (this.stopped) return;
    this.stopped = true;
    this.hangUp('stopped');
    this.actions.stopTimer('reconnect');
  }

  /** Drops what the cache sent. */
  forget(): void {
    this.serial = null;
    this.session = null;
    this.actions.stopTimer('expire');
    if (!this.hasData) return;
    this.hasData = false;
    this.sink.drop();
  }

  /** Intervals that hold in place of the cache's, from the next time that they are begun. */
  setOverrides(overrides: IntervalOverrides): void {
    this.overrides = overrides;
    const { refreshSeconds, retrySeconds, expireSeconds } = { ...this.told, ...overrides };
    // RFC 8210 §6: what is not asked for again before it expires would come and go.
    const sooner = (seconds: number) =>
      seconds < expireSeconds ? seconds : Math.max(1, Math.floor(expireSeconds / 2));
    this.intervals = {
      refreshSeconds: sooner(refreshSeconds),
      retrySeconds: sooner(retrySeconds),
      expireSeconds,
    };
  }

  connected(): void {
    this.negotiating = true;
    this.heard = false;
    this.rest = Buffer.alloc(0);
    this.query('connected');
  }

  /** The connection, or the attempt at one, ended without our doing. */
  closed(error: string): void {
    // A cache that knows no version but its own may just hang up (RFC 8210 §7); the next attempt offers an older one.
    if (this.negotiating && !this.heard) this.offer(this.version > 0 ? this.version - 1 : MAX_VERSION);
    this.fail(error);
  }

  timerExpired(timer: RtrTimer): void {
    switch (timer) {
      case 'reconnect':
        this.dial();
        return;
      case 'answer':
        this.actions.close();
        this.closed(
          this.state === 'connecting'
            ? `no connection within ${ANSWER_SECONDS} seconds`
            : `no answer within ${ANSWER_SECONDS} seconds`,
        );
        return;
      case 'refresh':
        if (this.state === 'synced' || this.state === 'noData') this.query('it is time to ask again');
        return;
      case 'expire': {
        // RFC 8210 §6: data that could not be refreshed for so long must not be used.
        const reason = 'what the cache sent has expired';
        if (this.state === 'loading') {
          // What has come of the answer may build on what goes.
          this.fail(reason);
          this.forget();
          this.actions.changed(reason);
          return;
        }
        this.forget();
        if (this.state === 'synced') this.query(reason);
        else this.actions.changed(reason);
        return;
      }
    }
  }

  /** Octets from the cache; they are not kept. */
  received(chunk: Buffer): void {
    if (this.state === 'down' || this.state === 'connecting') return;
    const buf = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk]);
    let at = 0;
    while (buf.length - at >= HEADER_LENGTH) {
      const length = buf.readUInt32BE(at + 4);
      if (length < HEADER_LENGTH || length > MAX_PDU_LENGTH) {
        const message = `a PDU says that it has ${length} octets`;
        this.refuse(RtrErrorCode.corruptData, message, buf.subarray(at, at + HEADER_LENGTH));
        return;
      }
      if (buf.length - at < length) break;
      if (!this.take(buf, at, length)) return;
      at += length;
    }
    this.rest = at === buf.length ? Buffer.alloc(0) : Buffer.from(buf.subarray(at));
    if (this.state === 'loading' || this.state === 'querying') {
      this.actions.startTimer('answer', ANSWER_SECONDS);
    }
  }

  /** One PDU. Returns whether the connection goes on. */
  private take(buf: Buffer, at: number, length: number): boolean {
    const refuse = ({ code, message }: Omit<PduError, 'type'>): false => {
      this.refuse(code, message, buf.subarray(at, at + length));
      return false;
    };
    const version = buf[at];
    const type = buf[at + 1];
    if (this.negotiating) {
      // RFC 8210 §7: a notify of any version says nothing yet.
      if (type === PduType.serialNotify) return true;
      if (type !== PduType.errorReport) {
        if (version > this.version) {
          const message = `the cache speaks version ${version}; expected ${this.version} at most`;
          return refuse({ code: RtrErrorCode.unexpectedVersion, message });
        }
        this.agreeOn(version);
      }
    } else if (version !== this.version && type !== PduType.errorReport) {
      const message = `a PDU is of version ${version}; expected ${this.version}`;
      return refuse({ code: RtrErrorCode.unexpectedVersion, message });
    }
    this.heard = true;
    const pdu = readPdu(buf, at, length);
    if (pdu.type === 'error') return refuse(pdu);
    if (pdu.type === 'prefix') {
      const error = this.takePrefix(buf, at);
      return error === null || refuse(error);
    }
    if (pdu.type === 'errorReport') return this.errorReported(version, pdu.code, pdu.text);
    const error = this.handle(pdu);
    return error === null || refuse(error);
  }

  private takePrefix(buf: Buffer, at: number): Omit<PduError, 'type'> | null {
    if (this.state !== 'loading') return unexpected('a prefix');
    const { record } = this;
    const error = record.read(buf, at);
    if (error !== null) return error;
    const { family, words, length, maxLength, asn, isAnnouncement } = record;
    if (!isAnnouncement) {
      if (this.sink.withdraw(family, words, length, maxLength, asn)) return null;
      return {
        code: RtrErrorCode.withdrawalOfUnknown,
        message: `a record that is not there is withdrawn (AS ${asn})`,
      };
    }
    if (++this.records > MAX_RECORDS) {
      return { code: RtrErrorCode.internalError, message: `more than ${MAX_RECORDS} records` };
    }
    if (this.sink.announce(family, words, length, maxLength, asn)) return null;
    return { code: RtrErrorCode.duplicateAnnouncement, message: `a record is announced twice (AS ${asn})` };
  }

  private handle(pdu: Exclude<Pdu, { type: 'prefix' | 'errorReport' }>): Omit<PduError, 'type'> | null {
    switch (pdu.type) {
      case 'serialNotify':
        if (this.session !== null && pdu.session !== this.session) return this.otherSession(pdu.session);
        if (this.state === 'querying' || this.state === 'loading') this.notified = pdu.serial;
        else if (pdu.serial !== this.serial) this.query('the cache has news');
        return null;
      case 'cacheResponse':
        if (this.state !== 'querying') return unexpected('a Cache Response');
        if (!this.full && pdu.session !== this.session) return this.otherSession(pdu.session);
        this.session = pdu.session;
        this.records = 0;
        this.sink.begin(this.full);
        this.enter('loading', 'the cache answers');
        return null;
      case 'endOfData':
        if (this.state !== 'loading') return unexpected('an End of Data');
        if (pdu.session !== this.session) return this.otherSession(pdu.session);
        this.complete(pdu.serial, pdu.intervals);
        return null;
      case 'cacheReset':
        // RFC 8210 §8.3: the cache can't say what changed. What is there stays until all has come anew.
        if (this.state !== 'querying' || this.full) return unexpected('a Cache Reset');
        this.serial = null;
        this.session = null;
        this.query('the cache can tell no difference');
        return null;
      case 'routerKey':
      case 'aspa':
        return this.state === 'loading' ? null : unexpected('a record');
      case 'serialQuery':
      case 'resetQuery':
        return { code: RtrErrorCode.invalidRequest, message: 'the cache sent a query' };
    }
  }

  private complete(serial: number, intervals: Intervals | null): void {
    this.told = intervals === null ? defaultIntervals : clamped(intervals);
    this.setOverrides(this.overrides);
    this.serial = serial;
    this.hasData = true;
    this.isCurrent = true;
    this.failures = 0;
    this.lastError = null;
    this.sink.commit();
    this.actions.stopTimer('answer');
    this.actions.startTimer('refresh', this.intervals.refreshSeconds);
    this.actions.startTimer('expire', this.intervals.expireSeconds);
    this.enter('synced', 'the data is whole');
    const { notified } = this;
    this.notified = null;
    if (notified !== null && notified !== serial) this.query('the cache has news');
  }

  /** RFC 8210 §5.1: what a cache said under another session id means nothing any more. */
  private otherSession(session: number): Omit<PduError, 'type'> {
    const message = `the cache's session id is ${session}; expected ${this.session}`;
    if (this.state === 'loading') this.sink.abort();
    this.state = 'querying';
    this.forget();
    return { code: RtrErrorCode.corruptData, message };
  }

  /** Returns whether the connection goes on. */
  private errorReported(version: number, code: number, text: string): boolean {
    const name = rtrErrorNames[code] ?? `error ${code}`;
    const said = `the cache says ${name}${text === '' ? '' : ` (${text})`}`;
    if (code === RtrErrorCode.noDataAvailable) {
      // RFC 8210 §12: not fatal.
      if (this.negotiating && version <= this.version) this.agreeOn(version);
      if (this.state === 'loading') this.sink.abort();
      this.lastError = said;
      this.isCurrent = false;
      this.failures++;
      this.actions.stopTimer('answer');
      this.actions.startTimer('refresh', this.intervals.retrySeconds);
      this.enter('noData', said);
      return true;
    }
    this.actions.close();
    if (code === RtrErrorCode.unsupportedVersion && this.negotiating && this.version > 0) {
      // RFC 8210 §7: once more, with the version that the cache has.
      this.offer(version < this.version ? version : this.version - 1);
      this.hangUp(said);
      this.dial();
      return false;
    }
    this.fail(said);
    return false;
  }

  private agreeOn(version: number): void {
    this.negotiating = false;
    this.version = version;
  }

  /** The version of the next connection. Session ids are of one version (RFC 8210 §5.1), so all is asked for anew. */
  private offer(version: number): void {
    this.version = version;
    this.serial = null;
    this.session = null;
  }

  /** RFC 8210 §8.1, §8.2: what changed, or all where nothing is known. */
  private query(reason: string): void {
    const { session, serial } = this;
    this.actions.stopTimer('refresh');
    this.actions.startTimer('answer', ANSWER_SECONDS);
    this.full = session === null || serial === null;
    this.notified = null;
    this.actions.send(
      session === null || serial === null
        ? encodeResetQuery(this.version)
        : encodeSerialQuery(this.version, session, serial),
    );
    this.enter('querying', reason);
  }

  private dial(): void {
    this.isCurrent = false;
    this.enter('connecting', 'connecting');
    this.actions.startTimer('answer', ANSWER_SECONDS);
    this.actions.dial();
  }

  /** The cache sent what it may not: it is told, and the connection ends. */
  private refuse(code: number, message: string, pdu: Buffer): void {
    this.actions.send(encodeErrorReport(this.version, code, pdu, message));
    this.actions.close();
    this.fail(`${rtrErrorNames[code]}: ${message}`);
  }

  private fail(error: string): void {
    this.lastError = error;
    this.failures++;
    this.hangUp(error);
    if (!this.stopped) this.actions.startTimer('reconnect', this.backOffSeconds());
  }

  /** 1, 2, 4 seconds and so on, up to the retry interval. */
  private backOffSeconds(): number {
    return Math.min(this.intervals.retrySeconds, 2 ** Math.min(this.failures - 1, 16));
  }

  private hangUp(reason: string): void {
    if (this.state === 'loading') this.sink.abort();
    if (this.state !== 'down') this.actions.close();
    this.rest = Buffer.alloc(0);
    this.notified = null;
    this.negotiating = false;
    this.isCurrent = false;
    this.actions.stopTimer('answer');
    this.actions.stopTimer('refresh');
    this.enter('down', reason);
  }

  private enter(state: RtrState, reason: string): void {
    this.state = state;
    this.actions.changed(reason);
  }
}

function unexpected(what: string): Omit<PduError, 'type'> {
  return { code: RtrErrorCode.corruptData, message: `${what} came out of turn` };
}

function clamped(intervals: Intervals): Intervals {
  const within = (key: keyof Intervals) => {
    const [least, most] = bounds[key];
    return Math.min(most, Math.max(least, intervals[key]));
  };
  return {
    refreshSeconds: within('refreshSeconds'),
    retrySeconds: within('retrySeconds'),
    expireSeconds: within('expireSeconds'),
  };
}
