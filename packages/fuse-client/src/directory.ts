import type { Client } from '@tidecache/client';
import { type InodeId, TidecacheError } from '@tidecache/protocol';
import type { DirectoryEntry, MaybePromise } from './file-system.js';
import { DIRECTORY_PAGE_ENTRIES, DIRECTORY_PAGES_KEPT, MAX_DIRECTORY_PAGES } from './limits.js';
import { directoryEntry } from './records.js';

/** Where a page of the listing begins, so that it can be fetched again after it was let go. */
interface PageStart {
  readonly position: number;
  readonly after: string;
  /** The name just before it. */
  readonly preceding?: string | undefined;
}

interface Page {
  readonly entries: DirectoryEntry[];
  /** No page follows. */
  readonly last: boolean;
}

export interface DirectoryInit {
  /** For how long the kernel may believe a name at most. */
  readonly longestMs?: number;
  /** A page came: for how long it may be believed. */
  readonly onPage?: (validMs: number) => void;
}

type DirectoryClient = Pick<Client, 'readdir' | 'onInvalidate'>;

/**
 * One open directory: the master's listing, which goes by cursors, as positions that stay valid. Of what was read only
 * the last pages are kept, and of the others where they began: a listing of a million names needs no memory for them.
 * While one page is read the next is on its way.
 */
export class Directory {
  readonly #client: DirectoryClient;
  readonly #ino: InodeId;
  readonly #longestMs: number;
  readonly #onPage: (validMs: number) => void;
  readonly #starts: PageStart[] = [{ position: 0, after: '' }];
  /** By index into #starts, least recently read first. */
  readonly #kept = new Map<number, Page>();
  /** By index, on its way before anybody asked for it. */
  readonly #ahead = new Map<number, Promise<Page>>();
  /** For each page on its way: the names that were invalidated since it was asked for. */
  readonly #arriving = new Set<Set<string>>();
  readonly #stopListening: () => void;

  constructor(
    client: DirectoryClient,
    ino: InodeId,
    { longestMs = Number.POSITIVE_INFINITY, onPage = () => {} }: DirectoryInit = {},
  ) {
    this.#client = client;
    this.#ino = ino;
    this.#longestMs = longestMs;
    this.#onPage = onPage;
    this.#stopListening = client.onInvalidate(({ entries }) => {
      for (const { parent, name } of entries) if (parent === ino) this.#doubt(name);
    });
  }

  close(): void {
    this.#stopListening();
  }

  /** Up to `max` entries from `position` on, from one page; empty at the end. */
  read(position: number, max: number): MaybePromise<readonly DirectoryEntry[]> {
    const index = this.#indexOf(position);
    const page = this.#kept.get(index);
    return page ? this.#from(index, page, position, max) : this.#fetchAndRead(index, position, max);
  }

  async #fetchAndRead(index: number, position: number, max: number): Promise<readonly DirectoryEntry[]> {
    return this.#from(index, await (this.#ahead.get(index) ?? this.#fetch(index)), position, max);
  }

  #from(index: number, page: Page, position: number, max: number): MaybePromise<readonly DirectoryEntry[]> {
    const from = position - this.#starts[index]!.position;
    if (!page.last) this.#fetchAhead(index + 1);
    if (from < page.entries.length) return page.entries.slice(from, from + max);
    return page.last ? [] : this.read(position, max);
  }

  /** The last page that begins at or before `position`. */
  #indexOf(position: number): number {
    let low = 0;
    let high = this.#starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (this.#starts[middle]!.position <= position) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** When it fails, it is fetched again for who asks for it, and told the reason. */
  #fetchAhead(index: number): void {
    if (this.#kept.has(index) || this.#ahead.has(index)) return;
    const page = this.#fetch(index);
    this.#ahead.set(index, page);
    const done = () => void this.#ahead.delete(index);
    page.then(done, done);
  }

  async #fetch(index: number): Promise<Page> {
    const start = this.#starts[index]!;
    const doubtful = new Set<string>();
    this.#arriving.add(doubtful);
    const { entries, next, validMs } = await this.#client
      .readdir(this.#ino, start.after, DIRECTORY_PAGE_ENTRIES)
      .finally(() => this.#arriving.delete(doubtful));
    this.#onPage(Math.min(validMs, this.#longestMs));
    const page = entries
      .map((entry) => directoryEntry(entry, this.#longestMs))
      .map((entry) => (doubtful.has(entry.name) ? doubted(entry) : entry));
    if (next !== undefined && index === this.#starts.length - 1) this.#addStart(start, page, next);
    const following = this.#starts[index + 1];
    const fetched: Page = {
      entries: following ? fitBefore(following, following.position - start.position, page) : page,
      last: following === undefined,
    };
    this.#kept.delete(index);
    this.#kept.set(index, fetched);
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= DIRECTORY_PAGES_KEPT) break;
      this.#kept.delete(oldest);
    }
    return fetched;
  }

  /**
   * A name of this directory changed. The kernel forgets it, and would learn it again, as it was, from the pages kept
   * here: listings tell the kernel what names mean. Their order stays, so that no name is lost or listed twice.
   */
  #doubt(name: string): void {
    for (const names of this.#arriving) names.add(name);
    for (const { entries } of this.#kept.values()) {
      const at = entries.findIndex((entry) => entry.name === name);
      const entry = entries[at];
      if (entry) entries[at] = doubted(entry);
    }
  }

  #addStart(start: PageStart, page: readonly DirectoryEntry[], after: string): void {
    if (this.#starts.length >= MAX_DIRECTORY_PAGES) {
      throw new TidecacheError(
        'BUSY',
        `directory ${this.#ino} has more than ${MAX_DIRECTORY_PAGES} pages of entries: split it up`,
      );
    }
    this.#starts.push({ position: start.position + page.length, after, preceding: page.at(-1)?.name });
  }
}

const doubted = (entry: DirectoryEntry): DirectoryEntry => ({ ...entry, entryValidMs: 0 });

/** Takes the place of an entry that is gone: a name that no transport lists. */
const HOLE: DirectoryEntry = {
  name: '',
  inode: { ino: 0, kind: 'file', size: 0, mtimeMs: 0, mode: 0 },
  entryValidMs: 0,
  attrValidMs: 0,
};

/**
 * A page that was let go and fetched again may have grown or shrunk. The positions after it are given out already: what
 * the next page begins with is left to it, and holes are filled.
 */
function fitBefore(following: PageStart, length: number, entries: DirectoryEntry[]): DirectoryEntry[] {
  const end = entries.findIndex((entry) => entry.name === following.preceding) + 1;
  const own = entries.slice(0, Math.min(length, end > 0 ? end : length));
  return own.length === length ? own : [...own, ...new Array<DirectoryEntry>(length - own.length).fill(HOLE)];
}
