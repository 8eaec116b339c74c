/** Brings the desired tunnel devices about, one after the other, and knows what became of each. */
import { type Address, formatAddress, formatPrefix } from '../../address/index.js';
import { Contest } from '../../contest/index.js';
import { type Link, NetlinkError } from '../../netlink/index.js';
import { backOffMs } from '../back-off.js';
import type { OverlayDesire } from './desire.js';
import { type DeviceOperation, planDevice, type SeenDevice } from './device-plan.js';
import { isUnsupported, type OverlayKernel } from './overlay-kernel.js';
import type { DeviceRecord, OverlayLog } from './overlay-report.js';

/** So many rounds in a row find a device not as it was just made: somebody else keeps changing it. */
const PATIENCE = 5;
/** A kind of device that the kernel lacks may come as a module. */
const UNSUPPORTED_RETRY_MS = 10_000;

export class DeviceReconciler {
  /** Of the desired devices, by name. */
  readonly records = new Map<string, DeviceRecord>();
  /** As last read, by name: all links of the machine. */
  seen = new Map<string, SeenDevice>();
  /** What was read is not what is there any more. */
  stale = true;

  constructor(
    private readonly desire: OverlayDesire,
    private readonly log: OverlayLog,
  ) {}

  /** Others are desired now. */
  desired(): void {
    for (const name of this.records.keys()) if (!this.desire.devices.has(name)) this.records.delete(name);
    for (const record of this.records.values()) {
      record.retryAt = 0;
      // What differs now is no other's doing.
      record.stood = false;
    }
    this.stale = true;
  }

  /**
   * Reads what may have changed and does what is due.
   * @returns whether something was done, so that a look at what came of it is due.
   */
  async round(kernel: OverlayKernel, mark: string): Promise<boolean> {
    if (this.stale) {
      this.stale = false;
      const ours = (link: Link) => this.desire.devices.has(link.name) || link.alias === mark;
      this.seen = await kernel.readDevices(ours);
    } else if (!this.anyDue()) return false;
    return this.reconcile(kernel, mark);
  }

  private anyDue(): boolean {
    const now = performance.now();
    for (const name of this.desire.devices.keys()) {
      const record = this.records.get(name);
      if (record === undefined || (record.state !== 'ready' && record.retryAt <= now)) return true;
    }
    return false;
  }

  private async reconcile(kernel: OverlayKernel, mark: string): Promise<boolean> {
    let done = false;
    const now = performance.now();
    for (const [name, desired] of this.desire.devices) {
      let record = this.records.get(name);
      if (record === undefined) {
        record = newRecord(desired.attributes.kind);
        this.records.set(name, record);
      }
      record.kind = desired.attributes.kind;
      const seen = this.seen.get(name) ?? null;
      const plan = planDevice(desired, seen, mark, record.anew);
      record.mtu = seen?.link.mtu ?? null;
      record.mac = seen?.link.mac ?? null;
      const ifindex = seen?.link.ifindex ?? null;
      if (record.ifindex !== ifindex) record.installed = 0;
      record.ifindex = ifindex;
      if (plan.verdict === 'conflict') {
        record.ifindex = null;
        this.told(
          name,
          record,
          'conflict',
          `${name} is ${plan.holder}, somebody else's: remove it, or name another device`,
        );
        continue;
      }
      if (plan.operations.length === 0) {
        record.attempts = 0;
        record.rounds = 0;
        record.anew = false;
        record.stood = true;
        this.stands(name, record, now);
        continue;
      }
      if (record.stood) this.undone(name, record, plan.operations, now);
      if (record.retryAt > now) continue;
      if (++record.rounds > PATIENCE) {
        const what = plan.operations.map(describe).join(', ');
        this.refused(
          name,
          record,
          `it does not stay as it is made (${what}): does another program manage it?`,
        );
        record.rounds = 0;
        continue;
      }
      if (record.state === 'ready') record.state = 'pending';
      await this.perform(kernel, name, record, plan.operations);
      // Whatever came of it is looked at.
      this.stale = true;
      done = true;
    }
    return done;
  }

  /** It is as desired: so it is ready, unless somebody was at it over and over a moment ago. */
  private stands(name: string, record: DeviceRecord, now: number): void {
    const isOn = record.contested !== null && record.contest.isOn(now);
    if (!isOn) record.contested = null;
    record.retryAt = isOn ? record.contest.settlesAt : 0;
    this.told(name, record, isOn ? 'failed' : 'ready', record.contested);
  }

  /** Somebody changed what was as desired. */
  private undone(
    name: string,
    record: DeviceRecord,
    operations: readonly DeviceOperation[],
    now: number,
  ): void {
    record.stood = false;
    const pauseMs = record.contest.undone(now);
    record.retryAt = now + pauseMs;
    if (pauseMs === 0) return;
    record.contested ??= `another program keeps changing it (${operations.map(describe).join(', ')}): it is put right again after pauses`;
    this.told(name, record, 'failed', record.contested);
  }

