/** File systems without a cluster, for tests and benches. */
export * from './memory-file-system.js'; // a tree with generated contents, strict about what is released
export * from './null-file-system.js'; // one file of zeros: the floor of FUSE itself
export * from './pattern.js'; // contents that can be checked at any offset
