/**
 * An origin over an object store: what S3 and OSS have in common. The store-specific part is a driver, loaded at the
 * first call, since the SDKs are large.
 */
import { TidecacheError } from '@tidecache/protocol';
import type {
  Capabilities,
  ListItem,
  ListPage,
  ObjectInfo,
  Origin,
  OriginCall,
  ReadCall,
  WriteCall,
} from '../api.js';
import { HttpClient } from '../http/client.js';
import { MAX_COPY_BYTES, MAX_LIST_KEYS, MAX_PENDING_READS } from '../limits.js';
import { checkDirectoryKey, checkKey } from '../names.js';
import { type RetryTools, realTools, withRetries } from '../retry.js';
import { withinLimit } from '../time-limit.js';
import type { OriginUri } from '../uri.js';
import { decodeCursor, encodeCursor, withoutRepeats } from './cursor.js';
import {
  type CallLimits,
  etagOf,
  type ObjectStoreDriver,
  type RawObject,
  type UploadedPart,
} from './driver.js';
import { asFailure, type FailureContext } from './failures.js';
import { directoryPage, recursivePage } from './listing.js';
import { rangedGet } from './ranged-get.js';
import {
  checkSize,
  inParallel,
  multipartVersion,
  nextPart,
  partBytesFor,
  partsOf,
  rangesOf,
} from './upload.js';

type BucketUri = Extract<OriginUri, { bucket: string }>;
type Expectation = Pick<FailureContext, 'pinned' | 'ifAbsent'>;

const OBJECT_STORE_CAPABILITIES: Capabilities = {
  pinnedReads: true,
  atomicRename: false,
  conditionalCreate: true,
  realDirectories: false,
};

export interface ObjectStoreInit {
  readonly uri: string;
  readonly parsed: BucketUri;
  readonly load: () => Promise<ObjectStoreDriver>;
  readonly tools?: RetryTools;
}

export class ObjectStoreOrigin implements Origin {
  readonly uri: string;
  readonly capabilities: Capabilities = OBJECT_STORE_CAPABILITIES;
  readonly #root: string;
  readonly #shown: string;
  readonly #tools: RetryTools;
  readonly #load: () => Promise<ObjectStoreDriver>;
  #driver: Promise<ObjectStoreDriver> | undefined;
  readonly #http = new HttpClient();
  #pendingReads = 0;
  #closed = false;

  constructor(init: ObjectStoreInit) {
    this.uri = init.uri;
    this.#root = init.parsed.prefix;
    this.#shown = `${init.parsed.scheme}://${init.parsed.bucket}/${init.parsed.prefix}`;
    this.#tools = init.tools ?? realTools;
    this.#load = init.load;
  }

