import { describe, expect, it } from 'vitest';
import { Contest } from '../../../src/contest/index.js';

/** Undoes each repair `reactionMs` after it was made, so often; tells the pauses before the repairs. */
function quarrel(
  contest: Contest,
  times: number,
  reactionMs: number,
  from = 0,
): { pauses: number[]; now: number } {
  const pauses: number[] = [];
  let now = from;
  for (let i = 0; i < times; i++) {
    const pause = contest.undone(now);
    pauses.push(pause);
    now += pause + reactionMs;
  }
  return { pauses, now };
}

describe('a contest', () => {
  it('lets a few repairs through at once, then waits longer and longer, up to some seconds', () => {
    const { pauses } = quarrel(new Contest(), 18, 10);
    expect(pauses.slice(0, 8)).toEqual([0, 0, 0, 0, 0, 0, 0, 0]);
    expect(pauses.slice(8)).toEqual([250, 500, 1000, 2000, 4000, 8000, 8000, 8000, 8000, 8000]);
  });

  it('costs a busy quarrel some repairs in a minute, not thousands', () => {
    const contest = new Contest();
    let repairs = 0;
    for (let now = 0; now < 60_000; repairs++) now += contest.undone(now) + 1;
    expect(repairs).toBeLessThan(24);
  });

  it('is none where changes come one by one', () => {
    const { pauses, now } = quarrel(new Contest(), 100, 2500);
    expect(new Set(pauses)).toEqual(new Set([0]));
    const contest = new Contest();
    quarrel(contest, 8, 100);
    expect(contest.isOn(now)).toBe(false);
  });

  it('goes on while the other one answers, and ends when it is quiet', () => {
    const contest = new Contest();
    const { now } = quarrel(contest, 14, 1500);
    expect(contest.isOn(now)).toBe(true);
    expect(contest.undone(now)).toBe(8000);
    expect(contest.isOn(contest.settlesAt - 1)).toBe(true);
    expect(contest.isOn(contest.settlesAt)).toBe(false);
    expect(contest.undone(contest.settlesAt + 1)).toBe(0);
  });
});
