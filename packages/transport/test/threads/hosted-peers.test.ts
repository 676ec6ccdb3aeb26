import { EMPTY_BODY, TidecacheError } from '@tidecache/protocol';
import { t } from 'tap';
import type { Peer, Reply, RequestOptions } from '../../src/api.js';
import type { PeerInit } from '../../src/client/peer.js';
import { type Message, messagesOf } from '../../src/threads/batch.js';
import { HostedPeers } from '../../src/threads/hosted-peers.js';
import { FROM_IO, NO_MEMORY, OWN_MEMORY, TO_IO } from '../../src/threads/messages.js';
import { deferred, turns } from '../support/pair.js';

/** One peer, number 1, whose requests the test answers. */
function fixture() {
  const asked: { options: RequestOptions; reply(reply: Reply): void; fail(error: TidecacheError): void }[] =
    [];
  const batches: Message[][] = [];
  const closed = deferred();
  let init: PeerInit | undefined;
  const peer = {
    request: (_opcode: number, _body: Uint8Array, options: RequestOptions) =>
      new Promise<Reply>((reply, fail) => asked.push({ options, reply, fail })),
    close: () => closed.promise,
  };
  const host = new HostedPeers(
    (batch) => batches.push([...messagesOf(batch)]),
    (made) => {
      init = made;
      return peer as unknown as Peer;
    },
  );
  const say = (kind: number, numbers: number[], text = '', shared: SharedArrayBuffer[] = []) =>
    host.take({ numbers: [kind, numbers.length, ...numbers, text.length], bytes: Buffer.from(text), shared });
  say(TO_IO.open, [1], JSON.stringify({ address: { host: 'there', port: 1 }, secret: 's', name: 'n' }));
  /** Request 5 and so on, of `memory`. */
  const ask = (request: number, memory: number, offset = 0, length = 0, flags = 0) =>
    say(TO_IO.request, [1, request, 1, flags, 1000, 0, memory, offset, length]);
  const said = () =>
    batches.map((batch) => batch.map(({ kind, numbers, bytes }) => [kind, ...numbers, `${bytes}`]));
  return { say, ask, asked, said, closed, init: () => init };
}

t.test('the progress of one turn is one message, and none once the reply says it all', async (t) => {
  const { say, ask, asked, said } = fixture();
  const buffer = new SharedArrayBuffer(100);
  say(TO_IO.ping, [], '', [buffer]);
  await turns(1);
  ask(5, 0, 10, 50);
  ask(6, 0, 60, 40);
  const [one, other] = asked as [(typeof asked)[0], (typeof asked)[0]];
  t.equal(one.options.into?.buffer, buffer);
  t.equal(one.options.into?.byteOffset, 10);
  t.equal(one.options.into?.length, 50);
  for (const bytes of [10, 20, 30]) one.options.onProgress?.(bytes);
  other.options.onProgress?.(7);
  await turns(1);
  one.options.onProgress?.(50);
  one.reply({ body: Buffer.from('end'), payloadBytes: 50 });
  other.options.onProgress?.(8);
  other.fail(new TidecacheError('STALE', 'gone'));
  await turns(2);
  t.same(said(), [
    [[FROM_IO.pong, '']],
    [
      [FROM_IO.progress, 5, 30, ''],
      [FROM_IO.progress, 6, 7, ''],
    ],
    [
      [FROM_IO.reply, 5, 50, 3, 'end'],
      [FROM_IO.progress, 6, 8, ''],
      [FROM_IO.fail, 6, 6, 'gone'],
    ],
  ]);
});

t.test('payloads that the other side can not see go along with the reply', async (t) => {
  const { ask, asked, said } = fixture();
  ask(5, OWN_MEMORY, 0, 10);
  ask(6, NO_MEMORY);
  t.equal(asked[0]!.options.into?.length, 10);
  t.equal(asked[1]!.options.into, undefined);
  Buffer.from(asked[0]!.options.into!.buffer).write('01234');
  asked[0]!.reply({ body: Buffer.from('a'), payloadBytes: 5 });
  asked[1]!.reply({ body: EMPTY_BODY, payloadBytes: 3, payload: Buffer.from('xyz') });
  await turns(2);
  t.same(said(), [
    [
      [FROM_IO.reply, 5, 5, 1, 'a01234'],
      [FROM_IO.reply, 6, 3, 0, 'xyz'],
    ],
  ]);
});

t.test('cancelling reaches the request that can be cancelled, while it runs', async (t) => {
  const { say, ask, asked } = fixture();
  ask(5, NO_MEMORY, 0, 0, 2);
  ask(6, NO_MEMORY);
  t.equal(asked[1]!.options.signal, undefined);
  say(TO_IO.cancel, [6]);
  say(TO_IO.cancel, [5]);
  t.equal(asked[0]!.options.signal?.aborted, true);
});

t.test('a peer is made of what crossed, and is closed when it says so itself', async (t) => {
  const { say, said, closed, init } = fixture();
  t.match(init(), { address: { host: 'there', port: 1 }, secret: 's', name: 'n' });
  say(TO_IO.close, [1]);
  await turns(2);
  t.same(said(), []);
  closed.resolve();
  await turns(2);
  t.same(said(), [[[FROM_IO.closed, 1, '']]]);
  t.throws(() => say(TO_IO.keep, [1]), { code: 'INTERNAL' });
});
