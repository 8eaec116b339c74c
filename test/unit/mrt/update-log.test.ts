import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Peer } from '../../../src/bgp/speaker/index.js';
import { readMrtFile } from '../../../src/cli/mrt-file.js';
import { writeWhole } from '../../../src/daemon/recording/table-file.js';
import { UpdateLog } from '../../../src/daemon/recording/update-log.js';
import { address } from '../../support/session.js';

afterEach(() => {
  vi.useRealTimers();
});

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'tartan-mrt-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

const local = address('10.0.0.1');
/** As much of a peer as a record tells of one. */
const peer = {
  settings: { asn: 65002, address: address('10.0.0.2') },
  session: { settings: { localAsn: 65001 } },
  negotiated: { fourOctetAs: false, localAddress: local },
} as unknown as Peer;

/** A log that keeps what it tells. */
function logTo(path: string, rotateSeconds: number, after?: Promise<void>) {
  const told: string[] = [];
  let failed = () => {};
  const failure = new Promise<void>((resolve) => {
    failed = resolve;
  });
  const log = new UpdateLog(
    { path, rotateSeconds },
    {
      failed: (file, error) => {
        told.push(`failed ${file}: ${error}`);
        failed();
      },
      recovered: (file, lost) => told.push(`recovered ${file}: ${lost}`),
    },
    after,
  );
  const update = Buffer.from('000000124001010040020402 01fdea4003040a00000218cb0071'.replace(' ', ''), 'hex');
  return {
    log,
    told,
    failure,
    update: () => log.message(peer, local, 2, update, 0, update.length),
    keepalive: () => log.message(peer, local, 4, update, 0, 0),
  };
}

async function typesIn(file: string): Promise<string[]> {
  const types: string[] = [];
  for await (const row of readMrtFile(file)) types.push(row.type);
  return types;
}

describe('the log of updates', () => {
  it('holds messages and changes of state in their order, AS numbers as the session has them', async () => {
    const file = join(folder(), 'new/u.mrt');
    const { log, update, keepalive } = logTo(file, 3600);
    log.stateChanged(peer, 'openConfirm', 'established');
    update();
    keepalive();
    await log.close();
    const rows = [];
    for await (const row of readMrtFile(file)) rows.push(row);
    expect(rows).toMatchObject([
      { type: 'state', peer: '10.0.0.2', asn: 65002, from: 'openConfirm', to: 'established' },
      { type: 'announce', peer: '10.0.0.2', prefix: '203.0.113.0/24', asPath: '65002', nextHop: '10.0.0.2' },
      { type: 'keepalive' },
    ]);
    // BGP4MP_STATE_CHANGE_AS4, then BGP4MP_MESSAGE for the session without 4-octet AS numbers.
    const bytes = readFileSync(file);
    expect(bytes.readUInt16BE(6)).toBe(5);
    expect(bytes.readUInt16BE(12 + bytes.readUInt32BE(8) + 6)).toBe(1);
  });

  it('begins a file at each multiple of the interval', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: 1_600_000_090_000 });
    const path = folder();
    const { log, keepalive } = logTo(join(path, '%H%M%S'), 60);
    keepalive();
    vi.setSystemTime(1_600_000_139_000);
    keepalive();
    vi.setSystemTime(1_600_000_140_000);
    keepalive();
    await log.close();
    expect(readdirSync(path).sort()).toEqual(['122800', '122900']);
    const counts = await Promise.all(
      readdirSync(path)
        .sort()
        .map((name) => typesIn(join(path, name))),
    );
    expect(counts.map((types) => types.length)).toEqual([2, 1]);
  });

  it('goes on behind the last whole record of a file that a crash left', async () => {
    const file = join(folder(), 'u.mrt');
    const first = logTo(file, 3600);
    first.keepalive();
    first.keepalive();
    await first.log.close();
    const whole = readFileSync(file);
    writeFileSync(file, Buffer.concat([whole, whole.subarray(0, 17)]));
    const second = logTo(file, 3600);
    second.update();
    await second.log.close();
    expect(await typesIn(file)).toEqual(['keepalive', 'keepalive', 'announce']);
  });

  it('waits for the one before it, where both have the same file', async () => {
    const file = join(folder(), 'u.mrt');
    const first = logTo(file, 3600);
    for (let i = 0; i < 1000; i++) first.keepalive();
    const closed = first.log.close();
    const second = logTo(file, 7200, closed);
    second.update();
    await second.log.close();
    const types = await typesIn(file);
    expect(types).toHaveLength(1001);
    expect(types.at(-1)).toBe('announce');
  });

  it('leaves a file alone that is no MRT', async () => {
    const file = join(folder(), 'u.mrt');
    writeFileSync(file, 'what somebody else keeps here');
    const { log, keepalive, told } = logTo(file, 3600);
    keepalive();
    await log.close();
    expect(told).toEqual([`failed ${file}: ${file} exists and is no MRT file`]);
    expect(readFileSync(file, 'utf8')).toBe('what somebody else keeps here');
  });

  it('tells once that it cannot write, and when it can again how much was lost', async () => {
    const path = folder();
    const file = join(path, 'there/u.mrt');
    writeFileSync(join(path, 'there'), '');
    const { log, keepalive, update, told, failure } = logTo(file, 3600);
    keepalive();
    keepalive();
    await failure;
    expect(told).toEqual([`failed ${file}: ${told[0]?.split(': ').slice(1).join(': ')}`]);
    rmSync(join(path, 'there'));
    mkdirSync(join(path, 'there'));
    update();
    await log.close();
    expect(told.slice(1)).toEqual([`recovered ${file}: 2`]);
    expect(await typesIn(file)).toEqual(['announce']);
  });
});

describe('a file that is written whole', () => {
  it('is there with all of its content, or as it was before', async () => {
    const path = folder();
    const file = join(path, 'deep/t.mrt');
    const chunks = async function* (fails: boolean) {
      yield Buffer.from('first ');
      if (fails) throw new Error('the source broke');
      yield Buffer.from('second');
    };
    expect(await writeWhole(file, chunks(false))).toBe(12);
    expect(readFileSync(file, 'utf8')).toBe('first second');
    await expect(writeWhole(file, chunks(true))).rejects.toThrow('the source broke');
    expect(readFileSync(file, 'utf8')).toBe('first second');
    expect(readdirSync(join(path, 'deep'))).toEqual(['t.mrt']);
  });
});

describe('a compressed file', () => {
  it.each(['gzip', 'bzip2'])('by %s reads as the plain one, whatever its name', async (command) => {
    const file = join(folder(), 'u.mrt');
    const { log, keepalive, update } = logTo(file, 3600);
    for (let i = 0; i < 1000; i++) {
      update();
      keepalive();
    }
    await log.close();
    writeFileSync(`${file}.packed`, execFileSync(command, ['-c', file]));
    const types = await typesIn(`${file}.packed`);
    expect(types).toHaveLength(2000);
    expect(types).toEqual(await typesIn(file));
  });

  it('that ends too early gives what there is, and says so', async () => {
    const file = join(folder(), 'u.mrt');
    const { log, keepalive } = logTo(file, 3600);
    for (let i = 0; i < 3; i++) keepalive();
    await log.close();
    const whole = readFileSync(file);
    writeFileSync(file, whole.subarray(0, whole.length - 5));
    const rows: string[] = [];
    const reading = async () => {
      for await (const row of readMrtFile(file)) rows.push(row.type);
    };
    await expect(reading()).rejects.toThrow(`${file} ends in the middle of a record, after 2 whole ones`);
    expect(rows).toEqual(['keepalive', 'keepalive']);
  });
});
