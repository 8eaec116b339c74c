/** `role` and `strictRole` of a peer: what a schema can't say of them. */
import { formatPath, type Path } from './issues.js';
import type { Reader } from './values.js';

/** Roles are for external peers, and strictness needs one. */
export function checkRole(
  settings: { role?: string; strictRole?: boolean },
  stated: { role?: unknown; strictRole?: unknown },
  ebgp: boolean,
  label: string,
  reader: Reader,
  path: Path,
): void {
  if (settings.role !== undefined && !ebgp) {
    reader.error(
      stated.role === undefined ? path : [...path, 'role'],
      `${label} is in our own AS or confederation and has \`role\`; expected an eBGP peer`,
    );
  } else if (stated.strictRole === true && settings.role === undefined) {
    reader.error(
      [...path, 'strictRole'],
      `\`${formatPath([...path, 'strictRole'])}\` asks for the peer's role without ours; expected \`role\` beside it`,
    );
  }
}
