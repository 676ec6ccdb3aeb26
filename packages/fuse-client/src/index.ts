/** Serving a FileSystem to the operating system. */
export * from './file-system.js'; // the contract between FUSE and what is served
export type { Logger } from './logger.js';
export {
  type MountClientInit,
  type MountInit,
  mountClient,
  mountFileSystem,
  type Transport,
} from './mount.js';
export { createFileSystem } from './tidecache.js'; // the FileSystem of a running cluster
