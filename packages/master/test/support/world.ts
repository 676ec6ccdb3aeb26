import type { Dataset, Entry, InodeId, Invalidation, MetadataPolicy } from '@tidecache/protocol';
import { assemble, type Parts } from '../../src/parts.js';
import { Store } from '../../src/store/store.js';
import { silentLogger } from '../../src/util/logger.js';
import { FakeTime } from './fake-time.js';
import { MemoryOrigin } from './memory-origin.js';
import { tempDir } from './temp-dir.js';

interface TestLike {
  teardown(run: () => unknown): void;
}

/** A master without its servers, on time and origins of a test's own. */
export interface World extends Parts {
  readonly time: FakeTime;
  readonly dataDir: string;
  readonly origin: MemoryOrigin;
  /** Every invalidation so far: `parent/name`, and inodes. */
  readonly told: { entries: string[]; inodes: number[] };
  readonly warnings: { fields: Record<string, unknown>; message: string }[];
  /** Adds a dataset at `path`, answers its root directory. */
  addDataset(metadata: MetadataPolicy, path?: string): Promise<{ dataset: Dataset; root: InodeId }>;
  /** Walks from the root. */
  walk(path: string): Promise<Entry>;
  stop(): Promise<void>;
  /** The same state in a new master, as after a restart. */
  restart(): Promise<World>;
}

export async function makeWorld(t: TestLike): Promise<World> {
  return open(t, tempDir(t), new FakeTime(), new MemoryOrigin());
}

async function open(t: TestLike, dataDir: string, time: FakeTime, origin: MemoryOrigin): Promise<World> {
  const warnings: World['warnings'] = [];
  const store = await Store.open(dataDir, time);
  const parts = assemble({
    store,
    logger: {
      ...silentLogger,
      warn: (fields, message) => warnings.push({ fields: fields as Record<string, unknown>, message }),
    },
    secret: 'secret',
    now: time.now,
    timers: time,
    openOrigin: () => origin,
  });
  const told: World['told'] = { entries: [], inodes: [] };
  const invalidate = parts.subscribers.invalidate.bind(parts.subscribers);
  parts.subscribers.invalidate = (news: Invalidation) => {
    told.entries.push(...news.entries.map(({ parent, name }) => `${parent}/${name}`));
    told.inodes.push(...news.inodes);
    invalidate(news);
  };
  let stopped = false;
  const stop = async () => {
    if (stopped) return;
    stopped = true;
    await parts.app.close();
    parts.members.close();
    parts.sweeper.stop();
    await store.close();
  };
  t.teardown(stop);
  const walk = async (path: string) => {
    let entry: Entry | undefined;
    for (const name of path.split('/').filter((part) => part !== '')) {
      entry = await parts.lookup.lookup(entry?.inode.ino ?? 1, name);
    }
    if (!entry) throw new Error(`no names in ${path}`);
    return entry;
  };
  return {
    ...parts,
    time,
    dataDir,
    origin,
    told,
    warnings,
    walk,
    stop,
    async addDataset(metadata, path = '/data') {
      const dataset = await parts.datasets.add({
        path,
        uri: 's3://bucket',
        readOnly: true,
        metadata,
        blockBytes: 4 * 1024 * 1024,
        options: {},
      });
      return { dataset, root: (await walk(path)).inode.ino as InodeId };
    },
    async restart() {
      await stop();
      return open(t, dataDir, time, origin);
    },
  };
}

/** All names and ids of a directory, by as many questions as it takes. */
export async function readAll(world: World, ino: number, limit = 1000): Promise<Entry[]> {
  const entries: Entry[] = [];
  let after = '';
  for (;;) {
    const page = await world.readdir.readdir({ ino, after, limit, isAbandoned: () => false });
    entries.push(...page.entries);
    if (page.next === undefined) return entries;
    after = page.next;
  }
}
