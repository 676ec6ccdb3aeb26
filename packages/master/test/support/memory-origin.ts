import { TidecacheError } from '@tidecache/protocol';
import {
  type Capabilities,
  compareKeys,
  type ListItem,
  type ListPage,
  type ObjectInfo,
  type Origin,
} from '@tidecache/storage';

export interface MemoryObject {
  version: string;
  size: number;
  mode?: number;
}

/** An object store in memory, as far as a master asks: it can be away, refuse, and wait until told to go on. */
export class MemoryOrigin implements Origin {
  readonly uri: string;
  readonly capabilities: Capabilities = {
    pinnedReads: true,
    atomicRename: false,
    conditionalCreate: true,
    realDirectories: false,
  };
  readonly objects = new Map<string, MemoryObject>();
  readonly calls = { check: 0, list: 0, stat: 0, lookup: 0 };
  skipped: ListPage['skipped'] = {};
  /** Thrown by every call while set. */
  failure: TidecacheError | undefined;
  closed = false;
  pageEntries = 1000;
  #gate: Promise<void> | undefined;

  constructor(uri = 's3://bucket') {
    this.uri = uri;
  }

  put(key: string, version = 'v1', size = 10): void {
    this.objects.set(key, { version, size });
  }

  /** Answers wait (their content is taken before) until the function that is returned is called. */
  hold(): () => void {
    let release = () => {};
    this.#gate = new Promise((resolve) => {
      release = () => {
        this.#gate = undefined;
        resolve();
      };
    });
    return release;
  }

  async check(): Promise<void> {
    this.calls.check++;
    await this.#answer(() => {});
  }

  list(directory: string, call: { after?: string; limit?: number }): Promise<ListPage> {
    this.calls.list++;
    return this.#answer(() => {
      const limit = Math.min(call.limit ?? 1000, this.pageEntries);
      const all = this.children(directory);
      const rest =
        call.after === undefined ? all : all.filter(({ key }) => compareKeys(key, call.after ?? '') > 0);
      const items = rest.slice(0, limit);
      const last = items.at(-1);
      return { items, skipped: this.skipped, ...(rest.length > limit && last && { next: last.key }) };
    });
  }

  stat(key: string): Promise<ObjectInfo> {
    this.calls.stat++;
    return this.#answer(() => {
      const object = this.objects.get(key);
      if (!object) throw new TidecacheError('NOT_FOUND', `no ${key} in ${this.uri}`);
      return info(key, object);
    });
  }

  lookup(key: string): Promise<ListItem | undefined> {
    this.calls.lookup++;
    return this.#answer(() => {
      for (const other of this.objects.keys()) {
        if (other.startsWith(`${key}/`)) return { kind: 'directory', key: `${key}/` };
      }
      const object = this.objects.get(key);
      return object && { kind: 'file', ...info(key, object) };
    });
  }

  /** What is directly in `directory`, in the order of a listing. */
  children(directory: string): ListItem[] {
    const items = new Map<string, ListItem>();
    for (const [key, object] of this.objects) {
      if (!key.startsWith(directory)) continue;
      const slash = key.indexOf('/', directory.length);
      if (slash < 0) items.set(key, { kind: 'file', ...info(key, object) });
      else items.set(key.slice(0, slash + 1), { kind: 'directory', key: key.slice(0, slash + 1) });
    }
    return [...items.values()].sort((a, b) => compareKeys(a.key, b.key));
  }

  async close(): Promise<void> {
    this.closed = true;
  }

  read = unsupported;
  write = unsupported;
  delete = unsupported;
  copy = unsupported;
  rename = unsupported;

  async #answer<T>(make: () => T): Promise<T> {
    if (this.failure) throw this.failure;
    const made = make();
    await this.#gate;
    return made;
  }
}

const info = (key: string, { version, size, mode }: MemoryObject): ObjectInfo => ({
  key,
  size,
  version,
  mtimeMs: 1_700_000_000_000,
  ...(mode !== undefined && { mode }),
});

async function unsupported(): Promise<never> {
  throw new TidecacheError('UNSUPPORTED', 'a master does not ask for this');
}
