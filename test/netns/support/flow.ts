import { insideMachine, type Lab, type NodeProcess, until } from '../../../interop/index.js';

/** Where the kernel's clock ticks every 10 ms, a ping that is to wait for 10 ms waits for 20: two share the work. */
const processes = insideMachine() ? 2 : 1;

export interface FlowResult {
  /** Sequence numbers of packets between those that were answered that never were. */
  readonly lost: number[];
  /** Packets that were sent per second; 100 unless the machine has no time. */
  readonly perSecond: number;
}

/** Pings at 100 packets a second until it is told to stop; resolves with what was sent and lost. */
export class Flow {
  private constructor(private readonly pings: readonly NodeProcess[]) {}

  static async start(lab: Lab, from: string, to: string): Promise<Flow> {
    const pings: NodeProcess[] = [];
    for (let i = 0; i < processes; i++) {
      const ping = await lab.spawn(from, ['ping', '-i', '0.01', '-W', '1', to], { name: `ping-${to}` });
      await ping.untilOutput(/bytes from/);
      pings.push(ping);
    }
    return new Flow(pings);
  }

  /** Waits until packets that were sent after this call are answered. */
  async untilHeard(): Promise<void> {
    for (const ping of this.pings) {
      const answers = () => ping.output().split('icmp_seq=').length;
      const soFar = answers();
      await until('pings are answered', () => answers() > soFar + 5);
    }
  }

  /** What was under way at the end does not count. */
  async stop(): Promise<FlowResult> {
    const lost: number[] = [];
    let perSecond = 0;
    for (const ping of this.pings) {
      await ping.kill('SIGINT');
      const output = ping.output();
      const numbers = [...output.matchAll(/bytes from .*icmp_seq=(\d+)/g)].map(([, number]) =>
        Number(number),
      );
      const heard = new Set(numbers);
      for (let number = 1; number < Math.max(...heard); number++) if (!heard.has(number)) lost.push(number);
      const [, sent, milliseconds] = /(\d+) packets transmitted.* time (\d+)ms/.exec(output) ?? [];
      perSecond += (1000 * Number(sent)) / Number(milliseconds);
    }
    return { lost, perSecond };
  }
}
