/** From the document's filters and a peer's or group's facts to the policies that the speaker asks for. */
import { type Address, type FamilyIndex, IPV4, IPV6, sameAddress } from '../address/index.js';
import type {
  ExplainingExporter,
  GroupFacts,
  ImportPolicy,
  PeerSettings,
  PolicySource,
} from '../bgp/speaker/index.js';
import type { Router } from '../config/router.js';
import {
  type CompiledPolicy,
  compileFilters,
  Exporter,
  type Filter,
  Importer,
  type OriginValidator,
  type OwnNextHop,
  policyMissing,
} from '../policy/index.js';
import type { Rib } from '../rib/rib.js';

export class RouterPolicies implements PolicySource {
  constructor(
    private readonly rib: Rib,
    private router: Router,
    private readonly validator: OriginValidator,
  ) {}

  /** Policies asked for from now on are those of another document. */
  setRouter(router: Router): void {
    this.router = router;
  }

  importPolicy(settings: PeerSettings, ibgp: boolean): ImportPolicy {
    const facts = {
      ebgp: !ibgp,
      localAsn: this.router.asn,
      routerId: this.router.routerId,
      clusterId: this.router.routerId,
      peerAddress: settings.address,
      firstAs: settings.enforceFirstAs && !ibgp ? settings.asn : null,
      maxAsPathLength: settings.maxAsPathLength,
      allowOwnAs: settings.allowOwnAs,
      gracefulShutdown: settings.gracefulShutdown,
      acceptsBlackhole: settings.acceptBlackhole,
      otc: ibgp || settings.role === undefined ? null : { role: settings.role, asn: settings.asn },
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
        this.compile('import', settings.import, ibgp, family),
        settings.name,
        this.validator,
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
    const policy = this.compile('export', facts.filters ?? undefined, facts.kind !== 'ebgp', family);
    const exporter = new Exporter(
      this.rib,
      family,
      {
        kind: facts.kind,
        localAsn: this.router.asn,
        peerAsn: null,
        asPath: facts.asPath,
        otc: facts.otc,
        routerId: this.router.routerId,
        clusterId: this.router.routerId,
        nextHop: facts.nextHopMode,
        self: [own(IPV4), own(IPV6)],
        sharedSubnet: [shared(IPV4), shared(IPV6)],
        extendedNextHop: facts.extendedNextHop,
        isPeer: (address: Address) => this.router.peers.some((peer) => sameAddress(peer.address, address)),
      },
      policy,
      this.validator,
    );
    return {
      export: (prefix, path) => exporter.export(prefix, path),
      explain: (prefix, path) => exporter.explain(prefix, path).reason,
      asksValidity: exporter.asksValidity,
    };
  }

  private compile(
    direction: 'import' | 'export',
    names: readonly string[] | undefined,
    internal: boolean,
    family: FamilyIndex,
  ): CompiledPolicy {
    if (names === undefined) {
      const open = internal || !this.router.ebgpRequiresPolicy;
      return open ? compileFilters([], family) : policyMissing(direction, family);
    }
    // Names are checked when the document is read.
    const filters = names
      .map((name) => this.router.filters[name])
      .filter((filter): filter is Filter => filter !== undefined);
    const { prefixSets, asn } = this.router;
    return compileFilters(filters, family, { prefixSets, localAsn: asn });
  }
}
