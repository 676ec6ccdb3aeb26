/** How the demo reads the tree: through the mount, or through the client library where nothing can be mounted. */
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Client } from '@tidecache/client';
import { inodeId } from '@tidecache/protocol';
import { dropPageCache } from '../lab/index.js';

const CHUNK_BYTES = 1 << 20;

export interface Reader {
  readonly how: string;
  list(path: string): Promise<{ name: string; directory: boolean }[]>;
  /** Calls `take` for each chunk in order; the chunk is reused after it returns. */
  read(path: string, take: (chunk: Uint8Array) => void | Promise<void>): Promise<void>;
  /** Makes the next read of `path` come from the cluster again, not from this machine's own caches. */
  forget(path: string): Promise<void>;
}

export function mountReader(dir: string): Reader {
  return {
    how: `the mount at ${dir}`,
    async list(path) {
      const entries = await readdir(join(dir, path), { withFileTypes: true });
      return entries.map((entry) => ({ name: entry.name, directory: entry.isDirectory() }));
    },
    async read(path, take) {
      const file = await open(join(dir, path));
      const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
      try {
        for (;;) {
          const { bytesRead } = await file.read(buffer, 0, CHUNK_BYTES);
          if (bytesRead === 0) return;
          await take(buffer.subarray(0, bytesRead));
        }
      } finally {
        await file.close();
      }
    },
    forget: (path) => dropPageCache(join(dir, path)),
  };
}

export function clientReader(client: Client): Reader {
  return {
    how: 'the client library',
    async list(path) {
      const { ino } = await client.resolve(path);
      const found: { name: string; directory: boolean }[] = [];
      let after: string | undefined = '';
      while (after !== undefined) {
        const page = await client.readdir(inodeId(ino), after, 1024);
        found.push(
          ...page.entries.map(({ name, inode }) => ({ name, directory: inode.kind === 'directory' })),
        );
        after = page.next;
      }
      return found;
    },
    async read(path, take) {
      const { ino } = await client.resolve(path);
      const handle = await client.open(inodeId(ino));
      const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
      try {
        for (let offset = 0; ; ) {
          const bytes = await handle.readInto(buffer, offset);
          if (bytes === 0) return;
          await take(buffer.subarray(0, bytes));
          offset += bytes;
        }
      } finally {
        handle.close();
      }
    },
    forget: async () => undefined, // its read-ahead memory is small beside the file
  };
}
