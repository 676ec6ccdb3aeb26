/**
 * Brings one piece into memory, whatever it takes within its deadline: the block's owner, the workers after it, the
 * origin, and round again. What has arrived and was verified is kept from one attempt to the next: all of them serve
 * the same version, by its id or by the origin's own condition.
 */
import {
  asTidecacheError,
  type ErrorCode,
  encodeRead,
  isHotReply,
  MIN_MAPPED_BYTES,
  READ_AHEAD,
  READ_REFERABLE,
  READ_SPREAD,
  READ_WHOLE_BLOCK,
  TidecacheError,
  WORKER_ATTEMPT_MS,
  type WorkerId,
} from '@tidecache/protocol';
import type { Clock } from '../clock.js';
import type { Counters } from '../counters.js';
import {
  HOT_FILE_MS,
  MAX_QUEUE_MS,
  MAX_ROUND_PAUSE_MS,
  ROUND_PAUSE_MS,
  WORKERS_PER_PIECE,
} from '../limits.js';
import type { Origins } from '../origins/origins.js';
import type { Lease } from '../workers/lease.js';
import type { WorkerLink } from '../workers/worker-link.js';
import type { WorkerSet } from '../workers/worker-set.js';
import type { OpenFile } from './open-file.js';
import type { Pace } from './pace.js';
import type { Piece } from './plan.js';

export interface FetchContext {
  readonly workers: WorkerSet;
  readonly origins: Origins;
  readonly clock: Clock;
  readonly random: () => number;
  readonly counters: Counters;
  readonly pace: Pace;
  /** Resolves after `ms`, or when the client closes, whichever is first. */
  readonly pause: (ms: number) => Promise<void>;
  readonly closed: () => boolean;
}

export interface PieceJob {
  readonly file: OpenFile;
  readonly piece: Piece;
  /** The piece's bytes, exactly. */
  readonly into: Uint8Array;
  /** The reader is sequential: let workers fill whole blocks. */
  readonly wholeBlock: boolean;
  /** Read live: a reader may join, or its patience end, at any time. */
  readonly urgency: { readonly demanded: boolean; readonly deadlineAt: number };
  readonly signal?: AbortSignal | undefined;
  readonly onProgress: (bytes: number) => void;
  /** All of it is in a worker's memory, and not in `into`: now the lease is the job's owner's. */
  readonly onMapped: (lease: Lease) => void;
  /**
   * It won't come: STALE, ACCESS_DENIED, CANCELLED, TIMEOUT with the last cause, or any error of read-ahead that
   * nobody waits for. Called in the step that decides so: between a decision and a rejected promise a reader might
   * still join, and be told of an error that only read-ahead may give up for.
   */
  readonly onFailure: (error: TidecacheError) => void;
  /** A worker says that many read the file in step, which was not known. */
  readonly onHot: () => void;
}

/** Errors that no other worker, nor the origin, would answer differently. */
const FINAL: ReadonlySet<ErrorCode> = new Set(['STALE', 'ACCESS_DENIED']);

/** Resolves when nothing is written to `job.into` any more: it's all there, or `onFailure` was called. */
export async function fetchPiece(context: FetchContext, job: PieceJob): Promise<void> {
  const fetch = new PieceFetch(context, job);
  for (let round = 0; ; round++) {
    const failure = await fetch.round(round > 0);
    if (!failure) return;
    if (FINAL.has(failure.code) || !job.urgency.demanded || fetch.calledOff) return job.onFailure(failure);
    const longestMs = Math.min(ROUND_PAUSE_MS * 2 ** round, MAX_ROUND_PAUSE_MS);
    const pauseMs = longestMs * (0.5 + context.random() / 2);
    if (context.clock.now() + pauseMs >= job.urgency.deadlineAt) {
      return job.onFailure(timedOut(job, failure));
    }
    await context.pause(pauseMs);
  }
}

class PieceFetch {
  readonly #context: FetchContext;
  readonly #job: PieceJob;
  /** Bytes from the piece's start that are there and verified. */
  #got = 0;
  /** A worker said to ask by the spread. Once: whoever it names, none may refer it again. */
  #referred = false;

  constructor(context: FetchContext, job: PieceJob) {
    this.#context = context;
    this.#job = job;
  }

  /** By who asked, or by the client's end. A CANCELLED without it is a worker that left the ring. */
  get calledOff(): boolean {
    return this.#job.signal?.aborted === true || this.#context.closed();
  }

