/** File systems without a cluster, for tests and benches. */
export * from './null-file-system.js'; // one file of zeros: the floor of FUSE itself