  async check(call: OriginCall): Promise<void> {
    // A listing, not HEAD: its refusal says why, and to list is what a dataset needs.
    const query = { prefix: this.#root, delimited: true, limit: 1 };
    await this.#request(`list ${this.#shown}`, call, {}, (driver, limits) => driver.list(query, limits));
  }

  async list(
    directory: string,
    call: OriginCall & { after?: string; limit?: number; recursive?: boolean },
  ): Promise<ListPage> {
    const doing = `list ${this.#shown}${directory}`;
    checkDirectoryKey(directory, `cannot ${doing}`);
    const rest = this.#sharedDeadline(call);
    const cursor = call.after === undefined ? undefined : decodeCursor(call.after, doing);
    const query = {
      prefix: this.#root + directory,
      delimited: call.recursive !== true,
      limit: Math.max(1, Math.min(call.limit ?? MAX_LIST_KEYS, MAX_LIST_KEYS)),
      ...(cursor && { token: cursor.token }),
    };
    const answer = await this.#request(doing, rest(), {}, (driver, limits) => driver.list(query, limits));
    const raw = withoutRepeats(answer, cursor);
    const nothing = answer.objects.length === 0 && answer.prefixes.length === 0;
    if (nothing && directory !== '' && cursor === undefined && answer.nextToken === undefined) {
      throw new TidecacheError('NOT_FOUND', `cannot ${doing}: no key starts with it`);
    }
    const probe = (prefix: string) => this.#anyKey(prefix, rest());
    const read = call.recursive ? recursivePage : directoryPage;
    const page = await read(raw, this.#root, directory, probe);
    return page.next === undefined ? page : { ...page, next: encodeCursor(raw, cursor) };
  }

  async stat(key: string, call: OriginCall): Promise<ObjectInfo> {
    const doing = `stat ${this.#shown}${key}`;
    checkKey(key, `cannot ${doing}`);
    return this.#info(await this.#head(doing, key, call));
  }

  async lookup(key: string, call: OriginCall): Promise<ListItem | undefined> {
    if (key === '') return { kind: 'directory', key: '' };
    const doing = `look up ${this.#shown}${key}`;
    checkKey(key, `cannot ${doing}`);
    const file = this.#head(doing, key, call).catch((error: unknown) => {
      if (error instanceof TidecacheError && error.code === 'NOT_FOUND') return undefined;
      throw error;
    });
    const [object, isDirectory] = await Promise.all([file, this.#anyKey(`${this.#root}${key}/`, call)]);
    if (isDirectory) return { kind: 'directory', key: `${key}/` };
    return object && { kind: 'file', ...this.#info(object) };
  }

  async read(key: string, call: ReadCall): Promise<void> {
    const doing = `read ${this.#shown}${key}`;
    checkKey(key, `cannot ${doing}`);
    if (call.length > call.into.length) {
      throw new TidecacheError(
        'INVALID',
        `cannot ${doing}: ${call.length} bytes into a buffer of ${call.into.length}`,
      );
    }
    if (call.length === 0) return;
    if (this.#pendingReads >= MAX_PENDING_READS) {
      throw new TidecacheError(
        'BUSY',
        `cannot ${doing}: ${MAX_PENDING_READS} reads of this origin are waiting`,
      );
    }
    this.#pendingReads++;
    try {
      await this.#readWithRetries(doing, key, call);
    } finally {
      this.#pendingReads--;
    }
  }

  async #readWithRetries(doing: string, key: string, call: ReadCall): Promise<void> {
    let done = 0;
    let reported = 0;
    await withRetries(doing, call, this.#tools, async ({ limitMs, remainingMs }) => {
      const from = done;
      try {
        const start = call.offset + from;
        const wanted = {
          range: `bytes=${start}-${call.offset + call.length - 1}`,
          ifMatch: etagOf(call.version),
        };
        // Credentials may have to be fetched.
        const signed = await withinLimit(doing, limitMs, call.signal, async () =>
          (await this.#ready()).signGet(this.#root + key, wanted),
        );
        await rangedGet(this.#http, signed, {
          doing,
          version: call.version,
          offset: start,
          length: call.length - from,
          into: call.into.subarray(from, call.length),
          onBytes: (bytes) => {
            done = from + bytes;
            if (done <= reported) return;
            reported = done;
            call.onProgress?.(done);
          },
          remainingMs,
          signal: call.signal,
        });
      } catch (thrown) {
        // All bytes came, and then more: an answer not to be trusted, so its range is asked for again.
        if (done === call.length) done = from;
        throw await this.#failure(thrown, doing, { pinned: true });
      }
    });
  }

  async write(
    key: string,
    body: Uint8Array | AsyncIterable<Uint8Array>,
    call: WriteCall,
  ): Promise<ObjectInfo> {
    const doing = `write ${this.#shown}${key}`;
    checkKey(key, `cannot ${doing}`);
    const ifAbsent = call.ifAbsent === true;
    const rest = this.#sharedDeadline(call);
    if (ifAbsent) await this.#refuseExisting(doing, key, rest());
    const size = body instanceof Uint8Array ? body.length : call.size;
    const parts = checkSize(partsOf(body, partBytesFor(size)), call.size, doing);
    const first = await nextPart(parts, doing);
    const second = await nextPart(parts, doing);
    const fullKey = this.#root + key;
    if (second === undefined) {
      const whole = first ?? new Uint8Array(0);
      await this.#request(doing, rest(), { ifAbsent }, (driver, limits) =>
        driver.put(fullKey, whole, ifAbsent, limits),
      );
    } else {
      await this.#multipart(doing, fullKey, ifAbsent, rest, async (upload) => {
        const rejoined = (async function* () {
          if (first) yield first;
          yield second;
          for (let part = await nextPart(parts, doing); part; part = await nextPart(parts, doing)) yield part;
        })();
        return inParallel(rejoined, (part, number) =>
          this.#request(doing, rest(), {}, (driver, limits) =>
            driver.putPart(fullKey, upload, number, part, limits),
          ),
        );
      });
    }
    return this.#info(await this.#head(doing, key, rest()));
  }

  async delete(key: string, call: OriginCall): Promise<void> {
    const doing = `delete ${this.#shown}${key}`;
    checkKey(key, `cannot ${doing}`);
    try {
      await this.#request(doing, call, {}, (driver, limits) => driver.delete(this.#root + key, limits));
    } catch (error) {
      const gone = error instanceof TidecacheError && error.code === 'NOT_FOUND';
      // The bucket's absence is no success.
      if (!gone || error.message.includes('no bucket')) throw error;
    }
  }

  async copy(from: string, to: string, call: OriginCall): Promise<ObjectInfo> {
    const doing = `copy ${this.#shown}${from} to ${to}`;
    checkKey(from, `cannot ${doing}`);
    checkKey(to, `cannot ${doing}`);
    const rest = this.#sharedDeadline(call);
    const source = await this.#head(doing, from, rest());
    const [fullFrom, fullTo] = [this.#root + from, this.#root + to];
    if (source.size <= MAX_COPY_BYTES) {
      await this.#request(doing, rest(), { pinned: true }, (driver, limits) =>
        driver.copy(fullFrom, fullTo, source.version, limits),
      );
    } else {
      const step = Math.max(MAX_COPY_BYTES, partBytesFor(source.size));
      await this.#multipart(doing, fullTo, false, rest, (upload) =>
        inParallel(rangesOf(source.size, step), (range, number) =>
          this.#request(doing, rest(), { pinned: true }, (driver, limits) =>
            driver.copyPart(fullFrom, fullTo, source.version, upload, number, range, limits),
          ),
        ),
      );
    }
    return this.#info(await this.#head(doing, to, rest()));
  }

  async rename(from: string, to: string, call: OriginCall): Promise<ObjectInfo> {
    const rest = this.#sharedDeadline(call);
    if (from === to) return this.stat(from, rest());
    const info = await this.copy(from, to, rest());
    await this.delete(from, rest());
    return info;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#http.close();
    const driver = await this.#driver?.catch(() => undefined);
    await driver?.close();
  }

  async #multipart(
    doing: string,
    fullKey: string,
    ifAbsent: boolean,
    rest: () => OriginCall,
    send: (upload: string) => Promise<UploadedPart[]>,
  ): Promise<void> {
    const upload = await this.#request(doing, rest(), { ifAbsent }, (driver, limits) =>
      driver.startUpload(fullKey, ifAbsent, limits),
    );
    try {
      const parts = await send(upload);
      let tries = 0;
      await this.#request(doing, rest(), { ifAbsent }, async (driver, limits) => {
        tries++;
        try {
          await driver.finishUpload(fullKey, upload, parts, ifAbsent, limits);
        } catch (thrown) {
          // The answer to the first try may have been lost: then the object is there, and the upload is not.
          const known = tries > 1 ? await driver.head(fullKey, limits).catch(() => undefined) : undefined;
          if (known?.version !== multipartVersion(parts)) throw thrown;
        }
      });
    } catch (error) {
      // Parts that nobody finishes cost money. What made the write fail is the error to tell, whatever comes of this.
      const soon = { deadlineMs: 5_000 };
      await this.#request(`abort: ${doing}`, soon, {}, (driver, limits) =>
        driver.abortUpload(fullKey, upload, limits),
      ).catch(() => undefined);
      throw error;
    }
  }

  /** Not every server knows conditional writes, and a body need not be sent in vain. */
  async #refuseExisting(doing: string, key: string, call: OriginCall): Promise<void> {
    const found = await this.#head(doing, key, call).catch((error: unknown) => {
      if (error instanceof TidecacheError && error.code === 'NOT_FOUND') return undefined;
      throw error;
    });
    if (found) throw new TidecacheError('ALREADY_EXISTS', `cannot ${doing}: the key is there`);
  }

  #head(doing: string, key: string, call: OriginCall): Promise<RawObject> {
    return this.#request(doing, call, {}, (driver, limits) => driver.head(this.#root + key, limits));
  }

  async #anyKey(prefix: string, call: OriginCall): Promise<boolean> {
    const query = { prefix, delimited: false, limit: 1 };
    const page = await this.#request(`list ${prefix}`, call, {}, (driver, limits) =>
      driver.list(query, limits),
    );
    return page.objects.length > 0;
  }

  #request<T>(
    doing: string,
    call: OriginCall,
    expect: Expectation,
    run: (driver: ObjectStoreDriver, limits: CallLimits) => Promise<T>,
  ): Promise<T> {
    return withRetries(doing, call, this.#tools, async ({ limitMs }) => {
      try {
        return await withinLimit(doing, limitMs, call.signal, async (signal) =>
          run(await this.#ready(), { signal, limitMs }),
        );
      } catch (thrown) {
        throw await this.#failure(thrown, doing, expect);
      }
    });
  }

  async #failure(thrown: unknown, doing: string, expect: Expectation): Promise<TidecacheError> {
    if (this.#closed)
      return new TidecacheError('CANCELLED', `cannot ${doing}: the origin was closed`, { cause: thrown });
    if (thrown instanceof TidecacheError) return thrown;
    const driver = await this.#driver?.catch(() => undefined);
    const [bucket, endpoint] = [driver?.bucket ?? this.#shown, driver?.endpoint ?? 'its endpoint'];
    return asFailure(thrown, { doing, bucket, endpoint, ...expect });
  }

  #ready(): Promise<ObjectStoreDriver> {
    if (this.#closed) return Promise.reject(new Error('closed'));
    this.#driver ??= this.#load().catch((error: unknown) => {
      this.#driver = undefined;
      throw error;
    });
    return this.#driver;
  }

  /** For several requests within one call: each gets what is left. */
  #sharedDeadline(call: OriginCall): () => OriginCall {
    const endsAtMs = this.#tools.now() + call.deadlineMs;
    return () => ({ deadlineMs: endsAtMs - this.#tools.now(), ...(call.signal && { signal: call.signal }) });
  }

  #info(object: RawObject): ObjectInfo {
    return { ...object, key: object.key.slice(this.#root.length) };
  }
}
