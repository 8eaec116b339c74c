/**
 * How many items two lists share at their beginning and, of the rest, at their end. A document that was read again has the same
 * nodes where it says the same, so that of thousands hardly any stand between.
 */
export function sharedEnds<T>(old: readonly T[], next: readonly T[]): { first: number; last: number } {
  const shorter = Math.min(old.length, next.length);
  let first = 0;
  while (first < shorter && old[first] === next[first]) first++;
  let last = 0;
  while (last < shorter - first && old[old.length - 1 - last] === next[next.length - 1 - last]) last++;
  return { first, last };
}

/** What is left of both lists between these ends. */
export function withoutShared<T>(
  old: readonly T[],
  next: readonly T[],
): readonly [readonly T[], readonly T[]] {
  const { first, last } = sharedEnds(old, next);
  return [old.slice(first, old.length - last), next.slice(first, next.length - last)];
}
