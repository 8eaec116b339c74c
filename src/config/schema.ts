/**
 * The JSON Schema of a Router document: the one source of its keys, their defaults and their descriptions.
 * The validator is compiled from it, `conf/router.schema.json` (for editors) and the tables of
 * docs/configuration.md are written from it by `npm run schema`, and the loader takes the defaults from here.
 *
 * `x-expected` completes the sentence "… is VALUE; expected" where the rest of the schema would say it badly.
 * What a schema can't say (do names resolve, do addresses parse, do families agree) is checked by the loader.
 */

import { aigpOrigin } from './schema-aigp.js';
import {
  address,
  asn,
  communities,
  interfacePatterns,
  ipv4Address,
  ipv6Address,
  name,
  prefix,
} from './schema-atoms.js';
import { bmp } from './schema-bmp.js';
import { confederation } from './schema-confederation.js';
import { filterRule, prefixSets } from './schema-filters.js';
import { gracefulRestart, gracefulRestartDefaults } from './schema-graceful-restart.js';
import { mrt } from './schema-mrt.js';
import { nodes, overlay, pools } from './schema-overlay.js';
import { interfaceName } from './schema-peer-interface.js';
import { peerRanges, rangeLimit } from './schema-peer-ranges.js';
import { peerSettings } from './schema-peers.js';
import { clusterId } from './schema-reflection.js';
import { rpki } from './schema-rpki.js';

const listen = {
  type: 'object',
  required: ['address'],
  additionalProperties: false,
  properties: {
    address: {
      ...address,
      description: 'Address to listen on; `0.0.0.0` and `::` are all addresses of the family.',
    },
    port: { type: 'integer', minimum: 1, maximum: 65535, default: 179, description: 'TCP port.' },
  },
  'x-expected': 'a map with `address`, `port`',
} as const;

const peer = {
  type: 'object',
  required: ['name'],
  additionalProperties: false,
  properties: {
    name: {
      ...name,
      description:
        'How the peer is called in logs, `show` and `peer`; its identity across reloads. Required.',
    },
    template: {
      ...name,
      description: 'Name of an entry of `peerTemplates` that supplies what is not given here.',
    },
    address: { ...address, description: "The peer's address. Required, unless `interface` is there." },
    interface: interfaceName,
    ...peerSettings,
  },
  'x-expected': 'a peer: a map with at least `name`, `address` or `interface`, `asn`',
} as const;

const peerTemplate = {
  type: 'object',
  additionalProperties: false,
  properties: peerSettings,
  'x-expected': 'a map with keys of a peer, but `name`, `address`, `template`',
} as const;

const network = {
  type: ['string', 'object'],
  required: ['prefix'],
  additionalProperties: false,
  properties: {
    prefix: { ...prefix, description: 'The prefix, announced unconditionally. Required.' },
    blackhole: {
      type: 'boolean',
      default: false,
      description: 'Also install a blackhole route (metric 4294967294, so that any other route wins).',
    },
    communities: { ...communities, description: 'Communities attached at origination. Default: none.' },
    aigp: aigpOrigin,
  },
  'x-expected': 'a prefix or `{prefix, blackhole, communities, aigp}`',
} as const;

const staticRoute = {
  type: 'object',
  required: ['prefix'],
  additionalProperties: false,
  properties: {
    prefix: { ...prefix, description: 'Destination. Required.' },
    via: {
      type: ['string', 'array'],
      minItems: 1,
      items: address,
      'x-expected': 'an address or a list of addresses',
      description: 'Next hop or a list of next hops (ECMP).',
    },
    device: { type: 'string', minLength: 1, maxLength: 15, description: 'Interface to send through.' },
    blackhole: { type: 'boolean', default: false, description: 'Drop the packets instead.' },
    aigp: aigpOrigin,
  },
  'x-expected': 'a map with `prefix` and one of `via`, `device`, `blackhole`',
} as const;

