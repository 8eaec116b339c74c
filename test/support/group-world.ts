/** A RIB with some sources and an update group over it, with a clock that stands still unless told. */
import { type FamilyIndex, formatPrefix, parseAddress, parsePrefix } from '../../src/address/index.js';
import { AttributeCode, buildCanonical, CanonicalBuilder } from '../../src/bgp/wire/index.js';
import { DROP, SetRewriter } from '../../src/policy/rewrite.js';
import {
  type AttrSetId,
  type OutgoingId,
  type OutgoingSets,
  type PathId,
  type PrefixId,
  REJECTED,
  Rib,
  type SourceId,
} from '../../src/rib/index.js';
import {
  type GroupClock,
  type RouteExporter,
  UpdateGroup,
  type UpdateGroupOptions,
} from '../../src/rib/update-group.js';
import { RecordingMember } from './recording-member.js';

export class ManualClock implements GroupClock {
  private time = 0;
  private timers: { at: number; callback: () => void }[] = [];

  now(): number {
    return this.time;
  }

  after(milliseconds: number, callback: () => void): void {
    this.timers.push({ at: this.time + milliseconds, callback });
  }

  get waiting(): number {
    return this.timers.length;
  }

  advance(milliseconds: number): void {
    this.time += milliseconds;
    const due = this.timers.filter((timer) => timer.at <= this.time);
    this.timers = this.timers.filter((timer) => timer.at > this.time);
    for (const timer of due) timer.callback();
  }
}

export function prefixText(family: FamilyIndex, index: number): string {
  return family === 0 ? `10.${index >>> 8}.${index & 255}.0/24` : `2001:db8:${index.toString(16)}::/48`;
}

export class GroupWorld {
  readonly rib = new Rib();
  readonly clock = new ManualClock();
  readonly sources: SourceId[] = [];
  readonly group: UpdateGroup;
  private readonly refused: (attrSet: AttrSetId) => boolean;
  private readonly rewrites: boolean;

  /**
   * The exporter announces best paths as they are, but for `refused` ones. With `rewrites` without LOCAL_PREF and, from
   * sources of odd numbers, with a MED; what comes from source 2 it interns, as exporters do that find no recipe.
   */
  constructor(
    readonly family: FamilyIndex,
    sources: number,
    options: Partial<UpdateGroupOptions> & {
      readonly refused?: (attrSet: AttrSetId) => boolean;
      readonly rewrites?: boolean;
    } = {},
  ) {
    this.refused = options.refused ?? (() => false);
    this.rewrites = options.rewrites ?? false;
    for (let i = 0; i < sources; i++) this.sources.push(this.addSource(i));
    const table = this.rib.families[family];
    const exporter: RouteExporter = {
      export: (_prefix: PrefixId, path: PathId, outgoing: OutgoingSets): OutgoingId => {
        const attrSet = table.paths.accepted[path] as AttrSetId;
        if (this.refused(attrSet)) return REJECTED;
        if (this.rewrites) return this.rewritten(attrSet, table.paths.source[path] as SourceId, outgoing);
        this.rib.sets.retain(attrSet);
        return attrSet;
      },
    };
    this.group = new UpdateGroup({
      rib: this.rib,
      family,
      exporter,
      maxLength: 4096,
      fourOctetAs: true,
      clock: this.clock,
      ...options,
    });
    if (options.maxPaths === undefined) {
      this.rib.onBestChange((changed, prefix) => {
        if (changed === family) this.group.prefixChanged(prefix);
      });
    } else table.onPathChange((prefix) => this.group.prefixChanged(prefix));
    this.rib.addClaim((claimed, prefix) => claimed === family && this.group.holds(prefix));
  }

