import { TidecacheError } from '@tidecache/protocol';
import type { Origin, ReadCall } from '@tidecache/storage';
import { writeContent } from './content.js';

/** One read that the test answers by hand. */
export class FakeRead {
  done = 0;
  settled = false;
  #resolve!: () => void;
  #reject!: (error: Error) => void;
  readonly promise: Promise<void>;

  constructor(
    readonly key: string,
    readonly call: ReadCall,
  ) {
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  get aborted(): boolean {
    return this.call.signal?.aborted ?? false;
  }

  /** `bytes` more arrive. */
  arrive(bytes: number): void {
    const { offset, into, version } = this.call;
    writeContent(`${this.key}@${version}`, offset + this.done, into.subarray(this.done, this.done + bytes));
    this.done += bytes;
    this.call.onProgress?.(this.done);
  }

  /** The rest arrives, and the read ends. */
  async finish(): Promise<void> {
    if (this.done < this.call.length) this.arrive(this.call.length - this.done);
    this.settled = true;
    this.#resolve();
    await settle();
  }

  async fail(error: Error): Promise<void> {
    this.settled = true;
    this.#reject(error);
    await settle();
  }
}

/** An origin that makes its bytes from names. By hand, or (`auto`) at once. */
export class FakeOrigin {
  auto: boolean;
  /** Makes an automatic read fail instead. */
  failWith: ((key: string) => TidecacheError | undefined) | undefined;
  readonly reads: FakeRead[] = [];
  closed = 0;

  constructor(auto = false) {
    this.auto = auto;
  }

  get pending(): FakeRead[] {
    return this.reads.filter((read) => !read.settled);
  }

  get bytes(): number {
    return this.reads.reduce((sum, read) => sum + read.call.length, 0);
  }

  /** Ranges asked for, as offset and length. */
  get ranges(): [number, number][] {
    return this.reads.map(({ call }) => [call.offset, call.length]);
  }

  /** What the worker uses of an origin. */
  get origin(): Origin {
    return {
      uri: 'fake://',
      read: (key: string, call: ReadCall) => this.#read(key, call),
      close: async () => {
        this.closed++;
      },
    } as unknown as Origin;
  }

  #read(key: string, call: ReadCall): Promise<void> {
    const read = new FakeRead(key, call);
    this.reads.push(read);
    if (this.auto) {
      const error = this.failWith?.(key);
      if (error) void read.fail(error);
      else void read.finish();
    }
    return read.promise;
  }
}

/** Lets what was resolved run on. */
export const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export const originError = (code: 'STALE' | 'ACCESS_DENIED' | 'TIMEOUT' | 'CANCELLED' | 'ORIGIN_FAILED') =>
  new TidecacheError(code, `cannot read fake://k: ${code}`);
