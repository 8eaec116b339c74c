import type { Socket } from 'node:net';
import { fdOf } from '../../sockopt/index.js';
import {
  type FsmAction,
  type FsmEvent,
  type FsmState,
  fsmStates,
  idleFsm,
  incomingFsm,
  resolveCollision,
  step,
} from '../fsm/index.js';
import { frame } from '../wire/header.js';
import {
  decodeNotification,
  decodeOpen,
  decodeRouteRefresh,
  describeNotification,
  ErrorCode,
  encodeNotification,
  encodeOpen,
  isWireError,
  keepalive,
  MAX_EXTENDED_MESSAGE_LENGTH,
  MessageType,
  type Notification,
  type OpenMessage,
  OpenSubcode,
  type WireError,
} from '../wire/index.js';
import { administrativeReset, administrativeShutdown, hardened, isHardReset } from './cease.js';
import { dial, isFromAfar, setConnectionOptions } from './dial.js';
import { Machine } from './machine.js';
import { keepaliveSeconds, makeOpen, negotiate, withoutCapabilities } from './negotiate.js';
import { Transport } from './transport.js';
import type {
  Negotiated,
  SessionCounters,
  SessionHandlers,
  SessionOpening,
  SessionSettings,
} from './types.js';

/**
 * The session with one peer: dials, accepts, negotiates, keeps alive, reports. At most two connections at a time, and
 * at most one of them established.
 */
export class PeerSession {
  settings: SessionSettings;
  /** When `state` was entered. */
  stateSince = new Date();
  /** What ended the last attempt or session; null before, and after an orderly stop. */
  lastError: string | null = null;
  private readonly handlers: SessionHandlers;
  /** The key of TCP-MD5 (RFC 2385); null: segments are not signed. Never in settings, which people may see. */
  private password: Buffer | null = null;
  private primary: Machine;
  /** The connection that the peer dialed while `primary` has one of its own. */
  private secondary: Machine | null = null;
  /** The next OPEN goes without capabilities: the peer takes none. */
  private isBare = false;
  private shownState: FsmState = 'idle';
  private readonly leaving = new Set<Promise<void>>();
  private readonly totals = {
    messagesReceived: 0,
    messagesSent: 0,
    updatesReceived: 0,
    bytesReceived: 0,
    bytesSent: 0,
    established: 0,
  };

  constructor(settings: SessionSettings, handlers: SessionHandlers) {
    this.settings = settings;
    this.handlers = handlers;
    this.primary = new Machine(idleFsm, this.dispatch);
  }

  /** RFC 4271 §8.2.2; with two connections, that of the one which is further. */
  get state(): FsmState {
    const first = this.primary.fsm.state;
    const second = this.secondary?.fsm.state ?? 'idle';
    return fsmStates.indexOf(second) > fsmStates.indexOf(first) ? second : first;
  }

  /** Whether there is a connection, or an attempt at one. */
  get isConnected(): boolean {
    return this.primary.fsm.connection !== 'none' || this.secondary !== null;
  }

  /** When the next attempt begins by itself; null: one is under way, or none is planned. */
  get retryAt(): Date | null {
    return this.secondary === null ? this.primary.retryAt : null;
  }

  /** What was agreed on; null unless established. */
  get negotiated(): Negotiated | null {
    return this.primary.fsm.state === 'established' ? this.primary.negotiated : null;
  }

  /** The OPENs and ports of the established session; null unless it is up. */
  get opening(): SessionOpening | null {
    const { transport, ourOpen, peerOpenBytes } = this.primary;
    if (this.negotiated === null || transport === null || ourOpen === null || peerOpenBytes === null)
      return null;
    return { sentOpen: encodeOpen(ourOpen), receivedOpen: peerOpenBytes, ...transport.ports() };
  }

  /** Totals over all connections so far. */
  get counters(): Readonly<SessionCounters> {
    const sum = { ...this.totals };
    for (const transport of [this.primary.transport, this.secondary?.transport]) {
      if (!transport) continue;
      sum.messagesSent += transport.messagesSent;
      sum.bytesSent += transport.bytesSent;
      sum.bytesReceived += transport.bytesReceived;
    }
    return sum;
  }

