/**
 * The socket that asks: single requests, batches, dumps.
 *
 * Requests and batches go to the kernel in the order given and are answered in that order. If an answer was
 * lost, a later one tells: whatever stands before it in the queue is settled as unknown (ENOBUFS). When the
 * drop counter moves, a NOOP that asks for an ACK is sent to be that later one.
 *
 * Dumps have a kernel socket of their own, so that they neither wait for batches nor fill the queue in which
 * refusals arrive. They run one after another.
 */
import { BATCH_MESSAGES, type BatchRefusal, type BatchResult, MessageBatch } from './batch.js';
import { NLM_F_ACK, NLM_F_DUMP, NLM_F_DUMP_INTR, NLMSG_DONE, NLMSG_ERROR, NLMSG_NOOP } from './constants.js';
import { NetlinkError, outcomeUnknown, type Refusal, readDone, readError } from './errors.js';
import {
  addFlags,
  endMessage,
  forEachMessage,
  HEADER_LENGTH,
  type MessageHandler,
  messageFlags,
  messageSequence,
  setSequence,
  writeHeader,
} from './message.js';
import { NetlinkTransport } from './transport.js';

/** Holds some 10,000 refusals; several full batches of them may be on their way. */
const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;
/** The kernel fills no dump datagram beyond 32 kB. */
const DUMP_DATAGRAM_BYTES = 32 * 1024;
/** A dump that changes keep interrupting is taken as it is after this many tries. */
const DUMP_TRIES = 5;

interface PendingRequest {
  readonly kind: 'request';
  readonly first: number;
  readonly count: 1;
  readonly bytes: Buffer;
  readonly onReply: MessageHandler | null;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

interface PendingBatch {
  readonly kind: 'batch';
  readonly first: number;
  readonly count: number;
  readonly batch: MessageBatch;
  readonly refused: BatchRefusal[];
  readonly resolve: (result: BatchResult) => void;
  readonly reject: (error: Error) => void;
}

type Pending = PendingRequest | PendingBatch;

interface RunningDump {
  readonly sequence: number;
  readonly request: Buffer;
  readonly onMessage: MessageHandler;
  readonly resolve: (interrupted: boolean) => void;
  readonly reject: (error: Error) => void;
  interrupted: boolean;
  /** What the message handler threw; the rest of the dump is then read and left aside. */
  failure: Error | null;
}

export interface NetlinkSocketOptions {
  readonly receiveBufferBytes?: number;
}

const closedError = () => new Error('the netlink socket is closed');

export class NetlinkSocket {
  readonly #commands: NetlinkTransport;
  #dumps: NetlinkTransport | null = null;
  #dump: RunningDump | null = null;
  #dumpQueue: Promise<unknown> = Promise.resolve();
  /** In order of sending. */
  readonly #pending: Pending[] = [];
  readonly #idleBatches: MessageBatch[] = [];
  #nextSequence = 1;
  #closed = false;
  #drops = 0;

  /** Throws where there is no netlink. */
  constructor(options: NetlinkSocketOptions = {}) {
    this.#commands = new NetlinkTransport({
      receiveBufferBytes: options.receiveBufferBytes ?? RECEIVE_BUFFER_BYTES,
      datagramBytes: 'exact',
      onDatagram: (bytes) => void forEachMessage(bytes, this.#answer),
      onDrop: () => this.#overflow(),
    });
  }

  /** The port that notifications of this socket's changes carry: `messagePort`, `RouteView.port`. */
  get port(): number {
    return this.#commands.port;
  }

  /** How often answers were lost. */
  get overflows(): number {
    return this.#drops;
  }

  /** Requests and batches that wait for their answer. */
  get inFlight(): number {
    return this.#pending.length;
  }

  #takeSequences(count: number): number {
    if (this.#nextSequence + count > 0xffff_ffff) this.#nextSequence = 1;
    const first = this.#nextSequence;
    this.#nextSequence += count;
    return first;
  }

  /**
   * Sends one message (header included; flags for an ACK and sequence number are set here) and resolves when the
   * kernel has done it. Messages that answer it (RTM_GET… without dump) go to `onReply`, their bytes its to keep.
   * Rejects with NetlinkError when the kernel refuses, code ENOBUFS when the outcome is unknown.
   */
  request(bytes: Buffer, onReply: MessageHandler | null = null): Promise<void> {
    return new Promise((resolve, reject) => {
      const first = this.#takeSequences(1);
      addFlags(bytes, 0, NLM_F_ACK);
      setSequence(bytes, 0, first);
      this.#send({ kind: 'request', first, count: 1, bytes, onReply, resolve, reject }, bytes);
    });
  }

