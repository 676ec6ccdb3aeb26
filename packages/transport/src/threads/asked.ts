import type { TidecacheError } from '@tidecache/protocol';
import type { Reply, RequestOptions } from '../api.js';

/** Whose request it is. */
export interface Asker {
  /** Bytes that replies in flight may still bring. Kept by what is asked. */
  inFlightBytes: number;
}

/** One request that a thread was asked, from then to its settling, which is the thread's word or the thread's end. */
export class Asked {
  #receivedBytes = 0;

  constructor(
    readonly asker: Asker,
    private readonly options: RequestOptions,
    private readonly resolve: (reply: Reply) => void,
    private readonly reject: (error: TidecacheError) => void,
    private readonly onAbort: () => void,
  ) {
    options.signal?.addEventListener('abort', onAbort, { once: true });
    asker.inFlightBytes += options.into?.length ?? 0;
  }

  /** `bytes` from the start of `into` are there and verified. */
  progress(bytes: number): void {
    const { into, onProgress } = this.options;
    if (into === undefined || bytes <= this.#receivedBytes) return;
    this.asker.inFlightBytes -= bytes - this.#receivedBytes;
    this.#receivedBytes = bytes;
    onProgress?.(bytes);
  }

  /** `unseen`: the payload, where the thread could not write it to `into`. */
  reply(body: Buffer, payloadBytes: number, unseen: Buffer): void {
    const { into } = this.options;
    if (into !== undefined) into.set(unseen);
    this.progress(payloadBytes);
    this.#end();
    this.resolve({ body, payloadBytes, ...(into === undefined && { payload: unseen }) });
  }

  fail(error: TidecacheError): void {
    this.#end();
    this.reject(error);
  }

  #end(): void {
    const { into, signal } = this.options;
    signal?.removeEventListener('abort', this.onAbort);
    if (into !== undefined) this.asker.inFlightBytes -= into.length - this.#receivedBytes;
  }
}
