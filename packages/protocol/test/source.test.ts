import { t } from 'tap';
import { encodeBody } from '../src/body.js';
import type { FileId } from '../src/ids.js';
import { decodeSource, encodeSource, fileIdOf, type Source } from '../src/source.js';

const SOURCE: Source = { datasetId: 1, key: 'k', version: 'v', size: 2 ** 40, blockBytes: 4194304 };

t.same(decodeSource(encodeSource(SOURCE), fileIdOf(SOURCE)), SOURCE);
t.equal(fileIdOf(SOURCE).length, 16);

const others: Partial<Source>[] = [
  { datasetId: 2 },
  { key: 'k2' },
  { version: 'v2' },
  { size: 1 },
  { blockBytes: 8388608 },
  { key: 'kv', version: '' },
];
const ids = new Set([SOURCE, ...others.map((change) => ({ ...SOURCE, ...change }))].map(fileIdOf));
t.equal(ids.size, others.length + 1, 'every field is part of the file id');

t.throws(() => decodeSource(encodeSource(SOURCE), 'x'.repeat(16) as FileId), { code: 'INVALID' });
for (const wrong of [
  {},
  { ...SOURCE, extra: 1 },
  { ...SOURCE, size: -1 },
  { ...SOURCE, size: 2 ** 60 },
  { ...SOURCE, key: '' },
  { ...SOURCE, key: 'x'.repeat(5000) },
  { ...SOURCE, blockBytes: 4194305 },
  { ...SOURCE, size: Number.NaN },
  null,
  'text',
]) {
  t.throws(
    () => decodeSource(encodeBody(wrong), fileIdOf(SOURCE)),
    { code: 'PROTOCOL' },
    JSON.stringify(wrong),
  );
}
t.throws(() => decodeSource(Buffer.alloc(0), fileIdOf(SOURCE)), { code: 'PROTOCOL' });
