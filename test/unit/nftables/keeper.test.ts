import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { parsePrefix } from '../../../src/address/index.js';
import { NatKeeper, natTable, removeNatTable } from '../../../src/nftables/index.js';

describe('a machine without nft', () => {
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  it('has no table of ours that would have to go', async () => {
    vi.stubEnv('PATH', '/nonexistent');
    await expect(removeNatTable()).resolves.toBeUndefined();
  });

  it('is told of where a pool asks for the table, and nothing falls', async () => {
    vi.stubEnv('PATH', '/nonexistent');
    const cidr = parsePrefix('10.1.0.0/16');
    if (cidr === null) throw new Error('no prefix');
    const told = await new Promise<string>((resolve) => {
      const keeper = new NatKeeper({
        event: (_level, type, { message }) => {
          keeper.close();
          resolve(`${type} ${message}`);
        },
      });
      keeper.apply(natTable([{ cidr, natOutgoing: true }]));
    });
    expect(told).toBe('natProblem natOutgoing: there is no `nft` on this machine: install nftables');
  });
});

describe('a kernel without such tables', () => {
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  /** An nft that fails with these words. */
  function nftSays(words: string): void {
    const folder = mkdtempSync(join(tmpdir(), 'tartan-nft-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    writeFileSync(join(folder, 'nft'), `#!/bin/sh\necho '${words}' >&2\nexit 1\n`, { mode: 0o755 });
    vi.stubEnv('PATH', `${folder}:${process.env.PATH}`);
  }

  // As nft says it in a kernel without family inet, and in one without nf_tables.
  it.each([
    'internal:0:0-0: Error: Could not process rule: Operation not supported',
    'mnl.c:60: Unable to initialize Netlink socket: Protocol not supported',
  ])('has none of ours that would have to go: %s', async (words) => {
    nftSays(words);
    await expect(removeNatTable()).resolves.toBeUndefined();
  });

  it('is not one that refuses for another reason', async () => {
    nftSays('internal:0:0-0: Error: Could not process rule: Operation not permitted');
    await expect(removeNatTable()).rejects.toThrow(/not permitted/);
  });
});

describe('a table that is wanted otherwise while it is written', () => {
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  it('is written again', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tartan-nft-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    execFileSync('mkfifo', ['first', 'second', 'never'], { cwd: folder });
    // Keeps what it is told, and lists that when a gate is opened: another one the second time.
    const script = `#!/bin/sh
cd ${folder}
case "$*" in
  'monitor ruleset') exec cat never ;;
  '-j list table inet tartan') if mkdir listed; then cat first; else cat second; fi 2> errors && cat table ;;
  *) printf %s "$2" > table ;;
esac
`;
    writeFileSync(join(folder, 'nft'), script, { mode: 0o755 });
    vi.stubEnv('PATH', `${folder}:${process.env.PATH}`);
    const tableOf = (text: string) => {
      const cidr = parsePrefix(text);
      if (cidr === null) throw new Error(text);
      return natTable([{ cidr, natOutgoing: true }]);
    };
    const listed = async (gate: string, meanwhile: () => void) => {
      const file = await open(join(folder, gate), 'w');
      meanwhile();
      await file.close();
    };
    const keeper = new NatKeeper({ event: () => {} });
    onTestFinished(() => keeper.close());
    keeper.apply(tableOf('10.1.0.0/16'));
    await listed('first', () => keeper.apply(tableOf('10.2.0.0/16')));
    await listed('second', () => {});
    expect(readFileSync(join(folder, 'table'), 'utf8')).toContain('10.2.0.0');
  });
});

describe('a table that another program keeps changing', () => {
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  it('is written again at once a few times, then after pauses, which is told once', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tartan-nft-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    // It is another one each time that it is listed, and the kernel tells of a change all the time.
    const script = `#!/bin/sh
cd ${folder}
case "$*" in
  'monitor ruleset') while echo changed; do sleep 0.01; done ;;
  '-j list table inet tartan') echo x >> listed; printf '{"nftables": [{"rule": {"family": "inet", "table": "tartan", "chain": "c", "expr": [%d]}}]}' $(wc -l < listed) ;;
  *) echo x >> written ;;
esac
`;
    writeFileSync(join(folder, 'nft'), script, { mode: 0o755 });
    vi.stubEnv('PATH', `${folder}:${process.env.PATH}`);
    const cidr = parsePrefix('10.1.0.0/16');
    if (cidr === null) throw new Error('no prefix');
    const events: string[] = [];
    const written = () => readFileSync(join(folder, 'written'), 'utf8').split('\n').length - 1;
    await new Promise<void>((resolve) => {
      const keeper = new NatKeeper({
        event: (_level, type, { message }) => {
          events.push(type);
          if (type !== 'natProblem') return;
          expect(message).toContain('another program keeps changing the table `inet tartan`');
          const before = written();
          // Others' changes are heard of all the time, and wait.
          keeper.apply(natTable([{ cidr, natOutgoing: true }]));
          setImmediate(() => {
            expect(written()).toBe(before);
            expect(keeper.problem).toBe(message);
            keeper.close();
            resolve();
          });
        },
      });
      keeper.apply(natTable([{ cidr, natOutgoing: true }]));
    });
    expect(events).toEqual([...new Array(8).fill('natRestored'), 'natProblem']);
    expect(written()).toBe(9);
  });
});
