/** RFC 9234 §4: what two ASes are to each other, agreed in their OPENs. Pure. */
import { ErrorCode, type OpenMessage, OpenSubcode, Role, type RoleName, WireError } from '../wire/index.js';

/** §4.2, Table 2: what the peer must be to us. */
const counterpart: Readonly<Record<RoleName, RoleName>> = {
  provider: 'customer',
  customer: 'provider',
  peer: 'peer',
  routeServer: 'routeServerClient',
  routeServerClient: 'routeServer',
};

const words: Readonly<Record<RoleName, string>> = {
  provider: 'provider',
  customer: 'customer',
  peer: 'peer',
  routeServer: 'route server',
  routeServerClient: 'route server client',
};

/** The role with this number, for people; one that is not assigned by its number. */
export function describeRole(role: number | RoleName): string {
  if (typeof role === 'string') return words[role];
  const name = roleName(role);
  return name === null ? `role ${role}` : words[name];
}

/** null: no role has this number. */
export function roleName(role: number): RoleName | null {
  const found = Object.entries(Role).find(([, number]) => number === role);
  return found === undefined ? null : (found[0] as RoleName);
}

/** The role that an OPEN claims, null where it claims none; several that differ: an error. */
export function roleOf(open: OpenMessage): number | null | WireError {
  let role: number | null = null;
  for (const capability of open.capabilities) {
    if (capability.type !== 'role') continue;
    // §4.1: the same role said twice is said once.
    if (role !== null && role !== capability.role) {
      return mismatch(
        `the peer claims to be ${describeRole(role)} and ${describeRole(capability.role)} at once (RFC 9234 §4.2)`,
      );
    }
    role = capability.role;
  }
  return role;
}

/** Whether the peer's role, null where it claims none, goes with ours; null: it does. `strict`: it must claim one. */
export function checkRole(ours: RoleName, theirs: number | null, strict: boolean): WireError | null {
  const expected = counterpart[ours];
  if (theirs === null) {
    // §4.2: who knows no roles is taken as what ours says, unless the operator wants to hear it.
    if (!strict) return null;
    return mismatch(
      `the peer does not claim to be our ${words[expected]}, which \`strictRole\` asks for (RFC 9234 §4.2)`,
    );
  }
  if (theirs === Role[expected]) return null;
  return mismatch(
    `roles do not match: we are ${words[ours]} and the peer claims to be ${describeRole(theirs)}; expected ${words[expected]} (RFC 9234 §4.2)`,
  );
}

function mismatch(message: string): WireError {
  return new WireError('reset', ErrorCode.open, OpenSubcode.roleMismatch, message, 0);
}
