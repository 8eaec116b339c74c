/** `tartan show`: peers, routes, fib, status. */
import type {
  ControlClient,
  FibRow,
  MalformedRow,
  PeerRow,
  RouteQuery,
  RouteRow,
  StatusReport,
} from '../control/index.js';
import { type OutputFormat, printRows, printValue } from './output.js';
import type { Column } from './table.js';
import { type Terminal, wrap } from './terminal.js';
import { grouped, mebibytes, since } from './text.js';

const stateLabels: Readonly<Record<PeerRow['state'], string>> = {
  idle: 'Idle',
  connect: 'Connect',
  active: 'Active',
  openSent: 'OpenSent',
  openConfirm: 'OpenConfirm',
  established: 'Established',
  shutdown: 'shutdown',
};

const countsOf = (count: 'received' | 'accepted' | 'announced') => (peer: PeerRow) =>
  Object.values(peer.families).map((family) => (family.agreed === false ? '-' : grouped(family[count])));

/** A link-local address means something on its link alone. */
const addressOf = ({ address, device }: PeerRow) =>
  device === undefined ? (address ?? '') : address === null ? `? on ${device}` : `${address}%${device}`;

const roleWords = {
  provider: 'provider',
  customer: 'customer',
  peer: 'peer',
  routeServer: 'route server',
  routeServerClient: 'route server client',
} as const;

/** RFC 9234. */
function roleNote({ role, state }: PeerRow): string[] {
  if (role === undefined) return [];
  const ours = `role: we are ${roleWords[role.local]}`;
  if (state !== 'established') return [ours];
  return [`${ours}, the peer claims ${role.remote === null ? 'none' : `to be ${roleWords[role.remote]}`}`];
}

/** What keeps IPv4 routes from a session over IPv6 that seems to carry them. */
function extendedNextHopNote({ address, families, extendedNextHop }: PeerRow): string[] {
  if (extendedNextHop !== false || !address?.includes(':') || families.ipv4 === undefined) return [];
  return ['ipv4 needs IPv4 next hops here: IPv6 ones were not agreed on (RFC 8950)'];
}

const peerColumns: readonly Column<PeerRow>[] = [
  { title: 'PEER', cell: (peer) => peer.name, shrinksTo: 10, toldWhenCut: true },
  { title: 'ADDRESS', cell: addressOf, shrinksTo: 15, toldWhenCut: true },
  {
    title: 'AS',
    cell: (peer) => `${peer.asn ?? 'external'}${peer.relation === 'confed' ? ' (confed)' : ''}`,
    align: 'right',
  },
  {
    title: 'STATE',
    cell: (peer) => stateLabels[peer.state],
    colour: (peer, colour) =>
      peer.state === 'established' ? colour.green : peer.state === 'shutdown' ? colour.dim : colour.yellow,
  },
  { title: 'SINCE', cell: (peer) => since(peer.down?.since ?? peer.since), align: 'right' },
  { title: 'FAMILY', cell: (peer) => Object.keys(peer.families) },
  { title: 'RECEIVED', cell: countsOf('received'), align: 'right' },
  { title: 'ACCEPTED', cell: countsOf('accepted'), align: 'right' },
  { title: 'ANNOUNCED', cell: countsOf('announced'), align: 'right' },
];

function addPathText([family, { receive, discarded, send }]: [
  string,
  NonNullable<PeerRow['addPath']>[string],
]): string {
  const taken =
    receive === false ? [] : [`up to ${receive} ${receive === 1 ? 'path' : 'paths'} per prefix are taken`];
  const beyond = discarded === 0 ? [] : [`${discarded} announcements beyond that discarded`];
  const sent =
    send === false ? [] : [send === 'all' ? 'all paths are announced' : `the best ${send} are announced`];
  return `${family} with ADD-PATH: ${[...taken, ...beyond, ...sent].join(', ')}`;
}

/** Why a session rests, why the last one ended, and what one that is up goes without. */
function sessionNotes({ state, down, retryAt, lastError, families }: PeerRow): string[] {
  const ended =
    down === undefined || down.reason === null || down.reason === lastError
      ? []
      : [`the session ended: ${down.reason}`];
  const rests = state === 'idle' && retryAt !== undefined ? [`rests after errors until ${retryAt}`] : [];
  const lacks = Object.keys(families).filter((family) => families[family].agreed === false);
  return [
    ...ended,
    ...rests,
    ...lacks.map((family) => `${family} was not agreed on: the peer does not offer it`),
  ];
}

