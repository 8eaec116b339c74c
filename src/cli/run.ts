/** `tartan run`: the daemon in the foreground. */

interface DaemonOptions {
  readonly paths: readonly string[];
  readonly node?: string;
  readonly controlPath: string;
  readonly logLevel: string;
}

/** Resolves with the exit code when the daemon has stopped. */
export async function run(options: DaemonOptions): Promise<number> {
  const module = new URL('../daemon.js', import.meta.url).href;
  const { runDaemon } = (await import(module)) as {
    runDaemon: (options: DaemonOptions) => Promise<number>;
  };
  return runDaemon(options);
}
