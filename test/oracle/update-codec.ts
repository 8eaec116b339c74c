/**
 * A second UPDATE codec, plain and slow: bytes become objects through binary-parser, objects become bytes through smart-buffer, and
 * what RFC 4271, 4760, 6793, 7606 and 7607 say of them is written down list by list. It shares nothing with src/bgp/wire,
 * so that the property tests can hold the fast codec against it.
 */
import { Parser } from 'binary-parser';
import { SmartBuffer } from 'smart-buffer';

export interface PlainPrefix {
  /** RFC 7911 §3; undefined: the prefix has none. */
  pathId?: number | undefined;
  length: number;
  octets: Buffer;
}

export interface PlainAttribute {
  flags: number;
  type: number;
  value: Buffer;
}

export interface PlainUpdate {
  withdrawn: PlainPrefix[];
  attributes: PlainAttribute[];
  nlri: PlainPrefix[];
}

export interface PlainContext {
  fourOctetAs: boolean;
  ebgp: boolean;
  addPath?: readonly [boolean, boolean];
  extendedNextHop?: boolean;
  /** The peer is in another member AS of the confederation. */
  confed?: boolean;
}

/** What an UPDATE comes to. Prefixes as `hex of the masked octets/length`, with path identifiers `…#id`, canonical sets in hex. */
export interface PlainResult {
  severity: 'none' | 'treatAsWithdraw' | 'reset';
  /** Types of the discarded attributes, in order. */
  discarded: number[];
  withdrawn: string[];
  unreachFamily: number;
  unreach: string[];
  nlri: string[];
  reachFamily: number;
  reach: string[];
  canonical: [string, string];
  endOfRib: number;
  ignoredFamilies: number;
}

// --- bytes ⇄ objects

const octetsOfPrefix = {
  length(this: { length: number }) {
    return Math.ceil(this.length / 8);
  },
};
const prefixesParser = new Parser().array('prefixes', {
  type: new Parser().uint8('length').buffer('octets', octetsOfPrefix),
  readUntil: 'eof',
});
const pathPrefixesParser = new Parser().array('prefixes', {
  type: new Parser().uint32be('pathId').uint8('length').buffer('octets', octetsOfPrefix),
  readUntil: 'eof',
});

const attributeParser = new Parser()
  .uint8('flags')
  .uint8('type')
  .choice({
    tag(this: { flags: number }) {
      return (this.flags & 0x10) >> 4;
    },
    choices: { 0: new Parser().uint8('length'), 1: new Parser().uint16be('length') },
  })
  .buffer('value', { length: 'length' });

const updateParser = new Parser()
  .uint16be('withdrawnLength')
  .buffer('withdrawn', { length: 'withdrawnLength' })
  .uint16be('attributesLength')
  .buffer('attributes', { length: 'attributesLength' })
  .buffer('nlri', { readUntil: 'eof' });

const reachParser = new Parser()
  .uint16be('afi')
  .uint8('safi')
  .uint8('nextHopLength')
  .buffer('nextHop', { length: 'nextHopLength' })
  .uint8('reserved')
  .buffer('nlri', { readUntil: 'eof' });

const unreachParser = new Parser().uint16be('afi').uint8('safi').buffer('nlri', { readUntil: 'eof' });

