/**
 * How soon a thread that has something to do gets a processor that another one is using. Linux gives a thread its turn by
 * when its slice would end (EEVDF): one that asks for short slices is let in before those that ask for nothing, and
 * gets no more of the processor for it. See sched(7) and Documentation/scheduler/sched-eevdf.rst of the kernel.
 */
import koffi from 'koffi';

/** Nanoseconds; the kernel takes no less. What asks for nothing has one of 1.4 ms on two processors, more on more. */
const SHORTEST_SLICE = 100_000n;

/** Numbers of the calls sched_setattr(2) and sched_getattr(2), which older C libraries have no functions for. */
const calls: Readonly<Record<string, readonly [set: number, get: number]>> = {
  x64: [314, 315],
  arm64: [274, 275],
};

/** Octets of `struct sched_attr` in its first version, and where in it the length of a slice stands. */
const ATTRIBUTES = 48;
const RUNTIME = 24;

/**
 * Asks for short slices for the calling thread, and for those that it begins from now on. Linux has them since 6.12; an
 * older one, or one that does not allow it, leaves everything as it is. Returns whether the call was taken.
 */
export function askForShortSlices(): boolean {
  const numbers = calls[process.arch];
  if (numbers === undefined) return false;
  const library = koffi.load(null);
  const get = library.func('long syscall(long number, int thread, void *attributes, uint size, uint flags)');
  const set = library.func('long syscall(long number, int thread, void *attributes, uint flags)');
  const attributes = Buffer.alloc(ATTRIBUTES);
  if (get(numbers[1], 0, attributes, ATTRIBUTES, 0) !== 0) return false;
  // The policy and niceness that it has stay.
  attributes.writeBigUInt64LE(SHORTEST_SLICE, RUNTIME);
  return set(numbers[0], 0, attributes, 0) === 0;
}
