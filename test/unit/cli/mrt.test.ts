import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { MrtWriter } from '../../../src/bgp/mrt/index.js';
import { address } from '../../support/session.js';
import { daemon, tartan } from './harness.js';

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'tartan-cli-mrt-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** A table of one prefix from one peer. */
function table(): Buffer {
  const writer = new MrtWriter();
  writer.peerIndexTable(1_600_000_000, 1, '', [{ routerId: 2, address: address('10.0.0.2'), asn: 65002 }]);
  writer.beginRib(1_600_000_000, 0, 0, 0xcb007100, 0, 0, 0, 24, false);
  writer.ribEntry(0, 1_600_000_000, 0, Buffer.from('4001010040020602010000fdea4003040a000002', 'hex'));
  writer.endRib();
  return writer.take();
}

describe('tartan mrt dump', () => {
  it('writes the file, and says how much is in it', async () => {
    const file = join(folder(), 'table.mrt');
    const { tartan } = await daemon({ mrtTable: table() });
    expect(await tartan('mrt', 'dump', file)).toMatchObject({ code: 0, out: `${file}: 1 prefixes, 0 MiB\n` });
    expect(readFileSync(file)).toEqual(table());
  });

  it('leaves the old file where the daemon fails, and nothing beside it', async () => {
    const path = folder();
    const file = join(path, 'table.mrt');
    writeFileSync(file, 'old');
    const { tartan } = await daemon({});
    expect(await tartan('mrt', 'dump', file)).toMatchObject({ code: 1, out: '' });
    expect(readFileSync(file, 'utf8')).toBe('old');
    expect(readdirSync(path)).toEqual(['table.mrt']);
  });
});

describe('tartan mrt show', () => {
  it('prints a table for people', async () => {
    const file = join(folder(), 'table.mrt');
    writeFileSync(file, table());
    const { code, out } = await tartan('mrt', 'show', file);
    expect(code).toBe(0);
    expect(out.split('\n').map((line) => line.trimEnd().split(/ {2,}/))).toEqual([
      ['TIME', 'TYPE', 'PEER', 'AS', 'PREFIX', 'NEXT HOP', 'PATH'],
      ['2020-09-13T12:26:40Z', 'peers', '1 peers of 0.0.0.1'],
      ['2020-09-13T12:26:40Z', 'route', '10.0.0.2', '65002', '203.0.113.0/24', '10.0.0.2', '65002'],
      [''],
    ]);
  });

  it('prints a row per line for scripts', async () => {
    const file = join(folder(), 'table.mrt');
    writeFileSync(file, table());
    const { out } = await tartan('mrt', 'show', '-o', 'json', file);
    expect(JSON.parse(out)).toMatchObject([{ type: 'peers' }, { type: 'route', prefix: '203.0.113.0/24' }]);
  });

  it('fails for a file that is none', async () => {
    const file = join(folder(), 'text');
    writeFileSync(file, 'some text of more than twelve octets');
    expect(await tartan('mrt', 'show', file)).toMatchObject({
      code: 1,
      err: expect.stringContaining('no MRT file'),
    });
    expect(await tartan('mrt', 'show', `${file}.absent`)).toMatchObject({
      code: 1,
      err: expect.stringContaining('ENOENT'),
    });
  });
});
