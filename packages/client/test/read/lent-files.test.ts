import { workerId } from '@tidecache/protocol';
import { t } from 'tap';
import { type Borrower, LentFiles } from '../../src/read/lent-files.js';
import { loanOf } from '../doubles/loan.js';

const WORKER = workerId('w');

/** One file of 10 bytes, lent to `borrower`. */
function setUp() {
  const files = new LentFiles<Borrower>();
  const borrower: Borrower = { lent: 1 };
  const worker = { gone: false, released: 0 };
  const loan = loanOf(
    () => (worker.gone ? undefined : Buffer.from('0123456789')),
    () => worker.released++,
  );
  files.add(borrower, { ino: 7, size: 10 }, WORKER, loan);
  const read = (offset: number, length: number) => files.read(7, offset, length)?.slices;
  return { files, borrower, worker, read };
}
const text = (slices: { parts: readonly Uint8Array[] } | undefined) =>
  slices && Buffer.concat(slices.parts).toString();

t.test('parts, up to the end', async (t) => {
  const { files, read } = setUp();
  t.equal(text(read(0, 4096)), '0123456789');
  t.equal(text(read(2, 3)), '234');
  t.equal(text(read(8, 4096)), '89');
  t.equal(text(read(10, 1)), '');
  t.equal(files.read(8, 0, 1), undefined);
  t.equal(files.read(7, 0, 1)?.lender, WORKER);
});

t.test('given back when all of it was read', async (t) => {
  const { files, borrower, worker, read } = setUp();
  read(0, 4)!.release();
  t.same([files.count, worker.released], [1, 0]);
  read(4, 6)!.release();
  t.same([files.count, worker.released, borrower.lent], [0, 1, 0]);
});

t.test('never while somebody looks at it', async (t) => {
  const { files, borrower, worker, read } = setUp();
  const [first, second] = [read(0, 10)!, read(0, 10)!];
  first.release();
  t.same([files.count, worker.released], [0, 0]);
  files.endAll();
  t.same([worker.released, borrower.lent], [0, 0]);
  second.release();
  second.release();
  t.equal(worker.released, 1);
});

t.test('given back unread, to its borrower alone', async (t) => {
  const { files, borrower, worker } = setUp();
  files.endAll({ lent: 1 });
  t.same([files.count, worker.released], [1, 0]);
  files.endAll(borrower);
  t.same([files.count, worker.released, borrower.lent], [0, 1, 0]);
});

t.test('its worker is gone: nobody finds it', async (t) => {
  const { files, borrower, worker, read } = setUp();
  worker.gone = true;
  t.equal(read(0, 10), undefined);
  t.same([files.has(7), files.borrowerOf(7), borrower.lent], [false, undefined, 0]);
});
