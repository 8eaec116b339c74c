/** `peerRanges`: document → Router, and back. */
import { contains, formatPrefix, isLinkLocal, parseAddress } from '../address/index.js';
import { relationTo } from '../bgp/speaker/confederation.js';
import type { PeerRangeDocument, SpecDocument } from './document.js';
import { formatPath, type Path } from './issues.js';
import { type PeerContext, readPeer, type TemplateSettings } from './peers.js';
import { renderPeer } from './render.js';
import type { PeerConfig, PeerRangeConfig } from './router.js';
import { defaults } from './schema.js';
import type { Reader } from './values.js';

/** Stands for the addresses that peers will have. */
const somebody = [parseAddress('192.0.2.1'), parseAddress('2001:db8::1')] as const;

/** `named`: the peers of the document, which go before any range. */
export function readPeerRanges(
  spec: SpecDocument,
  named: readonly PeerConfig[],
  templates: ReadonlyMap<string, TemplateSettings>,
  context: PeerContext,
  reader: Reader,
): PeerRangeConfig[] {
  const ranges: PeerRangeConfig[] = [];
  const names = new Map<string, Path>();
  const prefixes = new Map<string, Path>();
  for (const [i, document] of (spec.peerRanges ?? []).entries()) {
    if (document === undefined) continue;
    const path = ['spec', 'peerRanges', i];
    const range = readPeerRange(document, templates, context, reader, path);
    if (document.name !== undefined)
      reader.duplicate(names, document.name, [...path, 'name'], `range \`${document.name}\``);
    if (range === undefined) continue;
    const text = formatPrefix(range.prefix);
    reader.duplicate(prefixes, text, [...path, 'prefix'], `the range ${text}`);
    checkAgainst(range, named, reader, path);
    ranges.push(range);
  }
  return ranges;
}

function checkAgainst(
  range: PeerRangeConfig,
  named: readonly PeerConfig[],
  reader: Reader,
  path: Path,
): void {
  for (const peer of named) {
    if (peer.name.startsWith(`${range.name}:`)) {
      reader.error(
        [...path, 'name'],
        `peer \`${peer.name}\` is called like one of the range \`${range.name}\`; expected another name`,
      );
    }
    const isWithin = peer.address.family === range.prefix.family && contains(range.prefix, peer.address);
    if (isWithin && range.settings.password !== undefined && peer.password === undefined) {
      // The kernel asks every host of the prefix for a signature.
      reader.error(
        path,
        `peer \`${peer.name}\` has no password but is within ${formatPrefix(range.prefix)}, where all connections are signed; expected a password there, too`,
      );
    }
  }
}

function readPeerRange(
  document: PeerRangeDocument,
  templates: ReadonlyMap<string, TemplateSettings>,
  context: PeerContext,
  reader: Reader,
  path: Path,
): PeerRangeConfig | undefined {
  const { prefix: text, limit, asns: stated, ...settings } = document;
  const asns = stated?.filter((asn) => asn !== undefined);
  const prefix = reader.prefix(text, [...path, 'prefix']);
  if (prefix !== undefined && isLinkLocal(prefix)) {
    reader.error(
      [...path, 'prefix'],
      `\`${formatPath([...path, 'prefix'])}\` is link-local, and such addresses mean something on their link alone; expected peers with \`interface\``,
    );
  }
  if (asns !== undefined && document.asn !== undefined) {
    reader.error(
      [...path, 'asns'],
      `\`${formatPath(path)}\` has both \`asn\` and \`asns\`; expected one of them`,
    );
  }
  const { asn: ours, confederation } = context;
  for (const [i, asn] of (asns ?? []).entries()) {
    if (ours === undefined || relationTo(asn, { asn: ours, confederation }) === 'ebgp') continue;
    reader.error(
      [...path, 'asns', i],
      `\`${formatPath([...path, 'asns', i])}\` is ${asn}, which is no external AS; expected a range of its own, with \`asn\``,
    );
  }
  const end = somebody[prefix?.family ?? 0] ?? undefined;
  const peer = readPeer(
    { ...settings, ...(asns === undefined ? {} : { asn: 'external' }) },
    templates,
    context,
    reader,
    path,
    end,
  );
  if (peer === undefined || prefix === undefined || document.name === undefined) return undefined;
  return {
    name: document.name,
    prefix,
    limit: limit ?? defaults.rangeLimit,
    settings: { ...peer, port: defaults.port, passive: true, ...(asns === undefined ? {} : { asns }) },
  };
}

export function renderPeerRange({ name, prefix, limit, settings }: PeerRangeConfig) {
  const { name: _, port: __, passive: ___, asn, ...rest } = renderPeer(settings);
  const { address: ____, ...shown } = rest as typeof rest & { address?: string };
  return {
    name,
    prefix: formatPrefix(prefix),
    limit,
    ...(settings.asns === undefined ? { asn } : { asns: [...settings.asns] }),
    ...shown,
  };
}
