import { crc32 } from 'node:zlib';
import { EMPTY_BODY, OPCODES } from '@tidecache/protocol';
import { t } from 'tap';
import { SLOW_TURN_LOOKS, TURNS } from '../../src/limits.js';
import { Turns } from '../../src/serve/turns.js';
import { FakeExchange } from '../support/fake-exchange.js';

function fixture() {
  const turns = new Turns();
  const bytes = Buffer.from('a block');
  const given: FakeExchange[] = [];
  const askSending = (atOnce: boolean, isCopy = false) => {
    const exchange = new FakeExchange(OPCODES.READ.wire, Buffer.alloc(0), atOnce);
    const onSent = () => void given.push(exchange);
    turns.reply(exchange, EMPTY_BODY, { parts: [bytes], crc: crc32(bytes), onSent }, isCopy);
    return exchange;
  };
  const ask = () => askSending(false);
  const askCopy = () => askSending(false, true);
  const begun = (exchanges: readonly FakeExchange[]) => exchanges.map(({ frames }) => frames.length);
  return { turns, ask, askCopy, askSending, begun, given, first: Array.from({ length: TURNS }, ask) };
}

t.test('so many are sent at once; the others follow one by one, in order', async (t) => {
  const { turns, ask, begun, given, first } = fixture();
  t.strictSame(new Set(begun(first)), new Set([1]));
  const later = [ask(), ask(), ask()];
  t.strictSame(begun(later), [0, 0, 0]);
  first[5]!.send();
  t.strictSame(begun(later), [1, 0, 0]);
  later[0]!.send();
  t.strictSame(begun(later), [1, 1, 0]);
  for (const exchange of [...first, ...later]) exchange.send();
  t.strictSame(begun(later), [1, 1, 1]);
  for (const exchange of later) t.equal(exchange.bytes.toString(), 'a block');
  t.equal(given.length, TURNS + 3, 'each gives its memory back once');
  t.equal(turns.waiting, 0);
});

t.test("a neighbour's copy goes before those who wait, not before its like", async (t) => {
  const { turns, ask, askCopy, begun, first } = fixture();
  const readers = [ask(), ask()];
  const copies = [askCopy(), askCopy()];
  t.equal(turns.waiting, 4);
  first[0]!.send();
  t.strictSame(begun([...copies, ...readers]), [1, 0, 0, 0]);
  first[1]!.send();
  first[2]!.send();
  t.strictSame(begun([...copies, ...readers]), [1, 1, 1, 0]);
  turns.look();
  turns.look();
  t.equal(readers[1]!.signsOfLife, 1);
});

t.test('who does not take its bytes loses its turn, not its reply', async (t) => {
  const { turns, ask, begun, given, first } = fixture();
  const later = Array.from({ length: TURNS + 1 }, ask);
  for (let i = 0; i < SLOW_TURN_LOOKS; i++) turns.look();
  t.strictSame(new Set(begun(later)), new Set([0]));
  turns.look();
  t.strictSame(begun(later), [...Array(TURNS).fill(1), 0], 'no more than the turns that were lost');
  for (const exchange of first) exchange.send();
  t.equal(given.length, TURNS);
  t.strictSame(begun(later), [...Array(TURNS).fill(1), 0], 'a turn that was lost is not passed on again');
  later[0]!.send();
  t.strictSame(begun(later), Array(TURNS + 1).fill(1));
});

t.test('who waits hears that the worker lives', async (t) => {
  const { turns, ask, first } = fixture();
  const waiting = ask();
  turns.look();
  t.equal(waiting.signsOfLife, 0, 'it has only just come');
  turns.look();
  t.equal(waiting.signsOfLife, 1);
  t.equal(first[0]!.signsOfLife, 0, 'bytes are on their way');
});

t.test('who has given up is passed over, and its memory let go', async (t) => {
  const { turns, ask, begun, given, first } = fixture();
  const [gone, next] = [ask(), ask()];
  gone.abandon();
  t.strictSame(given, [gone], 'at once, though its place in the queue stays');
  turns.look();
  turns.look();
  t.equal(gone.signsOfLife, 0);
  first[0]!.send();
  t.strictSame(begun([gone, next]), [0, 1]);
  t.strictSame(given, [gone, first[0]]);
});

t.test('any number of replies that are sent at once follow one that was not', async (t) => {
  const { turns, askSending, given, first } = fixture();
  const later = Array.from({ length: 8_192 }, () => askSending(true));
  t.equal(turns.waiting, later.length);
  first[0]!.send();
  t.equal(turns.waiting, 0);
  t.equal(given.length, later.length + 1);
});
