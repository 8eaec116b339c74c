/** Where the passwords of sessions come from. What is read here goes to sockets alone: never into a log or a report. */
import { readFileSync } from 'node:fs';
import type { PasswordSource } from '../bgp/speaker/settings.js';
import { MAX_MD5_KEY_LENGTH } from '../sockopt/index.js';

/**
 * Reads a password: the content of the file but for the line's end behind it, or the variable's value.
 * Throws an Error that names the place when there is none, or one that TCP-MD5 can't use; never with the password.
 */
export function readPassword(source: PasswordSource): Buffer {
  let password: Buffer;
  let place: string;
  if ('file' in source) {
    place = source.file;
    try {
      password = withoutLineEnd(readFileSync(source.file));
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? 'unreadable';
      throw new Error(`can't read the password in ${place}: ${code}`);
    }
  } else {
    place = `the environment variable ${source.env}`;
    const value = process.env[source.env];
    if (value === undefined) throw new Error(`can't read the password in ${place}: it is not set`);
    password = Buffer.from(value);
  }
  if (password.length === 0) throw new Error(`the password in ${place} is empty`);
  if (password.length > MAX_MD5_KEY_LENGTH) {
    throw new Error(
      `the password in ${place} has ${password.length} octets; TCP-MD5 takes ${MAX_MD5_KEY_LENGTH}`,
    );
  }
  return password;
}

function withoutLineEnd(content: Buffer): Buffer {
  let end = content.length;
  if (content[end - 1] === 0x0a) end--;
  if (content[end - 1] === 0x0d) end--;
  return content.subarray(0, end);
}

/** Whether a session that has `current` would have another password from this place. What can't be read changes nothing. */
export function isOtherPassword(source: PasswordSource | undefined, current: Buffer | null): boolean {
  if (source === undefined) return false;
  try {
    return current === null || !readPassword(source).equals(current);
  } catch {
    return false;
  }
}
