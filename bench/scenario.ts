/** What a load sends and expects, as files for the testers: made once, used by every run. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Holding, Universe } from './model.js';

export class Scenario {
  readonly universe = new Universe();
  readonly notes: string[] = [];
  /** Numbers that a load wants to know again in each run. */
  readonly counts = new Map<string, number>();
  private readonly folder = mkdtempSync(join(tmpdir(), 'tartan-bench-scenario-'));
  private readonly holdings: [string, Holding][] = [];
  private readonly lines: string[] = [];
  private written: string[] | null = null;

  private write(name: string, bytes: Uint8Array): string {
    const path = this.path(name);
    writeFileSync(path, bytes);
    return path;
  }

  /** Octets that feeders can be told to send. */
  blob(name: string, bytes: Uint8Array): void {
    this.lines.push(`blob ${name} ${this.write(`${name}.blob`, bytes)}`);
  }

  /** A state that sinks can be waited for. */
  expect(name: string, holding: Holding): void {
    this.holdings.push([name, holding]);
  }

  /** Another file for the testers, under `path(name)`. */
  file(name: string, bytes: Uint8Array): void {
    this.write(name, bytes);
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  /** The orders that hand all this to the testers. `empty` is always expected: no route at all. */
  orders(): readonly string[] {
    if (this.written) return this.written;
    this.expect('empty', new Holding(this.universe));
    this.written = [
      `universe ${this.write('universe', this.universe.bytes())}`,
      ...this.lines,
      // Only now is it known how many prefixes there are.
      ...this.holdings.map(([name, h]) => `expect ${name} ${this.write(`${name}.expect`, h.bytes())}`),
    ];
    this.holdings.length = 0;
    return this.written;
  }

  dispose(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

let last: { key: string; scenario: Scenario } | null = null;
process.once('exit', () => last?.scenario.dispose());

/** The scenario of this key, made unless it is the one that was asked for last: the daemons of a load share it. */
export function scenario(key: string, make: (scenario: Scenario) => void): Scenario {
  if (last?.key === key) return last.scenario;
  last?.scenario.dispose();
  last = { key, scenario: new Scenario() };
  make(last.scenario);
  return last.scenario;
}
