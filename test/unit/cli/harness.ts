/** Runs command lines in this process, against a control server whose daemon is a table of given answers. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { onTestFinished } from 'vitest';
import { runCommandLine } from '../../../src/cli/program.js';
import {
  type CacheRow,
  type CollectorRow,
  ControlError,
  type ControlTarget,
  type DaemonEvent,
  type Explanation,
  type FibRow,
  type LoopDelayReport,
  type NodeRow,
  type OverlayReport,
  type PeerRow,
  type PoolRow,
  type RefreshReport,
  type ReloadResult,
  type RouteQuery,
  type RouteRow,
  type StatusReport,
  startControlServer,
  type VrpRow,
} from '../../../src/control/index.js';

class Collector extends Writable {
  text = '';
  override _write(chunk: Buffer, _: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

export interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export async function tartan(...argv: string[]): Promise<Outcome> {
  const out = new Collector();
  const err = new Collector();
  const code = await runCommandLine(argv, out, err);
  return { code, out: out.text, err: err.text };
}

export function linesOf(text: string): string[] {
  return text === '' ? [] : text.replace(/\n$/, '').split('\n');
}

export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tartan-cli-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export interface Answers {
  status?: StatusReport;
  peers?: PeerRow[];
  routes?: (query: RouteQuery) => Iterable<RouteRow>;
  fib?: FibRow[];
  explanation?: Explanation;
  reload?: ReloadResult;
  events?: DaemonEvent[];
  rpki?: CacheRow[];
  vrps?: VrpRow[];
  pools?: PoolRow[];
  nodes?: NodeRow[];
  overlay?: OverlayReport;
  mrtTable?: Buffer;
  refresh?: RefreshReport;
  collectors?: CollectorRow[];
  loopDelay?: LoopDelayReport;
}

/** A daemon that gives these answers; what it was asked stands in `asked`. */
export async function daemon(answers: Answers) {
  const asked: unknown[] = [];
  const known = <T>(answer: T | undefined): T => {
    if (answer === undefined) throw new Error('the test gave no answer for this');
    return answer;
  };
  const target: ControlTarget = {
    status: async () => known(answers.status),
    clearLoopDelay: () => {
      asked.push('clear loop-delay');
      return known(answers.loopDelay);
    },
    peers: () => known(answers.peers),
    collectors: () => known(answers.collectors),
    async *mrtTable() {
      yield known(answers.mrtTable);
    },
    routes: (query) => {
      asked.push(query);
      return known(answers.routes)(query);
    },
    countRoutes: (query) => {
      asked.push(query);
      return [...known(answers.routes)(query)].length;
    },
    fib: async function* (query) {
      asked.push(query);
      yield* known(answers.fib);
    },
    explain: async (prefix) => {
      asked.push(prefix);
      return known(answers.explanation);
    },
    reload: async (dryRun) => {
      if (dryRun) asked.push('dry run');
      return known(answers.reload);
    },
    rpki: () => known(answers.rpki),
    pools: () => known(answers.pools),
    nodes: () => known(answers.nodes),
    overlay: () => known(answers.overlay),
    vrps: (prefix) => {
      asked.push(prefix);
      return known(answers.vrps);
    },
    peerAction: (name, action, message) => {
      if (name === 'nobody') throw new ControlError(404, 'no peer is named `nobody`; expected `tor1`');
      asked.push(message === undefined ? `${name} ${action}` : `${name} ${action} ${message}`);
    },
    refreshPeer: (name, direction) => {
      asked.push(`${name} refresh ${direction ?? 'both'}`);
      return known(answers.refresh);
    },
    events: (listener) => {
      for (const event of answers.events ?? []) listener(event);
      asked.push('events');
      return () => {};
    },
  };
  const path = join(temporaryFolder(), 'tartan.sock');
  const server = await startControlServer({ path, target });
  onTestFinished(() => server.close());
  return {
    asked,
    close: () => server.close(),
    tartan: (...argv: string[]) => tartan(...argv, '--control', path),
  };
}
