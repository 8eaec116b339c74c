/** The verbs that change something in a running daemon, or watch it: reload, peer, clear, events. */
import { type ControlClient, ControlInterruptedError } from '../control/client.js';
import type { DaemonEvent, PeerAction, RefreshDirection, ReloadResult } from '../control/index.js';
import { type OutputFormat, printValue, toYaml } from './output.js';
import { loopDelayText } from './show.js';
import type { Terminal } from './terminal.js';
import { fieldText, printable } from './text.js';

/** Returns the exit code: 1 where the new configuration was refused, or would be. */
export async function reload(
  client: ControlClient,
  terminal: Terminal,
  format: OutputFormat,
  dryRun: boolean,
): Promise<number> {
  const result = await client.reload(dryRun);
  if (dryRun) return tellPlan(result, terminal, format);
  if (format !== 'table') await printValue(terminal, format, result, () => '');
  else {
    for (const error of result.errors) terminal.complain(error);
    if (result.incomplete) {
      await terminal.write(result.changes.map((line) => `${line}\n`).join(''));
      terminal.complain(
        'tartan: reloaded, but not wholly: see above; everything else is in force, and another reload does the rest again',
      );
    } else if (!result.applied) {
      terminal.complain('tartan: not reloaded; the configuration from before stays in force');
    } else if (result.changes.length === 0) await terminal.write('reloaded; nothing changed\n');
    else await terminal.write(`${result.changes.join('\n')}\n`);
  }
  return result.applied ? 0 : 1;
}

/** The lines that a reload would print; on the error stream that nothing was done, and which sessions it would cost. */
async function tellPlan(result: ReloadResult, terminal: Terminal, format: OutputFormat): Promise<number> {
  const { errors, changes, resets } = result;
  if (format !== 'table') await printValue(terminal, format, result, () => '');
  else if (errors.length > 0) {
    for (const error of errors) terminal.complain(error);
    terminal.complain('tartan: a reload would be refused, and change nothing');
  } else {
    const lost = resets.length === 0 ? 'no session' : `the sessions of ${resets.join(', ')}`;
    if (changes.length > 0) terminal.complain(`tartan: nothing was done; a reload would reset ${lost}`);
    await terminal.write(
      changes.length === 0 ? 'a reload would change nothing\n' : `${changes.join('\n')}\n`,
    );
  }
  return errors.length > 0 ? 1 : 0;
}

export async function peer(
  client: ControlClient,
  terminal: Terminal,
  name: string,
  action: PeerAction,
  message?: string,
): Promise<void> {
  await client.peerAction(name, action, message);
  const outcome: Record<PeerAction, string> = {
    shutdown: `is shut down; \`tartan peer ${name} enable\` brings it back`,
    enable: 'is enabled',
    reset: 'is reset; its session starts anew',
  };
  await terminal.write(`peer ${name} ${outcome[action]}\n`);
}

/** Without a direction: both. */
export async function refresh(
  client: ControlClient,
  terminal: Terminal,
  name: string,
  direction?: RefreshDirection,
): Promise<void> {
  const report = await client.refreshPeer(name, direction);
  const incoming = {
    requested: 'is asked for its routes again',
    reevaluated:
      "can't be asked for its routes again (it lacks route refresh, RFC 2918); those it sent went through the import filters again",
  };
  if (report.in !== undefined) await terminal.write(`peer ${name} ${incoming[report.in]}\n`);
  if (report.out !== undefined) await terminal.write(`peer ${name} gets our routes again\n`);
}

export async function clearLoopDelay(
  client: ControlClient,
  terminal: Terminal,
  format: OutputFormat,
): Promise<void> {
  await printValue(
    terminal,
    format,
    await client.clearLoopDelay(),
    (report) => `the delay of the loop was ${loopDelayText(report)}; measured anew from now on\n`,
  );
}

/** Writes events until the daemon stops or the caller does. */
export async function events(
  client: ControlClient,
  terminal: Terminal,
  format: OutputFormat,
): Promise<number> {
  try {
    for await (const event of client.events()) {
      if (format === 'table') await terminal.write(`${eventText(event, terminal)}\n`);
      else if (format === 'yaml') await terminal.write(`---\n${toYaml(event)}`);
      else await terminal.write(`${JSON.stringify(event)}\n`);
    }
  } catch (error) {
    if (!(error instanceof ControlInterruptedError)) throw error;
  }
  terminal.complain('tartan: the daemon stopped');
  return 1;
}

function eventText({ time, type, ...fields }: DaemonEvent, { colour }: Terminal): string {
  const rest = Object.entries(fields).map(([key, value]) => {
    const text = fieldText(value);
    return `${colour.dim(`${key}=`)}${printable(/[\s"]/.test(text) ? JSON.stringify(text) : text)}`;
  });
  return [time, colour.bold(type), ...rest].join(' ');
}
