import type { Lab, NodeProcess } from '../../../interop/index.js';

/** Pings at 100 packets a second until it is told to stop; resolves with what was sent and lost. */
export class Flow {
  private constructor(private readonly process: NodeProcess) {}

  static async start(lab: Lab, from: string, to: string): Promise<Flow> {
    const process = await lab.spawn(from, ['ping', '-i', '0.01', '-W', '1', to], { name: `ping-${to}` });
    await process.untilOutput(/bytes from/);
    return new Flow(process);
  }

  /** Packets that were answered, and those between them that never were. What was under way at the end does not count. */
  async stop(): Promise<{ answered: number; lost: number[] }> {
    await this.process.kill('SIGINT');
    const answers = [...this.process.output().matchAll(/bytes from .*icmp_seq=(\d+)/g)];
    const answered = new Set(answers.map(([, sequence]) => Number(sequence)));
    const lost: number[] = [];
    for (let sequence = 1; sequence < Math.max(...answered); sequence++) {
      if (!answered.has(sequence)) lost.push(sequence);
    }
    return { answered: answered.size, lost };
  }
}
