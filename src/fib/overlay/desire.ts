/** What is desired of an overlay, kept by key and changed piece by piece. Pure. */
import { formatAddress } from '../../address/index.js';
import type {
  OverlayChange,
  OverlayDevice,
  OverlayEntry,
  OverlayFdbEntry,
  OverlayNeighbour,
  OverlayState,
  Sysctl,
} from '../../overlay/index.js';
import type { DesiredEntries } from './entry-plan.js';

interface DeviceEntries extends DesiredEntries {
  readonly neighbours: Map<string, OverlayNeighbour>;
  readonly fdb: Map<string, OverlayFdbEntry>;
}

const none: DesiredEntries = { neighbours: new Map(), fdb: new Map() };

export class OverlayDesire {
  devices: ReadonlyMap<string, OverlayDevice> = new Map();
  sysctls: readonly Sysctl[] = [];
  private readonly byDevice = new Map<string, DeviceEntries>();

  /** Of one device; empty where none is desired. */
  entries(device: string): DesiredEntries {
    return this.byDevice.get(device) ?? none;
  }

  get entryCount(): number {
    let count = 0;
    for (const { neighbours, fdb } of this.byDevice.values()) count += neighbours.size + fdb.size;
    return count;
  }

  change({ devices, sysctls, set, remove }: OverlayChange): void {
    if (devices !== undefined) this.devices = new Map(devices.map((device) => [device.name, device]));
    if (sysctls !== undefined) this.sysctls = sysctls;
    // A key that is in both is desired.
    for (const entry of remove ?? []) this.remove(entry);
    for (const entry of set ?? []) this.set(entry);
  }

  /** Desires this and nothing else. */
  replace({ devices, entries, sysctls }: OverlayState): void {
    this.byDevice.clear();
    this.change({ devices, sysctls, set: entries });
  }

  private set(entry: OverlayEntry): void {
    let entries = this.byDevice.get(entry.device);
    if (entries === undefined) {
      entries = { neighbours: new Map(), fdb: new Map() };
      this.byDevice.set(entry.device, entries);
    }
    if (entry.kind === 'fdb') entries.fdb.set(entry.mac, entry);
    else entries.neighbours.set(formatAddress(entry.address), entry);
  }

  private remove(entry: OverlayEntry): void {
    const entries = this.byDevice.get(entry.device);
    if (entries === undefined) return;
    if (entry.kind === 'fdb') entries.fdb.delete(entry.mac);
    else entries.neighbours.delete(formatAddress(entry.address));
    if (entries.fdb.size + entries.neighbours.size === 0) this.byDevice.delete(entry.device);
  }
}
