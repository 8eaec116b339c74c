import { expect, test } from 'vitest';
import { Slices } from '../../../src/rib/slices.js';

const turn = () => new Promise((resolve) => setImmediate(resolve));

test('does in the same turn what comes up in it', async () => {
  const slices = new Slices({ budgetMs: 1000 });
  const done: string[] = [];
  slices.add(() => {
    done.push('decided');
    slices.add(() => {
      done.push('sent');
      return false;
    });
    return false;
  });
  await turn();
  expect(done).toEqual(['decided', 'sent']);
});

test('leaves what can wait to turns with nothing else to do, but not for ever', async () => {
  const slices = new Slices({ budgetMs: 0.001 });
  let busy = true;
  let turns = 0;
  let waited = -1;
  slices.addLater(() => {
    waited = turns;
    return false;
  });
  slices.add(() => {
    turns++;
    return busy;
  });
  while (waited < 0) await turn();
  expect(turns).toBeGreaterThan(10);
  waited = -1;
  busy = false;
  slices.addLater(() => {
    waited = turns;
    return false;
  });
  await slices.idle();
  expect(waited).toBe(turns);
});

test('goes on with the others when a task throws, and calls it again', async () => {
  const errors: unknown[] = [];
  const slices = new Slices({ onError: (error) => errors.push(error) });
  let calls = 0;
  let others = 0;
  slices.add(() => {
    if (++calls < 3) throw new Error('broken');
    return false;
  });
  slices.add(() => {
    others++;
    return false;
  });
  await slices.idle();
  expect([errors.length, calls, others]).toEqual([2, 3, 1]);
});

test('does nothing more once it is closed, also in the turn that closed it', async () => {
  const slices = new Slices({ budgetMs: 1000 });
  let calls = 0;
  slices.add(() => {
    slices.close();
    return false;
  });
  slices.add(() => {
    calls++;
    return false;
  });
  await turn();
  expect(calls).toBe(0);
});
