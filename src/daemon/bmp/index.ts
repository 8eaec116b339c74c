/**
 * Monitoring: collectors are told what peers say and what this router makes of it, by BMP (RFC 7854, RFC 9069).
 *
 *     RIB: path or best path changed ─▶ Feed: prefix noted ─▶ (the collector has room) ─▶ what the table says now ─▶ TCP
 *     Speaker: session up or down ────▶
 *
 * A `Collector` keeps the connection. Its `Feed` knows what was told over it, and per table (`views`) which prefixes are to
 * be looked at again; a dump at the beginning is nothing but every prefix noted. Route Monitoring is built from the
 * tables (`batch`), not from the messages that came: RFC 7854 §5 has it so, with prefixes that changed several
 * times told once. Therefore nothing piles up behind a collector that is slow: a bit for each prefix and table is all
 * that it can cost, and one that takes nothing at all is given up after a while and told everything anew when it is back.
 *
 * Sessions never wait for a collector: notes are taken in a few instructions, messages are made in slices.
 */

import { TerminationReason } from '../../bgp/bmp/index.js';
import type { PeerMonitor } from '../../bgp/speaker/index.js';
import type { CollectorConfig } from '../../config/router.js';
import { BEST_CHANGED } from '../../rib/family-rib.js';
import { Collector, type CollectorContext } from './collector.js';
import type { Feed } from './feed.js';

export type { Collector } from './collector.js';

export class Monitoring {
  readonly collectors = new Map<string, Collector>();
  /** The same, for those who ask for every route. */
  private list: readonly Collector[] = [];
  private readonly leaving = new Set<Promise<void>>();
  private closed = false;

  constructor(private readonly context: CollectorContext) {
    const { rib } = context;
    rib.onBestChange((family, prefix, change) => {
      if ((change & BEST_CHANGED) === 0 || this.list.length === 0) return;
      for (const collector of this.list) {
        if (collector.feed?.bestChanged(family, prefix)) collector.wake();
      }
    });
    rib.addClaim((family, prefix) => {
      return this.list.length > 0 && this.list.some(({ feed }) => feed?.holds(family, prefix));
    });
  }

  /** Talks to these collectors from now on. One that is configured as before is not disturbed. */
  apply(configs: readonly CollectorConfig[]): void {
    if (this.closed) return;
    const wanted = new Map(configs.map((config) => [config.name, config]));
    for (const [name, collector] of this.collectors) {
      const next = wanted.get(name);
      if (next !== undefined && JSON.stringify(next) === JSON.stringify(collector.config)) continue;
      this.collectors.delete(name);
      const { administrativelyClosed, permanentlyClosed } = TerminationReason;
      if (next === undefined) this.leave(collector, permanentlyClosed, 'no longer configured');
      else this.leave(collector, administrativelyClosed, 'configured otherwise');
    }
    for (const [name, config] of wanted) {
      if (this.collectors.has(name)) continue;
      const collector = new Collector(config, this.context);
      this.collectors.set(name, collector);
      collector.start();
    }
    this.attend();
  }

  /** Tells every collector that this is the end. */
  async close(): Promise<void> {
    this.closed = true;
    for (const collector of this.collectors.values()) {
      this.leave(collector, TerminationReason.administrativelyClosed, 'the router stops');
    }
    this.collectors.clear();
    this.attend();
    await Promise.all(this.leaving);
  }

  /** Where there is no collector, nobody notes anything. */
  private attend(): void {
    const { rib, speaker } = this.context;
    this.list = [...this.collectors.values()];
    if (this.collectors.size === 0) {
      speaker.monitor = null;
      rib.setPathWatcher(null);
      return;
    }
    this.monitor.wantsMessages = this.list.some(({ config }) => config.mirror);
    speaker.monitor = this.monitor;
    rib.setPathWatcher((family, prefix, source, pathId, what) => {
      for (const collector of this.list) {
        if (collector.feed?.pathChanged(family, prefix, source, pathId, what)) collector.wake();
      }
    });
  }

  private readonly monitor: PeerMonitor & { wantsMessages: boolean } = {
    wantsMessages: false,
    message: (peer, type, buf, start, end) => {
      for (const collector of this.list) {
        const outcome = collector.feed?.message(peer, type, buf, start, end);
        if (outcome === 'lost') collector.mirroringLost++;
        else if (outcome === 'mirrored') collector.wake();
      }
    },
    established: (peer) => this.tell((feed) => feed.established(peer)),
    closed: (peer, info) => this.tell((feed) => feed.closed(peer, info)),
    endOfRib: (peer, family) => this.tell((feed) => feed.endOfRib(peer, family)),
  };

  private tell(what: (feed: Feed) => void): void {
    for (const collector of this.list) {
      if (collector.feed === null) continue;
      what(collector.feed);
      collector.wake();
    }
  }

  private leave(collector: Collector, reason: number, text: string): void {
    const gone = collector.stop(reason, text).finally(() => this.leaving.delete(gone));
    this.leaving.add(gone);
  }
}
