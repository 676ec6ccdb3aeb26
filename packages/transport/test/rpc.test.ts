import { createHmac } from 'node:crypto';
import { EMPTY_BODY, encodeBody, OPCODES, TidecacheError } from '@tidecache/protocol';
import { t } from 'tap';
import { hostId } from '../src/host.js';
import { call, pushTo, serve } from '../src/rpc.js';
import { httpToken } from '../src/token.js';
import { deferred, dial, startServer } from './support/pair.js';

const inode = { ino: 5, kind: 'file' as const, size: 10, mtimeMs: 1.5, mode: 0o444 };
const options = { deadlineMs: 60_000 };

t.test('calls are typed, checked on both sides, and failures are carried over', async (t) => {
  const { address } = await startServer(
    t,
    serve({
      LOOKUP: async ({ name }, exchange) => {
        if (name === 'gone') throw new TidecacheError('NOT_FOUND', 'no such file: gone');
        if (name === 'bug') throw new TypeError('a bug');
        if (name === 'raw') {
          exchange.reply(Buffer.from([0xc1]));
        }
        return { name, inode, validMs: 7 };
      },
      STALE: () => undefined,
    }),
  );
  const peer = dial(t, address);
  const lookup = (name: string) => call(peer, 'LOOKUP', { parent: 1, name }, options);
  t.same(await lookup('日本 ☂'), { name: '日本 ☂', inode, validMs: 7 });
  t.equal(await call(peer, 'STALE', { ino: 1 }, options), undefined);
  await t.rejects(lookup('gone'), { code: 'NOT_FOUND', message: 'no such file: gone' });
  await t.rejects(lookup('bug'), { code: 'INTERNAL', message: 'LOOKUP: a bug' });
  await t.rejects(lookup('raw'), { code: 'PROTOCOL', message: /bad LOOKUP reply/ });
  await t.rejects(call(peer, 'GETATTR', { ino: 1 }, options), { code: 'UNSUPPORTED', message: /GETATTR/ });
  await t.rejects(peer.request(0x7777, EMPTY_BODY, options), { code: 'UNSUPPORTED', message: /0x7777/ });
  const bad = peer.request(OPCODES.LOOKUP.wire, encodeBody({ parent: -1, name: 'x' }), options);
  await t.rejects(bad, { code: 'PROTOCOL', message: /LOOKUP request: parent/ });
});

t.test('what has no handler goes where it is told; pushes by name', async (t) => {
  const pushed = deferred<[number, Buffer]>();
  const { address } = await startServer(
    t,
    serve({}, (exchange) => {
      pushTo(exchange.connection, 'INVALIDATE', { entries: [], inodes: [3] });
      exchange.reply(Buffer.from('raw'));
    }),
  );
  const peer = dial(t, address, { events: { onPush: (opcode, body) => pushed.resolve([opcode, body]) } });
  const reply = await peer.request(OPCODES.READ.wire, EMPTY_BODY, options);
  t.equal(reply.body.toString(), 'raw');
  t.same(await pushed.promise, [0x42, encodeBody({ entries: [], inodes: [3] })]);
});

t.test('the HTTP token follows from the secret, the host id from the host', async (t) => {
  t.equal(httpToken('s'), createHmac('sha256', 's').update('tidecache-http-v1').digest('hex'));
  t.equal(hostId(), hostId());
  t.ok(hostId().length > 10);
});
