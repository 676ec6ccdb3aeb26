/** The read plan: which parts of which blocks make up a range of a file. Pure. */

/** A range within one block, and where it lies in the file. */
export interface Piece {
  readonly blockIndex: number;
  /** Bytes from the block's start. */
  readonly offset: number;
  /** Bytes. Never 0. */
  readonly length: number;
  /** Bytes from the file's start. */
  readonly fileOffset: number;
}

/**
 * Cuts `length` bytes from `offset` into the parts of blocks that hold them, in order and without gaps. What lies past
 * `fileBytes` is left out. All in bytes.
 */
export function planRead(offset: number, length: number, fileBytes: number, blockBytes: number): Piece[] {
  const end = Math.min(offset + length, fileBytes);
  const pieces: Piece[] = [];
  for (let at = offset; at < end; ) {
    const blockIndex = Math.floor(at / blockBytes);
    const blockStart = blockIndex * blockBytes;
    const until = Math.min(end, blockStart + blockBytes);
    pieces.push({ blockIndex, offset: at - blockStart, length: until - at, fileOffset: at });
    at = until;
  }
  return pieces;
}