  /** Does all of it that can be done: an MTU that is refused keeps no address from the device. */
  private async perform(
    kernel: OverlayKernel,
    name: string,
    record: DeviceRecord,
    operations: readonly DeviceOperation[],
  ): Promise<void> {
    let problem: string | null = null;
    for (const operation of operations) {
      try {
        await kernel.perform(operation);
        this.log('info', 'a tunnel device was changed', { device: name, operation: describe(operation) });
      } catch (error) {
        const code = error instanceof NetlinkError ? error.code : '';
        // Somebody was faster, or the module brought it (`tunl0`), or it is gone: it is seen in the next round.
        if (operation.kind === 'create' && code === 'EEXIST' && this.clash(name) === null) return;
        if (operation.kind !== 'create' && code === 'ENODEV') return;
        const inPlace = operation.kind === 'change' && operation.settings.tunnel !== undefined;
        if (inPlace && (code === 'EOPNOTSUPP' || code === 'EINVAL')) {
          record.anew = true;
          return;
        }
        problem ??= this.explain(name, operation, error);
        if (operation.kind === 'create' || operation.kind === 'delete') {
          this.refused(name, record, problem, operation.kind === 'create' && isUnsupported(error));
          return;
        }
      }
    }
    if (problem !== null) this.refused(name, record, problem);
  }

  /** Another device with the same tunnel, which is why ours can't be. */
  private clash(name: string): string | null {
    const wanted = this.desire.devices.get(name)?.attributes;
    for (const { link } of this.seen.values()) {
      const { tunnel } = link;
      if (link.name === name || tunnel === null || wanted === undefined || tunnel.kind !== wanted.kind)
        continue;
      if (tunnel.kind === 'vxlan' && wanted.kind === 'vxlan' && tunnel.vni === wanted.vni) {
        if (tunnel.port === wanted.port) return link.name;
      } else if (tunnel.kind === 'ipip' && wanted.kind === 'ipip') {
        const text = (address: Address | null) => (address === null ? '' : formatAddress(address));
        if (text(tunnel.local) === text(wanted.local) && text(tunnel.remote) === text(wanted.remote))
          return link.name;
      }
    }
    return null;
  }

  private explain(name: string, operation: DeviceOperation, error: unknown): string {
    const { kind } = this.desire.devices.get(name)?.attributes ?? { kind: 'tunnel' };
    const said = error instanceof Error ? error.message : String(error);
    if (operation.kind === 'create' && isUnsupported(error))
      return `the kernel has no devices of kind ${kind} (\`modprobe ${kind}\`, or CONFIG_${kind === 'ipip' ? 'NET_IPIP' : 'VXLAN'})`;
    const clash = operation.kind === 'create' ? this.clash(name) : null;
    if (clash !== null) return `${clash} is the same tunnel already (${said})`;
    return `${describe(operation)} was refused: ${said}`;
  }

  private refused(name: string, record: DeviceRecord, problem: string, unsupported = false): void {
    record.attempts++;
    record.retryAt = performance.now() + (unsupported ? UNSUPPORTED_RETRY_MS : backOffMs(record.attempts));
    this.told(name, record, unsupported ? 'unsupported' : 'failed', problem);
  }

  /** Notes a device's state, and logs each problem once. */
  private told(
    name: string,
    record: DeviceRecord,
    state: DeviceRecord['state'],
    problem: string | null,
  ): void {
    if (problem !== null && problem !== record.problem)
      this.log('warn', 'a tunnel device is not as it should be', { device: name, problem });
    record.state = state;
    record.problem = problem;
  }
}

function newRecord(kind: DeviceRecord['kind']): DeviceRecord {
  return {
    kind,
    state: 'pending',
    ifindex: null,
    mac: null,
    mtu: null,
    problem: null,
    attempts: 0,
    rounds: 0,
    retryAt: 0,
    stood: false,
    contest: new Contest(),
    contested: null,
    anew: false,
    installed: 0,
    refusals: new Map(),
  };
}

/** An operation as a person would say it. */
export function describe(operation: DeviceOperation): string {
  switch (operation.kind) {
    case 'create':
      return `create ${operation.settings.tunnel.kind}`;
    case 'delete':
      return `remove it, since ${operation.reason}`;
    case 'change':
      return `set ${Object.entries(operation.settings)
        .map(([key, value]) => (key === 'tunnel' ? 'attributes' : `${key} ${value}`))
        .join(', ')}`;
    case 'addAddress':
      return `add ${formatPrefix(operation.address)}`;
    case 'removeAddress':
      return `remove ${formatPrefix(operation.address)}`;
    case 'txChecksum':
      return `switch transmit checksums ${operation.on ? 'on' : 'off'}`;
  }
}
