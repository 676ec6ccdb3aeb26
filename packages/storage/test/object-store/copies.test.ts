/** Copies are of one version, whole or in parts. */
import { t } from 'tap';
import { openOss } from '../../src/oss/driver.js';
import { openS3 } from '../../src/s3/driver.js';
import { TEST_CREDENTIALS, writeCredentials } from '../../src/testing/index.js';
import { bytesOf } from '../../src/testing/suite/tools.js';
import { DIALECTS, startStores } from '../support/stores.js';

const CALL = { deadlineMs: 10_000 };
const LIMITS = { signal: new AbortController().signal, limitMs: 10_000 };

for (const dialect of DIALECTS) {
  t.test(dialect, async (t) => {
    const { server, directory, open } = await startStores(t);
    const origin = await open(dialect);
    const bytes = bytesOf(6 * 1024 * 1024, 1);

    await t.test('a source that changes meanwhile', async (t) => {
      server.put('bucket', 'p/from', bytes);
      server.misbehave({
        match: (record) => record.method === 'PUT' && record.key === 'p/to',
        before: () => void server.put('bucket', 'p/from', bytesOf(10, 2)),
      });
      await t.rejects(origin.copy('from', 'to', CALL), { code: 'STALE' });
      t.equal(server.get('bucket', 'p/to'), undefined);
    });

    await t.test('in parts', async (t) => {
      server.put('bucket', 'p/from 中', bytes);
      const credentialsFile = await writeCredentials(directory, TEST_CREDENTIALS, 'parts.json');
      const endpoint = server.namedUrl;
      const options = { endpoint, region: server.region, pathStyle: true, credentialsFile };
      const driver = await (dialect === 's3' ? openS3 : openOss)('bucket', options);
      t.teardown(() => driver.close());
      const { version } = await driver.head('p/from 中', LIMITS);
      const upload = await driver.startUpload('p/parts', false, LIMITS);
      const middle = 5 * 1024 * 1024;
      const part = (number: number, start: number, end: number, of = version) =>
        driver.copyPart('p/from 中', 'p/parts', of, upload, number, { start, end }, LIMITS);
      await t.rejects(part(1, 0, middle, 'another'), 'of another version');
      const parts = [await part(1, 0, middle), await part(2, middle, bytes.length)];
      await driver.finishUpload('p/parts', upload, parts, false, LIMITS);
      t.ok(server.get('bucket', 'p/parts')?.equals(bytes));
    });
  });
}
