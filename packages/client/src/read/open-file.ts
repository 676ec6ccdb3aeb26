/** One version of one file, shared by all its open handles. */
import {
  encodeSource,
  type FileId,
  fileIdOf,
  type InodeId,
  type InodeRecord,
  inodeId,
  Source,
  TidecacheError,
} from '@tidecache/protocol';
import type { SegmentMap } from '../memory/segment-cache.js';
import type { ReadAhead } from './read-ahead.js';

export class OpenFile {
  readonly ino: InodeId;
  readonly inode: InodeRecord;
  readonly source: Source;
  readonly fileId: FileId;
  /** As it goes into every READ: encoded once. */
  readonly encodedSource: Buffer;
  readonly segments: SegmentMap = new Map();
  handles = 0;
  /** Many read it in step, as a worker said: until then it's read by its spread. Milliseconds of the client's clock. */
  hotUntil = 0;
  /** Of the handle that read it last. */
  lastReader: ReadAhead | undefined;
  /** Set once and for good when the version is gone from its origin. */
  stale: TidecacheError | undefined;

  /** Throws IS_A_DIRECTORY, or PROTOCOL when the record lacks what a file has. */
  constructor(inode: InodeRecord) {
    if (inode.kind === 'directory') {
      throw new TidecacheError(
        'IS_A_DIRECTORY',
        `inode ${inode.ino} is a directory, and was opened as a file`,
      );
    }
    const { datasetId, key, version, size, blockBytes } = inode;
    const source = Source.safeParse({ datasetId, key, version, size, blockBytes });
    if (!source.success) {
      const field = source.error.issues[0]?.path.join('.');
      throw new TidecacheError(
        'PROTOCOL',
        `the master's record of inode ${inode.ino} has no usable ${field}`,
      );
    }
    this.inode = inode;
    this.ino = inodeId(inode.ino);
    this.source = source.data;
    this.fileId = fileIdOf(source.data);
    this.encodedSource = encodeSource(source.data);
  }

  get size(): number {
    return this.source.size;
  }

  /** How many blocks it has. */
  get blocks(): number {
    return Math.ceil(this.source.size / this.source.blockBytes);
  }
}