const learnKernel = {
  type: 'object',
  required: ['protocols'],
  additionalProperties: false,
  properties: {
    protocols: {
      type: 'array',
      minItems: 1,
      items: {
        type: ['integer', 'string'],
        minimum: 1,
        maximum: 255,
        'x-expected': 'an rtm_protocol from 1 to 255 or a name such as `static`, `bird`, `zebra`',
      },
      'x-expected': 'a list of rtm_protocols, by number or name: `[static, dhcp, 99]`',
      description: 'Routes with these rtm_protocols, by number or name; never our own. Required.',
    },
    interfaces: {
      ...interfacePatterns,
      default: ['*'],
      description: 'Routes through interfaces whose name matches.',
    },
  },
  'x-expected': 'a map with `protocols`, `interfaces`',
} as const;

const preference = {
  type: 'object',
  additionalProperties: false,
  description: 'Which source of a prefix wins: the highest.',
  properties: {
    originated: { type: 'integer', minimum: 0, maximum: 255, default: 250, description: '`networks`.' },
    connected: { type: 'integer', minimum: 0, maximum: 255, default: 240, description: '`learn.connected`.' },
    static: { type: 'integer', minimum: 0, maximum: 255, default: 200, description: '`static`.' },
    inventory: {
      type: 'integer',
      minimum: 0,
      maximum: 255,
      default: 150,
      description: 'Routes from the node inventory.',
    },
    bgp: { type: 'integer', minimum: 0, maximum: 255, default: 100, description: 'Routes from peers.' },
    kernel: { type: 'integer', minimum: 0, maximum: 255, default: 10, description: '`learn.kernel`.' },
  },
  'x-expected': 'a map of numbers from 0 to 255 by source',
} as const;

const kernel = {
  type: 'object',
  additionalProperties: false,
  description: 'How routes are written into the Linux kernel.',
  properties: {
    install: {
      type: 'boolean',
      default: true,
      description: 'Write best routes into the kernel; `false` only looks.',
    },
    table: {
      type: ['integer', 'string'],
      minimum: 1,
      maximum: 4294967295,
      pattern: '^main$',
      default: 254,
      description: 'Routing table: a number, or `main` (254).',
      'x-expected': 'a table number from 1 to 4294967295, or `main`',
    },
    protocol: {
      type: 'integer',
      minimum: 1,
      maximum: 255,
      default: 84,
      description:
        'rtm_protocol that marks our routes. Whatever carries it in our table is ours to change and remove.',
    },
    metric: {
      type: 'integer',
      minimum: 0,
      maximum: 4294967293,
      default: 1024,
      description: 'Metric of our routes in both families. 0 in IPv6 means 1024 to the kernel.',
    },
    source: {
      type: 'object',
      additionalProperties: false,
      description: 'Preferred source address of packets that the machine itself sends along our routes.',
      properties: {
        ipv4: { ...ipv4Address, description: 'For IPv4 routes. Without it the kernel chooses.' },
        ipv6: { ...ipv6Address, description: 'For IPv6 routes. Without it the kernel chooses.' },
      },
      'x-expected': 'a map with `ipv4`, `ipv6`',
    },
    nexthopCompat: {
      type: 'boolean',
      description:
        '`false` sets net.ipv4.nexthop_compat_mode to 0: next hops under very many routes change faster, and `ip route` shows bare nexthop ids. Without it the setting stays as it is.',
    },
  },
  'x-expected': 'a map with `install`, `table`, `protocol`, `metric`, `source`, `nexthopCompat`',
} as const;

