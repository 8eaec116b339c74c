/** Names of files by the time of what is in them: the fields of strftime(3) that a file name has use for, in UTC. */

const two = (value: number) => String(value).padStart(2, '0');

const fields: Readonly<Record<string, (time: Date) => string>> = {
  Y: (time) => String(time.getUTCFullYear()),
  m: (time) => two(time.getUTCMonth() + 1),
  d: (time) => two(time.getUTCDate()),
  H: (time) => two(time.getUTCHours()),
  M: (time) => two(time.getUTCMinutes()),
  S: (time) => two(time.getUTCSeconds()),
  s: (time) => String(Math.floor(time.getTime() / 1000)),
  '%': () => '%',
};

export const fileNameFields: readonly string[] = Object.keys(fields).map((letter) => `%${letter}`);

/** The first field that is not one of `fileNameFields`, as written; null where all are. */
export function unknownField(pattern: string): string | null {
  for (const [field, letter] of pattern.matchAll(/%(.?)/g)) if (!Object.hasOwn(fields, letter)) return field;
  return null;
}

/** Fills in the time, in seconds since 1970. */
export function formatFileName(pattern: string, seconds: number): string {
  const time = new Date(seconds * 1000);
  return pattern.replaceAll(/%(.?)/g, (field, letter: string) => fields[letter]?.(time) ?? field);
}
