import { t } from 'tap';
import { ChunkedDecoder } from '../../src/http/chunked.js';

const BODY = '4\r\nWiki\r\n6;name="value"\r\npedia \r\nE \r\nin \r\n\r\nchunks.\r\n0\r\nTrailer: x\r\n\r\n';

function decode(pieces: readonly Buffer[]) {
  const decoder = new ChunkedDecoder();
  let text = '';
  let taken = 0;
  const onData = (data: Buffer) => {
    text += data.toString('latin1');
  };
  for (const piece of pieces) taken += decoder.push(piece, onData);
  return { text, taken, done: decoder.done };
}

t.test('a body, split anywhere', async (t) => {
  const bytes = Buffer.from(BODY);
  for (let at = 0; at <= bytes.length; at++) {
    t.same(decode([bytes.subarray(0, at), bytes.subarray(at)]), {
      text: 'Wikipedia in \r\n\r\nchunks.',
      taken: bytes.length,
      done: true,
    });
  }
  t.equal(decode([...bytes].map((byte) => Buffer.from([byte]))).done, true);
});

t.test('leaves what comes after it', async (t) => {
  t.same(decode([Buffer.from('0\r\n\r\nHTTP')]), { text: '', taken: 5, done: true });
  t.equal(decode([Buffer.from(BODY.slice(0, -1))]).done, false);
});

t.test('refuses what is no chunk', async (t) => {
  for (const bad of [
    '\r\n',
    'g\r\n',
    '-1\r\n',
    '4\n',
    '1\r\nab\r\n',
    'fffffffffffff\r\n',
    '1'.repeat(20_000),
  ]) {
    t.throws(() => decode([Buffer.from(bad)]), { code: 'HTTP_MALFORMED' }, bad.slice(0, 20));
  }
});
