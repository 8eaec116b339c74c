/** MRT files as rows: plain, gzip, or bzip2 through the command of that name. Told apart by their first octets. */
import { spawn } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { PassThrough, pipeline, type Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { decodeRecord, type MrtRow, RecordFramer, TableView } from '../bgp/mrt/index.js';

/** Throws an Error that names the file where it, or the rest of it, can't be read; rows before that have been given. */
export async function* readMrtFile(path: string): AsyncGenerator<MrtRow> {
  const framer = new RecordFramer();
  const view = new TableView();
  const chunks = await openFile(path);
  try {
    for await (const chunk of chunks) {
      // A chunk holds a few hundred records at most: what it yields is made at once, and read row by row.
      const records: ReturnType<typeof decodeRecord>[] = [];
      const fault = framer.push(chunk as Buffer, (...record) => {
        records.push(decodeRecord(...record));
      });
      for (const record of records) yield* view.rows(record);
      if (fault !== null) throw new Error(`${path}: ${fault.message} (octet ${fault.offset})`);
    }
  } catch (error) {
    const { message } = error as Error;
    throw message.startsWith(path) ? error : new Error(`${path}: ${message}`);
  } finally {
    chunks.destroy();
  }
  if (framer.pending > 0) {
    throw new Error(`${path} ends in the middle of a record, after ${framer.records} whole ones`);
  }
}

async function openFile(path: string): Promise<Readable> {
  const head = Buffer.alloc(10);
  const file = await open(path);
  try {
    await file.read(head, 0, head.length, 0);
  } finally {
    await file.close();
  }
  if (head[0] === 0x1f && head[1] === 0x8b) return gunzip(path);
  if (/^BZh[1-9]1AY&SY$/.test(head.toString('latin1'))) return bunzip2(path);
  return createReadStream(path, { highWaterMark: 1 << 18 });
}

function gunzip(path: string): Readable {
  const out = createGunzip({ chunkSize: 1 << 18 });
  pipeline(createReadStream(path), out, () => {}); // errors reach the reader of `out`
  return out;
}

/** What decompresses of a damaged file comes before the error. */
function bunzip2(path: string): Readable {
  const child = spawn('bzip2', ['-dc', '--', path], { stdio: ['ignore', 'pipe', 'pipe'] });
  const out = new PassThrough({ highWaterMark: 1 << 18 });
  let complaint = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint += text;
  });
  child.stdout.pipe(out, { end: false });
  child.on('error', (error: NodeJS.ErrnoException) => {
    out.destroy(
      error.code === 'ENOENT'
        ? new Error(`${path} is compressed with bzip2, and there is no command \`bzip2\`; install it`)
        : error,
    );
  });
  child.on('close', (code) => {
    if (code === 0) out.end();
    else afterDrain(out, new Error(`${path}: ${firstLine(complaint) ?? `bzip2 ended with code ${code}`}`));
  });
  out.on('close', () => child.kill());
  return out;
}

/** Destroys the stream with the error once everything before it was read. */
function afterDrain(out: PassThrough, error: Error): void {
  const check = () => {
    if (out.readableLength === 0 && out.writableLength === 0) out.destroy(error);
    else setImmediate(check);
  };
  check();
}

function firstLine(text: string): string | undefined {
  const line = text.split('\n').find((each) => each.trim() !== '');
  return line?.trim().replace(/^bzip2: /, '');
}
