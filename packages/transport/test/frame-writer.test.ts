import type { Socket } from 'node:net';
import { MAX_BODY_BYTES, MAX_PAYLOAD_BYTES } from '@tidecache/protocol';
import { t } from 'tap';
import { FrameParser } from '../src/frame-parser.js';
import { FrameWriter, type OutFrame } from '../src/frame-writer.js';
import { BATCH_BYTES } from '../src/limits.js';

/** A socket whose writev ends when the test says so. */
class HeldSocket {
  batches: Uint8Array[][] = [];
  destroyed = false;
  /** Takes everything at once, as the kernel mostly does. */
  willing = false;
  #done: ((error?: Error) => void) | undefined;
  _write(chunk: Uint8Array, encoding: string, done: (error?: Error) => void): void {
    this._writev([{ chunk, encoding }], done);
  }
  _writev(chunks: { chunk: Uint8Array; encoding: string }[], done: (error?: Error) => void): void {
    // What is taken is copied, and its memory used again.
    this.batches.push(chunks.map(({ chunk }) => (this.willing ? Buffer.from(chunk) : chunk)));
    if (this.willing) done();
    else this.#done = done;
  }
  destroy(): void {
    this.destroyed = true;
  }
  finish(error?: Error): void {
    const done = this.#done;
    this.#done = undefined;
    done?.(error);
  }
}

const frame = (requestId: number, more: Partial<OutFrame> = {}): OutFrame => ({
  flags: 1,
  opcode: 0x30,
  status: 0,
  requestId,
  deadlineMs: 0,
  body: Buffer.from(`body ${requestId}`),
  ...more,
});

const tick = () => new Promise<void>((resolve) => process.nextTick(resolve));

function writer() {
  const socket = new HeldSocket();
  return { socket, writer: new FrameWriter(socket as unknown as Socket, () => 0) };
}

function idsIn(batch: Uint8Array[]): number[] {
  const ids: number[] = [];
  const parser = new FrameParser(
    {
      paused: false,
      payloadTarget: (header) => new Uint8Array(header.payloadBytes),
      payloadProgress: () => {},
      frame: ({ header, fault }) => ids.push(fault ? -1 : header.requestId),
    },
    { maxBodyBytes: MAX_BODY_BYTES, maxPayloadBytes: MAX_PAYLOAD_BYTES },
  );
  for (const chunk of batch) parser.push(Buffer.from(chunk));
  return ids;
}

t.test('the frames of one tick go together, small ones as one chunk, payloads uncopied', async (t) => {
  const { socket, writer: out } = writer();
  const payload = Buffer.alloc(100, 1);
  for (let id = 1; id <= 3; id++) out.send(frame(id));
  out.send(frame(4, { parts: [payload, Buffer.alloc(0), payload.subarray(10)] }));
  out.send(frame(5));
  t.equal(socket.batches.length, 0, 'not before the tick ends');
  await tick();
  t.equal(socket.batches.length, 1);
  const [batch] = socket.batches;
  t.equal(batch!.length, 4);
  t.equal(batch![1], payload, 'the very same memory');
  t.same(idsIn(batch!), [1, 2, 3, 4, 5]);
});

t.test('one batch at a time, of bounded size; onSent once, when it has gone', async (t) => {
  const { socket, writer: out } = writer();
  const sent: number[] = [];
  const parts = [Buffer.alloc(BATCH_BYTES / 2)];
  for (let id = 1; id <= 5; id++) out.send(frame(id, { parts, onSent: () => sent.push(id) }));
  await tick();
  t.equal(socket.batches.length, 1);
  t.same(idsIn(socket.batches[0]!), [1, 2]);
  out.send(frame(6));
  await tick();
  t.equal(socket.batches.length, 1, 'the first has not gone yet');
  socket.finish();
  t.same(sent, [1, 2]);
  t.same(idsIn(socket.batches[1]!), [3, 4]);
  socket.finish();
  t.same(idsIn(socket.batches[2]!), [5, 6]);
  socket.finish();
  t.same(sent, [1, 2, 3, 4, 5]);
  t.equal(out.queuedBytes, 0);
});

t.test('what the kernel takes at once is sent when the call returns, batch after batch', async (t) => {
  const { socket, writer: out } = writer();
  socket.willing = true;
  const sent: number[] = [];
  const one = (id: number) => frame(id, { parts: [Buffer.alloc(BATCH_BYTES)], onSent: () => sent.push(id) });
  out.hold();
  out.send(one(1));
  // Queued from within the flush: the same flush takes it.
  out.send({ ...one(2), onSent: () => out.send(one(3)) });
  await tick();
  t.equal(socket.batches.length, 0, 'held, whatever the tick');
  out.release();
  t.same(socket.batches.map(idsIn), [[1], [2], [3]]);
  t.same(sent, [1, 3]);
  t.equal(out.queuedBytes, 0);
  out.send(one(4));
  t.equal(socket.batches.length, 3, 'no longer held: with the tick again');
  await tick();
  t.same(sent, [1, 3, 4]);
});

t.test('what is still queued can be withdrawn; a closed socket frees everything, once', async (t) => {
  const { socket, writer: out } = writer();
  const freed: number[] = [];
  for (const id of [1, 2, 3, 2]) {
    out.send(frame(id, { parts: [Buffer.alloc(BATCH_BYTES)], onSent: () => freed.push(id) }));
  }
  await tick();
  t.equal(out.drop(1), false, 'the kernel has it');
  t.equal(out.drop(2), true);
  t.same(freed, [2, 2]);
  socket.finish(new Error('EPIPE'));
  t.ok(socket.destroyed);
  t.same(freed, [2, 2], 'a failed write: the kernel may still read until the socket has closed');
  out.close();
  out.close();
  t.same(freed, [2, 2, 1, 3]);
  out.send(frame(9, { onSent: () => freed.push(9) }));
  t.same(freed, [2, 2, 1, 3, 9]);
  t.equal(out.queuedBytes, 0);
});

t.test('a frame that nobody could take is refused', async (t) => {
  const { writer: out } = writer();
  t.throws(() => out.send(frame(1, { body: Buffer.alloc(MAX_BODY_BYTES + 1) })), { code: 'INVALID' });
  t.throws(() => out.send(frame(1, { parts: [Buffer.alloc(MAX_PAYLOAD_BYTES), Buffer.alloc(1)] })), {
    code: 'INVALID',
  });
});
