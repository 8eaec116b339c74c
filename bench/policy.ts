/** An import policy that daemons are given in their own words; one that can't say it does not run the load. */
export interface ImportPolicy {
  /** Longer prefixes are rejected. */
  readonly maxLength: number;
  /** Routes with one of these communities (A:B) are rejected. */
  readonly rejected: readonly string[];
  /** Of the rest, these prefixes (CIDR, exactly) get `community` (A:B). */
  readonly listed: readonly string[];
  readonly community: string;
}