  /** Bytes handed to `send` that TCP has not taken yet. */
  get bufferedBytes(): number {
    return this.primary.transport?.bufferedBytes ?? 0;
  }

  /**
   * Another password, or none: connections that are up go on with it at once (segments on their way that the old one
   * signed are lost, and sent again), new ones begin with it.
   */
  setPassword(password: Buffer | null): void {
    this.password = password;
    for (const machine of [this.primary, this.secondary]) {
      machine?.transport?.setPassword(this.settings.remoteAddress, password);
    }
  }

  /** Settings that differ in nothing that an OPEN or the connection is made of: what is up stays up. */
  adjust(settings: SessionSettings): void {
    this.settings = settings;
    for (const machine of [this.primary, this.secondary]) {
      if (machine === null) continue;
      const keepalive = keepaliveSeconds(settings, machine.fsm.holdTimeSeconds);
      this.dispatch(machine, { type: 'configured', keepaliveSeconds: keepalive });
    }
  }

  /** Starts, or starts again after `stop`. `listenFirst`: gives the peer the first call. */
  start(listenFirst = false): void {
    this.dispatch(this.primary, { type: 'start', listenFirst });
  }

  /**
   * Stops and stays idle. The notification goes out first; null ends TCP without a word, so that a peer that
   * does graceful restart keeps our routes. Resolves when the connections are gone (a few seconds at most).
   */
  async stop(notification: Notification | null = administrativeShutdown): Promise<void> {
    const { secondary } = this;
    if (secondary !== null) this.dispatch(secondary, { type: 'stop', notification });
    this.dispatch(this.primary, { type: 'stop', notification });
    await Promise.all(this.leaving);
  }

  /** Ends what there is with a Cease and connects again soon. Nothing happens to a stopped session. */
  reset(notification: Notification = administrativeReset): void {
    const { secondary } = this;
    if (secondary !== null) this.dispatch(secondary, { type: 'stop', notification });
    this.dispatch(this.primary, { type: 'reset', notification });
  }

  /** Ends the established session as if TCP had failed, for that `reason`, and connects again soon. */
  fail(reason: string): void {
    if (this.primary.fsm.state === 'established') {
      this.dispatch(this.primary, { type: 'connectionFailed', reason });
    }
  }

  /** Dials at once where the next attempt waits for its time: what kept the last ones from the peer may be gone. */
  retry(): void {
    const { state, connection, timers } = this.primary.fsm;
    if (state !== 'active' || connection !== 'none' || !timers.has('connectRetry')) return;
    this.dispatch(this.primary, { type: 'timerExpired', timer: 'connectRetry' });
  }

  /**
   * Takes a connection that the peer dialed. False: refused, the session is stopped or holds idle after an error
   * (RFC 4271 §8.2.2, Idle); the caller resets the socket.
   */
  accept(socket: Socket): boolean {
    if (this.primary.fsm.state === 'idle') return false;
    try {
      if (isFromAfar(fdOf(socket), this.settings)) {
        this.refused('refused a connection for its TTL: does the peer send 255 (GTSM), and is it so near?');
        return false;
      }
      setConnectionOptions(fdOf(socket), this.settings, this.password);
    } catch {
      return false; // it is gone already
    }
    let machine = this.primary;
    if (machine.fsm.connection !== 'none') {
      // Whoever dials again has given up the connection it dialed before.
      if (this.secondary !== null) this.dispatch(this.secondary, { type: 'collisionDump' });
      machine = new Machine(incomingFsm, this.dispatch);
      this.secondary = machine;
    }
    machine.attach(this.transportOf(machine, socket), 'incoming');
    this.dispatch(machine, { type: 'connected' });
    return true;
  }

  /** Tells of an attempt of the peer's that ended before a machine had it. */
  private refused(error: string): void {
    if (this.state === 'established') return;
    this.lastError = error;
    this.handlers.closed({
      wasEstablished: false,
      error,
      notificationSent: null,
      notificationReceived: null,
      graceful: false,
    });
  }

  /**
   * Queues whole messages on the established session; the buffer must not change any more and may be shared with other
   * sessions. False: not established, or enough is queued; `writable` tells when there is room (what was given
   * is sent all the same).
   */
  send(buf: Buffer): boolean {
    const { transport, fsm } = this.primary;
    if (transport === null || fsm.state !== 'established') return false;
    return transport.send(buf);
  }

