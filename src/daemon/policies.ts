/** From the document's filters and a peer's or group's facts to the policies that the speaker asks for. */
import { type Address, contains, type FamilyIndex, IPV4, IPV6, sameAddress } from '../address/index.js';
import {
  type ExplainingExporter,
  type GroupFacts,
  type ImportPolicy,
  type PeerSettings,
  type PolicySource,
  type Relation,
  takesAigp,
} from '../bgp/speaker/index.js';
import { clusterIds } from '../config/clusters.js';
import type { Router } from '../config/router.js';
import {
  type CompiledPolicy,
  compileFilters,
  Exporter,
  Importer,
  nothingPasses,
  type OriginFacts,
  type OriginValidator,
  type OwnNextHop,
  policyMissing,
} from '../policy/index.js';
import type { Filter, FilterRule } from '../policy/types.js';
import type { Rib } from '../rib/rib.js';

export class RouterPolicies implements PolicySource {
  constructor(
    private readonly rib: Rib,
    private router: Router,
    private readonly vrps: OriginValidator,
  ) {}

  /** Policies asked for from now on are those of another document. */
  setRouter(router: Router): void {
    this.router = router;
  }

  importPolicy(settings: PeerSettings, relation: Relation): ImportPolicy {
    const facts = {
      ebgp: relation === 'ebgp',
      confed: relation === 'confed',
      localAsn: this.router.asn,
      confederationId: this.router.confederation?.id ?? null,
      routerId: this.router.routerId,
      clusterIds: clusterIds(this.router),
      peerAddress: settings.address,
      firstAs: settings.enforceFirstAs && relation !== 'ibgp' ? settings.asn : null,
      maxAsPathLength: settings.maxAsPathLength,
      allowOwnAs: settings.allowOwnAs,
      gracefulShutdown: settings.gracefulShutdown,
      aigp: takesAigp(settings, relation),
      acceptsBlackhole: settings.acceptBlackhole,
      otc:
        relation !== 'ebgp' || settings.role === undefined
          ? null
          : { role: settings.role, asn: settings.asn },
      localAs:
        settings.localAs === undefined
          ? null
          : { asn: settings.localAs.asn, prepends: !settings.localAs.noPrepend },
    };
    const make = (family: FamilyIndex): Importer =>
      new Importer(
        this.rib,
        family,
        facts,
        this.compile('import', settings.import, relation, family),
        settings.name,
        this.origins(),
      );
    const importers = [make(IPV4), make(IPV6)] as const;
    return {
      accept: (family, prefix, received) => importers[family].import(prefix, received),
      explain: (family, prefix, received) => importers[family].explain(prefix, received).reason,
      asksValidity: (family) => importers[family].asksValidity,
    };
  }

  exporter(facts: GroupFacts): ExplainingExporter {
    const { family } = facts;
    const own = (of: FamilyIndex): OwnNextHop | null =>
      of === family && facts.nextHop !== null ? { address: facts.nextHop, linkLocal: facts.linkLocal } : null;
    const shared = (of: FamilyIndex) => facts.sharedSubnets.find((subnet) => subnet.family === of) ?? null;
    const relation = facts.kind === 'ibgpClient' ? 'ibgp' : facts.kind;
    const policy = this.compile('export', facts.filters ?? undefined, relation, family);
    const exporter = new Exporter(
      this.rib,
      family,
      {
        kind: facts.kind,
        localAsn: this.ownAsn(relation),
        confederation: this.router.confederation !== null,
        peerAsn: null,
        asPath: facts.asPath,
        otc: facts.otc,
        routerId: this.router.routerId,
        clusterId: this.router.clusterId ?? this.router.routerId,
        memberClusterId: facts.clusterId,
        aigp: facts.aigp,
        nextHop: facts.nextHopMode,
        self: [own(IPV4), own(IPV6)],
        sharedSubnet: [shared(IPV4), shared(IPV6)],
        extendedNextHop: facts.extendedNextHop,
        ...(facts.longLivedStale === 'announce' ? {} : { longLivedStale: facts.longLivedStale }),
        isPeer: (address: Address) => this.isPeer(address),
      },
      policy,
      this.origins(),
    );
    return {
      export: (prefix, path, outgoing) => exporter.export(prefix, path, outgoing),
      explain: (prefix, path) => exporter.explain(prefix, path).reason,
      asksValidity: exporter.asksValidity,
    };
  }

  private isPeer(address: Address): boolean {
    const { peers, peerRanges } = this.router;
    return (
      peers.some((peer) => sameAddress(peer.address, address)) ||
      peerRanges.some(({ prefix }) => prefix.family === address.family && contains(prefix, address))
    );
  }

  private compile(
    direction: 'import' | 'export',
    names: readonly string[] | undefined,
    relation: Relation,
    family: FamilyIndex,
  ): CompiledPolicy {
    const before = direction === 'export' ? poolFilters(this.router, names === undefined) : [];
    if (names === undefined) {
      // RFC 8212 is about external peers; between the members of a confederation nothing leaves one administration.
      const open = relation !== 'ebgp' || !this.router.ebgpRequiresPolicy;
      return open ? compileFilters(before, family) : policyMissing(direction, family);
    }
    const { filters, prefixSets } = this.router;
    // Names are checked when the document is read. A peer that still goes by the last one waits until it is changed too.
    const gone = names.find((name) => !Object.hasOwn(filters, name));
    if (gone !== undefined) return nothingPasses(`filter \`${gone}\` is not there any more`, family);
    const used = [...before, ...names.map((name) => filters[name])];
    return compileFilters(used, family, { prefixSets, localAsn: this.ownAsn(relation) });
  }

  private origins(): OriginFacts {
    const { asn, confederation } = this.router;
    return { vrps: this.vrps, ownAsn: confederation?.id ?? asn };
  }

  /** Who we are to such peers: outside a confederation, its number (RFC 5065 §4). */
  private ownAsn(relation: Relation): number {
    const { asn, confederation } = this.router;
    return relation === 'ebgp' && confederation !== null ? confederation.id : asn;
  }
}

/**
 * What stands before the document's export filters: pools that no peer is told of, and, for peers without filters, the
 * routes of the inventory, which their own nodes announce.
 */
function poolFilters({ pools, nodes }: Router, isAlone: boolean): Filter[] {
  const rules: FilterRule[] = [];
  if (isAlone && nodes.length > 0) {
    rules.push({ match: { sources: ['inventory'] }, set: {}, action: 'reject' });
  }
  if (pools.some(({ exported }) => !exported)) {
    for (const { cidr, exported } of [...pools].sort((x, y) => y.cidr.length - x.cidr.length)) {
      const longest = cidr.family === IPV4 ? 32 : 128;
      rules.push({
        match: { prefixes: [{ prefix: cidr, ge: cidr.length, le: longest }] },
        set: {},
        action: exported ? 'accept' : 'reject',
      });
    }
  }
  if (rules.length === 0) return [];
  return [{ name: 'pools', rules: [...rules, { match: {}, set: {}, action: 'accept' }] }];
}
