/** `tartan explain PREFIX`: why a destination goes where it goes, told from the answer back to its causes. */
import type { ControlClient, ExplainedPath, Explanation } from '../control/index.js';
import { type OutputFormat, printValue } from './output.js';
import { type Terminal, wrap } from './terminal.js';
import { fieldText } from './text.js';

export async function explain(
  client: ControlClient,
  terminal: Terminal,
  format: OutputFormat,
  prefix: string,
): Promise<void> {
  await printValue(terminal, format, await client.explain(prefix), (answer) => story(answer, terminal));
}

const verdicts: Readonly<Record<ExplainedPath['verdict'], { label: string; because: string }>> = {
  best: { label: 'best', because: 'chosen' },
  multipath: { label: 'beside it', because: 'used together with the best' },
  lost: { label: 'not used', because: 'lost' },
  rejected: { label: 'rejected', because: 'refused' },
  unresolved: { label: 'unusable', because: 'not considered' },
};

/** Attributes that the first line of a path tells already. */
const told = new Set(['asPath', 'nextHop']);

function story(answer: Explanation, terminal: Terminal): string {
  const { colour, width } = terminal;
  const lines: string[] = [];
  const tell = (indent: number, text: string, hanging = 0) => {
    for (const [i, part] of wrap(text, width - indent - hanging).entries()) {
      lines.push(' '.repeat(indent + (i === 0 ? 0 : hanging)) + part);
    }
  };
  const title = answer.prefix ?? answer.query;
  const asked = answer.prefix === null || answer.prefix === answer.query ? '' : ` holds ${answer.query}`;
  lines.push(colour.bold(title) + asked);
  tell(2, answer.summary);

  if (answer.paths.length > 0) {
    const paths = answer.paths.length === 1 ? 'One path is known' : `${answer.paths.length} paths are known`;
    lines.push('', colour.bold(paths));
    for (const [i, path] of answer.paths.entries()) tellPath(path, i + 1, tell);
  }
  if (answer.kernel !== null) {
    lines.push('', colour.bold('The kernel'));
    tell(2, `was told  ${answer.kernel.told}`, 10);
    tell(2, `said      ${answer.kernel.said}`, 10);
  }
  for (const announced of [true, false]) {
    const peers = answer.advertised.filter((peer) => peer.announced === announced);
    if (peers.length === 0) continue;
    lines.push('', colour.bold(announced ? 'Announced to' : 'Not announced to'));
    const column = Math.min(24, Math.max(...peers.map(({ peer }) => peer.length))) + 2;
    for (const { peer, reason } of peers) tell(2, `${peer.padEnd(column)}${reason}`, column);
  }
  return `${lines.join('\n')}\n`;
}

function tellPath(
  path: ExplainedPath,
  number: number,
  tell: (indent: number, text: string, hanging?: number) => void,
): void {
  const { label, because } = verdicts[path.verdict];
  const asPath = path.asPath === '' ? '' : `, AS path ${path.asPath}`;
  const nextHop = path.nextHop === null ? '' : `, next hop ${path.nextHop}`;
  const source = path.peer === path.source ? path.peer : `${path.peer} (${path.source})`;
  const from = path.pathId === undefined ? source : `${source}, path id ${path.pathId}`;
  tell(2, `${number}. ${label}: from ${from}${asPath}${nextHop}`, 3);
  tell(5, `${because}: ${path.reason}`, 2);
  if (path.stale !== undefined) {
    const { until, longLived } = path.stale;
    const word = longLived ? 'long-lived stale' : 'stale';
    const end = until === null ? '' : `, until ${until} at most`;
    tell(5, `${word}: kept until ${path.peer} announces it again${end}`, 2);
  }
  if (path.nextHopResolution !== '') tell(5, `next hop: ${path.nextHopResolution}`, 2);
  if (path.encapsulation !== undefined) tell(5, `goes ${path.encapsulation}`, 2);
  if (path.objects !== undefined) tell(5, `by ${path.objects.join('; ')}`, 2);
  if (path.validity !== undefined) tell(5, `origin: ${path.validity.state}, ${path.validity.reason}`, 2);
  if (path.announcedTo !== undefined) {
    const peers = path.announcedTo.map(({ peer, pathId }) => `${peer} as path id ${pathId}`);
    tell(5, `announced to ${peers.join(', ')}`, 2);
  }
  const attributes = Object.entries(path.attributes)
    .filter(([key, value]) => !told.has(key) && value !== null && value !== undefined)
    .map(([key, value]) => [key, fieldText(value)])
    .filter(([, text]) => text !== '')
    .map(([key, text]) => `${key} ${text}`);
  if (attributes.length > 0) tell(5, `with ${attributes.join(', ')}`, 2);
}
