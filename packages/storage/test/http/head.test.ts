import { t } from 'tap';
import { parseHead } from '../../src/http/head.js';

const head = (...lines: string[]) => parseHead(lines.join('\r\n'));
const OK = 'HTTP/1.1 200 OK';

t.test('status, headers and the body they announce', async (t) => {
  const answer = head('HTTP/1.1 206 Partial Content', 'ETag:"a"', 'Content-LENGTH:  12 ', 'x: 1', 'X: 2');
  t.equal(answer.status, 206);
  t.same(
    [...answer.headers],
    [
      ['etag', '"a"'],
      ['content-length', '12'],
      ['x', '1, 2'],
    ],
  );
  t.same(answer.framing, { bytes: 12 });
  t.equal(head(OK, 'transfer-encoding: Chunked').framing, 'chunked');
  t.equal(head('HTTP/1.1 200', 'x: 1').framing, 'close', 'without a reason, and without a length');
  t.same(head('HTTP/1.1 204 No Content').framing, { bytes: 0 });
});

t.test('how long the connection stays', async (t) => {
  const kept = (...lines: string[]) => head(lines[0]!, 'content-length: 1', ...lines.slice(1)).keptForMs;
  t.equal(kept(OK), Number.POSITIVE_INFINITY);
  t.equal(kept(OK, 'keep-alive: max=3, timeout=5'), 5_000);
  t.equal(kept(OK, 'connection: Foo, Close'), 0);
  t.equal(kept('HTTP/1.0 200 OK'), 0);
  t.equal(head(OK).keptForMs, 0, 'its end is the end of the answer');
});

t.test('what two readers could read in two ways', async (t) => {
  for (const lines of [
    ['HTTP/2 200'],
    ['ICY 200 OK'],
    ['HTTP/1.1 2000 OK'],
    ['HTTP/1.1 600 OK'],
    [OK, 'no colon'],
    [OK, 'etag : "a"'],
    [OK, ' folded: line'],
    [OK, 'content-length: 5', 'content-length: 6'],
    [OK, 'content-length: +5'],
    [OK, 'content-length: 99999999999999999999'],
    [OK, 'content-length: 5', 'transfer-encoding: chunked'],
    [OK, 'transfer-encoding: gzip, chunked'],
  ]) {
    t.throws(() => head(...lines), { code: 'HTTP_MALFORMED' }, lines.join(' | '));
  }
});
