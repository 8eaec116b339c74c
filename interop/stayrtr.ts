/** StayRTR in a lab: an RPKI cache (RFC 8210) that serves the VRPs it is given. */
import { stayrtrVrps } from './images/stayrtr.js';
import type { LabNode } from './node.js';

/** A validated ROA payload. */
export interface Vrp {
  prefix: string;
  maxLength: number;
  asn: number;
}

/** The file of VRPs: a stayrtr node's `startup-config`. */
export function stayrtrConfig(vrps: readonly Vrp[]): string {
  return `${JSON.stringify({ roas: vrps.map((vrp) => ({ ...vrp, ta: 'lab' })) }, null, 2)}\n`;
}

/** Steers the StayRTR of a node. It listens on port 323 of all addresses. */
export class Stayrtr {
  readonly node: LabNode;

  constructor(node: LabNode) {
    this.node = node;
  }

  /**
   * Serves these VRPs from now on: a new serial number, of which the routers are notified. Resolves when it does.
   * VRPs that are the same as before make no new serial number.
   */
  async serve(vrps: readonly Vrp[]): Promise<void> {
    const text = stayrtrConfig(vrps);
    if (this.node.read(stayrtrVrps) === text) return;
    const { process } = this.node;
    const before = process.output().length;
    this.node.write(stayrtrVrps, text);
    process.signal('SIGHUP');
    await process.untilOutput(new RegExp(`^[^]{${before},}?Updated added, new serial \\d+`));
  }

  /** What it would tell a router now. */
  async served(): Promise<Vrp[]> {
    const file = '/run/rtrdump-asked.json';
    await this.node.exec(['rtrdump', '-connect', '127.0.0.1:323', '-file', file]);
    return (JSON.parse(this.node.read(file)) as { roas: Vrp[] | null }).roas ?? [];
  }
}
