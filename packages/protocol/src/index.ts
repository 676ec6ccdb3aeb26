/** What every part must agree on. Pure functions and tables: no sockets, no clocks. */
export * from './body.js'; // msgpack, checked before and after
export * from './crc.js'; // CRC-32 of joined parts
export * from './errors.js'; // the error table
export * from './frame.js'; // the frame's header
export * from './ids.js'; // branded ids
export * from './lanes.js'; // which event loop of a worker holds a block
export * from './lend.js'; // many ranges of shared memory at once
export * from './limits.js'; // limits with units, and their relations
export * from './mapped.js'; // answers in shared memory
export * from './messages.js'; // message shapes
export * from './opcodes.js'; // the opcode table
export * from './placement.js'; // which workers hold a block
export * from './read.js'; // READ, the hot path
export * from './release.js'; // the release
export * from './source.js'; // where a file version comes from
export * from './spread.js'; // whom to ask while many read a file in step
export * from './units.js'; // sizes and durations as people write them
