/**
 * Loading beside a running daemon: a document of thousands of nodes takes a good part of a second to read, and the
 * thread that keeps sessions alive has no such time. Where the nodes are all that changed, and they are few, they alone
 * are read (see changed-nodes.ts). Else a thread of its own reads it all, which ends when it has.
 */
import { Worker } from 'node:worker_threads';
import { ChangedNodes } from './changed-nodes.js';
import type { ConfigIssue } from './issues.js';
import { type Loaded, type LoadResult, loadWithTexts } from './load.js';
import { readTexts, type SourceText } from './source.js';

/** What reads in a few milliseconds is read at once: a thread takes longer to start. */
const smallCharacters = 8192;

export interface LoadThreadData {
  readonly paths: readonly string[];
  readonly node: string | undefined;
}

/** The configuration of a daemon, read as often as it is asked to. */
export class ConfigLoader {
  /** What was last read without a mistake. */
  private last: { readonly loaded: Loaded; nodes: ChangedNodes | null } | null = null;

  /** `node`: as `loadRouter` has it. */
  constructor(
    private readonly paths: readonly string[],
    private readonly node?: string,
  ) {}

  /** As `loadRouter`: where nothing runs yet that waits. */
  loadNow(): LoadResult {
    return this.keep(loadWithTexts(this.paths, this.node));
  }

  /**
   * As `loadRouter`, without keeping the thread for long. What did not change may be the same objects as last time.
   * Rejects where `loadRouter` throws.
   */
  async load(): Promise<LoadResult> {
    const issues: ConfigIssue[] = [];
    const texts = readTexts(this.paths, issues);
    const known = issues.length === 0 ? await this.update(texts) : null;
    if (known !== null) return known;
    const length = texts.reduce((sum, { text }) => sum + text.length, 0);
    return this.keep(
      length <= smallCharacters
        ? loadWithTexts(this.paths, this.node)
        : await loadInThread({ paths: this.paths, node: this.node }),
    );
  }

  private keep(loaded: Loaded): LoadResult {
    const { result } = loaded;
    if (result.router !== null) this.last = { loaded, nodes: null };
    return result;
  }

  /** What follows from what was read last; null: that can't be said. */
  private async update(texts: readonly SourceText[]): Promise<LoadResult | null> {
    if (this.last === null) return null;
    const { loaded } = this.last;
    const { result } = loaded;
    if (texts.length !== loaded.texts.length) return null;
    if (texts.some(({ file }, i) => file !== loaded.texts[i].file)) return null;
    const changed = texts.flatMap(({ text }, i) => (text === loaded.texts[i].text ? [] : [i]));
    if (changed.length === 0) return result;
    const [index] = changed;
    // A warning may come of a node.
    if (changed.length > 1 || result.router === null || result.warnings.length > 0) return null;
    if (texts[index].text.length <= smallCharacters) return null;
    this.last.nodes ??= ChangedNodes.of(loaded.texts[index].text, result.router);
    const next = (await this.last.nodes?.read(texts[index].text)) ?? null;
    if (next === null) return null;
    const now: LoadResult = { ...result, router: next.router };
    this.last = { loaded: { result: now, texts }, nodes: next };
    return now;
  }
}

function loadInThread(workerData: LoadThreadData): Promise<Loaded> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(workerUrl(), { workerData, name: 'tartan-config' });
    worker.once('message', resolve);
    worker.once('error', reject);
    // Of no effect where one of the others came first.
    worker.once('exit', () => reject(new Error('the thread that reads the configuration ended')));
  });
}

/** The built worker, also when this module runs from its source (then dist/ must be built). */
function workerUrl(): URL {
  return import.meta.url.endsWith('.ts')
    ? new URL('../../dist/src/config/load-thread.js', import.meta.url)
    : new URL('./load-thread.js', import.meta.url);
}
