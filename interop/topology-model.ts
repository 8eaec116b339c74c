/** What a lab is: its nodes and links, resolved. */

export interface Bind {
  /** Absolute path on the machine. */
  source: string;
  /** Absolute path within the node. */
  target: string;
  readOnly: boolean;
}

export const stages = ['create', 'create-links', 'configure', 'healthy'] as const;
export type Stage = (typeof stages)[number];

/** This node enters `stage` once `node` is through `until`. */
export interface StageWait {
  stage: Stage;
  node: string;
  until: Stage;
}

export interface HealthCheck {
  test: string[];
  intervalSeconds: number;
  timeoutSeconds: number;
  retries: number;
  startPeriodSeconds: number;
}

export interface NodeDefinition {
  name: string;
  kind: 'linux' | 'bridge';
  /** As the file writes it, empty for a plain shell; images.ts says what is started for it. */
  image: string;
  /** Replaces what the image starts; an interactive shell alone means that nothing is started. */
  command: string[] | null;
  exec: string[][];
  binds: Bind[];
  env: Record<string, string>;
  sysctls: Record<string, string>;
  startupConfig: string | null;
  startupDelaySeconds: number;
  /** Another node whose network namespace this one shares. */
  sharesNetworkOf: string | null;
  labels: Record<string, string>;
  group: string | null;
  waits: StageWait[];
  healthCheck: HealthCheck | null;
  /** `extras.frr.daemons`: which FRR daemons run besides zebra and staticd; null: what /etc/frr/daemons says. */
  frrDaemons: string[] | null;
}

/** One end of a link, inside a node. */
export interface Endpoint {
  node: string;
  interface: string;
  mac: string | null;
}

export type LinkDefinition =
  | { type: 'veth'; ends: [Endpoint, Endpoint]; mtu: number | null }
  | { type: 'host'; end: Endpoint; hostInterface: string; mtu: number | null }
  | { type: 'macvlan'; end: Endpoint; hostInterface: string; mode: string; mtu: number | null }
  | { type: 'dummy'; end: Endpoint; mtu: number | null }
  | { type: 'vxlan'; end: Endpoint; remote: string; vni: number; port: number; mtu: number | null };

export interface Topology {
  name: string;
  /** What stands before the lab's name in the namespaces' names; empty: the node's name alone. */
  prefix: string;
  /** Relative paths in the file start here. */
  directory: string;
  nodes: NodeDefinition[];
  links: LinkDefinition[];
  warnings: string[];
}

export interface ParseOptions {
  /** Where relative paths start when the topology is an object; the current directory if left out. */
  directory?: string;
  /** Kinds played by an image of ours: `{ceos: 'frr'}`. */
  replace?: Readonly<Record<string, string>>;
  environment?: Readonly<Record<string, string | undefined>>;
}