const spec = {
  type: 'object',
  required: ['asn', 'routerId'],
  additionalProperties: false,
  properties: {
    asn: { ...asn, description: 'Our AS number. Required.' },
    confederation,
    clusterId,
    routerId: {
      ...ipv4Address,
      description: 'BGP Identifier, written as an IPv4 address, unique in the AS. Required.',
    },
    listen: {
      type: 'array',
      items: listen,
      default: [
        { address: '0.0.0.0', port: 179 },
        { address: '::', port: 179 },
      ],
      description: 'Where peers may dial in. `[]`: nowhere, we dial.',
      'x-expected': 'a list of `{address, port}`',
    },
    maxPaths: {
      type: 'integer',
      minimum: 1,
      maximum: 256,
      default: 1,
      description: 'Equally good paths that are installed together (ECMP).',
    },
    linkBandwidth: {
      enum: ['use', 'ignore'],
      default: 'use',
      description:
        'Share traffic between paths that are installed together in proportion to their link bandwidth communities (draft-ietf-idr-link-bandwidth), where all of them have one; or equally, whatever they say.',
    },
    med: {
      type: 'object',
      additionalProperties: false,
      description: 'How the decision process takes MULTI_EXIT_DISC (RFC 4271 §9.1.2.2 c).',
      properties: {
        alwaysCompare: {
          type: 'boolean',
          default: false,
          description: 'Compare it between paths of any AS, not of one neighbouring AS alone.',
        },
        missingAsWorst: {
          type: 'boolean',
          default: false,
          description: 'A path without it is the worst; otherwise it counts as 0, the best.',
        },
      },
      'x-expected': 'a map with `alwaysCompare`, `missingAsWorst`',
    },
    ebgpRequiresPolicy: {
      type: 'boolean',
      default: true,
      description: 'eBGP without a filter accepts and announces nothing (RFC 8212).',
    },
    onStop: {
      type: 'object',
      additionalProperties: false,
      description: 'What SIGTERM leaves behind.',
      properties: {
        routes: {
          enum: ['keep', 'remove'],
          default: 'keep',
          description:
            'What is ours in the kernel stays, to be adopted by the next start, or goes: routes, tunnel devices with what hangs on them, the table of `natOutgoing`. Sysctls stay.',
        },
        sessions: {
          enum: ['graceful', 'cease'],
          default: 'graceful',
          description:
            '`graceful` closes TCP so that peers keep our routes for the restart time; `cease` says good-bye and peers drop them at once.',
        },
      },
      'x-expected': 'a map with `routes`, `sessions`',
    },
    gracefulRestart: {
      ...gracefulRestart,
      description: 'Graceful restart for all peers that say nothing else.',
    },
    preference,
    peers: {
      type: 'array',
      items: peer,
      default: [],
      description: 'BGP sessions.',
      'x-expected': 'a list of peers',
    },
    peerRanges,
    peerTemplates: {
      type: 'object',
      propertyNames: name,
      additionalProperties: peerTemplate,
      default: {},
      description: 'Settings shared by peers, by name.',
      'x-expected': 'a map from names to peer settings',
    },
    prefixSets,
    filters: {
      type: 'object',
      propertyNames: name,
      additionalProperties: {
        type: 'array',
        items: filterRule,
        'x-expected': 'a list of rules `{match, set, action}`',
      },
      default: {},
      description:
        'Route filters by name: rules in order, the first that matches and has an `action` decides; where none does, the route is rejected.',
      'x-expected': 'a map from names to lists of rules',
    },
    networks: {
      type: 'array',
      items: network,
      default: [],
      description: 'Prefixes that we originate.',
      'x-expected': 'a list of prefixes or of `{prefix, blackhole, communities, aigp}`',
    },
    static: {
      type: 'array',
      items: staticRoute,
      default: [],
      description: 'Static routes.',
      'x-expected': 'a list of `{prefix, via, device, blackhole}`',
    },
    learn: {
      type: 'object',
      additionalProperties: false,
      description: 'Routes of this machine that enter the RIB, and so may be announced.',
      properties: {
        connected: {
          ...interfacePatterns,
          default: [],
          description: 'Subnets of interfaces whose name matches; `*` stands for any run of characters.',
        },
        kernel: {
          type: 'array',
          items: learnKernel,
          default: [],
          description: 'Routes that others wrote into the kernel.',
          'x-expected': 'a list of `{protocols, interfaces}`',
        },
      },
      'x-expected': 'a map with `connected`, `kernel`',
    },
    pools,
    overlay,
    nodes,
    kernel,
    mrt,
    rpki,
    bmp,
  },
  'x-expected': 'a map with at least `asn` and `routerId`',
} as const;

