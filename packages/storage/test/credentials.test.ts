import { chmod, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { t } from 'tap';
import { credentialsFromFile } from '../src/credentials.js';
import { SECRET_CHECK_MS } from '../src/limits.js';
import { credentialsFromEnvironment } from '../src/oss/environment.js';

t.test('a file is read, and read again when it changed', async (t) => {
  const path = join(t.testdir(), 'keys.json');
  let nowMs = 0;
  const source = credentialsFromFile(path, () => nowMs);
  await t.rejects(source(), { code: 'ACCESS_DENIED', message: /keys\.json: ENOENT/ });
  await writeFile(path, '{"accessKeyId": " a ", "secretAccessKey": "b", "sessionToken": null}');
  const first = await source();
  t.same(first, { accessKeyId: 'a', secretAccessKey: 'b' });
  await writeFile(path, '{"accessKeyId": "c", "secretAccessKey": "d", "sessionToken": "e"}');
  t.equal(await source(), first, 'not looked at again at once');
  nowMs += SECRET_CHECK_MS;
  t.same(await source(), { accessKeyId: 'c', secretAccessKey: 'd', sessionToken: 'e' });
  const second = await source();
  nowMs += SECRET_CHECK_MS;
  t.equal(await source(), second, 'the same object while the file is the same');
  await rm(path);
  nowMs += SECRET_CHECK_MS;
  await t.rejects(source(), { code: 'ACCESS_DENIED' }, 'a secret that is taken away is taken away');
});

t.test('a bad file is told without what is in it', async (t) => {
  for (const text of [
    'hunter2',
    '{"accessKeyId": "hunter2"}',
    '{"accessKeyId": "", "secretAccessKey": "hunter2"}',
    '{"accessKeyId": 5, "secretAccessKey": "hunter2"}',
    '["hunter2"]',
    '{"accessKeyId": "a", "secretAccessKey": "b", "sessionToken": ["hunter2"]}',
    '',
    `"${'hunter2'.repeat(20_000)}"`,
  ]) {
    const path = join(t.testdir({ 'keys.json': text }), 'keys.json');
    const error: Error & { cause?: unknown } = await credentialsFromFile(path)().then(
      () => t.fail('it was taken'),
      (error) => error,
    );
    t.match(error, {
      code: 'ACCESS_DENIED',
      message: /bad credentials file .*keys\.json: .*write \{"accessKeyId"/,
    });
    t.notMatch(`${error.message} ${error.stack} ${String(error.cause)}`, 'hunter2');
  }
  const directory = t.testdir();
  await t.rejects(credentialsFromFile(directory)(), { code: 'ACCESS_DENIED' });
  await chmod(directory, 0o700);
});

t.test('the environment, for OSS', async (t) => {
  const none = credentialsFromEnvironment('oss://b', {});
  await t.rejects(none(), { code: 'ACCESS_DENIED', message: /OSS_ACCESS_KEY_ID/ });
  const some = credentialsFromEnvironment('oss://b', { OSS_ACCESS_KEY_ID: 'a', OSS_ACCESS_KEY_SECRET: 'b' });
  t.same(await some(), { accessKeyId: 'a', secretAccessKey: 'b' });
});
