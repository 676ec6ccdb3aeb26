import { MiB } from '@tidecache/protocol';
import { t } from 'tap';
import { MAX_WINDOW_BYTES, STREAM_IDLE_MS } from '../../src/limits.js';
import { ReadAhead } from '../../src/read/read-ahead.js';
import { Streams } from '../../src/read/streams.js';

function streamOf(fileBytes: number): ReadAhead {
  const readAhead = new ReadAhead(fileBytes);
  readAhead.observe(0, MiB, false, MAX_WINDOW_BYTES);
  return readAhead;
}

t.test('who reads in a stream has a share, until it ends', async (t) => {
  const streams = new Streams();
  const [one, other, small] = [streamOf(100 * MiB), streamOf(100 * MiB), streamOf(MiB)];
  for (const readAhead of [one, other, small]) streams.read(readAhead, 0);
  t.equal(streams.count, 2, 'a file that was read at once is none');
  streams.read(one, 1);
  t.equal(streams.count, 2);
  streams.end(one);
  t.equal(streams.count, 1);
});

t.test('who stops reading loses its share after a while, and has it again when it goes on', async (t) => {
  const streams = new Streams();
  const [one, other] = [streamOf(100 * MiB), streamOf(100 * MiB)];
  streams.read(one, 0);
  streams.read(other, 1);
  streams.read(other, STREAM_IDLE_MS);
  t.equal(streams.count, 2);
  streams.read(other, STREAM_IDLE_MS + 1);
  t.equal(streams.count, 1);
  streams.read(one, STREAM_IDLE_MS + 2);
  t.equal(streams.count, 2);
});
