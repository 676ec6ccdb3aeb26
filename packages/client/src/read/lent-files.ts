/** Small files that lie in the memory of workers on this host, lent before anybody asked for them: by inode. */
import type { WorkerId } from '@tidecache/protocol';
import type { Slices } from '../api.js';
import type { Loan } from '../workers/loan.js';

/** On whose account they are. */
export interface Borrower {
  /** Files that are lent, or asked for. */
  lent: number;
}

interface LentFile<B extends Borrower> {
  readonly ino: number;
  /** Bytes of the whole file. */
  readonly size: number;
  readonly borrower: B;
  readonly lender: WorkerId;
  readonly loan: Loan;
  /** Readers that look at it. */
  holds: number;
  /** Over all readers. When that is the whole file the kernel has it, and nobody comes for it again. */
  deliveredBytes: number;
  /** Nobody finds it any more. */
  ended: boolean;
}

export class LentFiles<B extends Borrower> {
  readonly #files = new Map<number, LentFile<B>>();

  get count(): number {
    return this.#files.size;
  }

  has(ino: number): boolean {
    return this.#files.has(ino);
  }

  borrowerOf(ino: number): B | undefined {
    return this.#files.get(ino)?.borrower;
  }

  /** Takes over the loan, which its borrower counts already. */
  add(borrower: B, { ino, size }: { ino: number; size: number }, lender: WorkerId, loan: Loan): void {
    this.#files.set(ino, { ino, size, borrower, lender, loan, holds: 0, deliveredBytes: 0, ended: false });
  }

  /** Up to `length` bytes from `offset`; undefined when the file is not lent, or its worker is gone. */
  read(ino: number, offset: number, length: number): { slices: Slices; lender: WorkerId } | undefined {
    const file = this.#files.get(ino);
    if (!file) return undefined;
    const { bytes } = file.loan;
    if (!bytes) {
      this.#end(file);
      return undefined;
    }
    file.holds++;
    const part = offset === 0 && length >= file.size ? bytes : bytes.subarray(offset, offset + length);
    return { slices: new LentSlices(part, () => this.#readTo(file, part.length)), lender: file.lender };
  }

  /** Nobody of `borrower` will come any more. */
  endAll(borrower?: B): void {
    for (const file of this.#files.values()) {
      if (borrower === undefined || file.borrower === borrower) this.#end(file);
    }
  }

  #readTo(file: LentFile<B>, bytes: number): void {
    file.holds--;
    file.deliveredBytes += bytes;
    if (!file.ended && file.deliveredBytes >= file.size) this.#end(file);
    else if (file.ended && file.holds === 0) file.loan.release();
  }

  #end(file: LentFile<B>): void {
    file.ended = true;
    file.borrower.lent--;
    this.#files.delete(file.ino);
    if (file.holds === 0) file.loan.release();
  }
}

class LentSlices implements Slices {
  readonly parts: readonly Uint8Array[];
  readonly bytes: number;
  readonly #onRelease: () => void;
  #released = false;

  constructor(part: Uint8Array, onRelease: () => void) {
    this.parts = [part];
    this.bytes = part.length;
    this.#onRelease = onRelease;
  }

  release(): void {
    if (this.#released) return;
    this.#released = true;
    this.#onRelease();
  }
}
