/**
 * The suite against an S3 or OSS that is already there, strictly real ones included:
 *
 *   node dist/test/external.js s3://bucket/prefix --endpoint http://127.0.0.1:7480 --credentials keys.json [--path-style]
 *
 * It writes below the prefix, in a place of its own for each scenario, and deletes what it wrote.
 */
import { parseArgs } from 'node:util';
import { t } from 'tap';
import { openOrigin } from '../src/index.js';
import { originSuite } from '../src/testing/index.js';
import { listAll } from '../src/testing/suite/tools.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    endpoint: { type: 'string' },
    region: { type: 'string' },
    credentials: { type: 'string' },
    'path-style': { type: 'boolean' },
  },
});
const [uri] = positionals;
if (uri === undefined) throw new Error('name an origin: s3://bucket/prefix');
const options = {
  ...(values.endpoint !== undefined && { endpoint: values.endpoint }),
  ...(values.region !== undefined && { region: values.region }),
  ...(values.credentials !== undefined && { credentialsFile: values.credentials }),
  ...(values['path-style'] && { pathStyle: true }),
};
const run = `${process.pid}-${Date.now().toString(36)}`;
let places = 0;

originSuite(t, {
  name: uri,
  async open() {
    const origin = openOrigin(`${uri.replace(/\/$/, '')}/${run}-${places++}`, options);
    return {
      origin,
      async close() {
        const call = { deadlineMs: 60_000 };
        const { items } = await listAll(origin, '', { recursive: true });
        for (const { key } of items) await origin.delete(key, call);
        await origin.close();
      },
    };
  },
});
