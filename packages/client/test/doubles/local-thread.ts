/** What an I/O thread is to who asks it, without a thread: time, chance and its death are the test's. */
import { EventEmitter } from 'node:events';
import { type Batch, HostedPeers, type Peer, type PeerInit, type Thread } from '@tidecache/transport';

export class LocalThread extends EventEmitter implements Thread {
  readonly #peers: HostedPeers;
  readonly #made: Peer[] = [];
  #isAlive = true;

  constructor(createPeer: (init: PeerInit) => Peer) {
    super();
    this.#peers = new HostedPeers(
      (batch) => this.#cross(batch, (arrived) => this.emit('message', arrived)),
      (init) => {
        const peer = createPeer(init);
        this.#made.push(peer);
        return peer;
      },
    );
  }

  postMessage(batch: Batch): void {
    this.#cross(batch, (arrived) => this.#peers.take(arrived));
  }

  async terminate(): Promise<void> {
    this.die();
  }

  /** Nothing of it is heard any more, nor does it write anywhere. */
  die(): void {
    if (!this.#isAlive) return;
    this.#isAlive = false;
    for (const peer of this.#made) void peer.close();
    this.emit('exit', 1);
  }

  #cross(batch: Batch, take: (batch: Batch) => void): void {
    const arrived = structuredClone(batch);
    queueMicrotask(() => {
      if (this.#isAlive) take(arrived);
    });
  }
}
