/** `tartan show pools`, `show nodes` and `show overlay`: how packets to pods travel, and whether they can. */
import type { ControlClient, NodeBlock, NodeRow, OverlayReport, PoolRow } from '../control/index.js';
import { type OutputFormat, printRows, printValue } from './output.js';
import { type Column, printTable } from './table.js';
import type { Terminal } from './terminal.js';
import { grouped, printable } from './text.js';

const poolColumns: readonly Column<PoolRow>[] = [
  { title: 'POOL', cell: ({ cidr }) => cidr },
  { title: 'BACKEND', cell: ({ backend }) => backend },
  { title: 'MODE', cell: ({ backend, mode }) => (backend === 'none' ? '' : mode) },
  { title: 'BGP', cell: (pool) => (pool.export ? 'exported' : 'kept') },
  { title: 'NAT', cell: ({ natOutgoing }) => (natOutgoing ? 'outgoing' : '') },
  { title: 'DIRECT', cell: ({ blocks }) => grouped(blocks.direct), align: 'right' },
  { title: 'TUNNELLED', cell: ({ blocks }) => grouped(blocks.ipip + blocks.vxlan), align: 'right' },
  {
    title: 'NO WAY',
    cell: ({ blocks }) => grouped(blocks.unresolved),
    align: 'right',
    colour: ({ blocks }, colour) => (blocks.unresolved > 0 ? colour.red : colour.dim),
  },
];

export async function showPools(
  client: ControlClient,
  terminal: Terminal,
  format: OutputFormat,
): Promise<void> {
  await printRows(terminal, format, await client.pools(), {
    columns: poolColumns,
    empty: 'no pools are configured',
  });
}

const nodeColumns: readonly Column<NodeRow>[] = [
  { title: 'NODE', cell: ({ name, own }) => (own ? `${name} (this one)` : name) },
  { title: 'ADDRESSES', cell: ({ addresses }) => addresses },
  {
    title: 'VTEP',
    cell: ({ vteps }) => vteps.map(({ address, mac }) => `${address} ${mac ?? 'without a MAC'}`),
  },
  { title: 'PODS', cell: ({ blocks }) => blocks.map(({ prefix }) => prefix) },
  {
    title: 'BY',
    cell: ({ blocks }) =>
      blocks.map(({ by, reachable }) =>
        by === 'unresolved' ? 'no way' : reachable ? by : `${by}, no route`,
      ),
    colour: ({ blocks }, colour) => (blocks.some(isCutOff) ? colour.red : colour.green),
  },
];

/** Packets to it get nowhere. */
function isCutOff({ by, reachable }: NodeBlock): boolean {
  return by === 'unresolved' || !reachable;
}

export async function showNodes(
  client: ControlClient,
  terminal: Terminal,
  format: OutputFormat,
): Promise<void> {
  await printRows(terminal, format, client.nodes(), {
    columns: nodeColumns,
    notes: ({ blocks, receives }) => [
      ...(receives === null ? [] : [`receives ${receives.join(', ')}`]),
      ...blocks.filter(isCutOff).map(({ prefix, why }) => `${prefix}: ${why}`),
    ],
    empty: 'no nodes are configured',
  });
}

const deviceColumns: readonly Column<OverlayReport['devices'][number]>[] = [
  { title: 'DEVICE', cell: ({ name }) => name },
  { title: 'KIND', cell: ({ kind }) => kind },
  {
    title: 'STATE',
    cell: ({ state }) => state,
    colour: ({ state }, colour) =>
      state === 'ready' ? colour.green : state === 'pending' ? colour.yellow : colour.red,
  },
  { title: 'INDEX', cell: ({ ifindex }) => String(ifindex ?? ''), align: 'right' },
  { title: 'MTU', cell: ({ mtu }) => String(mtu ?? ''), align: 'right' },
  { title: 'MAC', cell: ({ mac }) => mac ?? '' },
];

export async function showOverlay(
  client: ControlClient,
  terminal: Terminal,
  format: OutputFormat,
): Promise<void> {
  const report = await client.overlay();
  if (format !== 'table') return printValue(terminal, format, report, () => '');
  const { underlay, entries, devices, problems } = report;
  await terminal.write(
    `profile ${report.profile}, from ${underlay.ipv4 ?? 'no IPv4 address'} and ${underlay.ipv6 ?? 'no IPv6 address'}\n`,
  );
  const count = await printTable(terminal, deviceColumns, devices, ({ problem }) =>
    problem === null ? [] : [problem],
  );
  if (count === 0) await terminal.write('no tunnels\n');
  await terminal.write(
    `${grouped(entries.installed)} of ${grouped(entries.desired)} neighbours and FDB entries are in the kernel\n`,
  );
  for (const problem of problems) await terminal.write(terminal.colour.red(`${printable(problem)}\n`));
}