  /** `forwarding: none`, so that no next hop need resolve. */
  addSource(index: number): SourceId {
    return this.rib.addSource({
      kind: 'bgp',
      name: `peer${index}`,
      preference: 100,
      ibgp: false,
      client: false,
      routerId: index + 1,
      peerAddress: parseAddress(`192.0.2.${index + 1}`),
      remoteAsn: 65000 + index,
      forwarding: 'none',
    });
  }

  /** A set with this AS_PATH; what differs is told apart by its path. */
  canonical(asPath: readonly number[], communities: readonly number[] = [], localPref?: number): Buffer {
    return buildCanonical({
      family: this.family,
      nextHop: parseAddress(this.family === 0 ? '192.0.2.200' : '2001:db8:ffff::1'),
      asPath,
      ...(communities.length > 0 ? { communities } : {}),
      ...(localPref === undefined ? {} : { localPref }),
    });
  }

  announce(source: SourceId, prefix: string, canonical: Buffer, pathId = 0): void {
    const parsed = parsePrefix(prefix);
    if (parsed === null) throw new Error(`${prefix} is no prefix`);
    const table = this.rib.families[this.family];
    const attrSet = this.rib.sets.intern(canonical, 0, canonical.length);
    table.announce(source, table.prefixes.intern(parsed), attrSet, attrSet, pathId);
    this.rib.sets.release(attrSet);
  }

  withdraw(source: SourceId, prefix: string, pathId = 0): void {
    const parsed = parsePrefix(prefix);
    if (parsed === null) throw new Error(`${prefix} is no prefix`);
    const table = this.rib.families[this.family];
    const id = table.prefixes.find(parsed);
    if (id >= 0) table.withdraw(source, id as PrefixId, pathId);
  }

  /** Decides and sends all that can be decided and sent now. */
  settle(): void {
    this.rib.decide(Number.POSITIVE_INFINITY);
    while (this.group.run(Number.POSITIVE_INFINITY)) this.rib.decide(Number.POSITIVE_INFINITY);
    this.rib.decide(Number.POSITIVE_INFINITY);
  }

  member(index: number, name = `peer${index}`): RecordingMember {
    return new RecordingMember(name, this.sources[index]);
  }

  /** What the member is to know: every best path that the exporter lets through and that isn't its own. */
  expected(member: RecordingMember): Map<string, string> {
    const { paths, prefixes } = this.rib.families[this.family];
    const view = new Map<string, string>();
    for (const prefix of prefixes.walk()) {
      const best = paths.bestOf(prefix);
      if (best < 0 || paths.source[best] === member.source) continue;
      const attrSet = paths.accepted[best] as AttrSetId;
      if (this.refused(attrSet)) continue;
      view.set(
        formatPrefix(prefixes.read(prefix)),
        this.announcedAs(attrSet, paths.source[best] as SourceId),
      );
    }
    return view;
  }

  private rewritten(attrSet: AttrSetId, source: SourceId, outgoing: OutgoingSets): OutgoingId {
    const { sets } = this.rib;
    const rewriter = new SetRewriter();
    rewriter.localPref = DROP;
    if (source % 2 === 1) rewriter.med = source;
    if (source !== this.sources[2]) {
      const id = outgoing.idOf(attrSet, outgoing.intern(rewriter));
      outgoing.retain(id);
      return id;
    }
    const { buffer, start, end } = sets.bytes(attrSet);
    rewriter.rewrite(buffer, start, end);
    return sets.intern(rewriter.buffer, 0, rewriter.end);
  }

  private announcedAs(attrSet: AttrSetId, source: SourceId): string {
    const { buffer, start, end } = this.rib.sets.bytes(attrSet);
    if (!this.rewrites) return buffer.toString('hex', start, end);
    const builder = new CanonicalBuilder().load(buffer, start, end).remove(AttributeCode.localPref);
    if (source % 2 === 1) builder.put(AttributeCode.multiExitDisc, 0x80, Buffer.of(0, 0, 0, source));
    builder.finish();
    return builder.buffer.toString('hex', builder.start, builder.end);
  }
}
