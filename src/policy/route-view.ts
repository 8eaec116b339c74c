/**
 * A route as a rule sees it: its attribute set, changed by what the rules before want. Attributes are read when a
 * condition asks for them. What is absent counts as BGP takes it: LOCAL_PREF 100, MED 0, ORIGIN igp.
 */
import { type Address, IPV4, IPV6, readAddress } from '../address/index.js';
import {
  AttributeCode,
  asPathContains,
  asPathLength,
  CanonicalView,
  firstAsn,
  formatAsPath,
  originAsn,
} from '../bgp/wire/index.js';
import type { SourceInfo } from '../rib/sources.js';
import { Validity } from '../rpki/types.js';
import { editCommunities, editWide, noEdits, type RouteEdits } from './edits.js';

/** Where a route comes from, as filters ask for it. `name` is the peer's where `kind` is `bgp`. */
export type RouteSource = Pick<SourceInfo, 'kind' | 'name'>;

/** LOCAL_PREF of a route that has none. */
export const DEFAULT_LOCAL_PREF = 100;

const EXTENDED = 16;
const LARGE = 24;

const view = new CanonicalView();

/** The RFC 1997 communities of a canonical set. */
export function readCommunities(buffer: Buffer, start: number, end: number): number[] {
  const communities: number[] = [];
  if (view.reset(buffer, start, end).find(AttributeCode.communities)) {
    for (let at = view.valueStart; at + 4 <= view.valueEnd; at += 4)
      communities.push(buffer.readUInt32BE(at));
  }
  return communities;
}

/** The extended or large communities of a canonical set in hex, 16 or 24 digits each. */
export function readWide(
  buffer: Buffer,
  start: number,
  end: number,
  type: typeof AttributeCode.extendedCommunities | typeof AttributeCode.largeCommunities,
): string[] {
  const communities: string[] = [];
  if (view.reset(buffer, start, end).find(type)) {
    const digits = type === AttributeCode.extendedCommunities ? EXTENDED : LARGE;
    const hex = buffer.toString('hex', view.valueStart, view.valueEnd);
    for (let at = 0; at + digits <= hex.length; at += digits) communities.push(hex.slice(at, at + digits));
  }
  return communities;
}

export class RouteView {
  /** What the rules so far want. */
  edits: RouteEdits = noEdits;
  source: RouteSource;
  /** Of the route as it came, whatever the rules before want of its AS_PATH. */
  validity: Validity = Validity.notFound;
  readonly localAsn: number;
  private buffer: Buffer = Buffer.alloc(2);
  private start = 0;
  private end = 2;
  private standard: readonly number[] | null = null;
  private extended: readonly string[] | null = null;
  private large: readonly string[] | null = null;
  /** AS_PATH's value; -1: not looked for yet. */
  private pathStart = -1;
  private pathEnd = -1;

  constructor(localAsn: number) {
    this.localAsn = localAsn;
    this.source = { kind: 'originated', name: '' };
  }

  /** Begins with the route whose canonical set lies in `buffer[start, end)`. */
  reset(buffer: Buffer, start: number, end: number, source: RouteSource, validity: Validity): this {
    this.edits = noEdits;
    this.source = source;
    this.validity = validity;
    this.buffer = buffer;
    this.start = start;
    this.end = end;
    this.standard = null;
    this.extended = null;
    this.large = null;
    this.pathStart = -1;
    return this;
  }

  get communities(): readonly number[] {
    this.standard ??= readCommunities(this.buffer, this.start, this.end);
    return editCommunities(this.standard, this.edits.communities);
  }

  get extendedCommunities(): readonly string[] {
    this.extended ??= readWide(this.buffer, this.start, this.end, AttributeCode.extendedCommunities);
    return editWide(this.extended, this.edits.extendedCommunities);
  }

  get largeCommunities(): readonly string[] {
    this.large ??= readWide(this.buffer, this.start, this.end, AttributeCode.largeCommunities);
    return editWide(this.large, this.edits.largeCommunities);
  }

  get localPref(): number {
    return this.edits.localPref ?? this.number(AttributeCode.localPref, DEFAULT_LOCAL_PREF);
  }

  get med(): number {
    const { med } = this.edits;
    return med === 'remove' ? 0 : (med ?? this.number(AttributeCode.multiExitDisc, 0));
  }

  get origin(): number {
    if (this.edits.origin !== null) return this.edits.origin;
    view.reset(this.buffer, this.start, this.end);
    return view.find(AttributeCode.origin) ? this.buffer[view.valueStart] : 0;
  }

  /** null: this router itself, or what `self` will turn out to be. */
  get nextHop(): Address | null {
    const { nextHop } = this.edits;
    if (nextHop === 'self') return null;
    if (nextHop !== null && nextHop !== 'unchanged') return nextHop;
    const length = this.buffer[this.start + 1];
    return length === 0 ? null : readAddress(this.buffer, this.start + 2, length === 4 ? IPV4 : IPV6);
  }

  /** As RFC 4271 §9.1.2.2 (a) counts. */
  get asPathLength(): number {
    this.findPath();
    return this.prepended.length + asPathLength(this.buffer, this.pathStart, this.pathEnd, 4);
  }

  /** The neighbouring AS; 0: none, or a set. */
  get firstAsn(): number {
    this.findPath();
    return this.prepended[0] ?? firstAsn(this.buffer, this.pathStart, this.pathEnd);
  }

  /** The AS that originated the route; 0: none, -1: a set. */
  get originAsn(): number {
    this.findPath();
    return originAsn(this.buffer, this.pathStart, this.pathEnd) || (this.prepended.at(-1) ?? 0);
  }

  /** As `show routes` prints it. */
  get asPath(): string {
    this.findPath();
    const path = formatAsPath(this.buffer, this.pathStart, this.pathEnd);
    return this.prepended.length === 0 ? path : [...this.prepended, ...(path === '' ? [] : [path])].join(' ');
  }

  passesThrough(asn: number): boolean {
    this.findPath();
    return this.prepended.includes(asn) || asPathContains(this.buffer, this.pathStart, this.pathEnd, asn);
  }

  private get prepended(): readonly number[] {
    return this.edits.prepend ?? [];
  }

  private findPath(): void {
    if (this.pathStart >= 0) return;
    const found = view.reset(this.buffer, this.start, this.end).find(AttributeCode.asPath);
    this.pathStart = found ? view.valueStart : 0;
    this.pathEnd = found ? view.valueEnd : 0;
  }

  private number(type: number, absent: number): number {
    view.reset(this.buffer, this.start, this.end);
    return view.find(type) ? this.buffer.readUInt32BE(view.valueStart) : absent;
  }
}
