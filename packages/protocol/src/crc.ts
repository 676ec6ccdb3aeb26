/** CRC-32 of A followed by B, from the CRCs of both and B's length in bytes. */
export function crc32Combine(_crcA: number, _crcB: number, _bytesB: number): number {
  throw new Error('not written yet');
}
