import { test } from 'tap';
import { goodput, idealCached, idealDirect, LINKS } from '../../fleet/ideal.js';
import { rowOf } from '../../fleet/row.js';

const MB = 1e6;
const setting = {
  way: 'cached',
  clients: 2,
  workers: 20,
  fileBytes: 10 * MB,
  ideal: 4 * MB,
  idle: 0.5,
} as const;

test('links are in the ratio of the report', async (t) => {
  t.equal(LINKS.origin / LINKS.worker, 3 / 4);
  t.equal(LINKS.client / LINKS.worker, 2 / 4);
});

test('the ideal is the slowest of workers, origin and clients', async (t) => {
  t.equal(idealCached(LINKS, 20, 10), 10 * goodput(LINKS.client), 'few clients');
  t.equal(idealCached(LINKS, 20, 100), 20 * goodput(LINKS.worker), 'few workers');
  t.equal(idealDirect(LINKS, 1), goodput(LINKS.client), 'one client');
  t.equal(idealDirect(LINKS, 100), goodput(LINKS.origin), 'many clients');
  t.ok(goodput(8) < MB && goodput(8) > 0.95 * MB, '8 Mbit/s carry a little less than 1 MB/s');
});

test('the last client makes the bandwidth, all of them the average', async (t) => {
  const results = [3, 5].map((seconds) => ({ bytes: 10 * MB, seconds }));
  const row = rowOf({ ...setting, results });
  t.match(row, { averageSeconds: 4, bandwidth: 4 * MB, share: 1, firstSeconds: 3, lastSeconds: 5 });
});

test('clients that read for a set time stand for whole files by what all of them got', async (t) => {
  const results = [4, 16].map((mb) => ({ bytes: mb * MB, seconds: 5 }));
  const row = rowOf({ ...setting, way: 'direct', results });
  t.equal(row.bandwidth, 4 * MB);
  t.equal(row.averageSeconds, 5, 'two files of 10 MB at 4 MB/s');
});
