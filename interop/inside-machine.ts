import { readFileSync } from 'node:fs';

/** Whether this process runs in a User-Mode Linux machine (see machine.ts). */
export function insideMachine(): boolean {
  return readFileSync('/proc/cpuinfo', 'utf8').includes('User Mode Linux');
}
