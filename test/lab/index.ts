/** The laboratory: what starts clusters, origins and readers for the demo, the suites and the benches. */
export * from './cluster.js'; // master, workers and mounts, each a process
export * from './command.js'; // programs that run to their end
export * from './content.js'; // bytes made from a seed
export * from './debian.js'; // programs that are missing
export * from './fuse.js'; // can anything be mounted here
export * from './page-cache.js'; // the kernel's cache of one file
export * from './ports.js'; // free loopback ports
export * from './random.js'; // random numbers from a seed
export * from './read-through.js'; // a whole file through a mount, and what happens half-way
export * from './s3.js'; // fauxqs
export * from './scratch.js'; // what is to be undone
export * from './service.js'; // a long-running child process
export * from './undoing.js'; // runs, and undoes what was made, also when a signal ends it
