import { t } from 'tap';
import { SingleFlight } from '../../src/util/single-flight.js';

t.test('those who ask while it runs share one run; later ones get another', async (t) => {
  const flights = new SingleFlight<number>();
  let runs = 0;
  const run = async () => ++runs;
  t.same(
    await Promise.all([flights.do('k', run), flights.do('k', run), flights.do('other', run)]),
    [1, 1, 2],
  );
  t.equal(await flights.do('k', run), 3);
  await t.rejects(flights.do('k', () => Promise.reject(new Error('no'))));
  t.equal(await flights.do('k', run), 4, 'a failure is not remembered');
  t.equal(flights.size, 0);
});