/** What is kept for a peer that is away, or not done yet. */
function retainedNotes({ stale, retained = {} }: PeerRow): string[] {
  const notes = Object.entries(retained).map(
    ([family, { longLived, until }]) =>
      `its ${family} routes are kept ${longLived ? 'as the last choice (long-lived stale) ' : ''}until ${until}`,
  );
  return notes.length === 0 && stale ? ['its routes are kept while it restarts'] : notes;
}

export async function showPeers(
  client: ControlClient,
  terminal: Terminal,
  format: OutputFormat,
): Promise<void> {
  await printRows(terminal, format, await client.peers(), {
    columns: peerColumns,
    notes: (peer) => [
      ...(peer.description === undefined ? [] : [peer.description]),
      ...(peer.authentication === undefined ? [] : ['authenticated by TCP-MD5']),
      ...(peer.ttlSecurity === undefined
        ? []
        : [`protected by GTSM: at most ${peer.ttlSecurity} ${peer.ttlSecurity === 1 ? 'hop' : 'hops'} away`]),
      ...roleNote(peer),
      ...extendedNextHopNote(peer),
      ...(peer.waitsFor === undefined ? [] : [`waits: ${peer.waitsFor}`]),
      ...retainedNotes(peer),
      ...sessionNotes(peer),
      ...Object.entries(peer.addPath ?? {}).map(addPathText),
      ...(peer.warnings ?? []),
      ...Object.entries(peer.maxPrefixes ?? {})
        .filter(([, { discarded }]) => discarded > 0)
        .map(([family, { discarded }]) => `${family}: ${discarded} announcements beyond the limit discarded`),
      ...(peer.malformed ?? []).map(malformedNote),
      ...(peer.lastError === null ? [] : [`last error: ${peer.lastError}`]),
    ],
    empty: 'no peers are configured',
  });
}

const malformedCosts = {
  discard: 'attribute discarded',
  treatAsWithdraw: 'treated as withdrawn',
  reset: 'session reset',
} as const;

/** `malformed COMMUNITIES: 12 × treated as withdrawn; last at 2026-01-02T03:04:05.000Z: it has 6 octets…`. */
function malformedNote({ attribute, severity, count, last }: MalformedRow): string {
  return `malformed ${attribute ?? 'UPDATE'}: ${count} × ${malformedCosts[severity]}; last at ${last.at}: ${last.error} (offset ${last.offset})`;
}

const routeColumns: readonly Column<RouteRow>[] = [
  { title: 'PREFIX', cell: (route) => route.prefix },
  { title: 'NEXT HOP', cell: (route) => route.nextHop ?? '-', shrinksTo: 15, toldWhenCut: true },
  { title: 'AS PATH', cell: (route) => asPathText(route), shrinksTo: 12 },
  {
    title: 'FROM',
    cell: (route) => (route.pathId === undefined ? route.peer : `${route.peer} #${route.pathId}`),
    shrinksTo: 8,
  },
  {
    title: 'PREF',
    cell: (route) => (route.localPref === null ? '' : String(route.localPref)),
    align: 'right',
  },
  { title: 'MED', cell: (route) => (route.med === null ? '' : String(route.med)), align: 'right' },
];

/** Which of several paths to a prefix these are; of use only where there may be several. */
const verdictColumn: Column<RouteRow> = {
  title: '',
  cell: (route) =>
    [route.best ? 'best' : route.multipath ? 'ecmp' : '', route.stale ? 'stale' : '']
      .filter((word) => word !== '')
      .join(' '),
  colour: (route, colour) => (route.stale ? colour.yellow : colour.green),
};

/** Of the best routes alone, those that are kept for a peer that is away are the ones to know of. */
const staleColumn: Column<RouteRow> = {
  title: '',
  cell: (route) => (route.stale ? 'stale' : ''),
  colour: (_, colour) => colour.yellow,
};

function asPathText(route: RouteRow): string {
  const origin = { igp: '', egp: ' e', incomplete: ' ?' }[route.origin];
  return (route.asPath !== '' ? route.asPath : route.source === 'bgp' ? '(internal)' : '(local)') + origin;
}

export async function showRoutes(
  client: ControlClient,
  terminal: Terminal,
  format: OutputFormat,
  query: RouteQuery,
  countOnly: boolean,
): Promise<void> {
  if (countOnly) {
    const count = await client.countRoutes(query);
    return printValue(terminal, format, { count }, () => `${count}\n`);
  }
  if (format === 'ndjson') {
    // As the daemon wrote them: a million rows needn't be read to be passed on.
    for await (const lines of client.routesText(query)) await terminal.write(lines);
    return;
  }
  await printRows(terminal, format, client.routes(query), {
    columns: query.view === 'best' ? [...routeColumns, staleColumn] : [verdictColumn, ...routeColumns],
    empty: 'no routes',
  });
}