  /** An empty batch to fill. */
  openBatch(): MessageBatch {
    const batch = this.#idleBatches.pop() ?? new MessageBatch();
    batch.reset(this.#takeSequences(BATCH_MESSAGES));
    return batch;
  }

  /**
   * Sends a batch and resolves when its last message is answered; refusals do not reject. The batch is the
   * socket's from here on. Rejects when the socket is closed or the kernel does not take the datagram.
   */
  submit(batch: MessageBatch): Promise<BatchResult> {
    if (batch.count === 0) {
      this.#idleBatches.push(batch);
      return Promise.resolve({ outcome: 'known', refused: [] });
    }
    return new Promise((resolve, reject) => {
      const { firstSequence: first, count } = batch;
      this.#send({ kind: 'batch', first, count, batch, refused: [], resolve, reject }, batch.seal());
    });
  }

  #send(entry: Pending, bytes: Buffer): void {
    if (this.#closed) {
      entry.reject(closedError());
      return;
    }
    this.#pending.push(entry);
    this.#commands.send(bytes, (error) => {
      const at = this.#pending.indexOf(entry);
      if (at >= 0) this.#pending.splice(at, 1);
      entry.reject(error);
    });
  }

  readonly #answer: MessageHandler = (type, bytes, start, end) => {
    const sequence = messageSequence(bytes, start);
    const at = this.#pending.findIndex((entry) => (sequence - entry.first) >>> 0 < entry.count);
    if (at < 0) return;
    for (const entry of this.#pending.splice(0, at)) this.#settle(entry, outcomeUnknown);
    const entry = this.#pending[0];
    if (type !== NLMSG_ERROR) {
      if (entry.kind === 'request') entry.onReply?.(type, bytes, start, end);
      return;
    }
    const refusal = readError(bytes, start, end);
    if (entry.kind === 'batch') {
      const index = (sequence - entry.first) >>> 0;
      if (refusal !== null) entry.refused.push({ ...refusal, index, request: entry.batch.copyOf(index) });
      if (index !== entry.count - 1) return;
    }
    this.#pending.shift();
    this.#settle(entry, refusal);
  };

  #settle(entry: Pending, refusal: Refusal | null): void {
    if (entry.kind === 'request') {
      if (refusal === null) entry.resolve();
      else entry.reject(new NetlinkError(refusal, entry.bytes));
      return;
    }
    this.#idleBatches.push(entry.batch);
    entry.resolve({ outcome: refusal === outcomeUnknown ? 'unknown' : 'known', refused: entry.refused });
  }

  #overflow(): void {
    this.#drops++;
    const noop = Buffer.alloc(HEADER_LENGTH);
    endMessage(noop, 0, writeHeader(noop, 0, NLMSG_NOOP, 0));
    // Its own outcome says nothing: if its answer is lost too, the counter moves again.
    this.request(noop).catch(() => {});
  }

  /**
   * Sends a dump request (RTM_GET…) and gives each message of the answer to `onMessage`. Where the kernel says
   * that a change interrupted the dump it is asked for again, after `onRestart`. Resolves with whether the last
   * try was consistent; rejects with NetlinkError, or with what `onMessage` threw.
   *
   * Changes made during the dump may be in it or not, consistent or not: subscribe before dumping.
   */
  dump(request: Buffer, onMessage: MessageHandler, onRestart: () => void = () => {}): Promise<boolean> {
    const run = async () => {
      for (let tries = 1; ; tries++) {
        const interrupted = await this.#runDump(request, onMessage);
        if (!interrupted || tries === DUMP_TRIES) return !interrupted;
        onRestart();
      }
    };
    const result = this.#dumpQueue.then(run);
    this.#dumpQueue = result.catch(() => {});
    return result;
  }

  #runDump(request: Buffer, onMessage: MessageHandler): Promise<boolean> {
    return new Promise((resolve, reject) => {
      if (this.#closed) throw closedError();
      this.#dumps ??= new NetlinkTransport({
        receiveBufferBytes: RECEIVE_BUFFER_BYTES,
        datagramBytes: DUMP_DATAGRAM_BYTES,
        onDatagram: (bytes) => void forEachMessage(bytes, this.#dumped),
        onDrop: () => this.#endDump(outcomeUnknown),
      });
      const sequence = this.#takeSequences(1);
      addFlags(request, 0, NLM_F_DUMP);
      setSequence(request, 0, sequence);
      this.#dump = { sequence, request, onMessage, resolve, reject, interrupted: false, failure: null };
      this.#dumps.send(request, (error) => {
        if (this.#dump?.sequence !== sequence) return;
        this.#dump = null;
        reject(error);
      });
    });
  }

  readonly #dumped: MessageHandler = (type, bytes, start, end) => {
    const dump = this.#dump;
    if (dump === null || messageSequence(bytes, start) !== dump.sequence) return;
    if ((messageFlags(bytes, start) & NLM_F_DUMP_INTR) !== 0) dump.interrupted = true;
    if (type === NLMSG_DONE) this.#endDump(readDone(bytes, start, end));
    else if (type === NLMSG_ERROR) this.#endDump(readError(bytes, start, end));
    else if (dump.failure === null) {
      try {
        dump.onMessage(type, bytes, start, end);
      } catch (error) {
        dump.failure = error instanceof Error ? error : new Error(String(error));
      }
    }
  };

  #endDump(refusal: Refusal | null): void {
    const dump = this.#dump;
    if (dump === null) return;
    this.#dump = null;
    if (dump.failure !== null) dump.reject(dump.failure);
    else if (refusal !== null) dump.reject(new NetlinkError(refusal, dump.request));
    else dump.resolve(dump.interrupted);
  }

  /** Whatever waits for an answer is rejected. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#commands.close();
    this.#dumps?.close();
    for (const entry of this.#pending.splice(0)) entry.reject(closedError());
    this.#dump?.reject(closedError());
    this.#dump = null;
  }
}
