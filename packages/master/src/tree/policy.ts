/** How long what is known may be believed, by a dataset's metadata policy. */
import type { MetadataPolicy } from '@tidecache/protocol';
import { NEGATIVE_VALID_MS, ONCE_VALID_MS } from '../limits.js';

/** Milliseconds for which something that the origin said at `verifiedMs` may still be believed; 0: ask again. */
export function validMs(policy: MetadataPolicy, verifiedMs: number, nowMs: number): number {
  if (policy === 'once') return ONCE_VALID_MS;
  if (policy === 'always') return 0;
  const ageMs = nowMs - verifiedMs;
  // A clock that was set back tells nothing about age.
  return ageMs < 0 ? 0 : Math.max(0, policy.ttlMs - ageMs);
}

/** The same for "there is no such name". */
export function negativeValidMs(policy: MetadataPolicy): number {
  if (policy === 'always') return 0;
  return policy === 'once' ? NEGATIVE_VALID_MS : policy.ttlMs;
}
