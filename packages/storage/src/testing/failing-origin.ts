/** A double that passes calls on to an origin, unless its plan says otherwise. */
import { TidecacheError } from '@tidecache/protocol';
import type { Origin, OriginCall, ReadCall } from '../api.js';

export interface PlannedCall {
  readonly method: 'check' | 'list' | 'stat' | 'lookup' | 'read' | 'write' | 'delete' | 'copy' | 'rename';
  readonly key: string;
  /** How many calls of this method came before. */
  readonly index: number;
  /** Of a read. */
  readonly offset?: number;
  readonly length?: number;
}

/** What becomes of a call: passed on (undefined), failed, or held until a promise settles and then passed on. */
export type PlannedOutcome =
  | undefined
  | {
      readonly error: TidecacheError;
      /** Of a read: bytes that arrive first. */
      readonly afterBytes?: number;
    }
  | { readonly until: Promise<unknown> }
  /** Never answered: TIMEOUT at the call's deadline, CANCELLED at its signal. */
  | 'hang';

export type Plan = (call: PlannedCall) => PlannedOutcome;

/** Closing closes the origin below. */
export function failingOrigin(origin: Origin, plan: Plan): Origin {
  const counts = new Map<string, number>();
  const before = async (
    method: PlannedCall['method'],
    key: string,
    call: OriginCall,
    read?: ReadCall,
  ): Promise<void> => {
    const index = counts.get(method) ?? 0;
    counts.set(method, index + 1);
    const range = read && { offset: read.offset, length: read.length };
    const outcome = plan({ method, key, index, ...range });
    if (outcome === undefined) return;
    if (outcome === 'hang') return hang(`${method} ${origin.uri}/${key}`, call);
    if ('until' in outcome) {
      await outcome.until;
      return;
    }
    if (read && outcome.afterBytes !== undefined) {
      const length = Math.min(outcome.afterBytes, read.length);
      await origin.read(key, { ...read, length });
    }
    throw outcome.error;
  };
  return {
    uri: origin.uri,
    capabilities: origin.capabilities,
    async check(call) {
      await before('check', '', call);
      return origin.check(call);
    },
    async list(directory, call) {
      await before('list', directory, call);
      return origin.list(directory, call);
    },
    async stat(key, call) {
      await before('stat', key, call);
      return origin.stat(key, call);
    },
    async lookup(key, call) {
      await before('lookup', key, call);
      return origin.lookup(key, call);
    },
    async read(key, call) {
      await before('read', key, call, call);
      return origin.read(key, call);
    },
    async write(key, body, call) {
      await before('write', key, call);
      return origin.write(key, body, call);
    },
    async delete(key, call) {
      await before('delete', key, call);
      return origin.delete(key, call);
    },
    async copy(from, to, call) {
      await before('copy', from, call);
      return origin.copy(from, to, call);
    },
    async rename(from, to, call) {
      await before('rename', from, call);
      return origin.rename(from, to, call);
    },
    close: () => origin.close(),
  };
}

function hang(what: string, call: OriginCall): Promise<never> {
  return new Promise((_resolve, reject) => {
    const timer = setTimeout(() => fail('TIMEOUT'), call.deadlineMs);
    const onAbort = () => fail('CANCELLED');
    const fail = (code: 'TIMEOUT' | 'CANCELLED') => {
      clearTimeout(timer);
      call.signal?.removeEventListener('abort', onAbort);
      reject(new TidecacheError(code, `${what}: hangs, as planned`));
    };
    if (call.signal?.aborted) onAbort();
    else call.signal?.addEventListener('abort', onAbort, { once: true });
  });
}
