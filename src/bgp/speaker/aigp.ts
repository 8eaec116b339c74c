/** On which sessions AIGP counts. */
import type { Relation } from './confederation.js';
import type { PeerSettings } from './settings.js';

/** RFC 7311 §3.3, AIGP_SESSION: unless told otherwise, inside the AS and its confederation, and nowhere else. */
export function takesAigp({ aigp }: Pick<PeerSettings, 'aigp'>, relation: Relation): boolean {
  return aigp ?? relation !== 'ebgp';
}
