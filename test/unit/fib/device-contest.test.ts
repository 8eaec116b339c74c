/** A tunnel device that another program changes as soon as it is as desired. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { OverlayDesire } from '../../../src/fib/overlay/desire.js';
import type { DeviceOperation, SeenDevice } from '../../../src/fib/overlay/device-plan.js';
import { DeviceReconciler } from '../../../src/fib/overlay/device-reconciler.js';
import type { OverlayKernel } from '../../../src/fib/overlay/overlay-kernel.js';
import type { Link } from '../../../src/netlink/index.js';
import type { OverlayDevice } from '../../../src/overlay/index.js';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

const device = (mtu: number): OverlayDevice => ({
  name: 'vxlan.test',
  attributes: {
    kind: 'vxlan',
    vni: 1,
    port: 4789,
    local: { family: 0, a: 1, b: 0, c: 0, d: 0 },
    underlay: 2,
    learning: false,
    gbp: false,
    ttl: 0,
    tos: 0,
    udpChecksum: true,
    udpZeroChecksum6Tx: false,
    udpZeroChecksum6Rx: false,
  },
  mtu,
  mac: null,
  txQueueLength: null,
  txChecksumOffload: null,
  addresses: [],
});

/** A kernel with the one device, of which the MTU alone may be another. */
class World {
  readonly desire = new OverlayDesire();
  readonly logs: string[] = [];
  readonly reconciler = new DeviceReconciler(this.desire, (_level, message, { problem }) =>
    this.logs.push(`${message}: ${problem}`),
  );
  mtu = 1500;
  repairs = 0;

  constructor() {
    this.wish(1450);
  }

  wish(mtu: number): void {
    this.desire.change({ devices: [device(mtu)] });
    this.reconciler.desired();
  }

  get kernel(): OverlayKernel {
    const attributes = device(this.mtu).attributes as Extract<OverlayDevice['attributes'], { kind: 'vxlan' }>;
    const { underlay, ...rest } = attributes;
    const link = {
      ...{ ifindex: 7, name: 'vxlan.test', kind: 'vxlan', mtu: this.mtu, mac: null, flags: 1, alias: 'mark' },
      tunnel: {
        ...rest,
        link: underlay,
        remote: null,
        l2miss: false,
        l3miss: false,
        proxy: false,
        rsc: false,
      },
    } as unknown as Link;
    const seen: SeenDevice = { link, addresses: [], txChecksumOffload: null };
    return {
      readDevices: async () => new Map([['vxlan.test', seen]]),
      perform: async (operation: DeviceOperation) => {
        if (operation.kind !== 'change' || operation.settings.mtu === undefined)
          throw new Error(operation.kind);
        this.mtu = operation.settings.mtu;
        this.repairs++;
      },
    } as unknown as OverlayKernel;
  }

  /** What the kernel tells of makes it look. */
  async look(): Promise<void> {
    this.reconciler.stale = true;
    while (await this.reconciler.round(this.kernel, 'mark'));
  }

  get record() {
    const record = this.reconciler.records.get('vxlan.test');
    if (record === undefined) throw new Error('no record');
    return record;
  }
}

describe('a device that another program manages, too', () => {
  it('is put right at once after a change or two, and after pauses in a quarrel, which is told once', async () => {
    const w = new World();
    await w.look();
    expect([w.mtu, w.record.state]).toEqual([1450, 'ready']);
    for (let i = 0; i < 8; i++) {
      w.mtu = 1400;
      await w.look();
      expect([w.mtu, w.record.state]).toEqual([1450, 'ready']);
      vi.advanceTimersByTime(10);
    }
    const before = w.repairs;
    const end = performance.now() + 30_000;
    while (performance.now() < end) {
      w.mtu = 1400;
      await w.look();
      vi.advanceTimersByTime(10);
    }
    expect(w.repairs - before).toBeGreaterThan(4);
    expect(w.repairs - before).toBeLessThan(12);
    expect(w.record.state).toBe('failed');
    expect(
      w.logs.filter((line) => line.includes('another program keeps changing it (set mtu 1450)')),
    ).toHaveLength(1);
    // The other one gives in.
    vi.advanceTimersByTime(8000);
    await w.look();
    expect(w.mtu).toBe(1450);
    vi.advanceTimersByTime(10_001);
    expect(await w.reconciler.round(w.kernel, 'mark')).toBe(false);
    expect([w.record.state, w.record.problem]).toEqual(['ready', null]);
  });

  it('takes no change of what is desired for a quarrel', async () => {
    const w = new World();
    await w.look();
    for (let i = 0; i < 30; i++) {
      w.wish(1300 + i);
      await w.look();
      expect([w.mtu, w.record.state]).toEqual([1300 + i, 'ready']);
    }
  });
});
