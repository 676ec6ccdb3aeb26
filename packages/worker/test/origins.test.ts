import { t } from 'tap';
import { SILENT } from '../src/logger.js';
import { Origins } from '../src/origins.js';
import { FakeOrigin, settle } from './support/fake-origin.js';
import { DATASET, datasets } from './support/fixture.js';

function fixture() {
  const opened: { uri: string; fake: FakeOrigin }[] = [];
  const origins = new Origins((uri) => {
    const fake = new FakeOrigin();
    opened.push({ uri, fake });
    return fake.origin;
  }, SILENT);
  return { opened, origins };
}

t.test('opened at first use, once', async (t) => {
  const { opened, origins } = fixture();
  t.throws(() => origins.assertKnown(DATASET), { code: 'UNREACHABLE' });
  origins.update(datasets());
  origins.assertKnown(DATASET);
  t.equal(opened.length, 0);
  t.equal(await origins.use(DATASET, async () => 5), 5);
  await origins.use(DATASET, async () => undefined);
  t.equal(opened.length, 1);
  await origins.close();
  t.equal(opened[0]?.fake.closed, 1);
});

t.test('a dataset that moves or goes: its origin closes when its last read ended', async (t) => {
  const { opened, origins } = fixture();
  origins.update(datasets(1, 'fake://one'));
  let end = () => {};
  const reading = origins.use(
    DATASET,
    () =>
      new Promise<void>((resolve) => {
        end = resolve;
      }),
  );
  origins.update(datasets(2, 'fake://one'));
  origins.update(datasets(3, 'fake://two'));
  await origins.use(DATASET, async () => undefined);
  t.strictSame(
    opened.map(({ uri }) => uri),
    ['fake://one', 'fake://two'],
  );
  t.equal(opened[0]?.fake.closed, 0);
  end();
  await reading;
  t.equal(opened[0]?.fake.closed, 1);
  origins.update({ generation: 4, datasets: [] });
  await settle();
  t.equal(opened[1]?.fake.closed, 1);
  t.throws(() => origins.assertKnown(DATASET), { code: 'UNREACHABLE' });
});

t.test('old news is ignored, unless the master begins anew', async (t) => {
  const { origins } = fixture();
  origins.update(datasets(5));
  origins.update({ generation: 4, datasets: [] });
  t.equal(origins.generation, 5);
  origins.assertKnown(DATASET);
  origins.update({ generation: 1, datasets: [] }, true);
  t.equal(origins.generation, 1);
  t.throws(() => origins.assertKnown(DATASET));
});
