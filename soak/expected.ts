/** The daemon's tables, as its peers hold theirs against them. */
export interface Expected {
  readonly asn: number;
  /** By peer and prefix: the AS numbers of the path as it was received. */
  readonly received: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** By prefix: the best path, and whose it is. */
  readonly best: Readonly<Record<string, { readonly peer: string; readonly asns: string }>>;
}

/** The numbers of an AS_PATH as any daemon writes it, sets and all: `65001 65002`. */
export function asnsIn(text: string): string {
  return (text.match(/\d+/g) ?? []).join(' ');
}
