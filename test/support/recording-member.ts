/** A member of an update group that keeps what it is told, as a BGP speaker at the other end would. */
import { formatPrefix, type Prefix } from '../../src/address/index.js';
import {
  Framer,
  MessageType,
  nlriOctets,
  nlriPathId,
  nlriWord,
  PATH_ID_OCTETS,
  UpdateDecoder,
} from '../../src/bgp/wire/index.js';
import type { SourceId } from '../../src/rib/ids.js';
import type { GroupMember } from '../../src/rib/update-group.js';

export class RecordingMember implements GroupMember {
  /** Prefix (`prefix#id` where prefixes have path identifiers) to canonical attribute set in hex. */
  readonly view = new Map<string, string>();
  endOfRibs = 0;
  /** What the view held when End-of-RIB was due. */
  atEndOfRib: Map<string, string> | null = null;
  announcements = 0;
  withdrawals = 0;
  updates = 0;
  sends = 0;
  octets = 0;
  isWritable = true;
  /** Called for each announcement. */
  onAnnounce: (prefix: string, attributes: string) => void = () => {};
  private readonly decoder = new UpdateDecoder();

  constructor(
    readonly name: string,
    readonly source: SourceId,
    private readonly ebgp = false,
    private readonly pathIds = false,
  ) {}

  send(messages: Buffer): boolean {
    this.sends++;
    this.octets += messages.length;
    const framer = new Framer();
    const error = framer.push(messages, (type, buf, start, end) => {
      if (type !== MessageType.update) throw new Error(`${this.name} was sent a message of type ${type}`);
      this.update(buf, start, end);
    });
    if (error !== null) throw new Error(`${this.name} was sent garbage: ${error.message}`);
    return this.isWritable;
  }

  writable(): boolean {
    return this.isWritable;
  }

  endOfRib(): void {
    this.endOfRibs++;
    this.atEndOfRib = new Map(this.view);
  }

  private update(buf: Buffer, start: number, end: number): void {
    this.updates++;
    const result = this.decoder.decode(buf, start, end, {
      fourOctetAs: true,
      ebgp: this.ebgp,
      addPath: [this.pathIds, this.pathIds],
    });
    if (result.error !== null) throw new Error(`${this.name} was sent a bad UPDATE: ${result.error.message}`);
    this.each(buf, result.withdrawnStart, result.withdrawnEnd, 0, (prefix) => this.withdraw(prefix));
    if (result.unreachFamily >= 0) {
      this.each(buf, result.unreachStart, result.unreachEnd, result.unreachFamily, (p) => this.withdraw(p));
    }
    this.each(buf, result.nlriStart, result.nlriEnd, 0, (prefix) => this.announce(prefix, result, 0));
    if (result.reachFamily >= 0) {
      this.each(buf, result.reachStart, result.reachEnd, result.reachFamily, (p) =>
        this.announce(p, result, 1),
      );
    }
  }

  private withdraw(prefix: string): void {
    this.withdrawals++;
    this.view.delete(prefix);
  }

  private announce(
    prefix: string,
    result: { canonical: Buffer; canonicalStart: ArrayLike<number>; canonicalEnd: ArrayLike<number> },
    index: number,
  ): void {
    this.announcements++;
    const { canonical, canonicalStart, canonicalEnd } = result;
    const attributes = canonical.toString('hex', canonicalStart[index], canonicalEnd[index]);
    this.view.set(prefix, attributes);
    this.onAnnounce(prefix, attributes);
  }

  private each(
    buf: Buffer,
    start: number,
    end: number,
    family: number,
    visit: (prefix: string) => void,
  ): void {
    const ahead = this.pathIds ? PATH_ID_OCTETS : 0;
    for (let at = start + ahead; at < end; at += nlriOctets(buf[at]) + ahead) {
      const words = [0, 1, 2, 3].map((i) => (family === 0 && i > 0 ? 0 : nlriWord(buf, at, i)));
      const prefix = {
        family,
        a: words[0],
        b: words[1],
        c: words[2],
        d: words[3],
        length: buf[at],
      } as Prefix;
      visit(formatPrefix(prefix) + (this.pathIds ? `#${nlriPathId(buf, at)}` : ''));
    }
  }
}
