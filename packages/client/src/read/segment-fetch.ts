/** Brings a segment into memory, all its pieces at once. */
import type { TidecacheError } from '@tidecache/protocol';
import type { Segment } from '../memory/segment.js';
import type { SegmentCache } from '../memory/segment-cache.js';
import type { OpenFile } from './open-file.js';
import { type FetchContext, fetchPiece } from './piece-fetch.js';
import type { Piece } from './plan.js';

export interface SegmentFetchOptions {
  readonly wholeBlock: boolean;
  /** Read-ahead: called off when its reader goes elsewhere before anybody waits for it. */
  readonly cancellable: boolean;
  /** Why it failed, before anyone who waits is told. */
  readonly onFailure: (error: TidecacheError) => void;
  /** A worker says that many read the file in step, which was not known. */
  readonly onHot: () => void;
}

/** Never rejects: who waits for the segment is told by the segment. It's held until all its pieces have settled. */
export async function fetchSegment(
  context: FetchContext,
  cache: SegmentCache,
  file: OpenFile,
  segment: Segment,
  options: SegmentFetchOptions,
): Promise<void> {
  const { clock, pace } = context;
  cache.hold(segment);
  const departure = pace.depart(segment.length, clock.now());
  const controller = options.cancellable ? new AbortController() : undefined;
  if (controller) segment.cancel = () => controller.abort();
  const onFailure = (error: TidecacheError) => {
    if (segment.state !== 'arriving') return;
    // Out of sight first, so that who is told and tries again starts anew.
    cache.drop(segment);
    options.onFailure(error);
    segment.fail(error);
  };
  const fetchOne = (piece: Piece, index: number) =>
    fetchPiece(context, {
      file,
      piece,
      into: segment.room(piece.fileOffset, piece.fileOffset + piece.length),
      wholeBlock: options.wholeBlock,
      urgency: segment,
      signal: controller?.signal,
      onProgress: (bytes) => segment.progress(index, bytes),
      onMapped: (lease) => cache.lend(segment, index, lease),
      onFailure,
      onHot: options.onHot,
    });
  // The buffer is the fetch's until its last writer is done, also after a failure.
  if (segment.pieces.length === 1) await fetchOne(segment.pieces[0]!, 0);
  else await Promise.all(segment.pieces.map(fetchOne));
  pace.arrive(departure, segment.length, segment.arrivedBytes, clock.now());
  if (segment.isMapped) cache.giveBlock(segment);
  segment.complete();
  segment.cancel = undefined;
  cache.release(segment);
}