/** binary-parser runs off the end with a RangeError, or hands out a shorter buffer; null stands for both. */
function attempt<T>(parser: Parser, bytes: Buffer): T | null {
  try {
    return parser.parse(bytes) as T;
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

export function decodePlainPrefixes(
  bytes: Buffer,
  family: number,
  { addPath }: PlainContext,
): PlainPrefix[] | null {
  if (bytes.length === 0) return [];
  const maxBits = family === 0 ? 32 : 128;
  const parser = addPath?.[family] ? pathPrefixesParser : prefixesParser;
  const parsed = attempt<{ prefixes: PlainPrefix[] }>(parser, bytes);
  if (parsed === null) return null;
  const whole = parsed.prefixes.every(
    ({ length, octets }) => length <= maxBits && octets.length === Math.ceil(length / 8),
  );
  return whole ? parsed.prefixes : null;
}

function writePrefixes(out: SmartBuffer, prefixes: PlainPrefix[]): void {
  for (const { pathId, length, octets } of prefixes) {
    if (pathId !== undefined) out.writeUInt32BE(pathId);
    out.writeUInt8(length).writeBuffer(octets);
  }
}

export function encodePlainPrefixes(prefixes: PlainPrefix[]): Buffer {
  const out = new SmartBuffer();
  writePrefixes(out, prefixes);
  return out.toBuffer();
}

/** The body of an UPDATE. Attributes stand in the given order; the extended length is used where asked for or needed. */
export function encodePlain(update: PlainUpdate): Buffer {
  const attributes = new SmartBuffer();
  for (const { flags, type, value } of update.attributes) {
    const isExtended = (flags & 0x10) !== 0 || value.length > 255;
    attributes.writeUInt8(isExtended ? flags | 0x10 : flags).writeUInt8(type);
    if (isExtended) attributes.writeUInt16BE(value.length);
    else attributes.writeUInt8(value.length);
    attributes.writeBuffer(value);
  }
  const withdrawn = encodePlainPrefixes(update.withdrawn);
  const body = new SmartBuffer().writeUInt16BE(withdrawn.length).writeBuffer(withdrawn);
  body.writeUInt16BE(attributes.length).writeBuffer(attributes.toBuffer());
  writePrefixes(body, update.nlri);
  return body.toBuffer();
}

export function encodeMpReach(afi: number, safi: number, nextHop: Buffer, prefixes: PlainPrefix[]): Buffer {
  const out = new SmartBuffer().writeUInt16BE(afi).writeUInt8(safi).writeUInt8(nextHop.length);
  out.writeBuffer(nextHop).writeUInt8(0);
  writePrefixes(out, prefixes);
  return out.toBuffer();
}

export function encodeMpUnreach(afi: number, safi: number, prefixes: PlainPrefix[]): Buffer {
  const out = new SmartBuffer().writeUInt16BE(afi).writeUInt8(safi);
  writePrefixes(out, prefixes);
  return out.toBuffer();
}

// --- AS paths

export interface Segment {
  type: number;
  asns: number[];
}

export function encodeAsPath(segments: Segment[], size: 2 | 4): Buffer {
  const out = new SmartBuffer();
  for (const { type, asns } of segments) {
    out.writeUInt8(type).writeUInt8(asns.length);
    for (const asn of asns) {
      if (size === 4) out.writeUInt32BE(asn);
      else out.writeUInt16BE(asn);
    }
  }
  return out.toBuffer();
}

/** Null where it is malformed. */
export function decodeAsPath(value: Buffer, size: 2 | 4): Segment[] | null {
  const reader = SmartBuffer.fromBuffer(Buffer.from(value));
  const segments: Segment[] = [];
  while (reader.remaining() > 0) {
    if (reader.remaining() < 2) return null;
    const type = reader.readUInt8();
    const count = reader.readUInt8();
    if (type < 1 || type > 4 || count === 0 || reader.remaining() < count * size) return null;
    const asns: number[] = [];
    for (let i = 0; i < count; i++) asns.push(size === 4 ? reader.readUInt32BE() : reader.readUInt16BE());
    if (asns.includes(0)) return null;
    segments.push({ type, asns });
  }
  return segments;
}

const isConfed = (segment: Segment) => segment.type >= 3;

function pathLength(segments: Segment[]): number {
  return segments.reduce((sum, s) => sum + (isConfed(s) ? 0 : s.type === 1 ? 1 : s.asns.length), 0);
}

function merge(path: Segment[], as4: Segment[]): Segment[] {
  const rest = as4.filter((segment) => !isConfed(segment));
  let missing = pathLength(path) - pathLength(rest);
  if (missing < 0) return path;
  const leading: Segment[] = [];
  for (const segment of path) {
    if (isConfed(segment)) {
      leading.push(segment);
    } else if (missing === 0) {
      break;
    } else if (segment.type === 1) {
      leading.push(segment);
      missing--;
    } else {
      const asns = segment.asns.slice(0, missing);
      leading.push({ type: 2, asns });
      missing -= asns.length;
      if (asns.length < segment.asns.length) break;
    }
  }
  const last = leading.at(-1);
  const first = rest.at(0);
  if (last?.type === 2 && first?.type === 2 && last.asns.length + first.asns.length <= 255) {
    return [...leading.slice(0, -1), { type: 2, asns: [...last.asns, ...first.asns] }, ...rest.slice(1)];
  }
  return [...leading, ...rest];
}

// --- what it means

type Rule = { flags: number; weak?: true; size?: number; unit?: number; inside?: 'as' | 'confederation' };

/** Flags, and value lengths where they are all there is to check. `weak`: discard; `inside`: no further than that. */
const rules = new Map<number, Rule>([
  [1, { flags: 0x40, size: 1 }],
  [2, { flags: 0x40 }],
  [3, { flags: 0x40 }],
  [4, { flags: 0x80, size: 4 }],
  [5, { flags: 0x40, size: 4, inside: 'confederation' }],
  [6, { flags: 0x40, size: 0, weak: true }],
  [7, { flags: 0xc0, weak: true }],
  [8, { flags: 0xc0, unit: 4 }],
  [9, { flags: 0x80, size: 4, inside: 'as' }],
  [10, { flags: 0x80, unit: 4, inside: 'as' }],
  [14, { flags: 0x80 }],
  [15, { flags: 0x80 }],
  [16, { flags: 0xc0, unit: 8 }],
  [17, { flags: 0xc0, weak: true }],
  [18, { flags: 0xc0, weak: true, size: 8 }],
  [25, { flags: 0xc0, unit: 20 }],
  [26, { flags: 0x80, weak: true }],
  [32, { flags: 0xc0, unit: 12 }],
  [35, { flags: 0xc0, size: 4 }],
]);

function familyOf(afi: number, safi: number): number {
  return safi !== 1 ? -1 : afi === 1 ? 0 : afi === 2 ? 1 : -1;
}

function text({ pathId, length, octets }: PlainPrefix): string {
  const masked = Buffer.from(octets);
  if (length % 8 !== 0) masked[masked.length - 1] &= 0xff << (8 - (length % 8));
  return `${masked.toString('hex')}/${length}${pathId === undefined ? '' : `#${pathId}`}`;
}

const isGood4 = (nextHop: Buffer) => nextHop[0] !== 0 && nextHop[0] !== 127 && nextHop[0] < 224;
const isGood6 = (nextHop: Buffer) =>
  nextHop[0] !== 0xff && !['0'.repeat(32), `${'0'.repeat(31)}1`].includes(nextHop.toString('hex'));
const isLinkLocal = (nextHop: Buffer) => nextHop[0] === 0xfe && nextHop[1] >> 6 === 2;

function canonicalNextHop(nextHop: Buffer): Buffer {
  if (nextHop.length !== 32) return nextHop;
  const [global, second] = [nextHop.subarray(0, 16), nextHop.subarray(16)];
  if (!isLinkLocal(second)) return global;
  return isLinkLocal(global) || global.every((octet) => octet === 0) ? second : nextHop;
}

/** Its TLVs, one after the other; the first of type 1 must leave room for more. */
function isSoundAigp(value: Buffer): boolean {
  const metrics: Buffer[] = [];
  let rest = value;
  do {
    if (rest.length < 3) return false;
    const tlv = rest.subarray(0, rest.readUInt16BE(1));
    if (tlv.length < 3 || tlv.length !== rest.readUInt16BE(1)) return false;
    if (tlv[0] === 1) metrics.push(tlv.subarray(3));
    rest = rest.subarray(tlv.length);
  } while (rest.length > 0);
  return metrics.every(({ length }) => length === 8) && metrics[0]?.toString('hex') !== 'f'.repeat(16);
}

class Reset extends Error {}

export function nothing(): PlainResult {
  return {
    severity: 'none',
    discarded: [],
    withdrawn: [],
    unreachFamily: -1,
    unreach: [],
    nlri: [],
    reachFamily: -1,
    reach: [],
    canonical: ['', ''],
    endOfRib: -1,
    ignoredFamilies: 0,
  };
}

/** Reads an UPDATE's body. */
export function interpretPlain(body: Buffer, context: PlainContext): PlainResult {
  try {
    return new Interpreter(context).run(body);
  } catch (error) {
    if (error instanceof Reset) return { ...nothing(), severity: 'reset' };
    throw error;
  }
}

class Interpreter {
  private readonly context: PlainContext;
  private readonly result = nothing();
  private readonly good = new Map<number, PlainAttribute>();
  private readonly paths = new Map<number, Segment[]>();
  private nextHop: Buffer = Buffer.alloc(0);
  private hasForeignReach = false;

  constructor(context: PlainContext) {
    this.context = context;
  }

  run(body: Buffer): PlainResult {
    type Fields = {
      withdrawnLength: number;
      withdrawn: Buffer;
      attributesLength: number;
      attributes: Buffer;
      nlri: Buffer;
    };
    const fields = attempt<Fields>(updateParser, body);
    if (fields === null) throw new Reset();
    if (fields.withdrawn.length < fields.withdrawnLength) throw new Reset();
    if (fields.attributes.length < fields.attributesLength) throw new Reset();
    const withdrawn = decodePlainPrefixes(fields.withdrawn, 0, this.context);
    const nlri = decodePlainPrefixes(fields.nlri, 0, this.context);
    if (withdrawn === null || nlri === null) throw new Reset();
    const r = this.result;
    r.withdrawn = withdrawn.map(text);
    r.nlri = nlri.map(text);
    if (body.length === 4) r.endOfRib = 0;
    const attributes = this.attributes(fields.attributes);
    for (const [i, attribute] of attributes.entries()) {
      const isSecond = attributes.slice(0, i).some(({ type }) => type === attribute.type);
      if (!isSecond) this.one(attribute);
      else if (attribute.type === 14 || attribute.type === 15) throw new Reset();
      else r.discarded.push(attribute.type);
    }
    this.conclude(fields.attributes.length, attributes);
    return r;
  }

  /** Attribute after attribute, until one does not fit. */
  private attributes(bytes: Buffer): PlainAttribute[] {
    const list: PlainAttribute[] = [];
    let rest = bytes;
    while (rest.length > 0) {
      const parsed = attempt<PlainAttribute & { length: number }>(attributeParser, rest);
      const isWhole = parsed !== null && parsed.value.length === parsed.length;
      if (!isWhole) {
        const headLength = (rest[0] & 0x10) !== 0 ? 4 : 3;
        if (rest.length >= headLength && (rest[1] === 14 || rest[1] === 15)) {
          // Whatever came before it can only make it worse.
          throw new Reset();
        }
        this.result.severity = 'treatAsWithdraw';
        return list;
      }
      list.push(parsed);
      rest = rest.subarray(parsed.length + ((parsed.flags & 0x10) !== 0 ? 4 : 3));
    }
    return list;
  }

  private one(attribute: PlainAttribute): void {
    const { flags, type, value } = attribute;
    const { fourOctetAs, ebgp, confed = false } = this.context;
    const rule = rules.get(type);
    if (rule === undefined) {
      if ((flags & 0x80) === 0) throw new Reset();
      if ((flags & 0x40) !== 0) this.good.set(type, { flags: 0xe0, type, value });
      return;
    }
    if (rule.inside && (ebgp || (confed && rule.inside === 'as'))) return;
    if (fourOctetAs && (type === 17 || type === 18)) return;
    const isFlagged = (flags & 0xc0) !== rule.flags;
    if (type === 14) this.mpReach(value);
    if (type === 15) this.mpUnreach(value);
    if (isFlagged || !this.isSound(type, value, rule)) {
      if (rule.weak) this.result.discarded.push(type);
      else this.result.severity = 'treatAsWithdraw';
      return;
    }
    this.good.set(type, { flags: rule.flags === 0xc0 ? flags & 0xe0 : rule.flags, type, value });
  }

  private isSound(type: number, value: Buffer, rule: Rule): boolean {
    const { fourOctetAs, ebgp, confed = false } = this.context;
    if (rule.size !== undefined && value.length !== rule.size) return false;
    if (rule.unit !== undefined && (value.length === 0 || value.length % rule.unit !== 0)) return false;
    if (type === 1 && value[0] > 2) return false;
    if (type === 2 || type === 17) {
      const path = decodeAsPath(value, type === 17 || fourOctetAs ? 4 : 2);
      if (path === null || (type === 17 && path.length === 0)) return false;
      if (type === 2 && ebgp && path.some(isConfed)) return false;
      if (type === 2 && confed && path[0]?.type !== 3) return false;
      this.paths.set(type, path);
    }
    if (type === 26 && !isSoundAigp(value)) return false;
    if (type === 7 || type === 18) {
      const size = type === 18 || fourOctetAs ? 4 : 2;
      if (value.length !== size + 4 || value.readUIntBE(0, size) === 0) return false;
    }
    return true;
  }

  private mpReach(value: Buffer): void {
    type Fields = { afi: number; safi: number; nextHopLength: number; nextHop: Buffer; nlri: Buffer };
    const fields = attempt<Fields>(reachParser, value);
    if (fields === null || fields.nextHop.length < fields.nextHopLength) throw new Reset();
    const family = familyOf(fields.afi, fields.safi);
    if (family < 0) {
      this.result.ignoredFamilies++;
      this.hasForeignReach = true;
      return;
    }
    const allowed = family === 0 ? [4, 16, 32] : [16, 32];
    const prefixes = decodePlainPrefixes(fields.nlri, family, this.context);
    if (!allowed.includes(fields.nextHopLength) || prefixes === null) throw new Reset();
    this.nextHop = canonicalNextHop(fields.nextHop);
    this.result.reachFamily = family;
    this.result.reach = prefixes.map(text);
    const isGood = this.nextHop.length === 4 ? isGood4(this.nextHop) : isGood6(this.nextHop.subarray(0, 16));
    const isAgreed = family !== 0 || this.nextHop.length === 4 || this.context.extendedNextHop === true;
    if (prefixes.length > 0 && !(isGood && isAgreed)) this.result.severity = 'treatAsWithdraw';
  }

  private mpUnreach(value: Buffer): void {
    const fields = attempt<{ afi: number; safi: number; nlri: Buffer }>(unreachParser, value);
    if (fields === null) throw new Reset();
    const family = familyOf(fields.afi, fields.safi);
    if (family < 0) {
      this.result.ignoredFamilies++;
      return;
    }
    const prefixes = decodePlainPrefixes(fields.nlri, family, this.context);
    if (prefixes === null) throw new Reset();
    this.result.unreachFamily = family;
    this.result.unreach = prefixes.map(text);
  }

  private conclude(attributesLength: number, attributes: PlainAttribute[]): void {
    const r = this.result;
    const hasRoutes = r.nlri.length > 0 || r.reach.length > 0;
    if (hasRoutes && !(this.good.has(1) && this.good.has(2))) r.severity = 'treatAsWithdraw';
    const nextHop4 = this.good.get(3)?.value;
    if (r.nlri.length > 0 && !(nextHop4?.length === 4 && isGood4(nextHop4))) r.severity = 'treatAsWithdraw';
    if (r.severity !== 'none') {
      if (!hasRoutes && !this.hasForeignReach) throw new Reset();
      return;
    }
    if (!hasRoutes) {
      const isAlone = attributes.length === 1 && attributes[0].type === 15 && attributesLength <= 7;
      if (isAlone && r.unreachFamily >= 0 && r.withdrawn.length === 0) r.endOfRib = r.unreachFamily;
      return;
    }
    const tail = this.canonicalAttributes();
    const set = (family: number, nextHop: Buffer) =>
      Buffer.concat([Uint8Array.of(family, nextHop.length), nextHop, tail]).toString('hex');
    if (r.nlri.length > 0 && nextHop4 !== undefined) r.canonical[0] = set(0, nextHop4);
    if (r.reach.length > 0) r.canonical[1] = set(r.reachFamily, this.nextHop);
  }

  private canonicalAttributes(): Buffer {
    const aggregator = this.good.get(7);
    const as4Aggregator = this.good.get(18);
    const ignoresAs4 =
      aggregator !== undefined && as4Aggregator !== undefined && aggregator.value.readUInt16BE(0) !== 23456;
    const out = new SmartBuffer();
    for (const type of [...this.good.keys()].sort((x, y) => x - y)) {
      const attribute = this.good.get(type);
      if (attribute === undefined || [3, 14, 15, 17, 18].includes(type)) continue;
      let { value } = attribute;
      const path = this.paths.get(type);
      const as4 = this.paths.get(17);
      if (path !== undefined)
        value = encodeAsPath(as4 === undefined || ignoresAs4 ? path : merge(path, as4), 4);
      if (type === 7 && !this.context.fourOctetAs) {
        value =
          as4Aggregator === undefined || ignoresAs4
            ? Buffer.concat([Buffer.alloc(2), value])
            : as4Aggregator.value;
      }
      if (value.length > 255)
        out
          .writeUInt8(attribute.flags | 0x10)
          .writeUInt8(type)
          .writeUInt16BE(value.length);
      else out.writeUInt8(attribute.flags).writeUInt8(type).writeUInt8(value.length);
      out.writeBuffer(value);
    }
    return out.toBuffer();
  }
}
