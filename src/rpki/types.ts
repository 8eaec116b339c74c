/** What the parts of this folder tell each other and those above. */
import type { Address, FamilyIndex } from '../address/index.js';

/** RFC 6811 §2; the numbers are those of RFC 8097. */
export const Validity = { valid: 0, notFound: 1, invalid: 2 } as const;
export type Validity = (typeof Validity)[keyof typeof Validity];
export const validityNames = ['valid', 'notFound', 'invalid'] as const;
export type ValidityName = (typeof validityNames)[number];

/** A Validated ROA Payload: `asn` may originate the prefix and what lies within it down to `maxLength`. */
export interface Vrp {
  readonly prefix: string;
  readonly maxLength: number;
  readonly asn: number;
}

/** A cache as the document states it; identity by name. */
export interface CacheSettings {
  readonly name: string;
  readonly address: Address;
  readonly port: number;
  /** The lowest is asked first (RFC 8210 §10). */
  readonly preference: number;
  /** In place of what the cache says, in seconds (RFC 8210 §6). */
  readonly refreshSeconds?: number;
  readonly retrySeconds?: number;
  readonly expireSeconds?: number;
}

/** Takes what a cache sends and makes it hold all at once. Prefixes are host order words (one or four), host bits zero. */
export interface RecordSink {
  /** What comes replaces all that is there (`full`), or changes it. */
  begin(full: boolean): void;
  /** False: it is there already. */
  announce(family: FamilyIndex, words: Uint32Array, length: number, maxLength: number, asn: number): boolean;
  /** False: it is not there. */
  withdraw(family: FamilyIndex, words: Uint32Array, length: number, maxLength: number, asn: number): boolean;
  /** What came since `begin` holds from now on. */
  commit(): void;
  /** What came since `begin` is forgotten. */
  abort(): void;
  /** All that the cache ever sent goes. */
  drop(): void;
}
