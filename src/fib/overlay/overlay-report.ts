/** What main is told of an overlay: each device's state, what is wrong, how many entries are as desired. */
import type { Contest } from '../../contest/index.js';
import type { OverlayDeviceState, OverlayProblem, OverlayStatus } from '../../overlay/index.js';
import type { FibEvent } from '../types.js';
import type { OverlayDesire } from './desire.js';

export type OverlayLog = (
  level: (FibEvent & { type: 'log' })['level'],
  message: string,
  fields: Readonly<Record<string, unknown>>,
) => void;

/** What is known of one desired device. */
export interface DeviceRecord {
  kind: 'vxlan' | 'ipip';
  state: OverlayDeviceState;
  ifindex: number | null;
  mac: string | null;
  mtu: number | null;
  problem: string | null;
  /** Refusals in a row. */
  attempts: number;
  /** Rounds in a row that changed it. */
  rounds: number;
  /** Not to be tried before; of `performance.now()`. */
  retryAt: number;
  /** It was as desired when last looked at. */
  stood: boolean;
  contest: Contest;
  /** What is told while somebody keeps changing it; null: nobody does. */
  contested: string | null;
  /** It must be made anew, since the kernel does not change it in place. */
  anew: boolean;
  /** Entries that the kernel has as desired. */
  installed: number;
  /** By entry. */
  refusals: Map<string, { message: string; attempts: number; retryAt: number }>;
}

export class OverlayReport {
  /** By path. */
  sysctlProblems: ReadonlyMap<string, string> = new Map();
  private told = '';

  constructor(
    private readonly desire: OverlayDesire,
    private readonly records: ReadonlyMap<string, DeviceRecord>,
    private readonly post: (status: OverlayStatus) => void,
  ) {}

  /** Tells the status where it is another than last time. */
  tell(): void {
    const status = this.status();
    const text = JSON.stringify(status);
    if (text === this.told) return;
    this.told = text;
    this.post(status);
  }

  status(): OverlayStatus {
    const problems: OverlayProblem[] = [];
    let installed = 0;
    for (const [name, record] of this.records) {
      installed += record.installed;
      for (const [what, { message }] of record.refusals) problems.push({ what, device: name, message });
    }
    for (const [path, message] of this.sysctlProblems)
      problems.push({ what: `sysctl ${path}`, device: null, message });
    return {
      devices: [...this.records].map(([name, { kind, state, ifindex, mac, mtu, problem }]) => ({
        name,
        kind,
        state,
        ifindex,
        mac,
        mtu,
        problem,
      })),
      problems,
      entries: { desired: this.desire.entryCount, installed },
    };
  }
}
