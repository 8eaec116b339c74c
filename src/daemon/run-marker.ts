/**
 * Whether this start is a restart: a note beside the control socket that says in which boot of the machine the daemon
 * last ran. It outlives a crash and a graceful stop, and means nothing after a reboot or an orderly Cease.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

export class RunMarker {
  private readonly path: string;

  constructor(controlPath: string) {
    this.path = `${controlPath}.run`;
  }

  /** Whether the daemon ran before in this boot without ending for good. */
  found(): boolean {
    try {
      return readFileSync(this.path, 'utf8').trim() === bootId();
    } catch {
      return false;
    }
  }

  set(): void {
    mkdirSync(dirname(this.path), { recursive: true });
    writeFileSync(this.path, `${bootId()}\n`);
  }

  clear(): void {
    rmSync(this.path, { force: true });
  }
}

function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}
