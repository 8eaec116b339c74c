/**
 * Fences: when has the kernel answered all that was dirty at a moment? Marks in the reconcilers' queues say when all of
 * it was looked at, the count of batches when all that came of it was answered. An answer may lead to a second write, or
 * to a desire that main wrote meanwhile: so it takes several rounds, each behind the one before.
 */
import type { RouteReconciler } from './route-reconciler.js';
import type { RouteWriter } from './route-writer.js';

const ROUNDS = 4;

interface Fence {
  readonly done: () => void;
  rounds: number;
  marks: readonly [number, number];
  /** Batches sent when the marks were passed; -1: not passed yet. */
  sent: number;
}

export class Fences {
  private fences: Fence[] = [];

  constructor(
    private readonly reconcilers: readonly [RouteReconciler, RouteReconciler],
    private readonly writer: RouteWriter,
  ) {}

  add(done: () => void): void {
    this.fences.push({ done, rounds: ROUNDS, marks: this.marks(), sent: -1 });
  }

  /** Ends those whose time has come. Not to be called while anything is held back from the kernel. */
  pass(): void {
    if (this.fences.length === 0) return;
    const [v4, v6] = this.reconcilers;
    this.fences = this.fences.filter((fence) => {
      while (v4.passed(fence.marks[0]) && v6.passed(fence.marks[1])) {
        if (fence.sent < 0) fence.sent = this.writer.sent;
        if (this.writer.done < fence.sent) return true;
        if (--fence.rounds === 0) {
          fence.done();
          return false;
        }
        fence.marks = this.marks();
        fence.sent = -1;
      }
      return true;
    });
  }

  private marks(): [number, number] {
    return [this.reconcilers[0].mark(), this.reconcilers[1].mark()];
  }
}
