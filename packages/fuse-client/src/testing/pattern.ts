/**
 * Contents that can be made and checked at any offset without being stored: word i of a file (32 bits, little-endian)
 * depends on i and the file's seed alone.
 */
export function patternBytes(seed: number, offset: number, length: number): Buffer {
  const first = Math.floor(offset / 4);
  const words = new Uint32Array(Math.ceil((offset + length) / 4) - first);
  for (let i = 0; i < words.length; i++) {
    const index = first + i;
    // Beyond 2^32 words the high part must count too, or distant offsets would look alike.
    const high = Math.floor(index / 0x1_0000_0000);
    words[i] =
      Math.imul(index ^ Math.imul(seed + 1, 0x85ebca6b), 0x9e3779b1) ^ Math.imul(high + seed, 0xc2b2ae35);
  }
  return Buffer.from(words.buffer, offset - first * 4, length);
}