export const apiVersion = 'tartan.dev/v1';

export const routerSchema = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  $id: 'https://tartan.dev/schema/v1/router.json',
  title: 'Tartan Router',
  description:
    'What one node does: its BGP sessions, filters, originated prefixes and how it writes to the kernel.',
  type: 'object',
  required: ['apiVersion', 'kind', 'metadata', 'spec'],
  additionalProperties: false,
  properties: {
    apiVersion: { const: apiVersion, description: 'Version of this format. Required.' },
    kind: { const: 'Router', description: 'Required.' },
    metadata: {
      type: 'object',
      required: ['name'],
      description: 'Who the document is for.',
      properties: {
        name: { ...name, description: "The node's name; `--node` chooses by it. Required." },
        labels: { type: 'object', description: 'Free for your own use.' },
        annotations: { type: 'object', description: 'Free for your own use.' },
      },
      additionalProperties: false,
      'x-expected': 'a map with `name`',
    },
    spec,
  },
  'x-expected': 'a Router document',
} as const;

/** The defaults that the loader fills in, from the schema above. */
export const defaults = {
  port: peerSettings.port.default,
  passive: peerSettings.passive.default,
  fastFallover: peerSettings.fastFallover.default,
  shutdown: peerSettings.shutdown.default,
  holdTime: peerSettings.holdTime.default,
  connectRetry: peerSettings.connectRetry.default,
  delayOpen: peerSettings.delayOpen.default,
  idleHold: peerSettings.idleHold.default,
  extendedMessages: peerSettings.extendedMessages.default,
  nextHop: peerSettings.nextHop.default,
  routeReflectorClient: peerSettings.routeReflectorClient.default,
  enforceFirstAs: peerSettings.enforceFirstAs.default,
  maxAsPathLength: peerSettings.maxAsPathLength.default,
  allowOwnAs: peerSettings.allowOwnAs.default,
  gracefulShutdown: peerSettings.gracefulShutdown.default,
  raInterval: peerSettings.raInterval.default,
  acceptBlackhole: peerSettings.acceptBlackhole.default,
  asOverride: peerSettings.asOverride.default,
  removePrivateAs: peerSettings.removePrivateAs.default,
  rangeLimit,
  strictRole: peerSettings.strictRole.default,
  localAsNoPrepend: peerSettings.localAs.properties.noPrepend.default,
  localAsReplaceAs: peerSettings.localAs.properties.replaceAs.default,
  gracefulRestart: gracefulRestartDefaults,
  listen: spec.properties.listen.default,
  maxPaths: spec.properties.maxPaths.default,
  linkBandwidth: spec.properties.linkBandwidth.default,
  med: {
    alwaysCompare: spec.properties.med.properties.alwaysCompare.default,
    missingAsWorst: spec.properties.med.properties.missingAsWorst.default,
  },
  ebgpRequiresPolicy: spec.properties.ebgpRequiresPolicy.default,
  onStop: {
    routes: spec.properties.onStop.properties.routes.default,
    sessions: spec.properties.onStop.properties.sessions.default,
  },
  preference: {
    originated: preference.properties.originated.default,
    connected: preference.properties.connected.default,
    static: preference.properties.static.default,
    inventory: preference.properties.inventory.default,
    bgp: preference.properties.bgp.default,
    kernel: preference.properties.kernel.default,
  },
  blackhole: network.properties.blackhole.default,
  learnInterfaces: learnKernel.properties.interfaces.default,
  learnConnected: [] as readonly string[],
  kernel: {
    install: kernel.properties.install.default,
    table: kernel.properties.table.default,
    protocol: kernel.properties.protocol.default,
    metric: kernel.properties.metric.default,
  },
  mrt: {
    every: mrt.properties.table.properties.every.default,
    rotate: mrt.properties.updates.properties.rotate.default,
  },
  rpki: {
    port: rpki.properties.caches.items.properties.port.default,
    preference: rpki.properties.caches.items.properties.preference.default,
  },
} as const;

/** TTL that `multihop: true` stands for. */
export const multihopTtl = 64;
