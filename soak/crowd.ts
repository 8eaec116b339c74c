/**
 * Many peers in one process: they announce and withdraw at random, flap at random, and know what each of them announces
 * and has been sent. Run inside the namespace it stands for, with addresses 10.92.0.10 and up:
 *
 *     node crowd.js --daemon ADDRESS --peers N --paths N --rate N --seed N [--churn FILE]
 *
 * Commands come as lines on stdin, answers go as JSON lines to stdout:
 *     start           dial, and announce half of what each may have    -> {"event":"started"}
 *     run             churn and flap until `settle`
 *     settle          flap no more; once all are up and have sent all  -> {"event":"settled",…}
 *     compare FILE    hold both tables against the daemon's (see `Expected`)  -> {"event":"compared",…}
 */
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { Random } from '../fuzz/random.js';
import { type Announcement, announcementsOf, madeAnnouncements, passedOn } from './churn.js';
import type { Expected } from './expected.js';
import { announcing, asnsOf, message, prefixText, quad, Session, withdrawing } from './session.js';

const { values } = parseArgs({
  options: {
    daemon: { type: 'string', default: '' },
    peers: { type: 'string', default: '200' },
    paths: { type: 'string', default: '500' },
    rate: { type: 'string', default: '300' },
    seed: { type: 'string', default: '1' },
    churn: { type: 'string' },
  },
});
const count = Number(values.peers);
/** Paths that one peer announces at most. */
const mostPaths = Number(values.paths);
/** UPDATEs a second, over all peers. */
const rate = Number(values.rate);
const random = new Random(Number(values.seed));
const announcements: readonly Announcement[] =
  values.churn === undefined ? madeAnnouncements(20_000, Number(values.seed)) : announcementsOf(values.churn);

const TICK_MS = 50;
/** Of 1000 ticks of a peer, so many begin a flap: one in some 40 seconds. */
const FLAPS_PER_MILLE = 1.25;
const LONGEST_PAUSE_MS = 4000;
const MAX_DIFFERENCES = 10;

const say = (event: string, fields: Record<string, unknown> = {}): void => {
  process.stdout.write(`${JSON.stringify({ event, at: Date.now(), ...fields })}\n`);
};

/** Texts that recur, each once. */
class Names {
  private readonly ids = new Map<string, number>();
  readonly texts: string[] = [];

  id(text: string): number {
    let id = this.ids.get(text);
    if (id === undefined) {
      id = this.texts.length;
      this.ids.set(text, id);
      this.texts.push(text);
    }
    return id;
  }
}

const prefixes = new Names();
const words = new Names();
const NOTHING = -1;

interface Route {
  readonly nlri: Buffer;
  readonly attributes: Buffer;
  readonly asns: string;
}

/** Counts of what was done to the daemon. */
const done = { flaps: 0, updates: 0 };

class SoakPeer {
  readonly name: string;
  readonly asn: number;
  readonly address: string;
  readonly announced = new Map<string, Route>();
  /** By prefix id: id of the words it was announced with. */
  private held = new Int32Array(1024).fill(NOTHING);
  session: Session | null = null;
  private redial: NodeJS.Timeout | null = null;

  constructor(index: number) {
    const n = index + 10;
    this.name = `p${index}`;
    this.asn = 4200100000 + index;
    this.address = `10.92.${n >> 8}.${n & 255}`;
  }

  get isUp(): boolean {
    return this.session?.isEstablished === true;
  }

  dial(): void {
    this.redial = null;
    this.session = new Session({
      asn: this.asn,
      address: this.address,
      daemon: values.daemon,
      // Half of them: a peer without the capability loses its routes with its session.
      gracefulRestart: this.asn % 2 === 0,
      established: () => this.established(),
      announced: (prefix, what) => this.hold(prefix, words.id(what)),
      withdrawn: (prefix) => this.hold(prefix, NOTHING),
      closed: () => {
        this.session = null;
        this.held.fill(NOTHING);
        this.redial ??= setTimeout(() => this.dial(), isRunning ? random.below(LONGEST_PAUSE_MS) : 100);
      },
    });
  }

  announce(announcement: Announcement): void {
    const attributes = passedOn(announcement, this.asn, quad(this.address));
    const asns = asnsOf(`2:${attributeValue(attributes, 2).toString('hex')}`);
    for (const nlri of announcement.prefixes) {
      this.announced.set(prefixText(nlri, 0), { nlri, attributes, asns });
    }
    if (!this.isUp) return;
    for (const update of announcing(attributes, announcement.prefixes)) this.send(update);
  }

  /** Takes back some `wanted` of its routes, the oldest first. */
  withdraw(wanted: number): void {
    const gone: Buffer[] = [];
    for (const [prefix, { nlri }] of this.announced) {
      if (gone.length === wanted) break;
      gone.push(nlri);
      this.announced.delete(prefix);
    }
    if (this.isUp) for (const update of withdrawing(gone)) this.send(update);
  }

