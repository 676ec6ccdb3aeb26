import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { t } from 'tap';
import { receive } from '../../src/server/receive.js';
import { deferred } from '../support/pair.js';

const RECEIVED_BYTES = 16;

/** Accepts one connection, as `open` wants it, which keeps what came of it. */
async function accepted(open: (socket: Socket, take: (bytes: Buffer) => void) => Socket) {
  const came: string[] = [];
  const opened = deferred<Socket>();
  const server = createServer((socket) => {
    const receiving = open(socket, (bytes) => {
      came.push(bytes.toString());
      receiving.emit('came');
    });
    opened.resolve(receiving);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  return { server, client, socket: await opened.promise, came };
}

t.test('what comes is in the memory given, and the socket is as any other', async (t) => {
  const memory = Buffer.alloc(RECEIVED_BYTES);
  const { server, client, socket, came } = await accepted((socket, take) =>
    receive(socket, memory, (bytes) => {
      t.equal(bytes.buffer, memory.buffer);
      take(bytes);
    }),
  );
  client.write('a sentence that needs two reads');
  while (came.join('').length < 31) await once(socket, 'came');
  t.equal(came.join(''), 'a sentence that needs two reads');
  t.ok(came.length >= 2);
  t.equal(socket.remotePort, client.localPort);

  socket.pause();
  client.write('later');
  socket.write('and back');
  t.equal(String(await once(client, 'data')), 'and back');
  t.notOk(came.includes('later'), 'paused');
  socket.resume();
  await once(socket, 'came');
  t.equal(came.at(-1), 'later');

  client.end();
  await once(socket, 'end');
  socket.destroy();
  server.close();
  await once(server, 'close');
  t.pass('the server counts no connection of it');
});

t.test('a handle that can not be told where to read to is read as ever', async (t) => {
  const memory = Buffer.alloc(RECEIVED_BYTES);
  const { server, client, socket, came } = await accepted((socket, take) => {
    Object.defineProperty((socket as unknown as { _handle: object })._handle, 'useUserBuffer', {
      value: undefined,
    });
    const same = receive(socket, memory, take);
    t.equal(same, socket);
    return same;
  });
  client.write('hello');
  await once(socket, 'came');
  t.equal(came.join(''), 'hello');
  client.destroy();
  socket.destroy();
  server.close();
  await once(server, 'close');
});
