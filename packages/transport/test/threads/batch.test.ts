import { t } from 'tap';
import { type Batch, messagesOf, Outbox } from '../../src/threads/batch.js';
import { turns } from '../support/pair.js';

/** The batches that were posted, as the other side gets them. */
function outbox(beforePost?: (out: Outbox) => void) {
  const posted: Batch[] = [];
  const out: Outbox = new Outbox(
    (batch) => posted.push(structuredClone(batch)),
    beforePost && (() => beforePost(out)),
  );
  return { out, posted };
}

t.test('what is said within one turn is one batch, read as it was written', async (t) => {
  const { out, posted } = outbox();
  const whole = Buffer.alloc(100_000, 'x');
  const said: [number, number[], Uint8Array][] = [
    [1, [], Buffer.alloc(0)],
    [7, [1, -2, 0.5, 2 ** 40], Buffer.from('bytes 字')],
    [0, [3], whole.subarray(5, 8)],
    [2, [4], Buffer.alloc(0)],
  ];
  for (const [kind, numbers, bytes] of said) out.add(kind, numbers, bytes);
  t.equal(posted.length, 0);
  await turns(1);
  t.equal(posted.length, 1);
  t.ok(posted[0]!.bytes.buffer.byteLength < 100, 'not the memory around what was said');
  t.same(
    [...messagesOf(posted[0]!)].map(({ kind, numbers, bytes }) => [kind, numbers, bytes.toString()]),
    said.map(([kind, numbers, bytes]) => [kind, numbers, Buffer.from(bytes).toString()]),
  );
  out.add(9, []);
  await turns(1);
  t.same(
    [...messagesOf(posted[1]!)].map(({ kind }) => kind),
    [9],
    'nothing is said twice',
  );
});

t.test('shared memory goes along, once, and is the same on the other side', async (t) => {
  const { out, posted } = outbox();
  const buffer = new SharedArrayBuffer(8);
  out.introduce(buffer);
  out.add(1, []);
  await turns(1);
  out.add(1, []);
  await turns(1);
  t.same(
    posted.map(({ shared }) => shared.length),
    [1, 0],
  );
  Buffer.from(buffer).write('here');
  t.equal(Buffer.from(posted[0]!.shared[0]!).toString('utf8', 0, 4), 'here');
});

t.test('the last word of a turn is in its batch', async (t) => {
  const { out, posted } = outbox((out) => out.add(5, [6]));
  out.postSoon();
  out.postSoon();
  await turns(2);
  t.same(
    posted.map(({ numbers }) => numbers),
    [[5, 1, 6, 0]],
  );
});
