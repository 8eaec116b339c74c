/**
 * Long answers: mostly one JSON object per line. Rows are taken from their source only as fast as the reader reads, and
 * in slices of a few milliseconds, so that a million of them neither pile up nor keep a KEEPALIVE waiting.
 */
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { setImmediate as turn } from 'node:timers/promises';
import type { DaemonEvent } from './api.js';

/** Milliseconds that the daemon's other work waits for rows at most. */
const sliceMs = 3;
/** Characters that are gathered before they are written. */
const chunkLength = 64 * 1024;
/** Events that wait for a slow reader at most; later ones are counted, not kept. */
const maxWaitingEvents = 1000;

/** Writes every row and ends the response. Stops, and lets the source clean up, when the reader goes away. */
export async function streamRows(
  rows: Iterable<unknown> | AsyncIterable<unknown>,
  response: ServerResponse,
): Promise<void> {
  let text = '';
  let began = performance.now();
  let sinceClock = 0;
  /** Null as long as there is neither enough to write nor a reason to let others work. */
  const put = (row: unknown): Promise<unknown> | null => {
    text += `${JSON.stringify(row)}\n`;
    if (text.length < chunkLength && (++sinceClock & 15 || performance.now() - began < sliceMs)) return null;
    return rest();
  };
  const rest = async () => {
    if (text.length >= chunkLength) {
      const accepted = response.write(text);
      text = '';
      if (!accepted && !response.destroyed) await drained(response);
    }
    await turn();
    began = performance.now();
  };
  // A million rows through `for await` would cost a microtask each; a plain list is spared that.
  if (Symbol.iterator in rows) {
    for (const row of rows) {
      if (response.destroyed) return;
      const pause = put(row);
      if (pause !== null) await pause;
    }
  } else {
    for await (const row of rows) {
      if (response.destroyed) return;
      const pause = put(row);
      if (pause !== null) await pause;
    }
  }
  response.end(text);
}

/** Writes every chunk and ends the response; the next is made when the reader has taken the last. */
export async function streamOctets(
  chunks: AsyncIterable<Uint8Array>,
  response: ServerResponse,
): Promise<void> {
  for await (const chunk of chunks) {
    if (response.destroyed) return;
    if (!response.write(chunk)) await drained(response);
  }
  response.end();
}

/** Resolves when the reader took what was written, or went away. */
async function drained(response: ServerResponse): Promise<void> {
  const gone = new AbortController();
  const stop = () => gone.abort();
  response.once('close', stop);
  try {
    await once(response, 'drain', { signal: gone.signal });
  } catch (error) {
    if (!gone.signal.aborted) throw error;
  } finally {
    response.off('close', stop);
  }
}

/** Writes events as they happen until the reader goes away. */
export function streamEvents(
  subscribe: (listener: (event: DaemonEvent) => void) => () => void,
  response: ServerResponse,
): Promise<void> {
  return new Promise((resolve) => {
    if (response.destroyed) return resolve();
    let waiting: string[] = [];
    let missed = 0;
    let blocked = false;
    const send = (text: string) => {
      blocked = !response.write(text);
    };
    const unsubscribe = subscribe((event) => {
      const line = `${JSON.stringify(event)}\n`;
      if (!blocked) send(line);
      else if (waiting.length < maxWaitingEvents) waiting.push(line);
      else missed++;
    });
    response.on('drain', () => {
      let text = waiting.join('');
      waiting = [];
      if (missed > 0) {
        text += `${JSON.stringify({ time: new Date().toISOString(), type: 'missed', count: missed })}\n`;
        missed = 0;
      }
      blocked = false;
      if (text !== '') send(text);
    });
    response.once('close', () => {
      unsubscribe();
      resolve();
    });
    response.flushHeaders();
  });
}
