/** An I/O thread. What it throws ends it. */
import { parentPort } from 'node:worker_threads';
import { createPeer } from '../client/peer.js';
import type { Batch } from './batch.js';
import { HostedPeers } from './hosted-peers.js';

const port = parentPort!;
const peers = new HostedPeers((batch) => port.postMessage(batch), createPeer);
port.on('message', (batch: Batch) => peers.take(batch));
