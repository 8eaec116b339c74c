/** The schema of `pools`, `overlay` and `nodes`. */
import { address, ipv4Address, ipv6Address, name, prefix } from './schema-atoms.js';

const backend = { enum: ['none', 'ipip', 'vxlan'] } as const;

const pool = {
  type: 'object',
  required: ['cidr'],
  additionalProperties: false,
  properties: {
    cidr: {
      ...prefix,
      description:
        'The addresses of pods; its identity across reloads. Pools may lie in one another. Required.',
    },
    backend: {
      ...backend,
      default: 'none',
      description:
        'How packets to it travel from node to node: as they are (`none`), in IP-in-IP (IPv4 alone), or in VXLAN.',
    },
    mode: {
      enum: ['always', 'crossSubnet'],
      default: 'always',
      description: 'Through the tunnel always, or to nodes outside of our own subnet alone.',
    },
    export: {
      type: 'boolean',
      default: true,
      description: 'Whether BGP peers are told of what lies in it.',
    },
    natOutgoing: {
      type: 'boolean',
      default: false,
      description:
        'Whether what leaves it for outside of all pools goes out by the address of this node (masquerading).',
    },
  },
  'x-expected': 'a pool: a map with at least `cidr`',
} as const;

export const pools = {
  type: 'array',
  items: pool,
  default: [],
  description:
    'Addresses of pods, and how packets to them travel between nodes: see [overlay.md](overlay.md). The most specific pool that contains a route decides.',
  'x-expected': 'a list of pools `{cidr, backend, mode, export, natOutgoing}`',
} as const;

const device = {
  type: 'string',
  minLength: 1,
  maxLength: 15,
  // To the kernel, `%` asks for a number, and sysctls of `all` and `default` are of no device.
  pattern: '^(?!(?:all|default|\\.{1,2})$)[^/\\s:%]+$',
  'x-expected':
    'the name of an interface: at most 15 characters, no `/`, `:`, `%` or space among them, and not `all` or `default`',
} as const;

const mtu = {
  type: ['integer', 'string'],
  minimum: 576,
  maximum: 65535,
  pattern: '^auto$',
  default: 'auto',
  description:
    'MTU of the device; `auto`: what the encapsulation leaves of the underlay’s, followed when that changes.',
  'x-expected': 'a number from 576 to 65535, or `auto`',
} as const;

const checksumOffload = {
  type: 'boolean',
  description:
    'Whether the device leaves checksums of inner packets to the hardware. `false` where a driver or kernel gets them wrong (lost packets, “bad udp cksum”). Without it: as the kernel has it.',
} as const;

const vxlanFamily = (family: string, names: string) =>
  ({
    type: 'object',
    additionalProperties: false,
    description: `The ${family} device.`,
    properties: {
      device: { ...device, description: `Its name. By profile: ${names}.` },
      vni: {
        type: 'integer',
        minimum: 1,
        maximum: 16777215,
        description: 'VXLAN network identifier. By profile: `calico` 4096, `flannel` 1.',
      },
      port: {
        type: 'integer',
        minimum: 1,
        maximum: 65535,
        description: 'UDP port. By profile: `calico` 4789, `flannel` 8472.',
      },
      mtu,
      checksumOffload,
    },
    'x-expected': 'a map with `device`, `vni`, `port`, `mtu`, `checksumOffload`',
  }) as const;

export const overlay = {
  type: 'object',
  additionalProperties: false,
  description:
    'The tunnels between nodes. A device is there while a pool or this node’s `receives` asks for it.',
  properties: {
    profile: {
      enum: ['calico', 'flannel'],
      default: 'calico',
      description: 'Whose nodes these are to be like: names, numbers and rules that are not given here.',
    },
    sameSubnet: {
      enum: ['address', 'route'],
      description:
        'What tells for `crossSubnet` that a node is in our subnet: our own address with its prefix length contains its address (`calico`), or the kernel’s route to it has no gateway (`flannel`).',
    },
    mac: {
      enum: ['name', 'given'],
      description:
        'MACs of VTEPs for which `nodes` gives none: made of the node’s name (`calico`), or not known (`flannel`); our own is then what the device has.',
    },
    vxlan: {
      type: 'object',
      additionalProperties: false,
      description: 'VXLAN, a device for each family.',
      properties: {
        ipv4: vxlanFamily('IPv4', '`calico` vxlan.calico, `flannel` flannel.VNI'),
        ipv6: vxlanFamily('IPv6', '`calico` vxlan-v6.calico, `flannel` flannel-v6.VNI'),
      },
      'x-expected': 'a map with `ipv4`, `ipv6`',
    },
    ipip: {
      type: 'object',
      additionalProperties: false,
      description: 'IP-in-IP, IPv4 alone.',
      properties: {
        device: { ...device, description: 'Its name. By profile: `calico` tunl0, `flannel` flannel.ipip.' },
        mtu,
        checksumOffload,
      },
      'x-expected': 'a map with `device`, `mtu`, `checksumOffload`',
    },
  },
  'x-expected': 'a map with `profile`, `sameSubnet`, `mac`, `vxlan`, `ipip`',
} as const;