  /** Everybody once; with `desperate` also workers that are put aside. Undefined: done. */
  async round(desperate: boolean): Promise<TidecacheError | undefined> {
    const { workers, counters } = this.#context;
    const { file, piece, urgency } = this.#job;
    const tried = new Set<WorkerId>();
    let failure: TidecacheError | undefined;
    while (tried.size < WORKERS_PER_PIECE) {
      const replica = tried.size === 0 && !desperate ? this.#replica() : undefined;
      const worker = replica ?? workers.next(file.fileId, piece.blockIndex, tried, desperate);
      if (!worker) break;
      if (!urgency.demanded && worker.fullAhead) {
        return new TidecacheError('BUSY', `enough read-ahead is under way at worker ${worker.id}`);
      }
      const referredBefore = this.#referred;
      failure = await this.#attempt(() => this.#askWorker(worker, replica !== undefined));
      if (!failure && this.#referred && !referredBefore) continue;
      tried.add(worker.id);
      if (!failure || this.#isFinal(failure, worker)) return failure;
      counters.retried(failure.code);
      if (!urgency.demanded) return failure;
    }
    // Without workers, read-ahead may use the origin as well; with workers, only who waits.
    const speculative = !urgency.demanded;
    if (speculative && workers.size > 0)
      return failure ?? new TidecacheError('UNREACHABLE', 'all workers are aside');
    failure = await this.#attempt(() => this.#askOrigin(speculative));
    // The object itself is gone, and with it the version.
    if (failure?.code === 'NOT_FOUND')
      failure = new TidecacheError('STALE', failure.message, { cause: failure });
    if (failure && !FINAL.has(failure.code) && !this.calledOff) counters.retried(failure.code);
    return failure;
  }

  async #attempt(ask: () => Promise<void>): Promise<TidecacheError | undefined> {
    try {
      if (this.#got < this.#job.piece.length) await ask();
      return undefined;
    } catch (thrown) {
      return asTidecacheError(thrown);
    }
  }

  #isFinal(failure: TidecacheError, worker: WorkerLink): boolean {
    // Refused by the handshake: another cluster's worker at an old address, which says nothing about the file.
    if (failure.code === 'ACCESS_DENIED') return worker.connected;
    return FINAL.has(failure.code) || this.calledOff;
  }

  /** The worker that the spread of a hot file names: a replica of the block, or its owner. */
  #replica(): WorkerLink | undefined {
    const { workers, clock } = this.#context;
    const { file, piece, wholeBlock } = this.#job;
    if (!wholeBlock || file.hotUntil <= clock.now()) return undefined;
    return workers.spread(file.fileId, file.blocks, piece.blockIndex);
  }

  async #askWorker(worker: WorkerLink, spread: boolean): Promise<void> {
    const { file, piece, wholeBlock, urgency, into, signal } = this.#job;
    const start = this.#got;
    const length = piece.length - start;
    const referable = wholeBlock && !spread && !this.#referred && this.#context.workers.size > 1;
    const mapping = start === 0 && length >= MIN_MAPPED_BYTES ? worker.mapping : undefined;
    const lease = mapping?.nextLease() ?? 0;
    const body = encodeRead({
      lease,
      fileId: file.fileId,
      blockIndex: piece.blockIndex,
      offset: piece.offset + start,
      length,
      flags:
        (wholeBlock ? READ_WHOLE_BLOCK : 0) |
        (urgency.demanded ? 0 : READ_AHEAD) |
        (spread ? READ_SPREAD : 0) |
        (referable ? READ_REFERABLE : 0),
      source: file.encodedSource,
    });
    let received = 0;
    let adopted = false;
    try {
      const reply = await worker.read(body, {
        deadlineMs: this.#attemptMs(),
        // A replica may first have to find out that the block's owner is silent.
        silenceMs:
          (spread ? 2 : 1) * WORKER_ATTEMPT_MS + Math.min(this.#context.pace.queueMs(), MAX_QUEUE_MS),
        into: start === 0 ? into : into.subarray(start),
        onProgress: (bytes) => this.#advance(start + bytes),
        ...(signal && { signal }),
      });
      if (isHotReply(reply.body)) {
        this.#hot();
        if (referable && reply.payloadBytes === 0) {
          this.#referred = true;
          return;
        }
      }
      if (mapping && reply.payloadBytes === 0 && reply.body.length > 0) {
        adopted = true;
        const lent = mapping.adopt(lease, reply.body);
        received = lent.bytes;
        if (received === length) {
          this.#context.counters.mappedBytes += length;
          this.#job.onMapped(lent);
        } else lent.release();
      } else received = reply.payloadBytes;
      if (received === length) this.#advance(piece.length);
    } finally {
      // It may have been granted all the same: the reply was lost, or came too late.
      if (!adopted && lease !== 0) mapping?.release(lease);
      this.#context.counters.fromWorker(worker.id, this.#got - start, spread);
    }
    if (received !== length) {
      const error = new TidecacheError(
        'CORRUPT',
        `worker ${worker.id} sent ${received} of ${length} bytes of ${file.source.key}, block ${piece.blockIndex}`,
      );
      worker.distrust(error);
      throw error;
    }
  }

  #hot(): void {
    const { file, onHot } = this.#job;
    const now = this.#context.clock.now();
    const isNews = file.hotUntil <= now;
    file.hotUntil = now + HOT_FILE_MS;
    if (isNews) onHot();
  }

  async #askOrigin(speculative: boolean): Promise<void> {
    const { file, piece, urgency, into, signal } = this.#job;
    const start = this.#got;
    const { datasetId, key, version } = file.source;
    await this.#context.origins.read(
      { datasetId, key, version, offset: piece.fileOffset + start, length: piece.length - start },
      {
        into: into.subarray(start),
        deadlineAt: urgency.deadlineAt,
        signal,
        speculative,
        onProgress: (bytes) => this.#advance(start + bytes),
      },
    );
    this.#advance(piece.length);
  }

  #advance(bytes: number): void {
    if (bytes <= this.#got) return;
    this.#got = Math.min(bytes, this.#job.piece.length);
    this.#job.onProgress(this.#got);
  }

  /** One worker may take half of the time that is left, so that one that trickles leaves time for another. */
  #attemptMs(): number {
    const leftMs = this.#job.urgency.deadlineAt - this.#context.clock.now();
    if (leftMs <= 0) throw timedOut(this.#job);
    return Math.min(leftMs, Math.max(2 * WORKER_ATTEMPT_MS, leftMs / 2));
  }
}

function timedOut({ file, piece }: PieceJob, cause?: TidecacheError): TidecacheError {
  const { key } = file.source;
  const why = cause ? `: ${cause.message}` : '';
  return new TidecacheError(
    'TIMEOUT',
    `cannot read ${piece.length} bytes at ${piece.fileOffset} of ${key} in time, from any worker or the origin${why}`,
    cause && { cause },
  );
}
