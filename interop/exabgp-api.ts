/**
 * ExaBGP's end of the lab's wire: ExaBGP starts this as its API process. Lines that come over the Unix socket are its
 * commands; the client gets what ExaBGP answers, up to `done` or `error`. What ExaBGP tells by itself (JSON objects:
 * messages and session states) is appended to a file, which tests read.
 */
import { appendFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { exabgpApi, exabgpHeard } from './images/exabgp.js';

/** Who waits for an answer, in the order of the commands. */
const waiting: (Socket | null)[] = [];

function command(line: string, client: Socket | null): void {
  waiting.push(client);
  process.stdout.write(`${line}\n`);
}

/** A client may leave before it has its answer; readline hands its socket's errors on. */
const ignore = (): void => {};

const server = createServer((client) => {
  client.on('error', ignore);
  createInterface({ input: client })
    .on('line', (line) => command(line, client))
    .on('error', ignore);
});

writeFileSync(exabgpHeard, '');
createInterface({ input: process.stdin })
  .on('line', (line) => {
    if (line.startsWith('{')) {
      appendFileSync(exabgpHeard, `${line}\n`);
      return;
    }
    waiting[0]?.write(`${line}\n`);
    if (line !== 'done' && line !== 'error') return;
    waiting.shift();
    // Once it has answered it serves.
    if (!server.listening) {
      rmSync(exabgpApi, { force: true });
      server.listen(exabgpApi);
    }
  })
  .on('close', () => process.exit(0));
command('version', null);