const mac = {
  type: 'string',
  description: 'Its MAC. Without it: see `overlay.mac`.',
  'x-expected': 'a MAC such as `66:48:f6:56:dc:f1`',
} as const;

const vtep = (family: string, of: typeof ipv4Address | typeof ipv6Address) =>
  ({
    type: 'object',
    additionalProperties: false,
    description: `In ${family}.`,
    properties: {
      address: {
        ...of,
        description: 'Its address. Without it: the first address of the first pod CIDR of the family.',
      },
      mac,
    },
    'x-expected': 'a map with `address`, `mac`',
  }) as const;

const node = {
  type: 'object',
  required: ['name', 'addresses'],
  additionalProperties: false,
  properties: {
    name: { ...name, description: 'Name of the node; its identity across reloads. Required.' },
    addresses: {
      type: 'array',
      minItems: 1,
      items: { ...address, 'x-expected': 'an address, with the prefix length of its subnet if it is known' },
      description:
        'Addresses of the node, with the prefix length of the subnet: `192.0.2.1/24`. The first of each family is where tunnels end; all are known as next hops. Our own without a length has that of its interface. Required.',
      'x-expected': 'a list of addresses such as `[192.0.2.1/24, 2001:db8::1/64]`',
    },
    podCIDRs: {
      type: 'array',
      items: prefix,
      default: [],
      description:
        'Where its pods are: routes to it. Our own are blackholed where nothing better is known, and originated.',
      'x-expected': 'a list of prefixes',
    },
    vtep: {
      type: 'object',
      additionalProperties: false,
      description: 'Its end of the VXLAN.',
      properties: { ipv4: vtep('IPv4', ipv4Address), ipv6: vtep('IPv6', ipv6Address) },
      'x-expected': 'a map with `ipv4`, `ipv6`',
    },
    ipipAddress: {
      ...ipv4Address,
      description:
        'Address of its IP-in-IP device. Without it: the first address of the first IPv4 pod CIDR.',
    },
    receives: {
      type: 'array',
      minItems: 1,
      uniqueItems: true,
      items: { ...backend, 'x-expected': '`none`, `ipip` or `vxlan`' },
      description:
        'What it takes, the preferred first, while a cluster changes from one backend to another: it is sent nothing else. On this node: the devices that are there whatever the pools ask for. Without it: whatever is sent.',
      'x-expected': 'a list of `none`, `ipip`, `vxlan`, each once',
    },
  },
  'x-expected': 'a node: a map with at least `name`, `addresses`',
} as const;

export const nodes = {
  type: 'array',
  items: node,
  default: [],
  description:
    'The nodes of the cluster, this one among them (by `metadata.name`): where their tunnels end and where their pods are.',
  'x-expected': 'a list of nodes `{name, addresses, podCIDRs, vtep, ipipAddress, receives}`',
} as const;

export const poolDefaults = {
  backend: pool.properties.backend.default,
  mode: pool.properties.mode.default,
  exported: pool.properties.export.default,
  natOutgoing: pool.properties.natOutgoing.default,
} as const;

/** What a profile stands for. VXLAN device names by VNI. */
export const profiles = {
  calico: {
    sameSubnet: 'address',
    mac: 'name',
    vni: 4096,
    port: 4789,
    device: (_vni: number, family: 0 | 1) => (family === 0 ? 'vxlan.calico' : 'vxlan-v6.calico'),
    ipip: 'tunl0',
  },
  flannel: {
    sameSubnet: 'route',
    mac: 'given',
    vni: 1,
    port: 8472,
    device: (vni: number, family: 0 | 1) => (family === 0 ? `flannel.${vni}` : `flannel-v6.${vni}`),
    ipip: 'flannel.ipip',
  },
} as const;
