/** How long to wait after so many refusals in a row: 0.1 s, doubled each time, at most 30 s. */
export function backOffMs(attempts: number): number {
  return Math.min(30_000, 100 * 2 ** Math.min(attempts - 1, 20));
}
