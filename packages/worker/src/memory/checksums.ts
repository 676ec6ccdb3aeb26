/**
 * The CRC-32 of each sector in memory, made when the bytes arrive from the origin and kept beside them, one word per
 * unit of the pool. The checksum of an answer is combined from these without touching the bytes, so what a client
 * verifies is what arrived at the fill: a bit that flips in this memory in between is seen.
 */
import { crc32 } from 'node:zlib';
import { combineSectors, crc32Combine, SECTOR_BYTES, TidecacheError } from '@tidecache/protocol';
import type { Pool } from './pool.js';

/** A contiguous piece of memory: `bytes` from the start of `unit`. */
export interface Piece {
  readonly unit: number;
  readonly bytes: number;
}

export class Checksums {
  readonly #pool: Pool;
  readonly #crcs: Uint32Array;

  constructor(pool: Pool) {
    this.#pool = pool;
    this.#crcs = new Uint32Array(pool.units);
  }

  /** The sectors between `from` and `to`, both at a sector's start or `to` at the piece's end, have arrived. */
  record(piece: Piece, from: number, to: number): void {
    const bytes = this.#bytesOf(piece);
    for (let at = from; at < to; at += SECTOR_BYTES) {
      this.#crcs[piece.unit + at / SECTOR_BYTES] = crc32(bytes.subarray(at, at + SECTOR_BYTES));
    }
  }

  /** The CRC-32 of a range within a piece. Throws CORRUPT when a sector that it cuts has changed in memory. */
  of(piece: Piece, from: number, to: number): number {
    let at = from;
    let crc = 0;
    const append = (next: number, bytes: number) => {
      crc = at === from ? next : crc32Combine(crc, next, bytes);
      at += bytes;
    };
    if (at % SECTOR_BYTES !== 0) append(...this.#cut(piece, at, to));
    // The sector that the piece ends with may be short: its checksum is of what it has.
    const isEnd = to === piece.bytes;
    const sectors = isEnd ? Math.ceil((to - at) / SECTOR_BYTES) : Math.floor((to - at) / SECTOR_BYTES);
    if (sectors > 0) {
      const bytes = Math.min(sectors * SECTOR_BYTES, to - at);
      const lastBytes = bytes - (sectors - 1) * SECTOR_BYTES;
      append(combineSectors(this.#crcs, piece.unit + at / SECTOR_BYTES, sectors, lastBytes), bytes);
    }
    if (at < to) append(...this.#cut(piece, at, to));
    return crc;
  }

  /** The first offset of a range of whole sectors that differs from what arrived, or -1. */
  firstDifference(piece: Piece, from: number, to: number): number {
    const bytes = this.#bytesOf(piece);
    for (let at = from; at < to; at += SECTOR_BYTES) {
      const crc = crc32(bytes.subarray(at, at + SECTOR_BYTES));
      if (this.#crcs[piece.unit + at / SECTOR_BYTES] !== crc) return at;
    }
    return -1;
  }

  /** Not a Buffer: cutting one into sectors costs half as much as their checksums. */
  #bytesOf(piece: Piece): Uint8Array {
    const { buffer, byteOffset } = this.#pool.view(piece.unit, 0, piece.bytes);
    return new Uint8Array(buffer, byteOffset, piece.bytes);
  }

  /** CRC-32 and length of the part of one sector: made from the bytes, once the sector has proved to be unchanged. */
  #cut(piece: Piece, from: number, to: number): [crc: number, bytes: number] {
    const sector = from - (from % SECTOR_BYTES);
    if (this.firstDifference(piece, sector, sector + 1) !== -1) {
      throw new TidecacheError('CORRUPT', `a sector in memory changed after it arrived (unit ${piece.unit})`);
    }
    const end = Math.min(to, sector + SECTOR_BYTES);
    return [crc32(this.#pool.view(piece.unit, from, end)), end - from];
  }
}
