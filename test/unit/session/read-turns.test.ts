import { describe, expect, it } from 'vitest';
import { ReadTurns } from '../../../src/bgp/session/read-turns.js';

/** Turns of an event loop in which connections have chunks that take so many milliseconds each. */
class Loop {
  private time = 0;
  private immediates: (() => void)[] = [];
  readonly turns = new ReadTurns(
    () => this.time,
    (callback) => this.immediates.push(callback),
  );
  /** Who was read from, turn by turn. */
  readonly read: string[] = [];
  private readonly connections: { name: string; left: number; ms: number; rests: boolean }[] = [];

  connection(name: string, chunks: number, ms: number): void {
    const connection = { name, left: chunks, ms, rests: false };
    this.connections.push(connection);
  }

  /** Polls every connection for up to three chunks, then runs what waits for the next turn. Returns whether anything is left. */
  turn(): boolean {
    let said = '';
    for (const connection of this.connections) {
      for (let i = 0; i < 3 && connection.left > 0 && !connection.rests; i++) {
        if (!this.turns.admits(this.readerOf(connection))) break;
        this.turns.begin();
        this.time += connection.ms;
        connection.left--;
        said += connection.name;
        this.turns.end();
      }
    }
    this.read.push(said);
    const due = this.immediates;
    this.immediates = [];
    for (const callback of due) callback();
    return this.connections.some(({ left }) => left > 0);
  }

  private readonly readers = new Map<object, { rest(): void; goOn(): void }>();

  private readerOf(connection: { rests: boolean }): { rest(): void; goOn(): void } {
    let reader = this.readers.get(connection);
    if (reader === undefined) {
      reader = {
        rest: () => {
          connection.rests = true;
        },
        goOn: () => {
          connection.rests = false;
        },
      };
      this.readers.set(connection, reader);
    }
    return reader;
  }
}

describe('turns at reading', () => {
  it('lets everybody read on while there is time', () => {
    const loop = new Loop();
    for (const name of ['a', 'b', 'c']) loop.connection(name, 2, 0.1);
    expect(loop.turn()).toBe(false);
    expect(loop.read).toEqual(['aabbcc']);
  });

  it('reads from those who send much one after the other, and from all of them in the end', () => {
    const loop = new Loop();
    for (const name of ['a', 'b', 'c']) loop.connection(name, 3, 3);
    while (loop.turn());
    // Two chunks fill a turn; who is handed one more keeps it and rests.
    expect(loop.read[0]).toBe('aa');
    expect(loop.read.every((said) => said.length <= 2)).toBe(true);
    expect([...loop.read.join('')].sort().join('')).toBe('aaabbbccc');
    expect(loop.read.slice(1).filter((said) => said === '')).toEqual([]);
  });

  it('takes no longer for many who send much than for one', () => {
    const loop = new Loop();
    for (let i = 0; i < 50; i++) loop.connection(String.fromCharCode(65 + i), 2, 2);
    while (loop.turn());
    expect(Math.max(...loop.read.map((said) => said.length))).toBe(2);
    expect(new Set(loop.read.join('')).size).toBe(50);
    expect(loop.read.join('')).toHaveLength(100);
  });

  it('goes on with the others when the next one has nothing more to say', () => {
    const loop = new Loop();
    loop.connection('a', 1, 5);
    loop.connection('b', 3, 5);
    loop.connection('c', 1, 5);
    while (loop.turn());
    expect(loop.read.join('')).toBe('abcbb');
  });

  it('forgets a connection that is gone', () => {
    let now = 0;
    const waiting: (() => void)[] = [];
    const turns = new ReadTurns(
      () => now,
      (callback) => waiting.push(callback),
    );
    const calls: string[] = [];
    const reader = { rest: () => calls.push('rest'), goOn: () => calls.push('goOn') };
    turns.begin();
    now = 10;
    expect(turns.admits(reader)).toBe(false);
    turns.forget(reader);
    for (const callback of waiting) callback();
    expect(calls).toEqual(['rest']);
  });
});
