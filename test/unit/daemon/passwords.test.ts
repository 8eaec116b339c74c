import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { droppedHint } from '../../../src/daemon/dropped-segments.js';
import { readPassword } from '../../../src/daemon/passwords.js';

const folder = mkdtempSync(join(tmpdir(), 'tartan-password-'));
const file = join(folder, 'password');
afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(() => {
  delete process.env.TARTAN_TEST_PASSWORD;
});

describe('a password', () => {
  it.each([
    ['swordfish', 'swordfish'],
    ['swordfish\n', 'swordfish'],
    ['swordfish\r\n', 'swordfish'],
    [' sword fish \n', ' sword fish '],
    ['a\n\n', 'a\n'],
  ])('is the content of its file but for one end of line: %j', (content, password) => {
    writeFileSync(file, content);
    expect(readPassword({ file }).toString()).toBe(password);
  });

  it('is the value of its environment variable', () => {
    process.env.TARTAN_TEST_PASSWORD = 'swordfish';
    expect(readPassword({ env: 'TARTAN_TEST_PASSWORD' }).toString()).toBe('swordfish');
  });

  it('is refused with its place, not its content, where there is none or TCP-MD5 cannot use it', () => {
    expect(() => readPassword({ file: join(folder, 'none') })).toThrow(`in ${join(folder, 'none')}: ENOENT`);
    expect(() => readPassword({ env: 'TARTAN_TEST_PASSWORD' })).toThrow(
      'TARTAN_TEST_PASSWORD: it is not set',
    );
    writeFileSync(file, '\n');
    expect(() => readPassword({ file })).toThrow('is empty');
    writeFileSync(file, 'x'.repeat(80));
    expect(readPassword({ file })).toHaveLength(80);
    writeFileSync(file, 'secret'.repeat(14));
    expect(() => readPassword({ file })).toThrow(/^the password in \S+ has 84 octets; TCP-MD5 takes 80$/);
  });
});

describe('what the kernel drops', () => {
  const before = { unsigned: 1, signed: 2, wronglySigned: 3, far: 4 };
  const password = { password: true, ttlSecurity: false };
  const neither = { password: false, ttlSecurity: false };

  it('says nothing when nothing was dropped since, or what does not concern the session', () => {
    expect(droppedHint({ password: true, ttlSecurity: true }, before, before)).toBeNull();
    expect(droppedHint(neither, before, { ...before, unsigned: 9, wronglySigned: 9, far: 9 })).toBeNull();
    expect(droppedHint(password, before, { ...before, signed: 9, far: 9 })).toBeNull();
  });

  it('tells a wrong, a missing and an unexpected signature apart', () => {
    expect(droppedHint(password, before, { ...before, wronglySigned: 4 })).toMatch('a wrong TCP-MD5');
    expect(droppedHint(password, before, { ...before, unsigned: 4 })).toMatch('without a TCP-MD5');
    expect(droppedHint(neither, before, { ...before, signed: 4 })).toMatch('want a password');
  });

  it('tells of segments from afar', () => {
    const near = { password: false, ttlSecurity: true };
    expect(droppedHint(near, before, { ...before, far: 5 })).toMatch('for their TTL');
  });
});
