/** An upload in parts whose last answer is lost is asked for again, and finds its object there. */
import { t } from 'tap';
import { bytesOf } from '../../src/testing/suite/tools.js';
import { DIALECTS, startStores } from '../support/stores.js';

const CALL = { deadlineMs: 20_000 };

for (const dialect of DIALECTS) {
  t.test(dialect, async (t) => {
    const { server, open } = await startStores(t);
    const origin = await open(dialect);
    const bytes = bytesOf(9 * 1024 * 1024, 1);
    server.misbehave({
      match: ({ method, query }) => method === 'POST' && query.includes('uploadId'),
      fault: 'reset',
    });
    const { size } = await origin.write('key', bytes, CALL);
    t.equal(size, bytes.length);
    t.ok(server.get('bucket', 'p/key')?.equals(bytes));
  });
}