  flap(): void {
    const { session } = this;
    if (session === null) return;
    done.flaps++;
    switch (random.below(5)) {
      case 0:
        session.drop(true);
        return;
      case 1:
        session.drop(false);
        return;
      case 2:
        session.cease();
        return;
      case 3:
        session.stall(1000 + random.below(4000));
        return;
      case 4: // it asks for everything again (RFC 2918)
        if (session.isEstablished) session.send(message(5, Buffer.from([0, 1, 0, 1])));
    }
  }

  /** What differs between this peer's tables and those that the daemon's imply. */
  differences(expected: Expected): string[] {
    const found: string[] = [];
    const received = new Map(Object.entries(expected.received[this.name] ?? {}));
    for (const [prefix, { asns }] of this.announced) {
      const there = received.get(prefix);
      if (there !== asns)
        found.push(`${this.name} announces ${prefix} by ${asns}, the daemon has ${there ?? 'nothing'}`);
      received.delete(prefix);
    }
    for (const prefix of received.keys())
      found.push(`the daemon has ${prefix} of ${this.name}, which announces it not`);
    const missing = new Map(Object.entries(expected.best));
    for (let id = 0; id < this.held.length; id++) {
      if (this.held[id] === NOTHING) continue;
      const prefix = prefixes.texts[id];
      const best = missing.get(prefix);
      missing.delete(prefix);
      const asns = asnsOf(words.texts[this.held[id]]);
      if (best === undefined) found.push(`${this.name} was sent ${prefix}, the daemon has no such route`);
      else if (best.peer === this.name) found.push(`${this.name} was sent its own ${prefix}`);
      else if (asns !== `${expected.asn} ${best.asns}`.trim()) {
        found.push(`${this.name} holds ${prefix} by ${asns}, the daemon has it by ${best.asns}`);
      }
    }
    for (const [prefix, { peer }] of missing) {
      if (peer !== this.name) found.push(`${this.name} was not sent ${prefix} of ${peer}`);
    }
    return found;
  }

  private established(): void {
    const bySet = new Map<Buffer, Buffer[]>();
    for (const { nlri, attributes } of this.announced.values()) {
      const list = bySet.get(attributes);
      if (list === undefined) bySet.set(attributes, [nlri]);
      else list.push(nlri);
    }
    for (const [attributes, list] of bySet)
      for (const update of announcing(attributes, list)) this.send(update);
    this.send(message(2, Buffer.alloc(4)));
  }

  private send(update: Buffer): void {
    done.updates++;
    this.session?.send(update);
  }

  private hold(prefix: string, what: number): void {
    const id = prefixes.id(prefix);
    if (id >= this.held.length) {
      const grown = new Int32Array(Math.max(id + 1, this.held.length * 2)).fill(NOTHING);
      grown.set(this.held);
      this.held = grown;
    }
    this.held[id] = what;
  }
}

function attributeValue(attributes: Buffer, type: number): Buffer {
  for (let at = 0; at < attributes.length; ) {
    const isExtended = (attributes[at] & 0x10) !== 0;
    const start = at + (isExtended ? 4 : 3);
    const end = start + (isExtended ? attributes.readUInt16BE(at + 2) : attributes[at + 2]);
    if (attributes[at + 1] === type) return attributes.subarray(start, end);
    at = end;
  }
  return Buffer.alloc(0);
}

const peers = Array.from({ length: count }, (_, i) => new SoakPeer(i));
let isRunning = false;
let next = 0;
let owed = 0;

/** One change of one peer's table. Its size wanders around half of what it may have. */
function churn(): void {
  const peer = random.pick(peers);
  if (random.below(mostPaths) < peer.announced.size) peer.withdraw(1 + random.below(6));
  else peer.announce(announcements[next++ % announcements.length]);
}

function tick(): void {
  if (!isRunning) return;
  owed += (rate * TICK_MS) / 1000;
  for (; owed >= 1; owed--) churn();
  for (const peer of peers) if (random.below(1_000_000) < FLAPS_PER_MILLE * 1000) peer.flap();
}

function untilSettled(then: () => void): void {
  const settled = peers.every(({ isUp, session }) => isUp && session?.unsent === 0);
  if (settled) then();
  else setTimeout(() => untilSettled(then), 100);
}

function compare(file: string): void {
  const expected = JSON.parse(readFileSync(file, 'utf8')) as Expected;
  const found = peers.flatMap((peer) => peer.differences(expected));
  const announced = peers.reduce((sum, peer) => sum + peer.announced.size, 0);
  say('compared', { differences: found.length, examples: found.slice(0, MAX_DIFFERENCES), announced });
}

createInterface({ input: process.stdin })
  .on('line', (line) => {
    const [verb, argument] = line.trim().split(/\s+/, 2);
    switch (verb) {
      case 'start':
        for (const peer of peers) {
          while (peer.announced.size < mostPaths / 2)
            peer.announce(announcements[next++ % announcements.length]);
          peer.dial();
        }
        untilSettled(() => say('started'));
        return;
      case 'run':
        isRunning = true;
        return;
      case 'settle':
        isRunning = false;
        untilSettled(() => say('settled', { ...done }));
        return;
      case 'compare':
        compare(argument);
        return;
    }
  })
  .on('close', () => process.exit(0));
setInterval(tick, TICK_MS);
say('ready', { announcements: announcements.length });