  private transportOf(machine: Machine, socket: Socket): Transport {
    const transport: Transport = new Transport(socket, {
      connected: () => this.dispatch(machine, { type: 'connected' }),
      failed: (reason) => {
        this.release(machine);
        this.dispatch(machine, { type: 'connectionFailed', reason });
      },
      message: (type, buf, start, end) => this.received(machine, type, buf, start, end),
      headerError: (error) => this.dispatch(machine, messageError(error)),
      writable: () => {
        if (machine === this.primary && machine.fsm.state === 'established') this.handlers.writable();
      },
    });
    return transport;
  }

  /** One event of one connection: step the machine, carry its actions out, tell the speaker. */
  private readonly dispatch = (machine: Machine, event: FsmEvent): void => {
    const wasEstablished = machine.fsm.state === 'established';
    const wasPrimary = machine === this.primary;
    const result = step(machine.fsm, event, this.settings);
    machine.fsm = result.fsm;
    let closed: string | null = null;
    for (const action of result.actions) {
      if (action.type === 'close') closed = action.reason;
      this.perform(machine, action);
    }
    const isEstablished = machine.fsm.state === 'established';
    if (isEstablished && !wasEstablished) this.promote(machine);
    this.settle();
    if (closed !== null && event.type !== 'collisionDump') {
      // RFC 5492 §3. What it refuses once it is not refused twice: the OPEN after that is whole again.
      const refuses = isUnsupportedParameter(machine.notificationReceived);
      this.isBare = refuses && !this.isBare && this.settings.families.includes('ipv4');
    }
    if (closed !== null) this.noteError(machine, event, closed);
    this.showState(closed ?? describeEvent(event));
    if (isEstablished && !wasEstablished && machine.negotiated !== null) {
      this.totals.established++;
      this.handlers.established(machine.negotiated);
    }
    if (closed !== null && (wasEstablished || (wasPrimary && machine === this.primary))) {
      const { negotiated, notificationSent, notificationReceived } = machine;
      const gracefulPeer = negotiated?.peerGracefulRestart != null;
      const restart = negotiated?.notificationRestart === true;
      this.handlers.closed({
        wasEstablished,
        error: event.type === 'stop' ? null : this.lastError,
        notificationSent,
        notificationReceived,
        graceful:
          wasEstablished &&
          gracefulPeer &&
          [notificationSent, notificationReceived].every((n) => n === null || (restart && !isHardReset(n))),
      });
    }
  };

  private perform(machine: Machine, action: FsmAction): void {
    switch (action.type) {
      case 'startTimer':
        machine.startTimer(action.timer, action.seconds, action.jitter);
        return;
      case 'stopTimer':
        machine.stopTimer(action.timer);
        return;
      case 'dial':
        this.dial(machine);
        return;
      case 'close':
        this.close(machine, action.notification);
        return;
      case 'sendOpen':
        machine.ourOpen = this.makeOpen();
        machine.transport?.send(encodeOpen(machine.ourOpen));
        return;
      case 'sendKeepalive':
        machine.transport?.sendAhead(keepalive);
        return;
    }
  }

  private makeOpen(): OpenMessage {
    const open = makeOpen(this.settings, this.handlers.capabilities());
    return this.isBare ? withoutCapabilities(open) : open;
  }

  private dial(machine: Machine): void {
    try {
      machine.attach(this.transportOf(machine, dial(this.settings, this.password)), 'outgoing');
    } catch (error) {
      // The machine is within a step: the failure follows as an event of its own.
      const reason = `can't connect: ${(error as Error).message}`;
      setImmediate(() => {
        if (machine.fsm.connection === 'dialing' && machine.transport === null) {
          this.dispatch(machine, { type: 'connectionFailed', reason });
        }
      });
    }
  }

