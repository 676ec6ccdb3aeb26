/** A worker's memory, mapped by clients on the same host. */
export { attachSharedMemory, type MappedMemory } from './attach.js'; // as a client sees it
export { createSharedMemory, type OwnedMemory } from './create.js'; // as its worker owns it