const fibColumns: readonly Column<FibRow>[] = [
  { title: 'PREFIX', cell: (route) => route.prefix },
  {
    title: 'STATE',
    cell: (route) => route.state,
    colour: (route, colour) =>
      route.state === 'installed'
        ? colour.green
        : route.state === 'failed' || route.state === 'conflict' || route.state === 'unresolved'
          ? colour.red
          : colour.yellow,
  },
  {
    title: 'TO',
    cell: (route) =>
      route.kind === 'unicast'
        ? route.nextHops.map((hop) => {
            const via = hop.gateway === null ? '' : `via ${hop.gateway} `;
            const weight = hop.weight > 1 ? ` weight ${hop.weight}` : '';
            const node = hop.node === undefined ? '' : ` (node ${hop.node})`;
            return `${via}dev ${hop.device}${weight}${node}`;
          })
        : route.kind === 'unresolved'
          ? (route.error ?? '')
          : (route.kind ?? ''),
  },
  { title: 'METRIC', cell: (route) => String(route.metric), align: 'right' },
];

export async function showFib(
  client: ControlClient,
  terminal: Terminal,
  format: OutputFormat,
  query: { prefix?: string; family?: string; state?: string },
): Promise<void> {
  if (format === 'ndjson') {
    for await (const lines of client.fibText(query)) await terminal.write(lines);
    return;
  }
  await printRows(terminal, format, client.fib(query), {
    columns: fibColumns,
    notes: (route) => (route.error === null ? [] : [route.error]),
    empty: 'no routes in the kernel or on their way there',
  });
}

export async function showStatus(
  client: ControlClient,
  terminal: Terminal,
  format: OutputFormat,
): Promise<void> {
  await printValue(terminal, format, await client.status(), (status) => statusText(status, terminal.width));
}

function restartRows({ restart }: StatusReport): [string, string][] {
  if (restart === undefined) return [];
  const wait = restart.waitingFor.map(({ peer, missing }) =>
    missing === 'session' ? `${peer} (not up)` : `${peer} (${missing.join(', ')})`,
  );
  return [
    ['restart', `waits for ${wait.join(', ')}, until ${restart.ends} at the latest`],
    [
      '',
      restart.announcing
        ? 'announces already'
        : `announces once those that are up have delivered, without the others from ${restart.absenceEnds} on`,
    ],
  ];
}

/** `p50 0.2 ms, p99 3.1 ms, max 41 ms in 3h 5m`. */
export function loopDelayText({ since: from, p50Ms, p99Ms, maxMs }: StatusReport['loopDelay']): string {
  return `p50 ${p50Ms} ms, p99 ${p99Ms} ms, max ${maxMs} ms in ${since(from)}`;
}

/** Columns of a key and what parts it from its value. */
const keyWidth = 9;

function statusText(status: StatusReport, width: number): string {
  const member = status.confederation === undefined ? '' : ` in confederation ${status.confederation.id}`;
  const rows: [string, string][] = [
    ['node', status.name],
    ['AS', `${status.asn}${member}, router id ${status.routerId}`],
    ['phase', `${status.phase}, up for ${since(status.startedAt)}`],
    ...restartRows(status),
    ['version', status.version],
    ['memory', mebibytes(status.rss)],
    ['loop', `delay ${loopDelayText(status.loopDelay)}`],
  ];
  for (const [family, counts] of Object.entries(status.routes)) {
    rows.push([family, `${grouped(counts.prefixes)} prefixes, ${grouped(counts.paths)} paths`]);
    const fib = status.fib[family];
    if (fib === undefined) continue;
    const rest = (['pending', 'held', 'conflict', 'failed', 'unresolved'] as const)
      .filter((state) => fib[state] > 0)
      .map((state) => `, ${grouped(fib[state])} ${state}`);
    rows.push(['', `${grouped(fib.installed)} in the kernel${rest.join('')}`]);
  }
  for (const { name, prefix, peers, limit, refused, lastError } of status.peerRanges ?? []) {
    const more = refused === 0 ? '' : `, ${grouped(refused)} connections refused`;
    rows.push(['range', `${name}, ${prefix}: ${peers} of at most ${limit} peers${more}`]);
    if (lastError !== undefined) rows.push(['', `last error: ${lastError}`]);
  }
  for (const problem of status.problems ?? []) rows.push(['problem', problem]);
  return rows
    .flatMap(([key, value]) =>
      wrap(value, width - keyWidth).map((line, i) => `${(i === 0 ? key : '').padEnd(keyWidth)}${line}\n`),
    )
    .join('');
}
