import { Loan } from '../../src/workers/loan.js';

/** As a mapping makes it, without one. `bytes` is undefined when the worker is gone. */
export function loanOf(bytes: () => Uint8Array | undefined, release: () => void): Loan {
  return new Loan({ view: bytes, release }, 1, { slab: 0, offset: 0, length: 1 });
}
