/** What a person can put right in a lab: a topology file's mistake, a command that failed, a wait that ran out. */
export class LabError extends Error {
  override name = 'LabError';
}
