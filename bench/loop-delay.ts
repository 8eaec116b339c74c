/** What Tartan says of the delay of its event loop under a load. */
import { ControlClient } from '../src/control/index.js';
import type { FigureSpec } from './load.js';

/** Figures of every load that is played in a Scene. */
export const loopFigures: readonly FigureSpec[] = [
  {
    name: 'loop p99',
    unit: 'ms',
    meaning: "delay of the daemon's event loop from when all sessions are up, where it measures that",
    target: { atMost: 50 },
  },
  { name: 'loop max', unit: 'ms', meaning: 'the longest such delay' },
];

export class LoopDelayProbe {
  private readonly client: ControlClient;

  /** Of the Tartan that answers on this socket. */
  constructor(socket: string) {
    this.client = new ControlClient(socket);
  }

  async clear(): Promise<void> {
    await this.client.clearLoopDelay();
  }

  async figures(): Promise<Record<string, number>> {
    const { p99Ms, maxMs } = await this.client.clearLoopDelay();
    return { 'loop p99': p99Ms, 'loop max': maxMs };
  }
}
