import { describe, expect, it } from 'vitest';
import {
  nextStep,
  type PrefixState,
  STEP_ADD,
  STEP_CONFLICT,
  STEP_DELETE0,
  STEP_DELETE1,
  STEP_NONE,
} from '../../src/fib/reconcile.js';

const state = (fields: Partial<PrefixState>): PrefixState => ({
  desired: true,
  metricClass: 0,
  target: 7,
  equivalent: 0,
  applied0: 0,
  applied1: 0,
  foreign0: false,
  foreign1: false,
  replaceable: true,
  mayRemove: true,
  ...fields,
});

describe('the next step where someone else holds our metric', () => {
  it('is to wait', () => {
    expect(nextStep(state({ foreign0: true }))).toBe(STEP_CONFLICT);
    expect(nextStep(state({ foreign1: true, metricClass: 1 }))).toBe(STEP_CONFLICT);
  });

  it('is to take ours away when theirs joined it, right as ours may be', () => {
    expect(nextStep(state({ foreign0: true, applied0: 7 }))).toBe(STEP_DELETE0);
    expect(nextStep(state({ foreign1: true, applied1: 7, metricClass: 1 }))).toBe(STEP_DELETE1);
  });

  it('is the same as ever at the other metric', () => {
    expect(nextStep(state({ foreign1: true }))).toBe(STEP_ADD);
    expect(nextStep(state({ foreign1: true, applied0: 7 }))).toBe(STEP_NONE);
  });
});
