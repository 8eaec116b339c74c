/** Problems as they are logged and shown: of a cluster of thousands, a line each would hide what is wrong. Pure. */
import type { OverlayProblem } from '../../overlay/index.js';

/** As many of one kind are told one by one. */
export const FEW = 8;

export interface Problem {
  /** The same while it lasts, though the text may change. */
  readonly key: string;
  readonly message: string;
}

export function byItself(message: string): Problem {
  return { key: message, message };
}

/** What the kernel refused, a line each. */
export function refusals(problems: readonly OverlayProblem[]): string[] {
  return problems.map(
    ({ what, device, message }) => `${what}${device === null ? '' : ` on ${device}`}: ${message}`,
  );
}

/**
 * One by one, or one for all of the kind where there are more than a few.
 * @param summary with `{}` for their count.
 * @param verb of `tartan`, which tells all of them.
 */
export function gather(
  kind: string,
  summary: string,
  verb: string,
  messages: readonly string[],
  all: boolean,
): Problem[] {
  if (all || messages.length <= FEW) return messages.map(byItself);
  const count = summary.replace('{}', String(messages.length));
  return [{ key: kind, message: `${count} (all: \`tartan ${verb}\`), the first: ${messages[0]}` }];
}
