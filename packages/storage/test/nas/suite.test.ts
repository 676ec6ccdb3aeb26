import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { t } from 'tap';
import { openOrigin } from '../../src/index.js';
import { originSuite } from '../../src/testing/index.js';

originSuite(t, {
  name: 'nas on a directory',
  async open() {
    const directory = await mkdtemp(join(tmpdir(), 'tidecache-nas-'));
    const origin = openOrigin(`nas://${directory}`);
    return {
      origin,
      async close() {
        await origin.close();
        await rm(directory, { recursive: true });
      },
    };
  },
});
