/** The C library's allocator, glibc's; where it is another one all of this does nothing. */
import koffi from 'koffi';

/** mallopt(3). */
const M_MMAP_THRESHOLD = -3;
const M_ARENA_MAX = -8;
/** More than the 64 kB that a socket is read into: a mapping for each chunk would cost single changes some microseconds. */
const mappedBytes = 96 * 1024;

type Trim = ReturnType<ReturnType<typeof koffi.load>['func']>;

let trimFunction: Trim | null | undefined;

/**
 * Large buffers get mappings of their own, which the kernel has back when they are freed; left alone, the library holds
 * ever larger ones among the small ones, where they leave gaps. And threads that begin from now on share what is
 * there. To be called before anything large is allocated, and before other threads begin.
 */
export function keepAllocatorSmall(): void {
  const mallopt = find('int mallopt(int parameter, int value)');
  mallopt?.(M_MMAP_THRESHOLD, mappedBytes);
  mallopt?.(M_ARENA_MAX, 1);
}

/** Gives back to the kernel what is free, from a thread that may wait. */
export async function trimAllocator(): Promise<void> {
  if (trimFunction === undefined) trimFunction = find('int malloc_trim(size_t pad)');
  const trim = trimFunction;
  if (trim === null) return;
  await new Promise<void>((resolve, reject) => {
    trim.async(0, (error: unknown) => (error ? reject(error) : resolve()));
  });
}

function find(declaration: string): Trim | null {
  try {
    return koffi.load(null).func(declaration);
  } catch {
    return null;
  }
}
