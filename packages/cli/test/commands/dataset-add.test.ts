import { t } from 'tap';
import { readDataset } from '../../src/commands/dataset-add.js';
import { invoke, SECRET } from '../testing.js';

t.test('what the command line asks for', async (t) => {
  t.same(await readDataset({ args: ['prices/', 's3://market/daily'], options: {} }), {
    path: '/prices',
    uri: 's3://market/daily',
    readOnly: false,
    metadata: { ttlMs: 60_000 },
    options: {},
  });
  t.same(
    await readDataset({
      args: ['/a//b', 'nas:///srv'],
      options: {
        readOnly: true,
        metadata: 'once',
        blockSize: '1MiB',
        endpoint: 'http://127.0.0.1:9000',
        region: 'eu-central-1',
        pathStyle: true,
        credentialsFile: '/etc/../etc/keys',
      },
    }),
    {
      path: '/a/b',
      uri: 'nas:///srv',
      readOnly: true,
      metadata: 'once',
      blockBytes: 1024 ** 2,
      options: {
        endpoint: 'http://127.0.0.1:9000',
        region: 'eu-central-1',
        pathStyle: true,
        credentialsFile: '/etc/keys',
      },
    },
  );
});

t.test('bad input is status 2 and names the flag', async (t) => {
  const good = ['dataset', 'add', '/prices', 's3://market'];
  const cases: [string[], RegExp][] = [
    [['dataset', 'add', '/prices', 'market'], /^error: URI: .*market/],
    [['dataset', 'add', '/prices', 'ftp://market'], /^error: URI: .*ftp/],
    [['dataset', 'add', '/prices', 's3://'], /^error: URI: /],
    [['dataset', 'add', '/prices', 'nas://relative'], /^error: URI: .*absolute/],
    [
      [...good, '--metadata', 'sometimes'],
      /^error: --metadata: 'sometimes' is no policy: give once, always or ttl=/,
    ],
    [[...good, '--metadata', 'ttl=soon'], /^error: --metadata: .*soon/],
    [[...good, '--metadata', 'ttl=0s'], /^error: --metadata: .*give always/],
    [[...good, '--block-size', 'big'], /^error: --block-size: .*big/],
    [
      [...good, '--block-size', '100KiB'],
      /^error: --block-size: '100KiB' is not a multiple of 256KiB from 256KiB to 64MiB/,
    ],
    [[...good, '--block-size', '128MiB'], /^error: --block-size: /],
    [[...good, '--endpoint', 'localhost:9000'], /^error: --endpoint: .*http:/],
    [[...good, '--endpoint', 'http://key:secret@localhost'], /^error: --endpoint: .*--credentials-file/],
  ];
  for (const [argv, message] of cases) {
    const { status, stdout, stderr } = await invoke(argv, { TIDECACHE_SECRET: SECRET });
    t.equal(status, 2, argv.join(' '));
    t.equal(stdout, '');
    t.match(stderr, message);
  }
});
