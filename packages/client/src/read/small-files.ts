import { type FileId, fileIdOf, type InodeRecord, type Source } from '@tidecache/protocol';
import type { DirectoryPage } from '../api.js';
import { MAX_LISTED_FILES, SMALL_FILE_BYTES } from '../limits.js';

/** A file that is read whole, and is one block of a worker. */
export class SmallFile {
  readonly record: InodeRecord;
  #fileId: FileId | undefined;

  constructor(record: InodeRecord) {
    this.record = record;
  }

  get ino(): number {
    return this.record.ino;
  }

  /** Bytes. */
  get size(): number {
    return this.record.size;
  }

  /** A digest: made when it's needed first. */
  get fileId(): FileId {
    this.#fileId ??= fileIdOf(this.record as Source);
    return this.#fileId;
  }
}

/** The small files of one directory, page by page: from where its reader is to the listing's end, and round to there. */
export class SmallFiles {
  #files: SmallFile[];
  #at = 0;
  /** The name to list on from; undefined when nothing is left to list. */
  #next: string | undefined;
  #wrapped = false;
  /** The first ones are all kept. */
  #complete = true;

  private constructor(
    files: SmallFile[],
    /** When the listing began, in milliseconds of the client's clock. */
    readonly listedMs: number,
    next?: string,
  ) {
    this.#files = files;
    this.#next = next;
  }

  static after(name: string, now: number): SmallFiles {
    return new SmallFiles([], now, name);
  }

  get next(): string | undefined {
    return this.#next;
  }

  get count(): number {
    return this.#files.length;
  }

  /** All small files of the directory are here. */
  get isWhole(): boolean {
    return this.#complete && this.#next === undefined;
  }

  /** The same from another file on, when this is whole. */
  after(ino: number): SmallFiles {
    const at = this.#files.findIndex((file) => file.ino === ino) + 1;
    return new SmallFiles([...this.#files.slice(at), ...this.#files.slice(0, at)], this.listedMs);
  }

  /** The file at the place in the listing; undefined: list on from {@link next}. */
  get current(): SmallFile | undefined {
    return this.#files[this.#at];
  }

  /** All were passed. */
  get isDone(): boolean {
    return this.#next === undefined && this.current === undefined;
  }

  step(): void {
    this.#at++;
  }

  /** Back to a file that was passed over. */
  backTo(file: SmallFile): void {
    const at = this.#files.lastIndexOf(file, this.#at);
    if (at >= 0) this.#at = Math.min(this.#at, at);
  }

  /** A page that was listed from {@link next} on. */
  add({ entries, next }: DirectoryPage): void {
    if (this.#files.length > MAX_LISTED_FILES) {
      this.#files = this.#files.slice(this.#at);
      this.#at = 0;
      this.#complete = false;
    }
    this.#next = next ?? (this.#wrapped ? undefined : '');
    const first = this.#wrapped && this.#complete ? this.#files[0]?.ino : undefined;
    this.#wrapped ||= next === undefined;
    for (const { inode } of entries) {
      if (inode.ino === first) {
        this.#next = undefined;
        return;
      }
      if (isSmallFile(inode)) this.#files.push(new SmallFile(inode));
    }
  }
}

const isSmallFile = ({ kind, size }: InodeRecord): boolean =>
  kind === 'file' && size > 0 && size <= SMALL_FILE_BYTES;
