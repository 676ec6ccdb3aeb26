/** Sockets, written once: requests with deadlines over TCP and Unix-domain connections. */
export * from './address.js'; // addresses as text
export * from './api.js'; // the contract: Peer, Server, Exchange
export type { PeerInit } from './client/peer.js';
export { createPeer } from './client/peer.js'; // who asks
export * from './clock.js'; // time, injected
export { hostId } from './host.js'; // are two processes on one host?
export { MAX_IO_THREADS, PEER_LIMITS, type PeerLimits, SERVER_LIMITS, type ServerLimits } from './limits.js';
export * from './rpc.js'; // typed calls: call, serve, pushTo
export type { ListenInit } from './server/listen.js';
export { listen } from './server/listen.js'; // who answers
export type { Batch } from './threads/batch.js';
export { HostedPeers } from './threads/hosted-peers.js'; // the other side of a thread, for doubles
export type { Thread } from './threads/io-thread.js';
export type { ThreadData } from './threads/messages.js';
export type { PeerThreads, PeerThreadsInit, ThreadedPeerInit } from './threads/peer-threads.js';
export { createPeerThreads, startIoThread } from './threads/peer-threads.js'; // who asks, its sockets in threads
export { httpToken } from './token.js'; // the HTTP API's bearer token