  private close(machine: Machine, notification: Notification | null): void {
    const { transport } = machine;
    if (transport === null) return;
    // RFC 8538 §4: only a peer that takes a NOTIFICATION as a restart is told when it is none.
    const hardens = machine.negotiated?.notificationRestart === true;
    const sent = notification !== null && hardens ? hardened(notification) : notification;
    machine.notificationSent = sent;
    transport.finish(sent === null ? null : encodeNotification(sent));
    const gone = transport.gone.then(() => {
      this.leaving.delete(gone);
    });
    this.leaving.add(gone);
    this.release(machine);
  }

  /** Takes the counters of a connection that ended into the totals. */
  private release(machine: Machine): void {
    const { transport } = machine;
    if (transport === null) return;
    this.totals.bytesReceived += transport.bytesReceived;
    this.totals.bytesSent += transport.bytesSent;
    this.totals.messagesSent += transport.messagesSent;
    machine.transport = null;
  }

  /** The established connection is the session; whatever else there is goes. */
  private promote(machine: Machine): void {
    const other = machine === this.primary ? this.secondary : this.primary;
    this.primary = machine;
    this.secondary = null;
    if (other !== null) this.discard(other);
  }

  /** Ends a machine that no longer counts; nobody is told but its peer. */
  private discard(machine: Machine): void {
    const { fsm, actions } = step(machine.fsm, { type: 'collisionDump' }, this.settings);
    machine.fsm = fsm;
    for (const action of actions) this.perform(machine, action);
    machine.stopTimers();
  }

  /** A second machine without a connection is over; a first one gives way to a second that has one. */
  private settle(): void {
    const { primary, secondary } = this;
    if (secondary === null) return;
    if (secondary.fsm.connection === 'none') {
      secondary.stopTimers();
      this.secondary = null;
    } else if (primary.fsm.connection === 'none') {
      primary.stopTimers();
      secondary.fsm = { ...secondary.fsm, failures: primary.fsm.failures };
      this.primary = secondary;
      this.secondary = null;
    }
  }

  private noteError(machine: Machine, event: FsmEvent, reason: string): void {
    if (event.type === 'collisionDump' || event.type === 'configured') return;
    if (event.type === 'stop') {
      this.lastError = null;
      return;
    }
    const sent = machine.notificationSent;
    if (this.password !== null && event.type === 'timerExpired' && event.timer === 'connectRetry') {
      // RFC 2385 §4.1: a segment with a wrong signature is dropped without an answer.
      this.lastError = `${reason}; nobody answers where the passwords differ`;
      return;
    }
    if (this.isBare) {
      this.lastError = `${reason}; the next OPEN goes without capabilities, for IPv4 alone (RFC 5492 §3)`;
      return;
    }
    this.lastError = sent === null ? reason : `${reason}; sent NOTIFICATION ${describeNotification(sent)}`;
  }

  private showState(reason: string): void {
    const { state } = this;
    if (state === this.shownState) return;
    this.shownState = state;
    this.stateSince = new Date();
    this.handlers.stateChanged(state, reason);
  }

  private received(machine: Machine, type: number, buf: Buffer, start: number, end: number): void {
    this.totals.messagesReceived++;
    const { handlers } = this;
    if (handlers.wantsMessages && machine.transport !== null) {
      const { localAddress } = machine.negotiated ?? machine.transport.localEnd();
      handlers.message?.(type, buf, start, end, localAddress);
    }
    switch (type) {
      case MessageType.update: {
        this.totals.updatesReceived++;
        if (machine.fsm.state !== 'established') {
          this.dispatch(machine, { type: 'updateReceived' });
          return;
        }
        // In Established, Event 27 only restarts the hold timer, which looks at the time of the last message.
        const error = this.handlers.update(buf, start, end);
        if (error !== null && error.severity === 'reset') this.dispatch(machine, messageError(error));
        return;
      }
      case MessageType.keepalive:
        this.giveUpForRestarted(machine);
        this.dispatch(machine, { type: 'keepaliveReceived' });
        return;
      case MessageType.open:
        this.openReceived(machine, buf, start, end);
        return;
      case MessageType.notification: {
        const notification = decodeNotification(buf, start, end);
        machine.notificationReceived = notification;
        this.dispatch(machine, {
          type: 'notificationReceived',
          versionError:
            notification.code === ErrorCode.open && notification.subcode === OpenSubcode.unsupportedVersion,
          reason: `received NOTIFICATION ${describeNotification(notification)}`,
        });
        return;
      }
      case MessageType.routeRefresh: {
        const refresh = decodeRouteRefresh(buf, start, end);
        if (isWireError(refresh)) this.dispatch(machine, messageError(refresh));
        else if (machine.fsm.state !== 'established') this.dispatch(machine, { type: 'updateReceived' });
        else this.handlers.routeRefresh(refresh.afi, refresh.safi, refresh.subtype);
        return;
      }
    }
  }

