/** A Client over a few records, strict as the real one; what the tests don't use is absent. */
import type { Client, FileHandle } from '@tidecache/client';
import {
  type Entry,
  type InodeRecord,
  type Invalidation,
  inodeId,
  TidecacheError,
} from '@tidecache/protocol';

export interface FakeClient {
  readonly client: Client;
  readonly openHandles: () => number;
  /** Listing requests: cursor after which, in order. */
  readonly listings: string[];
  /** The names of the one big directory, sorted; may be changed. */
  names: string[];
  /** How long its listing may be believed. */
  listingValidMs: number;
  push(change: Invalidation): void;
}

export const FILE: InodeRecord = {
  ino: 10,
  kind: 'file',
  size: 100,
  mtimeMs: 5,
  mode: 0o644,
  datasetId: 3,
  key: 'sub/数据.csv',
  version: '"etag"',
};
export const DIRECTORY: InodeRecord = {
  ino: 11,
  kind: 'directory',
  size: 0,
  mtimeMs: 5,
  mode: 0o755,
  datasetId: 3,
  key: '',
};

export function fakeClient(pageEntries: number): FakeClient {
  let open = 0;
  const listeners = new Set<(change: Invalidation) => void>();
  const record = (ino: number): InodeRecord => {
    if (ino === FILE.ino) return FILE;
    if (ino === DIRECTORY.ino || ino === 1) return { ...DIRECTORY, ino };
    throw new TidecacheError('NOT_FOUND', `no inode ${ino}`);
  };
  const entry = (name: string, inode: InodeRecord): Entry => ({ name, inode, validMs: 700 });
  const handle: FileHandle = {
    inode: FILE,
    read: (offset, length) => ({ parts: [Buffer.alloc(length, offset)], bytes: length, release() {} }),
    readInto: () => Promise.reject(new Error('not used')),
    close: () => void open--,
  };
  const fake: FakeClient = {
    names: [],
    listingValidMs: 700,
    listings: [],
    openHandles: () => open,
    push: (change) => listeners.forEach((listener) => void listener(change)),
    client: {
      lookup: (_parent, name) => entry(name, name === 'file' ? FILE : DIRECTORY),
      getattr: (ino) => record(ino),
      open(ino) {
        if (record(ino).kind === 'directory') throw new TidecacheError('IS_A_DIRECTORY', `${ino}`);
        open++;
        return Promise.resolve(handle);
      },
      openVersion: (ino) => fake.client.open(ino),
      lent: () => undefined,
      async readdir(_ino, after, limit) {
        fake.listings.push(after);
        const from = after === '' ? 0 : fake.names.findIndex((name) => name > after);
        const rest = from < 0 ? [] : fake.names.slice(from);
        const page = rest.slice(0, Math.min(limit, pageEntries));
        const next = rest.length > page.length ? page.at(-1) : undefined;
        const entries = page.map((name) => entry(name, { ...FILE, ino: inodeId(100) }));
        const validMs = fake.listingValidMs;
        return next === undefined ? { entries, validMs } : { entries, next, validMs };
      },
      resolve: () => Promise.reject(new Error('not used')),
      readFile: () => Promise.reject(new Error('not used')),
      dataset: (id) =>
        id === 3
          ? {
              id,
              path: '/prices',
              uri: 's3://bucket/prefix/',
              readOnly: true,
              metadata: 'once',
              blockBytes: 4 << 20,
              options: {},
            }
          : undefined,
      onInvalidate(listener) {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
      stats: () => ({
        workerBytes: {},
        mappedBytes: 0,
        spreadBytes: 0,
        originBytes: 0,
        readBytes: 0,
        retries: {},
        stale: 0,
        bufferBytes: 0,
      }),
      close: () => Promise.resolve(),
    },
  };
  return fake;
}
