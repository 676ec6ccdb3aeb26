import { EventEmitter } from 'node:events';
import { type Batch, type Message, messagesOf } from '../../src/threads/batch.js';
import type { Thread } from '../../src/threads/io-thread.js';

/** A thread that does nothing: the test says what it says. */
export class FakeThread extends EventEmitter implements Thread {
  /** What it was posted, and what was in it. */
  readonly batches: Batch[] = [];
  readonly messages: Message[] = [];
  isTerminated = false;

  postMessage(batch: Batch): void {
    this.batches.push(batch);
    this.messages.push(...messagesOf(batch));
  }

  async terminate(): Promise<void> {
    this.isTerminated = true;
  }

  /** One message from it. */
  say(kind: number, numbers: readonly number[], bytes = ''): void {
    const batch: Batch = {
      numbers: [kind, numbers.length, ...numbers, bytes.length],
      bytes: Buffer.from(bytes),
      shared: [],
    };
    this.emit('message', batch);
  }

  exit(status = 1): void {
    this.emit('exit', status);
  }
}
