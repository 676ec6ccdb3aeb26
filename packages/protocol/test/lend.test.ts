import { t } from 'tap';
import type { FileId } from '../src/ids.js';
import {
  decodeLend,
  decodeLent,
  encodeLend,
  encodeLent,
  LEND_BYTES,
  type LendRequest,
  type Lent,
} from '../src/lend.js';
import { MAX_BLOCK_BYTES, MAX_LEND_RANGES, MAX_READ_BYTES } from '../src/limits.js';

const fileId = Buffer.from('000102030405060708090a0b0c0d0eff', 'hex').toString('latin1') as FileId;
const whole = (change: Partial<LendRequest> = {}): LendRequest => ({
  ...{ fileId, blockIndex: 0x01020304, offset: 0x00050607, length: 0x00001000, lease: 0x0a0b0c0d },
  ...change,
});

t.test('golden bytes of a request', async (t) => {
  const one = '000102030405060708090a0b0c0d0eff' + '04030201' + '07060500' + '00100000' + '0d0c0b0a';
  const two = '000102030405060708090a0b0c0d0eff' + '00000000' + '00000000' + '01000000' + '01000000';
  const wanted = [whole(), whole({ blockIndex: 0, offset: 0, length: 1, lease: 1 })];
  t.equal(encodeLend(wanted).toString('hex'), one + two);
  t.same(decodeLend(Buffer.from(one + two, 'hex')), wanted);
});

t.test('golden bytes of a reply', async (t) => {
  const answers: Lent[] = [{ slab: 1, offset: 0x00020300, length: 0x5c00 }, 'absent', 'later'];
  const golden = `0100000000030200005c0000${'00'.repeat(12)}01000000${'00'.repeat(8)}`;
  t.equal(encodeLent(answers).toString('hex'), golden);
  t.same(decodeLent(Buffer.from(golden, 'hex'), 3), answers);
  for (const count of [2, 4]) {
    t.throws(() => decodeLent(Buffer.from(golden, 'hex'), count), { code: 'PROTOCOL' });
  }
});

t.test('what nobody can lend is refused', async (t) => {
  const refused = { code: 'INVALID' };
  t.throws(() => decodeLend(Buffer.alloc(0)), refused);
  t.throws(() => decodeLend(Buffer.alloc(LEND_BYTES - 1)), refused);
  t.throws(() => decodeLend(encodeLend(new Array(MAX_LEND_RANGES + 1).fill(whole()))), refused);
  t.equal(decodeLend(encodeLend(new Array(MAX_LEND_RANGES).fill(whole()))).length, MAX_LEND_RANGES);
  const bad = [{ length: 0 }, { length: MAX_READ_BYTES + 1 }, { offset: MAX_BLOCK_BYTES }, { lease: 0 }];
  for (const change of bad) t.throws(() => decodeLend(encodeLend([whole(), whole(change)])), refused);
});