  private openReceived(machine: Machine, buf: Buffer, start: number, end: number): void {
    const { transport } = machine;
    if (transport === null) return;
    const open = decodeOpen(buf, start, end);
    if (isWireError(open)) {
      this.dispatch(machine, messageError(open));
      return;
    }
    const ours = machine.ourOpen ?? this.makeOpen();
    const negotiated = negotiate(this.settings, ours, open, {
      ...transport.localEnd(),
      remoteAddress: this.settings.remoteAddress,
    });
    if (isWireError(negotiated)) {
      this.dispatch(machine, messageError(negotiated));
      return;
    }
    if (machine.fsm.state !== 'openConfirm' && machine.fsm.state !== 'established') {
      if (!this.survivesCollision(machine, open)) {
        this.dispatch(machine, { type: 'collisionDump' });
        return;
      }
      machine.peerOpen = open;
      machine.peerOpenBytes = frame(MessageType.open, buf.subarray(start, end));
      machine.negotiated = negotiated;
      if (negotiated.extendedMessage) transport.framer.maxLength = MAX_EXTENDED_MESSAGE_LENGTH;
    }
    const { holdTimeSeconds, keepaliveSeconds } = negotiated;
    this.dispatch(machine, { type: 'openReceived', holdTimeSeconds, keepaliveSeconds });
  }

  /** RFC 4271 §6.8: with a valid OPEN on `newer`, one of two connections goes. False: it is `newer`. */
  private survivesCollision(newer: Machine, { routerId: remoteId, asn: remoteAsn }: OpenMessage): boolean {
    const older = newer === this.primary ? this.secondary : this.primary;
    if (older === null || older.fsm.connection !== 'open') return true;
    const established = older.fsm.state === 'established';
    const { localAsn, routerId: localId } = this.settings;
    const gracefulRestart = older.negotiated?.peerGracefulRestart != null;
    const verdict = resolveCollision(
      { direction: older.direction, established },
      { direction: newer.direction, established: false },
      { localId, remoteId, localAsn, remoteAsn, gracefulRestart },
    );
    if (verdict === 'dropNewer') return false;
    if (!established) this.dispatch(older, { type: 'collisionDump' });
    return true;
  }

  /**
   * RFC 4724 §5: an established session ends without a NOTIFICATION when its peer, having restarted, opened a new
   * connection. Its KEEPALIVE there is the proof: a peer that dialed at the same time as we did, and still has the
   * session, ends the new connection once it sees our OPEN on it.
   */
  private giveUpForRestarted(newer: Machine): void {
    const older = this.primary;
    if (newer === older || newer.fsm.state !== 'openConfirm' || older.fsm.state !== 'established') return;
    this.dispatch(older, {
      type: 'connectionFailed',
      reason: 'the peer restarted: it opened a new connection',
    });
  }
}

function messageError(error: WireError): FsmEvent {
  const { code, subcode, data, message: reason } = error;
  return { type: 'messageError', notification: { code, subcode, data }, reason };
}

function isUnsupportedParameter(notification: Notification | null): boolean {
  return notification?.code === ErrorCode.open && notification.subcode === OpenSubcode.unsupportedParameter;
}

function describeEvent(event: FsmEvent): string {
  switch (event.type) {
    case 'start':
      return 'started';
    case 'stop':
      return 'stopped';
    case 'timerExpired':
      return `${event.timer} timer expired`;
    case 'connected':
      return 'connection is up';
    case 'openReceived':
      return 'OPEN received';
    case 'keepaliveReceived':
      return 'KEEPALIVE received';
    case 'connectionFailed':
    case 'messageError':
    case 'notificationReceived':
      return event.reason;
    case 'reset':
    case 'configured':
    case 'collisionDump':
    case 'updateReceived':
      return event.type;
  }
}
