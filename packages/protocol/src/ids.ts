/**
 * Branded identifiers: a number or a string that can't be mistaken for another kind of number or string.
 */
declare const brand: unique symbol;
type Brand<T, B extends string> = T & { readonly [brand]: B };

/** The master's own id of one version of one file, or of one directory. FUSE's inode number. Below 2^53. */
export type InodeId = Brand<number, 'InodeId'>;
/** A dataset's id, stable for its life and never reused. */
export type DatasetId = Brand<number, 'DatasetId'>;
/** A worker's id: chosen by the worker once, kept across its restarts where it can be. */
export type WorkerId = Brand<string, 'WorkerId'>;
/** Names one version of one file: 16 bytes, as a latin1 string. See {@link fileIdOf}. */
export type FileId = Brand<string, 'FileId'>;
export const FILE_ID_BYTES = 16;
/** Counts changes of the ring's membership. Grows only, also across restarts of the master. */
export type Epoch = Brand<number, 'Epoch'>;

export const inodeId = (value: number): InodeId => value as InodeId;
export const datasetId = (value: number): DatasetId => value as DatasetId;
export const workerId = (value: string): WorkerId => value as WorkerId;
export const epoch = (value: number): Epoch => value as Epoch;

/** The root directory of the tree: 1, as the kernel's FUSE demands. */
export const ROOT_INODE: InodeId = inodeId(1);
