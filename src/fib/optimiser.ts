import { setFlagsFromString } from 'node:v8';

/**
 * Octets of bytecode that a function runs through before V8 thinks of optimising it, as Node.js 20 has it. Other versions
 * count in other ways: with them nothing is put off.
 */
export const optimiserBudget = { v8: '11.3.', usual: 67_584, start: 600_000 };

function setBudget(octets: number): void {
  if (process.versions.v8.startsWith(optimiserBudget.v8)) setFlagsFromString(`--interrupt-budget=${octets}`);
}

/**
 * Has V8, in all threads, optimise only what runs very often. What a start does is done once, and to compile it takes as much
 * of the processors as to do it. To be called when all threads are there: one that is begun with other flags than the process
 * was cannot use what Node.js has compiled beforehand, and needs 30 to 50 ms more.
 */
export function putOffOptimising(): void {
  setBudget(optimiserBudget.start);
}

/** The start is over. */
export function optimiseAsUsual(): void {
  setBudget(optimiserBudget.usual);
}
