/** Who may join the ring. */
import {
  encodeBody,
  MAX_CLOCK_SKEW_MS,
  MAX_WORKERS,
  RELEASE,
  type RequestOf,
  type RingMember,
  TidecacheError,
} from '@tidecache/protocol';
import { MAX_RING_BYTES } from '../limits.js';

export type Registration = RequestOf<'REGISTER'>;

/** INVALID when release or clock are too far from the master's: both are named. */
export function checkAdmission({ member, release, clockMs }: Registration, nowMs: number): void {
  checkRelease(release, `worker ${member.id}`);
  if (Math.abs(clockMs - nowMs) > MAX_CLOCK_SKEW_MS) {
    throw new TidecacheError(
      'INVALID',
      `worker ${member.id}'s clock says ${timeOf(clockMs)}, the master's ${timeOf(nowMs)}: more than ` +
        `${MAX_CLOCK_SKEW_MS / 60_000} minutes apart, and origins would refuse signed requests (set both by NTP)`,
    );
  }
}

/** INVALID unless `release` is this code's, its patch number apart. */
export function checkRelease(release: string, who: string): void {
  if (minorOf(release) === minorOf(RELEASE)) return;
  throw new TidecacheError(
    'INVALID',
    `${who} runs release ${release}, the master ${RELEASE} (run the same release on both)`,
  );
}

/** BUSY when the ring can't take one more. */
export function checkRingRoom(members: readonly RingMember[], newcomer: RingMember): void {
  const bytes = encodeBody([...members, newcomer]).length;
  if (members.length < MAX_WORKERS && bytes < MAX_RING_BYTES) return;
  throw new TidecacheError(
    'BUSY',
    `the ring is full: ${members.length} workers (at most ${MAX_WORKERS}, and ${MAX_RING_BYTES} bytes of addresses)`,
  );
}

const minorOf = (release: string) => release.split('.').slice(0, 2).join('.');

function timeOf(ms: number): string {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? `${ms} ms` : date.toISOString();
}
