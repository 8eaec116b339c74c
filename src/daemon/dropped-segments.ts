import { readFileSync } from 'node:fs';

/** TCP segments that the kernel dropped to protect sessions, whoever sent them, since its network namespace began. */
export interface DroppedSegments {
  /** Without a TCP-MD5 signature, though a password is set for the sender. */
  readonly unsigned: number;
  /** With a signature, though no password is set. */
  readonly signed: number;
  /** Signed with another password. */
  readonly wronglySigned: number;
  /** With a TTL that says they came from farther away than they may (RFC 5082). */
  readonly far: number;
}

/** Reads the kernel's counters (TcpExt in /proc/net/netstat). */
export function droppedSegments(): DroppedSegments {
  const lines = readFileSync('/proc/thread-self/net/netstat', 'utf8').split('\n');
  const rows = lines.filter((line) => line.startsWith('TcpExt:')).map((line) => line.split(' '));
  const count = (name: string): number => Number(rows[1]?.[rows[0]?.indexOf(name)] ?? 0);
  return {
    unsigned: count('TCPMD5NotFound'),
    signed: count('TCPMD5Unexpected'),
    wronglySigned: count('TCPMD5Failure'),
    far: count('TCPMinTTLDrop'),
  };
}

/**
 * What drops since `before` may say of a session that does not come up; null: nothing. The kernel counts for all peers
 * together, so it is a hint and no more.
 */
export function droppedHint(
  session: { readonly password: boolean; readonly ttlSecurity: boolean },
  before: DroppedSegments,
  now: DroppedSegments,
): string | null {
  const rose = (count: keyof DroppedSegments): boolean => now[count] > before[count];
  if (session.password && rose('wronglySigned')) {
    return 'the kernel drops segments with a wrong TCP-MD5 signature: does the peer have the same password?';
  }
  if (session.password && rose('unsigned')) {
    return 'the kernel drops segments without a TCP-MD5 signature: does the peer have a password?';
  }
  if (!session.password && rose('signed')) {
    return 'the kernel drops segments with a TCP-MD5 signature: does the peer want a password?';
  }
  if (session.ttlSecurity && rose('far')) {
    return 'the kernel drops segments for their TTL: does the peer send 255 (GTSM), and is it so near?';
  }
  return null;
}
